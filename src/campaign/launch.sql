-- launch.sql
--	  From a segment to conversations and drafts.
--
-- The audience is read with the rights of the caller, in one statement however
-- many voters there are.  Whoever cannot be texted is kept in dropped, with
-- the reason.

CREATE TABLE p2ptext.dropped (
	campaign_id int NOT NULL REFERENCES p2ptext.campaign,
	voter_key text NOT NULL,
	reason text NOT NULL CHECK (reason IN
		('no_phone', 'bad_phone', 'opted_out', 'missing_field', 'duplicate_phone')),
	detail text,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (campaign_id, voter_key)
);
COMMENT ON TABLE p2ptext.dropped IS 'voters of a segment who are not texted, and why';
COMMENT ON COLUMN p2ptext.dropped.detail IS 'the phone as the file has it, the fields without a value, or the voter who has the phone';
SELECT pg_extension_config_dump('p2ptext.dropped', '');

-- The query that yields a campaign's audience as it is now: voter_key, raw,
-- phone, timezones, fields, body, missing.  The row that the script reads
-- holds just the fields it names, and the texter.
CREATE FUNCTION p2ptext.audience_query(camp p2ptext.campaign) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
	src p2ptext.source;
	seg p2ptext.segment;
	script p2ptext.script;
	expressions text;
	names text;
BEGIN
	SELECT * INTO STRICT seg FROM p2ptext.segment WHERE id = camp.segment_id;
	SELECT * INTO STRICT src FROM p2ptext.source WHERE id = seg.source_id;
	SELECT s.script INTO STRICT script
	FROM p2ptext.interaction_step s WHERE s.campaign_id = camp.id AND s.parent_id IS NULL;
	PERFORM p2ptext.check_script(script, src.name);
	SELECT string_agg(format(', %s AS %I', p2ptext.source_field(src, f), f), ''),
		   string_agg(format('v.%I', f), ', ')
	INTO expressions, names
	FROM (SELECT DISTINCT split_part(field, '.', 1)
		  FROM unnest(p2ptext.script_fields(script)) AS field) AS used(f)
	WHERE f <> 'texter';
	-- Stored expressions see the relation and nothing else; OFFSET 0 keeps
	-- each function from being called more than once for a voter.
	RETURN format(
		'SELECT v."p2ptext key" AS voter_key, v."p2ptext phone" AS raw, a.phone,'
		' coalesce(v."p2ptext zone", p2ptext.phone_timezones(a.phone), ARRAY[%L]) AS timezones,'
		' to_jsonb(f) AS fields, b.body,'
		' CASE WHEN b.body IS NULL THEN p2ptext.missing_fields(s.script, m) END AS missing'
		' FROM p2ptext.interaction_step s'
		' CROSS JOIN (SELECT p2ptext.texter(%L) AS texter OFFSET 0) AS t'
		' CROSS JOIN (SELECT %L::text AS region) AS src,'
		' (SELECT (%s)::text AS "p2ptext key", (%s)::text AS "p2ptext phone",'
		'		  %s AS "p2ptext zone"%s FROM %s AS v WHERE (%s)) AS v'
		' CROSS JOIN LATERAL (SELECT CASE WHEN p2ptext.phone_problem(v."p2ptext phone", src.region) IS NULL'
		' THEN p2ptext.phone(v."p2ptext phone", src.region) END AS phone OFFSET 0) AS a'
		' CROSS JOIN LATERAL (SELECT %s OFFSET 0) AS f'
		' CROSS JOIN LATERAL (SELECT f.*, t.texter OFFSET 0) AS m'
		' CROSS JOIN LATERAL (SELECT p2ptext.render_strict(s.script, m) AS body OFFSET 0) AS b'
		' WHERE s.campaign_id = %s AND s.parent_id IS NULL',
		camp.timezone, camp.texter, src.region, src.key, src.phone,
		CASE WHEN src.timezone IS NULL THEN 'NULL::text[]'
			 ELSE format('CASE WHEN (%1$s)::text <> '''' THEN ARRAY[(%1$s)::text] END', src.timezone) END,
		expressions, p2ptext.source_relation(src), seg.predicate,
		names, camp.id);
END
$$;
COMMENT ON FUNCTION p2ptext.audience_query(p2ptext.campaign) IS 'the SQL that yields the audience of a campaign as it is now';

CREATE FUNCTION p2ptext.preview(campaign text, max_rows int DEFAULT 10)
RETURNS TABLE (voter_key text, phone text, body text, sms_encoding text, sms_segments int, problem text)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
BEGIN
	RETURN QUERY EXECUTE format(
		'SELECT a.voter_key, coalesce(a.phone, a.raw), a.body, p2ptext.sms_encoding(a.body),'
		' p2ptext.sms_segments(a.body),'
		' CASE WHEN a.phone IS NULL THEN CASE WHEN btrim(coalesce(a.raw, '''')) = '''' THEN ''no_phone'' ELSE ''bad_phone'' END'
		' WHEN EXISTS (SELECT FROM p2ptext.opt_out x WHERE x.phone = a.phone AND x.ended_at IS NULL) THEN ''opted_out'''
		' WHEN a.body IS NULL THEN ''missing_field: '' || array_to_string(a.missing, '', '') END'
		' FROM (%s) a LIMIT %s', p2ptext.audience_query(camp), max_rows);
END
$$;
COMMENT ON FUNCTION p2ptext.preview(text, int) IS
'shows some of the texts a launch would draft, and what keeps a voter from getting one';

CREATE FUNCTION p2ptext.launch(campaign text)
RETURNS TABLE (drafted bigint, dropped bigint)
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign;
	gw p2ptext.gateway;
	senders text[];
	in_own_name boolean;
BEGIN
	PERFORM p2ptext.require_member('manager');
	camp := p2ptext.find_campaign(campaign);
	-- Launches of one campaign take turns.
	SELECT * INTO camp FROM p2ptext.campaign c WHERE c.id = camp.id FOR NO KEY UPDATE;
	IF camp.status = 'archived' THEN
		RAISE EXCEPTION 'campaign "%" is archived', campaign
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	SELECT * INTO STRICT gw FROM p2ptext.gateway g WHERE g.id = camp.gateway_id;
	IF gw.provider <> 'loopback' AND NOT p2ptext.has_secret(gw.name) THEN
		RAISE EXCEPTION 'gateway "%" has no credentials', gw.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = format('Put the line "%s = <auth token>" into the file named by p2ptext.secrets_file, and reload.', gw.name);
	END IF;
	senders := ARRAY(SELECT s.number FROM p2ptext.sender s
					 WHERE s.gateway_id = gw.id AND s.enabled ORDER BY s.number);
	IF senders = '{}' THEN
		RAISE EXCEPTION 'gateway "%" has no number to send from', gw.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = format('SELECT p2ptext.add_sender(%L, ''+1...'');', gw.name);
	END IF;
	PERFORM p2ptext.check_source_key(src)
	FROM p2ptext.source src JOIN p2ptext.segment seg ON seg.source_id = src.id
	WHERE seg.id = camp.segment_id;

	-- In p2p the body waits for the texter whose name is in it.
	in_own_name := camp.mode = 'p2p' AND EXISTS (
		SELECT FROM p2ptext.interaction_step s, unnest(p2ptext.script_fields(s.script)) f
		WHERE s.campaign_id = camp.id AND s.parent_id IS NULL AND f LIKE 'texter.%');

	RETURN QUERY EXECUTE format($sql$
		WITH audience AS MATERIALIZED (%1$s),
		judged AS MATERIALIZED (
			SELECT a.*, CASE
				WHEN a.phone IS NULL AND btrim(coalesce(a.raw, '')) = '' THEN 'no_phone'
				WHEN a.phone IS NULL THEN 'bad_phone'
				WHEN x.phone IS NOT NULL THEN 'opted_out'
				WHEN a.body IS NULL THEN 'missing_field' END AS reason
			FROM audience a
			LEFT JOIN p2ptext.opt_out x ON x.phone = a.phone AND x.ended_at IS NULL),
		-- One text for a household's phone, to the voter whose key sorts first.
		chosen AS MATERIALIZED (
			SELECT DISTINCT ON (j.phone) j.*
			FROM judged j WHERE j.reason IS NULL
			ORDER BY j.phone, j.voter_key COLLATE "C"),
		made AS (
			INSERT INTO p2ptext.conversation (campaign_id, voter_key, phone, sender, timezones, fields)
			SELECT $1, c.voter_key, c.phone,
				   $2[1 + (hashtextextended(c.phone, 0) & 2147483647) %% cardinality($2)],
				   c.timezones, c.fields
			FROM chosen c
			ON CONFLICT (phone, campaign_id) DO NOTHING
			RETURNING id, phone, sender, timezones, voter_key),
		drafts AS (
			INSERT INTO p2ptext.outbox (campaign_id, conversation_id, kind, sender, phone, timezones, body)
			SELECT $1, m.id, 'initial', m.sender, m.phone, m.timezones, CASE WHEN NOT $3 THEN c.body END
			FROM made m JOIN chosen c ON c.phone = m.phone
			RETURNING 1),
		-- A phone may already have its conversation, with this voter or another.
		holder AS (
			SELECT c.phone, c.voter_key FROM chosen c JOIN made m ON m.phone = c.phone
			UNION ALL
			SELECT c.phone, c.voter_key FROM p2ptext.conversation c WHERE c.campaign_id = $1),
		drops AS (
			INSERT INTO p2ptext.dropped (campaign_id, voter_key, reason, detail)
			SELECT $1, j.voter_key, coalesce(j.reason, 'duplicate_phone'),
				   CASE j.reason WHEN 'bad_phone' THEN j.raw
								 WHEN 'missing_field' THEN array_to_string(j.missing, ', ')
								 WHEN 'opted_out' THEN j.phone
								 WHEN 'no_phone' THEN NULL
								 ELSE h.voter_key END
			FROM judged j
			LEFT JOIN holder h ON j.reason IS NULL AND h.phone = j.phone
			WHERE j.reason IS NOT NULL OR h.voter_key IS DISTINCT FROM j.voter_key
			ON CONFLICT (campaign_id, voter_key) DO UPDATE
				SET reason = excluded.reason, detail = excluded.detail, created_at = excluded.created_at
			RETURNING 1)
		SELECT (SELECT count(*) FROM drafts), (SELECT count(*) FROM drops)
	$sql$, p2ptext.audience_query(camp))
	USING camp.id, senders, in_own_name;

	UPDATE p2ptext.campaign c
	SET status = CASE c.status WHEN 'draft' THEN 'active' ELSE c.status END,
		launched_at = coalesce(c.launched_at, now())
	WHERE c.id = camp.id;
END
$$;
COMMENT ON FUNCTION p2ptext.launch(text) IS
'drafts the first text for every voter of the segment who can be texted; once more adds only voters who are new in the segment';

CREATE FUNCTION p2ptext.pause(campaign text) RETURNS p2ptext.campaign
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
BEGIN
	PERFORM p2ptext.require_member('manager');
	UPDATE p2ptext.campaign c SET status = 'paused'
	WHERE c.id = camp.id AND c.status = 'active'
	RETURNING * INTO camp;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'campaign "%" is not active', campaign
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	RETURN camp;
END
$$;
COMMENT ON FUNCTION p2ptext.pause(text) IS 'stops a campaign: nothing more of it is claimed';

CREATE FUNCTION p2ptext.resume(campaign text) RETURNS p2ptext.campaign
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
BEGIN
	PERFORM p2ptext.require_member('manager');
	UPDATE p2ptext.campaign c SET status = 'active'
	WHERE c.id = camp.id AND c.status = 'paused'
	RETURNING * INTO camp;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'campaign "%" is not paused', campaign
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	-- What the sender put aside because of the pause.
	UPDATE p2ptext.outbox o
	SET not_before = NULL, reason = NULL, position = nextval('p2ptext.outbox_position')
	WHERE o.campaign_id = camp.id AND o.status = 'approved' AND o.not_before = 'infinity';
	RETURN camp;
END
$$;
COMMENT ON FUNCTION p2ptext.resume(text) IS 'lets a paused campaign go on';
