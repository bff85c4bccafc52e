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
		('no_phone', 'bad_phone', 'opted_out', 'bad_timezone', 'missing_field', 'empty', 'too_long',
		 'duplicate_phone')),
	detail text,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (campaign_id, voter_key)
);
COMMENT ON TABLE p2ptext.dropped IS 'voters of a segment whom the latest launch did not text, and why';
COMMENT ON COLUMN p2ptext.dropped.reason IS 'empty and too_long are said of the text; duplicate_phone: another voter has the same';
COMMENT ON COLUMN p2ptext.dropped.detail IS 'the phone or zone as the file has it, the fields without a value, or the voter who has the phone';
SELECT pg_extension_config_dump('p2ptext.dropped', '');

-- The query that yields a campaign's audience as it is now: voter_key, raw,
-- phone, timezones, fields, body, and the reason and detail of a drop.  The
-- row that the script reads holds just the fields it names, and the texter.
CREATE FUNCTION p2ptext.audience_query(camp p2ptext.campaign) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	src p2ptext.source;
	seg p2ptext.segment;
	texts record;
	expressions text;
	names text;
	texter text := format('p2ptext.texter(%L)', camp.texter);
BEGIN
	SELECT * INTO STRICT seg FROM p2ptext.segment WHERE id = camp.segment_id;
	SELECT * INTO STRICT src FROM p2ptext.source WHERE id = seg.source_id;
	SELECT * INTO STRICT texts FROM p2ptext.first_texts(camp.id);
	PERFORM p2ptext.check_script(script, src.name) FROM p2ptext.campaign_scripts(camp.id) AS script;
	SELECT string_agg(format(', %s AS f%s', p2ptext.source_field(src, f), nth), ''),
		   string_agg(format('v.f%s AS %I', nth, f), ', ')
	INTO expressions, names
	FROM (SELECT f, row_number() OVER () AS nth
		  FROM (SELECT DISTINCT split_part(field, '.', 1)
				FROM p2ptext.campaign_scripts(camp.id) AS script,
					 unnest(p2ptext.script_fields_all(script)) AS field) AS used(f)
		  WHERE f <> 'texter') AS field;
	-- In p2p another texter will speak, who may have a last name.
	IF camp.mode = 'p2p' THEN
		texter := format('(SELECT ROW(t.first_name, coalesce(t.last_name, ''{{texter.last_name}}''))::p2ptext.texter_name'
						 ' FROM %s AS t)', texter);
	END IF;
	-- Stored expressions see the relation and nothing else.  OFFSET 0 keeps
	-- each function from being called more than once for a voter; f.* is the
	-- row, even where a field is called f.
	RETURN format($sql$
		SELECT v.key AS voter_key, v.phone AS raw, a.phone, z.timezones,
			   to_jsonb(f.*) AS fields, s.variant, b.body, r.reason,
			   CASE r.reason
				   WHEN 'bad_phone' THEN v.phone
				   WHEN 'bad_timezone' THEN array_to_string(z.timezones, ', ', '?')
				   WHEN 'opted_out' THEN a.phone
				   WHEN 'missing_field' THEN array_to_string(p2ptext.missing_fields(s.script, m.*), ', ')
			   END AS detail
		FROM p2ptext.first_texts(%s) AS k
		CROSS JOIN (SELECT %L::text AS region, %s AS texter OFFSET 0) AS t,
		(SELECT (%s
			)::text AS key, (%s
			)::text AS phone, p2ptext.as_timezones((%s
			)) AS zones%s FROM %s AS v WHERE (%s
			)) AS v
		CROSS JOIN LATERAL (
			SELECT CASE WHEN p2ptext.phone_problem(v.phone, t.region) IS NULL
				THEN p2ptext.phone(v.phone, t.region) END AS phone OFFSET 0) AS a
		LEFT JOIN p2ptext.opt_out x ON x.phone = a.phone AND x.ended_at IS NULL
		CROSS JOIN LATERAL (
			SELECT coalesce(v.zones, p2ptext.phone_timezones(a.phone), ARRAY[%L]) AS timezones OFFSET 0) AS z
		CROSS JOIN LATERAL (SELECT %s OFFSET 0) AS f
		CROSS JOIN LATERAL (SELECT f.*, t.texter OFFSET 0) AS m
		CROSS JOIN LATERAL (SELECT p2ptext.pick_variant(%L || v.key, k.weights) AS n OFFSET 0) AS p
		CROSS JOIN LATERAL (SELECT k.variants[p.n] AS variant, k.scripts[p.n] AS script OFFSET 0) AS s
		CROSS JOIN LATERAL (SELECT p2ptext.render_strict(s.script, m.*) AS body OFFSET 0) AS b
		CROSS JOIN LATERAL (
			SELECT CASE
				WHEN a.phone IS NULL AND btrim(coalesce(v.phone, '')) = '' THEN 'no_phone'
				WHEN a.phone IS NULL THEN 'bad_phone'
				WHEN x.phone IS NOT NULL THEN 'opted_out'
				WHEN NOT p2ptext.known_timezones(z.timezones) THEN 'bad_timezone'
				WHEN b.body IS NULL THEN 'missing_field'
				ELSE p2ptext.sms_problem(b.body) END AS reason OFFSET 0) AS r$sql$,
		camp.id, src.region, texter, src.key, src.phone, coalesce(src.timezone, 'NULL::text'), expressions,
		p2ptext.source_relation(src), p2ptext.segment_condition(seg), camp.timezone, names, camp.id || ':');
END
$$;
COMMENT ON FUNCTION p2ptext.audience_query(p2ptext.campaign) IS 'the SQL that yields the audience of a campaign as it is now';

CREATE FUNCTION p2ptext.check_audience(camp p2ptext.campaign) RETURNS void
LANGUAGE sql STABLE
AS $$
	SELECT p2ptext.check_source_fits(src), p2ptext.check_segment(seg, src)
	FROM p2ptext.segment seg
	JOIN p2ptext.source src ON src.id = seg.source_id
	WHERE seg.id = camp.segment_id
$$;
COMMENT ON FUNCTION p2ptext.check_audience(p2ptext.campaign) IS 'errors unless source and segment of the campaign still fit the relation';

CREATE FUNCTION p2ptext.preview(campaign text, max_rows int DEFAULT 10)
RETURNS TABLE (voter_key text, phone text, body text, sms_encoding text, sms_segments int, problem text)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
BEGIN
	PERFORM p2ptext.check_audience(camp);
	RETURN QUERY EXECUTE format($sql$
		SELECT a.voter_key, coalesce(a.phone, a.raw), a.body, p2ptext.sms_encoding(a.body),
			   p2ptext.sms_segments(a.body),
			   a.reason || CASE WHEN a.reason IN ('missing_field', 'bad_timezone') THEN ': ' || a.detail ELSE '' END
		FROM (%s) a LIMIT %L$sql$, p2ptext.audience_query(camp), max_rows);
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
	PERFORM p2ptext.require_open(camp);
	SELECT * INTO STRICT gw FROM p2ptext.gateway g WHERE g.id = camp.gateway_id;
	IF NOT p2ptext.has_secret(gw.name) AND (
		SELECT p.needs_secret FROM p2ptext.provider p WHERE p.provider = gw.provider) THEN
		RAISE EXCEPTION 'gateway "%" has no credentials', gw.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = format('Put the line "%s = <secret>" into the file named by p2ptext.secrets_file, and reload.', gw.name);
	END IF;
	senders := ARRAY(SELECT s.number FROM p2ptext.sender s
					 WHERE s.gateway_id = gw.id AND s.enabled ORDER BY s.number);
	IF senders = '{}' THEN
		RAISE EXCEPTION 'gateway "%" has no number to send from', gw.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = format('SELECT p2ptext.add_sender(%L, ''+1...'');', gw.name);
	END IF;
	PERFORM p2ptext.check_audience(camp);
	PERFORM p2ptext.check_source_key(src)
	FROM p2ptext.source src JOIN p2ptext.segment seg ON seg.source_id = src.id
	WHERE seg.id = camp.segment_id;

	-- In p2p the body waits for the texter whose name is in it.
	in_own_name := camp.mode = 'p2p' AND EXISTS (
		SELECT FROM p2ptext.first_texts(camp.id) t, unnest(t.scripts) script,
					unnest(p2ptext.script_fields_all(script)) f
		WHERE f LIKE 'texter.%');

	DELETE FROM p2ptext.dropped d WHERE d.campaign_id = camp.id;
	RETURN QUERY EXECUTE format($sql$
		-- Nobody knows how many rows a CTE has, so none is joined to another:
		-- only to tables, by their indexes.
		WITH audience AS MATERIALIZED (%1$s),
		-- One text for a household's phone, to the voter whose key sorts first.
		judged AS MATERIALIZED (
			SELECT a.*, coalesce(held.voter_key, first_value(a.voter_key) OVER same) AS holder,
				   a.reason IS NULL AND held.id IS NULL AND row_number() OVER same = 1 AS chosen
			FROM audience a
			LEFT JOIN p2ptext.conversation known
				ON known.campaign_id = $1 AND known.voter_key = a.voter_key
			LEFT JOIN p2ptext.conversation held
				ON held.campaign_id = $1 AND held.phone = a.phone
			WHERE known.id IS NULL
			WINDOW same AS (PARTITION BY a.phone, a.reason IS NULL
							ORDER BY a.voter_key COLLATE "C")),
		numbered AS MATERIALIZED (
			SELECT j.*, nextval('p2ptext.conversation_id_seq') AS id,
				   p2ptext.pick_sender(j.phone, $2) AS sender
			FROM judged j WHERE j.chosen),
		made AS (
			INSERT INTO p2ptext.conversation (id, campaign_id, voter_key, phone, sender, timezones, fields)
			SELECT n.id, $1, n.voter_key, n.phone, n.sender, n.timezones, n.fields FROM numbered n),
		drafts AS (
			INSERT INTO p2ptext.outbox (campaign_id, conversation_id, kind, variant, sender, phone, timezones, body, media)
			SELECT $1, n.id, 'initial', n.variant, n.sender, n.phone, n.timezones, CASE WHEN NOT $3 THEN n.body END, $4
			FROM numbered n
			RETURNING 1),
		drops AS (
			INSERT INTO p2ptext.dropped (campaign_id, voter_key, reason, detail)
			SELECT $1, j.voter_key, coalesce(j.reason, 'duplicate_phone'),
				   CASE WHEN j.reason IS NULL THEN j.holder ELSE j.detail END
			FROM judged j WHERE NOT j.chosen
			RETURNING 1)
		SELECT (SELECT count(*) FROM drafts), (SELECT count(*) FROM drops)
	$sql$, p2ptext.audience_query(camp))
	USING camp.id, senders, in_own_name, camp.media;

	PERFORM p2ptext.note_home();
	UPDATE p2ptext.campaign c
	SET status = CASE c.status WHEN 'draft' THEN 'active' ELSE c.status END,
		launched_at = coalesce(c.launched_at, now()), launched_by = current_user,
		launched_path = current_setting('search_path')
	WHERE c.id = camp.id;
END
$$;
COMMENT ON FUNCTION p2ptext.launch(text) IS
'drafts the first text for every voter of the segment who can be texted; once more adds only voters who are new in the segment';

CREATE FUNCTION p2ptext.pause(campaign text) RETURNS p2ptext.campaign
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
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
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
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
	RETURN camp;
END
$$;
COMMENT ON FUNCTION p2ptext.resume(text) IS 'lets a paused campaign go on';
