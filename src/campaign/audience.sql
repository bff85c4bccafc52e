-- audience.sql
--	  Whom a campaign would text, whom not, and why.
--
-- The audience is read with the rights of the caller, in one statement however
-- many voters there are; what a campaign does not ask for is not in it.

CREATE TABLE p2ptext.phone_line (
	phone text PRIMARY KEY CHECK (p2ptext.is_e164(phone)),
	line_type text NOT NULL CHECK (line_type IN ('mobile', 'landline', 'voip', 'invalid', 'unknown')),
	detail text,
	checked_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE p2ptext.phone_line IS 'what kind of line a phone is, by a lookup or a gateway''s error; landlines, and what is no phone at all (invalid), are not texted';
COMMENT ON COLUMN p2ptext.phone_line.phone IS 'E.164';
COMMENT ON COLUMN p2ptext.phone_line.detail IS 'who said so, such as a gateway and the code of its error';
SELECT pg_extension_config_dump('p2ptext.phone_line', '');

CREATE TABLE p2ptext.campaign_exclude (
	campaign_id int NOT NULL REFERENCES p2ptext.campaign,
	other_id int NOT NULL REFERENCES p2ptext.campaign,
	PRIMARY KEY (campaign_id, other_id),
	CHECK (campaign_id <> other_id)
);
CREATE INDEX campaign_exclude_other_id_idx ON p2ptext.campaign_exclude (other_id);
COMMENT ON TABLE p2ptext.campaign_exclude IS 'campaigns whose voters and phones another campaign leaves out';
SELECT pg_extension_config_dump('p2ptext.campaign_exclude', '');

CREATE FUNCTION p2ptext.textable_phone(raw text, region text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'p2ptext_textable_phone';
COMMENT ON FUNCTION p2ptext.textable_phone(text, text) IS 'a phone number in E.164 that can be texted, or NULL';

-- Indexes hold no longer keys; who has one is dropped, but is still named.
CREATE FUNCTION p2ptext.kept_key(key text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN octet_length(key) <= 2000 THEN key ELSE left(key, 100) || '... ' || md5(key) END;
COMMENT ON FUNCTION p2ptext.kept_key(text) IS 'the key of a voter as conversations and drops have it: shortened where it has more than 2000 bytes';

CREATE FUNCTION p2ptext.state_code(state text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN length(btrim(state)) = 2 THEN upper(btrim(state)) END;
COMMENT ON FUNCTION p2ptext.state_code(text) IS 'a state as state_hours has it, two capital letters; NULL for anything longer or shorter';

-- In p2p another texter will speak, who may have a last name.
CREATE FUNCTION p2ptext.campaign_texter(camp p2ptext.campaign) RETURNS p2ptext.texter_name
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT ROW(t.first_name, CASE camp.mode WHEN 'p2p' THEN coalesce(t.last_name, '{{texter.last_name}}')
							 ELSE t.last_name END)::p2ptext.texter_name
	FROM p2ptext.texter(camp.texter) AS t
$$;
COMMENT ON FUNCTION p2ptext.campaign_texter(p2ptext.campaign) IS 'in whose name texts are written before their texter is known';

CREATE FUNCTION p2ptext.campaign_fields(camp p2ptext.campaign) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(array_agg(DISTINCT split_part(field, '.', 1)) FILTER (WHERE split_part(field, '.', 1) <> 'texter'), '{}')
	FROM p2ptext.campaign_scripts(camp.id) AS script, unnest(p2ptext.script_fields_all(script)) AS field
$$;
COMMENT ON FUNCTION p2ptext.campaign_fields(p2ptext.campaign) IS 'the merge fields in a campaign''s scripts, but for the texter''s';

-- The fields of voter_query()'s row as jsonb; no call takes more than 50.
CREATE FUNCTION p2ptext.fields_expression(fields text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(string_agg(part, ' || ' ORDER BY nth), '''{}''::jsonb')
	FROM (SELECT (n - 1) / 50, format('jsonb_build_object(%s)', string_agg(format('%L, "{voter}".%I', f, f), ', ' ORDER BY n))
		  FROM unnest(fields) WITH ORDINALITY AS u(f, n) GROUP BY 1) AS parts(nth, part)
$$;
COMMENT ON FUNCTION p2ptext.fields_expression(text[]) IS 'the SQL that makes jsonb of fields';

-- The voters of the segment, each with the fields that the scripts name, the
-- texter, and "{key}", "{raw}", "{state}" and "{zones}", as no field can be
-- called.
-- Stored expressions see the relation and nothing else.
CREATE FUNCTION p2ptext.voter_query(camp p2ptext.campaign, fields text[]) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	src p2ptext.source;
	seg p2ptext.segment;
BEGIN
	SELECT * INTO STRICT seg FROM p2ptext.segment WHERE id = camp.segment_id;
	SELECT * INTO STRICT src FROM p2ptext.source WHERE id = seg.source_id;
	RETURN format(E'SELECT (%s\n)::text AS "{key}", (%s\n)::text AS "{raw}", p2ptext.state_code(%s::text) AS "{state}"%s%s, %L::p2ptext.texter_name AS texter'
				  ' FROM %s AS v WHERE (%s\n) OFFSET ''0''',
		src.key, src.phone, coalesce(p2ptext.source_field(src, 'state'), 'NULL'), E', p2ptext.as_timezones((' || src.timezone || E'\n)) AS "{zones}"',
		(SELECT string_agg(format(', %s AS %I', p2ptext.source_field(src, f), f), '') FROM unnest(fields) AS f),
		p2ptext.campaign_texter(camp), p2ptext.source_relation(src), p2ptext.segment_condition(seg));
END
$$;
COMMENT ON FUNCTION p2ptext.voter_query(p2ptext.campaign, text[]) IS 'the SQL that reads the voters of a campaign''s segment, with some fields';

-- Joins that find whom a campaign must not text, and what they say of it, in
-- order of precedence: only for what there is, and what the campaign asks for.
CREATE FUNCTION p2ptext.exclusions(camp p2ptext.campaign, OUT joins text, OUT reasons text, OUT details text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	own_source int := (SELECT s.source_id FROM p2ptext.segment s WHERE s.id = camp.segment_id);
	others int[] := ARRAY(SELECT e.other_id FROM p2ptext.campaign_exclude e
						  WHERE e.campaign_id = camp.id ORDER BY e.other_id);
	organisation int := (SELECT g.organisation_id FROM p2ptext.gateway g WHERE g.id = camp.gateway_id);
	related int[];
BEGIN
	joins := '';
	reasons := '';
	details := '';
	IF EXISTS (SELECT FROM p2ptext.deceased d WHERE d.source_id = own_source) THEN
		joins := joins || format(' LEFT JOIN p2ptext.deceased dd ON dd.source_id = %s AND dd.voter_key = a.key', own_source);
		reasons := reasons || ' WHEN dd.voter_key IS NOT NULL THEN ''deceased''';
		details := details || ' WHEN dd.voter_key IS NOT NULL THEN dd.how';
	END IF;
	IF EXISTS (SELECT FROM p2ptext.phone_line WHERE line_type IN ('landline', 'invalid')) THEN
		joins := joins || ' LEFT JOIN p2ptext.phone_line l ON l.phone = a.phone AND l.line_type IN (''landline'', ''invalid'')';
		reasons := reasons || ' WHEN l.line_type = ''landline'' THEN ''landline'' WHEN l.phone IS NOT NULL THEN ''bad_number''';
		details := details || ' WHEN l.phone IS NOT NULL THEN l.phone';
	END IF;
	IF EXISTS (SELECT FROM p2ptext.opt_out WHERE ended_at IS NULL) THEN
		joins := joins || CASE WHEN organisation IS NULL
			THEN ' LEFT JOIN p2ptext.opt_out x ON x.phone = a.phone AND x.ended_at IS NULL AND x.organisation_id IS NULL'
			-- A phone can have opted out from it and from everybody.
			ELSE format(' LEFT JOIN (SELECT DISTINCT o.phone FROM p2ptext.opt_out o WHERE o.ended_at IS NULL'
						' AND (o.organisation_id IS NULL OR o.organisation_id = %s)) x ON x.phone = a.phone', organisation) END;
		reasons := reasons || ' WHEN x.phone IS NOT NULL THEN ''opted_out''';
		details := details || ' WHEN x.phone IS NOT NULL THEN x.phone';
	END IF;
	IF EXISTS (SELECT FROM p2ptext.wrong_number w WHERE w.source_id = own_source) THEN
		joins := joins || format(' LEFT JOIN p2ptext.wrong_number w ON w.source_id = %s AND w.voter_key = a.key AND w.phone = a.phone', own_source);
		reasons := reasons || ' WHEN w.phone IS NOT NULL THEN ''wrong_number''';
		details := details || ' WHEN w.phone IS NOT NULL THEN w.phone';
	END IF;
	IF others <> '{}' THEN
		-- The same key in another source is another voter.
		related := ARRAY(SELECT c.id FROM p2ptext.campaign c JOIN p2ptext.segment s ON s.id = c.segment_id
						 WHERE c.id = ANY (others) AND s.source_id = own_source);
		joins := joins || format(
			' LEFT JOIN (SELECT c.phone, min(c.campaign_id) AS id FROM p2ptext.conversation c'
			' WHERE c.campaign_id = ANY (%L) GROUP BY 1) op ON op.phone = a.phone'
			' LEFT JOIN (SELECT c.voter_key, min(c.campaign_id) AS id FROM p2ptext.conversation c'
			' WHERE c.campaign_id = ANY (%L) GROUP BY 1) ov ON ov.voter_key = a.key', others, related);
		reasons := reasons || ' WHEN coalesce(ov.id, op.id) IS NOT NULL THEN ''other_campaign''';
		details := details || ' WHEN coalesce(ov.id, op.id) IS NOT NULL THEN'
							  ' (SELECT c.name FROM p2ptext.campaign c WHERE c.id = coalesce(ov.id, op.id))';
	END IF;
	IF camp.not_contacted_within IS NOT NULL THEN
		joins := joins || format(
			' LEFT JOIN (SELECT t.phone, max(t.at) AS at FROM ('
			'SELECT c.phone, c.last_out_at AS at FROM p2ptext.conversation c WHERE c.last_out_at > now() - %1$L::interval'
			' UNION ALL SELECT o.phone, o.claimed_at FROM p2ptext.outbox o'
			' WHERE o.status IN (''sending'', ''unknown'') AND o.claimed_at > now() - %1$L::interval) t'
			' GROUP BY 1) rt ON rt.phone = a.phone'
			' LEFT JOIN (SELECT k.voter_key, max(k.contacted_at) AS at FROM p2ptext.contact k'
			' WHERE k.source_id = %2$s AND k.contacted_at > now() - %1$L::interval'
			' GROUP BY 1) rv ON rv.voter_key = a.key', camp.not_contacted_within, own_source);
		reasons := reasons || ' WHEN coalesce(rt.at, rv.at) IS NOT NULL THEN ''recently_contacted''';
		details := details || format(' WHEN coalesce(rt.at, rv.at) IS NOT NULL THEN'
									 ' to_char(greatest(rt.at, rv.at) AT TIME ZONE %L, ''YYYY-MM-DD'')', camp.timezone);
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.exclusions(p2ptext.campaign) IS 'the SQL that finds the phones and voters a campaign must leave out';

-- The query that yields a campaign's audience as it is now: voter_key, raw,
-- phone, state, timezones, fields, variant, body, and the reason and detail of a
-- drop, as if nobody else had the phone.  OFFSET keeps each function from
-- being called more than once for a voter; written as '0' it is a constant
-- already when the planner asks whether workers can share the work.
-- Subqueries one in another cost much less than laterals beside each other,
-- but for the one that makes the row that is rendered, which the planner turns
-- into an expression.
CREATE FUNCTION p2ptext.audience_query(camp p2ptext.campaign, only_new boolean DEFAULT false,
	phones text[] DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	src p2ptext.source;
	texts record;
	barred record;
	fields text[] := p2ptext.campaign_fields(camp);
	script text;
	variant text;
	nth text := '';
	which text := '';
	holdout text := '';
BEGIN
	SELECT s.* INTO STRICT src FROM p2ptext.source s JOIN p2ptext.segment g ON g.source_id = s.id
	WHERE g.id = camp.segment_id;
	SELECT * INTO STRICT texts FROM p2ptext.first_texts(camp.id);
	PERFORM p2ptext.check_script(s, src.name) FROM p2ptext.campaign_scripts(camp.id) AS s;
	barred := p2ptext.exclusions(camp);
	IF cardinality(texts.scripts) = 1 THEN
		script := format('%L::p2ptext.script', texts.scripts[1]);
		variant := format('%L::text', texts.variants[1]);
	ELSE
		nth := format(', p2ptext.pick_variant(%L || "{key}", %L::int[]) AS nth', camp.id || ':', texts.weights);
		script := format('(%L::p2ptext.script[])[a.nth]', texts.scripts);
		variant := format('(%L::text[])[a.nth]', texts.variants);
	END IF;
	IF phones IS NOT NULL THEN
		which := format('WHERE p2ptext.textable_phone("{raw}", %L) = ANY (%L)', src.region, phones);
	END IF;
	IF only_new THEN
		which := which || CASE which WHEN '' THEN 'WHERE' ELSE ' AND' END || format(' NOT EXISTS (SELECT FROM p2ptext.conversation k'
						' WHERE k.campaign_id = %s AND k.voter_key = "{key}")', camp.id);
	END IF;
	IF camp.holdout IS NOT NULL THEN
		holdout := format('WHEN p2ptext.hash_share(b.key, %L) < %L::float8 / 100 THEN ''holdout''',
						  coalesce(camp.seed, camp.name), camp.holdout);
	END IF;
	RETURN format($sql$
		SELECT p2ptext.kept_key(c.key) AS voter_key, c.raw, c.phone, c.state, c.timezones, c.fields, c.variant, c.body, c.reason,
			   CASE c.reason
				   WHEN 'bad_key' THEN octet_length(c.key) || ' bytes'
				   WHEN 'bad_phone' THEN c.raw
				   WHEN 'bad_timezone' THEN array_to_string(c.timezones, ', ', '?')
				   WHEN 'missing_field' THEN array_to_string(p2ptext.missing_fields(c.script, c.f), ', ')
				   ELSE c.barred_detail END AS detail
		FROM (
			SELECT b.*, CASE
					%s
					WHEN b.phone IS NULL AND btrim(coalesce(b.raw, '')) = '' THEN 'no_phone'
					WHEN b.phone IS NULL THEN 'bad_phone'
					WHEN b.barred IS NOT NULL THEN b.barred
					%s
					WHEN b.body IS NULL THEN 'missing_field'
					WHEN p2ptext.sms_problem(b.body) IS NOT NULL THEN p2ptext.sms_problem(b.body)
					%s END AS reason
			FROM (
				SELECT a.*, %s AS script, %s AS variant, p2ptext.render_strict(%s, a.f) AS body,
					   coalesce(%sp2ptext.phone_timezones(a.phone), %L) AS timezones, %s AS barred, %s AS barred_detail
				FROM (
					SELECT "{key}" AS key, "{raw}" AS raw, "{state}" AS state, p2ptext.textable_phone("{raw}", %L) AS phone,
						   %s AS fields, "{row}" AS f%s%s
					FROM (%s) AS "{voter}" CROSS JOIN LATERAL (SELECT %s"{voter}".texter) AS "{row}" %s OFFSET '0') AS a%s OFFSET '0') AS b OFFSET '0') AS c$sql$,
		CASE WHEN NOT p2ptext.has_short_keys(src) THEN 'WHEN octet_length(b.key) > 2000 THEN ''bad_key''' END,
		-- Zones by area code, and the campaign's own, are known.
		CASE WHEN src.timezone IS NOT NULL THEN 'WHEN NOT p2ptext.known_timezones(b.timezones) THEN ''bad_timezone''' END,
		holdout, script, variant, script,
		CASE WHEN src.timezone IS NOT NULL THEN 'a.zones, ' END, ARRAY[camp.timezone],
		coalesce('CASE' || nullif(barred.reasons, '') || ' END', 'NULL::text'),
		coalesce('CASE' || nullif(barred.details, '') || ' END', 'NULL::text'),
		src.region, p2ptext.fields_expression(fields),
		CASE WHEN src.timezone IS NOT NULL THEN ', "{zones}" AS zones' END, nth,
		p2ptext.voter_query(camp, fields),
		(SELECT coalesce(string_agg(format('"{voter}".%I, ', f), ''), '') FROM unnest(fields) AS f), which, barred.joins);
END
$$;
COMMENT ON FUNCTION p2ptext.audience_query(p2ptext.campaign, boolean, text[]) IS
'the SQL that yields the audience of a campaign as it is now; only_new leaves out voters it has conversations with, phones all but those who have one of them';

CREATE FUNCTION p2ptext.check_audience(camp p2ptext.campaign) RETURNS void
LANGUAGE sql STABLE
AS $$
	SELECT p2ptext.check_source_fits(src), p2ptext.check_segment(seg, src)
	FROM p2ptext.segment seg
	JOIN p2ptext.source src ON src.id = seg.source_id
	WHERE seg.id = camp.segment_id
$$;
COMMENT ON FUNCTION p2ptext.check_audience(p2ptext.campaign) IS 'errors unless source and segment of the campaign still fit the relation';

-- The predicate is tried alone; what it does not explain comes from what the
-- source says.
CREATE FUNCTION p2ptext.blame_audience(camp p2ptext.campaign, state text, message text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
	seg p2ptext.segment;
	src p2ptext.source;
BEGIN
	SELECT * INTO STRICT seg FROM p2ptext.segment s WHERE s.id = camp.segment_id;
	SELECT * INTO STRICT src FROM p2ptext.source s WHERE s.id = seg.source_id;
	PERFORM p2ptext.blame_segment(seg, state, message);
	RAISE EXCEPTION 'audience of campaign "%" cannot be read: %', camp.name, message
		USING ERRCODE = state,
		DETAIL = format('The key, the phone, the timezone or a field of source "%s" fails for some voter; the predicate does not.', src.name),
		HINT = format('SELECT * FROM p2ptext.source_report(%L) shows them. Let them cope with such rows, as by nullif(n, 0) or CASE.', src.name);
END
$$;
COMMENT ON FUNCTION p2ptext.blame_audience(p2ptext.campaign, text, text) IS
'raises an error again, naming the segment and voter, or the source, that it comes from';

CREATE FUNCTION p2ptext.preview(campaign text, max_rows int DEFAULT 10)
RETURNS TABLE (voter_key text, phone text, body text, sms_encoding text, sms_segments int, problem text)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
BEGIN
	PERFORM p2ptext.check_audience(camp);
	BEGIN
		RETURN QUERY EXECUTE format($sql$
			SELECT a.voter_key, coalesce(a.phone, a.raw), a.body, p2ptext.sms_encoding(a.body),
				   p2ptext.sms_segments(a.body),
				   a.reason || CASE WHEN a.reason IN ('missing_field', 'bad_timezone') THEN ': ' || a.detail ELSE '' END
			FROM (%s) a LIMIT %L$sql$, p2ptext.audience_query(camp), max_rows);
	EXCEPTION WHEN data_exception OR raise_exception THEN
		PERFORM p2ptext.blame_audience(camp, SQLSTATE, SQLERRM);
	END;
END
$$;
COMMENT ON FUNCTION p2ptext.preview(text, int) IS
'shows some of the texts a launch would draft, and what keeps a voter from getting one';
