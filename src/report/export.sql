-- export.sql
--	  Results on their way back to where the voters came from.
--
-- A canvass response carries a result or answers, never both: answers imply
-- that the voter was canvassed.  For a voter and a day there is at most one
-- of each, over all campaigns that are exported together: of several results
-- the last one counts, and that a text was sent only where nothing else is
-- known.  A day is one in the campaign's time zone.

CREATE FUNCTION p2ptext.export_results(campaigns text[], format text DEFAULT 'plain', since timestamptz DEFAULT NULL)
RETURNS TABLE (voter_key text, contacted_on date, contacted_at timestamptz, phone text, channel text,
			   result text, answers jsonb, replied boolean, campaign_name text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	ids int[] := ARRAY(SELECT (p2ptext.find_campaign(name)).id FROM unnest(campaigns) name);
BEGIN
	IF format IS NULL OR format NOT IN ('plain', 'van', 'rnc') THEN
		RAISE EXCEPTION 'format "%" is not known', format
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Formats are: plain, van, rnc.';
	ELSIF ids = '{}' THEN
		RAISE EXCEPTION 'no campaign to export'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Pass the names of one or more campaigns.';
	ELSIF (SELECT count(DISTINCT s.source_id) FROM p2ptext.campaign c JOIN p2ptext.segment s ON s.id = c.segment_id
		   WHERE c.id = ANY (ids)) > 1 THEN
		RAISE EXCEPTION 'these campaigns do not have one source'
			USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'Their voter_key would mean different things.',
			HINT = 'Export the campaigns of each source by themselves.';
	END IF;
	RETURN QUERY
	WITH said AS (
		SELECT m.conversation_id, m.campaign_id, t.day,
			   max(t.at) FILTER (WHERE m.status IN ('queued', 'sending', 'sent', 'delivered')) AS texted_at,
			   max(t.at) FILTER (WHERE m.status IN ('undelivered', 'failed')
								 AND p.class IN ('recipient_invalid', 'recipient_landline')) AS bad_at
		FROM p2ptext.message m
		JOIN p2ptext.campaign c ON c.id = m.campaign_id
		JOIN p2ptext.gateway g ON g.id = m.gateway_id
		LEFT JOIN p2ptext.provider_code p ON p.provider = g.provider AND p.code = m.error_code
			AND p.told_by IN ('both', CASE WHEN m.sent_at IS NULL THEN 'reply' ELSE 'receipt' END)
		CROSS JOIN LATERAL (
			SELECT coalesce(m.sent_at, m.status_at) AS at,
				   (coalesce(m.sent_at, m.status_at) AT TIME ZONE c.timezone)::date AS day) t
		WHERE m.campaign_id = ANY (ids) AND m.direction = 'out' AND m.confirms IS NULL
		GROUP BY m.conversation_id, m.campaign_id, t.day),
	ended AS (
		SELECT s.conversation_id, s.campaign_id, s.day, coalesce(s.texted_at, s.bad_at) AS at,
			   CASE WHEN s.texted_at IS NOT NULL THEN 'texted' ELSE 'bad_number' END AS code
		FROM said s WHERE s.texted_at IS NOT NULL OR s.bad_at IS NOT NULL
		UNION ALL
		SELECT v.id, v.campaign_id, (t.at AT TIME ZONE c.timezone)::date, t.at, v.result
		FROM p2ptext.conversation v
		JOIN p2ptext.campaign c ON c.id = v.campaign_id
		CROSS JOIN LATERAL (
			SELECT coalesce(v.result_at, greatest(v.last_in_at, v.last_out_at)) AS at) t
		-- Who opted out elsewhere before we wrote was not contacted here.
		WHERE v.campaign_id = ANY (ids) AND v.result IS NOT NULL
		AND (v.last_in_at IS NOT NULL OR v.last_out_at IS NOT NULL)),
	ending AS (
		SELECT DISTINCT ON (v.voter_key, e.day) v.voter_key, e.day, e.at, e.code, e.conversation_id, e.campaign_id
		FROM ended e
		JOIN p2ptext.conversation v ON v.id = e.conversation_id AND v.campaign_id = e.campaign_id
		ORDER BY v.voter_key, e.day, e.code = 'texted', e.at DESC, e.campaign_id DESC),
	answered AS (
		SELECT a.voter_key, a.day, max(a.at) AS at, max(a.conversation_id) AS conversation_id,
			   jsonb_object_agg(a.question, a.value) AS answers
		FROM (SELECT v.voter_key, t.day, s.question, max(r.recorded_at) AS at, max(v.id) AS conversation_id,
					 string_agg(DISTINCT r.value, '; ' ORDER BY r.value) AS value
			  FROM p2ptext.question_response r
			  JOIN p2ptext.conversation v ON v.id = r.conversation_id AND v.campaign_id = r.campaign_id
			  JOIN p2ptext.interaction_step s ON s.id = r.step_id AND s.campaign_id = r.campaign_id
			  JOIN p2ptext.campaign c ON c.id = r.campaign_id
			  CROSS JOIN LATERAL (SELECT (r.recorded_at AT TIME ZONE c.timezone)::date AS day) t
			  WHERE r.campaign_id = ANY (ids) AND r.superseded_at IS NULL
			  GROUP BY v.voter_key, t.day, s.question) a
		GROUP BY a.voter_key, a.day),
	response AS (
		SELECT r.*
		FROM ending e
		FULL JOIN answered a ON a.voter_key = e.voter_key AND a.day = e.day
		CROSS JOIN LATERAL (
			SELECT a.voter_key, a.day, a.at, a.conversation_id, NULL AS code, a.answers
			WHERE a.answers IS NOT NULL
			UNION ALL
			SELECT e.voter_key, e.day, e.at, e.conversation_id, e.code, NULL
			WHERE e.code IS NOT NULL AND (a.answers IS NULL OR e.code NOT IN ('texted', 'canvassed'))) r)
	SELECT r.voter_key, r.day, r.at,
		   CASE export_results.format WHEN 'plain' THEN v.phone ELSE regexp_replace(v.phone, '^\+1([0-9]{10})$', '\1') END,
		   c.channel,
		   CASE export_results.format
			   WHEN 'plain' THEN r.code
			   WHEN 'van' THEN coalesce(n.name, k.van_name, r.code)
			   ELSE coalesce(n.name, r.code) END,
		   r.answers, v.last_in_at IS NOT NULL, c.name
	FROM response r
	JOIN p2ptext.conversation v ON v.id = r.conversation_id AND v.campaign_id = ANY (ids)
	JOIN p2ptext.campaign c ON c.id = v.campaign_id
	LEFT JOIN p2ptext.contact_result k ON k.code = r.code
	LEFT JOIN p2ptext.result_name n ON n.code = r.code AND n.format = export_results.format
	WHERE since IS NULL OR r.at >= since
	ORDER BY r.at, r.voter_key, r.code;
END
$$;
COMMENT ON FUNCTION p2ptext.export_results(text[], text, timestamptz) IS
'canvass responses of campaigns over one source, since a time: a result or answers for each voter and day; texted and not replied: messaged, no reply; format plain has our codes and E.164, van and rnc have the vendor''s names and ten digits';

CREATE FUNCTION p2ptext.export_results(campaign text, format text DEFAULT 'plain', since timestamptz DEFAULT NULL)
RETURNS TABLE (voter_key text, contacted_on date, contacted_at timestamptz, phone text, channel text,
			   result text, answers jsonb, replied boolean, campaign_name text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT * FROM p2ptext.export_results(ARRAY[campaign], format, since);
END;
COMMENT ON FUNCTION p2ptext.export_results(text, text, timestamptz) IS
'export_results() of one campaign';

CREATE FUNCTION p2ptext.question_columns(campaign_id int, taken text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(string_agg(format(', e.answers ->> %L AS %I', h.question, h.heading), '' ORDER BY h.nth), '')
	FROM p2ptext.question_headings(campaign_id, taken) WITH ORDINALITY AS h(question, heading, nth)
$$;
COMMENT ON FUNCTION p2ptext.question_columns(int, text[]) IS 'the answers of export_results() as columns, headed by their questions';

-- The relation and its key are read with the rights of the view's owner, who
-- is the caller here.
CREATE FUNCTION p2ptext.create_results_view(campaign text, format text DEFAULT 'plain', view_name text DEFAULT NULL)
RETURNS regclass
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	src p2ptext.source;
	target text;
	ids text;
	columns text;
	taken text[];
BEGIN
	PERFORM p2ptext.require_member('manager', 'reader');
	SELECT s.* INTO STRICT src FROM p2ptext.source s JOIN p2ptext.segment g ON g.source_id = s.id
	WHERE g.id = camp.segment_id;
	target := coalesce(
		(SELECT string_agg(quote_ident(part), '.') FROM unnest(parse_ident(view_name)) part),
		quote_ident((format || '_results_' || lower(regexp_replace(camp.name, '[^[:alnum:]]+', '_', 'g')))::name::text));
	IF to_regclass(target) IS NOT NULL THEN
		RAISE EXCEPTION 'relation "%" already exists', target
			USING ERRCODE = 'duplicate_table',
			HINT = 'Drop it, or pass another view_name.';
	END IF;
	-- Their own columns, whatever their case, where the file has them.
	SELECT string_agg(format('v.%I::text AS %I, ', a.attname, lower(a.attname)), '' ORDER BY lower(a.attname) COLLATE "C"),
		   array_agg(lower(a.attname))
	INTO ids, taken
	FROM pg_attribute a
	WHERE a.attrelid = p2ptext.source_relation(src) AND a.attnum > 0 AND NOT a.attisdropped
	AND format = 'rnc' AND lower(a.attname) IN ('rnc_regid', 'rncid');
	CASE format
		WHEN 'plain' THEN
			taken := '{voter_key,contacted_on,contacted_at,phone,channel,result,replied}';
			columns := 'e.voter_key, e.contacted_on, e.contacted_at, e.phone, e.channel, e.result, e.replied';
		WHEN 'van' THEN
			taken := '{van id,date contacted,phone number,canvass result}';
			columns := 'e.voter_key AS "VAN ID", to_char(e.contacted_on::timestamp, ''MM/DD/YYYY'') AS "Date Contacted",'
					   ' e.phone AS "Phone Number", e.result AS "Canvass Result"';
		WHEN 'rnc' THEN
			taken := coalesce(taken, '{voter_key}') || '{contact_date,phone,contact_method,result}'::text[];
			columns := coalesce(ids, 'e.voter_key, ')
					   || 'to_char(e.contacted_on::timestamp, ''YYYY-MM-DD'') AS contact_date, e.phone, e.channel AS contact_method, e.result';
		ELSE
			RAISE EXCEPTION 'format "%" is not known', format
				USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Formats are: plain, van, rnc.';
	END CASE;
	IF ids IS NOT NULL THEN
		PERFORM p2ptext.try_expression(p2ptext.source_relation(src), 'key', src.key);
	END IF;
	EXECUTE format('CREATE VIEW %s AS SELECT %s%s FROM p2ptext.export_results(%L::text, %L) AS e%s', target, columns,
		p2ptext.question_columns(camp.id, taken), campaign, format,
		CASE WHEN ids IS NOT NULL
			 THEN format(E' LEFT JOIN %s AS v ON (%s\n)::text = e.voter_key', p2ptext.source_relation(src), src.key) ELSE '' END);
	EXECUTE format('COMMENT ON VIEW %s IS %L', target, format('results of campaign "%s" in format %s', campaign, format));
	RETURN target::regclass;
END
$$;
COMMENT ON FUNCTION p2ptext.create_results_view(text, text, text) IS
'makes a view of export_results() with the vendor''s headings and a column for each question asked so far, for COPY ... TO and BI; view_name may have a schema, else it lies in the first of search_path';
