-- check_source.sql
--	  What may be wrong with a source, and the SQL that mends it.
--
-- Two passes over the relation, one by key and one by phone, with the rights
-- of the caller.

-- Asks the planner, which knows of every index also below views and parts.
-- (EXPLAIN is for volatile functions only.)
CREATE FUNCTION p2ptext.key_is_indexed(rel regclass, key text) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off
AS $$
DECLARE
	sample record;
	plan json;
BEGIN
	EXECUTE format('SELECT pg_typeof(s.k) AS type, s.k::text AS k FROM (SELECT %s AS k FROM %s AS v) s'
				   ' WHERE s.k IS NOT NULL LIMIT 1', p2ptext.enclosed(key), rel) INTO sample;
	IF sample.k IS NULL THEN
		RETURN NULL;
	END IF;
	EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM %s AS v WHERE %s = ANY (ARRAY[%L]::%s[])',
				   rel, p2ptext.enclosed(key), sample.k, sample.type) INTO plan;
	RETURN plan::text ~ '"Index Cond":' AND plan::text !~ '"Node Type": "Seq Scan"';
END
$$;
COMMENT ON FUNCTION p2ptext.key_is_indexed(regclass, text) IS
'whether a voter can be looked up by an index; NULL: there is none to try';

-- An index on a key, in words where SQL here cannot make one.
CREATE FUNCTION p2ptext.key_index_sql(rel regclass, key text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE c.relkind
		WHEN 'v' THEN format('-- %s is a view: index the column behind the key in its tables', c.oid::regclass)
		WHEN 'f' THEN format('-- %s is a foreign table: index the key where its rows are', c.oid::regclass)
		-- one for all parts cannot be made concurrently, nor be unique without their key
		WHEN 'p' THEN format('CREATE INDEX ON %s (%s);', c.oid::regclass, k.key)
		ELSE format('CREATE UNIQUE INDEX CONCURRENTLY ON %s (%s);', c.oid::regclass, k.key) END
	FROM pg_class c,
		(SELECT CASE WHEN key ~ '^v\.("([^"]|"")+"|[a-z_][a-z0-9_$]*)$' THEN substr(key, 3)
				ELSE '(' || regexp_replace(key, '\mv\.', '', 'g') || ')' END) AS k(key)
	WHERE c.oid = rel
$$;
COMMENT ON FUNCTION p2ptext.key_index_sql(regclass, text) IS 'the SQL that makes an index on the key of a source';

CREATE FUNCTION p2ptext.key_findings(src p2ptext.source, rel regclass)
RETURNS TABLE (finding text, status text, voters bigint, detail text, fix text)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
	k record;
	spare text;
	type text;
BEGIN
	EXECUTE format('SELECT coalesce(sum(n), 0) AS n, sum(n) FILTER (WHERE k IS NULL) AS nulls,'
				   ' sum(n) FILTER (WHERE btrim(k) = '''') AS blank, sum(n) FILTER (WHERE octet_length(k) > 2000) AS long,'
				   ' sum(n) FILTER (WHERE n > 1 AND k IS NOT NULL) AS repeated,'
				   ' (array_agg(k ORDER BY n DESC, k COLLATE "C") FILTER (WHERE n > 1 AND k IS NOT NULL))[1:3] AS examples,'
				   ' sum(n) FILTER (WHERE k ~* ''^[0-9](\.[0-9]+)?e\+?[0-9]+$'') AS rounded'
				   ' FROM (SELECT k, count(*) AS n FROM (SELECT %s::text AS k FROM %s AS v) v GROUP BY k) g',
				   p2ptext.enclosed(src.key), rel) INTO k;
	EXECUTE format('SELECT pg_typeof((SELECT %s FROM %s AS v LIMIT 1))', p2ptext.enclosed(src.key), rel) INTO type;
	RETURN QUERY SELECT 'voters', CASE WHEN k.n = 0 THEN 'warning' ELSE 'ok' END, k.n::bigint,
		format('%s has %s voters', rel, k.n), CASE WHEN k.n = 0 THEN '-- load voters' END;

	IF k.nulls > 0 OR k.blank > 0 THEN
		RETURN QUERY SELECT 'key missing', CASE WHEN k.nulls > 0 THEN 'error' ELSE 'warning' END,
			(coalesce(k.nulls, 0) + coalesce(k.blank, 0))::bigint, 'voters without a key',
			format('CREATE VIEW %s AS SELECT * FROM %s AS v WHERE btrim(%s::text) <> ''''; UPDATE p2ptext.source SET relation = ... WHERE name = %L;',
				   quote_ident(src.name || ' with key'), rel, p2ptext.enclosed(src.key), src.name);
	END IF;
	IF k.long > 0 THEN
		RETURN QUERY SELECT 'key length', 'warning', k.long::bigint, 'keys of more than 2000 bytes',
			format('SELECT * FROM %s AS v WHERE octet_length(%s::text) > 2000; -- they are dropped', rel, p2ptext.enclosed(src.key));
	END IF;
	IF k.repeated > 0 THEN
		SELECT min(m.expression) INTO spare FROM p2ptext.match_layout(rel, coalesce(src.layout, 'plain')) m
		WHERE src.layout IS NOT NULL AND m.field = 'key' AND m.status = 'spare';
		RETURN QUERY SELECT 'key unique', 'error', k.repeated::bigint,
			'keys of several voters, such as ' || left(array_to_string(k.examples, ', '), 1000),
			CASE WHEN spare IS NOT NULL AND spare <> src.key
				THEN format('UPDATE p2ptext.source SET key = %L WHERE name = %L;', spare, src.name)
				ELSE format('SELECT %1$s, count(*) FROM %2$s AS v GROUP BY 1 HAVING count(*) > 1; -- and adopt a view with one row for each',
							p2ptext.enclosed(src.key), rel) END;
	ELSE
		RETURN QUERY SELECT 'key unique', 'ok', k.n::bigint, 'each key names one voter', NULL;
	END IF;
	IF type IN ('double precision', 'real') OR k.rounded > 0 THEN
		RETURN QUERY SELECT 'key type', 'error', coalesce(nullif(k.rounded, 0), k.n)::bigint,
			CASE WHEN k.rounded > 0 THEN 'keys that a spreadsheet has rounded' ELSE format('%s rounds long numbers', type) END,
			'-- load the file anew with the key as text';
	END IF;
	CASE p2ptext.key_is_indexed(rel, src.key)
		WHEN true THEN
			RETURN QUERY SELECT 'key index', 'ok', NULL::bigint, 'a voter is found by an index', NULL;
		WHEN false THEN
			RETURN QUERY SELECT 'key index', 'warning', NULL::bigint,
				'no index on the key: recheck and refresh read all voters',
				CASE WHEN k.repeated > 0 THEN replace(p2ptext.key_index_sql(rel, src.key), 'UNIQUE ', '')
					ELSE p2ptext.key_index_sql(rel, src.key) END;
		ELSE NULL;
	END CASE;
END
$$;
COMMENT ON FUNCTION p2ptext.key_findings(p2ptext.source, regclass) IS 'what check_source() finds about keys';

CREATE FUNCTION p2ptext.phone_findings(src p2ptext.source, rel regclass)
RETURNS TABLE (finding text, status text, voters bigint, detail text, fix text)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
DECLARE
	p record;
	shared bigint := 0;
	numbers bigint := 0;
	textable bigint := 0;
	no_zone bigint := 0;
	bad_zone bigint := 0;
	zone text;
BEGIN
	FOR p IN EXECUTE format($sql$
		SELECT g.problem, sum(g.n)::bigint AS n, count(*) AS numbers, min(g.raw) AS raw,
			   sum(g.n) FILTER (WHERE g.n > 1) AS shared, sum(g.no_zone) AS no_zone,
			   sum(g.bad_zone) AS bad_zone, min(g.zone) AS zone
		FROM (SELECT a.problem, a.phone, count(*) AS n, min(a.raw) AS raw,
					 count(*) FILTER (WHERE z.zones IS NULL) AS no_zone,
					 count(*) FILTER (WHERE NOT p2ptext.known_timezones(z.zones)) AS bad_zone,
					 min(array_to_string(z.zones, ', ', '?')) FILTER (WHERE NOT p2ptext.known_timezones(z.zones)) AS zone
			  FROM (SELECT %s::text AS raw, p2ptext.as_timezones(%s) AS zones FROM %s AS v OFFSET 0) v
			  CROSS JOIN LATERAL (
				  SELECT v.raw, CASE WHEN btrim(coalesce(v.raw, '')) = '' THEN 'empty'
						 ELSE p2ptext.phone_problem(v.raw, %L) END AS problem OFFSET 0) b
			  CROSS JOIN LATERAL (
				  SELECT b.raw, b.problem, CASE WHEN b.problem IS NULL THEN p2ptext.phone(b.raw, %L) END AS phone OFFSET 0) a
			  CROSS JOIN LATERAL (SELECT coalesce(v.zones, p2ptext.phone_timezones(a.phone)) AS zones OFFSET 0) z
			  GROUP BY a.problem, a.phone) g
		GROUP BY g.problem ORDER BY g.problem NULLS FIRST$sql$,
		p2ptext.enclosed(src.phone), p2ptext.enclosed(coalesce(src.timezone, 'NULL::text')), rel, src.region, src.region)
	LOOP
		IF p.problem IS NULL THEN
			textable := p.n;
			numbers := p.numbers;
			shared := coalesce(p.shared, 0);
			no_zone := p.no_zone;
			bad_zone := p.bad_zone;
			zone := p.zone;
		ELSE
			RETURN QUERY SELECT 'phone ' || p.problem, 'warning', p.n,
				CASE WHEN p.problem = 'empty' THEN 'no phone' ELSE format('not textable, such as "%s"', left(p.raw, 40)) END,
				format('SELECT * FROM %s AS v WHERE %s; -- they are dropped', rel,
					CASE WHEN p.problem = 'empty' THEN format('btrim(coalesce(%s::text, '''')) = ''''', p2ptext.enclosed(src.phone))
						ELSE format('p2ptext.phone_problem(%s::text, %L) = %L', p2ptext.enclosed(src.phone), src.region, p.problem) END);
		END IF;
	END LOOP;
	RETURN QUERY SELECT 'phones', CASE WHEN textable = 0 THEN 'error' ELSE 'ok' END, textable,
		format('can be texted, at %s numbers', numbers),
		CASE WHEN textable = 0 THEN format('UPDATE p2ptext.source SET phone = ... WHERE name = %L; -- a column with phones', src.name) END;
	IF shared > 0 THEN
		RETURN QUERY SELECT 'phones shared', 'ok', shared, 'share a phone with others; a campaign texts one of them', NULL;
	END IF;
	IF bad_zone > 0 THEN
		RETURN QUERY SELECT 'time zones', 'error', bad_zone, format('have zones that nobody knows, such as "%s"; they are dropped', left(zone, 60)),
			format('UPDATE p2ptext.source SET timezone = NULL WHERE name = %L; -- to go by area code', src.name);
	END IF;
	IF no_zone > 0 THEN
		RETURN QUERY SELECT 'time zones', 'warning', no_zone, 'have no known zone; the campaign''s is used',
			format('UPDATE p2ptext.source SET timezone = ''p2ptext.zip_timezones(zip)'' WHERE name = %L; -- with your column', src.name);
	END IF;
	IF textable > 0 AND no_zone + bad_zone = 0 THEN
		RETURN QUERY SELECT 'time zones', 'ok', textable, 'have a zone', NULL;
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.phone_findings(p2ptext.source, regclass) IS 'what check_source() finds about phones and time zones';

-- Somebody's wish not to be texted, in a column that nothing reads.
CREATE FUNCTION p2ptext.flag_findings(src p2ptext.source, rel regclass)
RETURNS TABLE (finding text, status text, voters bigint, detail text, fix text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'flags', 'warning', NULL::bigint, format('the phone does not depend on column "%s"', c.name),
		   format('SELECT v.%I, count(*) FROM %s AS v GROUP BY 1; -- leave out who wants no texts: "unless" in phones, or in segments',
				  c.name, rel)
	FROM unnest(p2ptext.relation_columns(rel)) WITH ORDINALITY AS c(name, nth)
	WHERE p2ptext.plain_column(c.name) ~ '(donot|no)(call|text|sms|contact)|opted?out|^dnc$|dncflag|unsubscribe'
	AND strpos(src.phone, quote_ident(c.name)) = 0
	ORDER BY c.nth
$$;
COMMENT ON FUNCTION p2ptext.flag_findings(p2ptext.source, regclass) IS
'columns of a source that by their names say who wants no texts, and that its phone does not depend on';

CREATE FUNCTION p2ptext.check_source(name text)
RETURNS TABLE (finding text, status text, voters bigint, detail text, fix text)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
	src p2ptext.source := p2ptext.find_source(name);
	rel regclass := to_regclass(src.relation);
	class pg_class;
	missing text;
BEGIN
	IF rel IS NULL THEN
		RETURN QUERY SELECT 'relation', 'error', NULL::bigint, format('%s does not exist', src.relation),
			format('UPDATE p2ptext.source SET relation = ... WHERE name = %L; -- its new name', src.name);
		RETURN;
	END IF;
	BEGIN
		PERFORM p2ptext.check_source_fits(src);
	EXCEPTION WHEN undefined_column OR undefined_function OR syntax_error OR datatype_mismatch OR data_exception
		OR undefined_object OR grouping_error OR windowing_error OR feature_not_supported OR undefined_table OR cannot_coerce THEN
		RETURN QUERY SELECT 'expressions', 'error', NULL::bigint, SQLERRM,
			format('UPDATE p2ptext.source SET %s = ... WHERE name = %L;',
				   coalesce(substring(SQLERRM FROM '^(key|phone|timezone) '), 'fields'), src.name);
		RETURN;
	END;
	RETURN QUERY SELECT * FROM p2ptext.key_findings(src, rel);
	RETURN QUERY SELECT * FROM p2ptext.phone_findings(src, rel);
	RETURN QUERY SELECT * FROM p2ptext.flag_findings(src, rel);

	IF src.layout IS NOT NULL THEN
		SELECT string_agg(r.field, ', ') INTO missing FROM p2ptext.source_report(src.name) r WHERE r.status = 'not found';
		RETURN QUERY SELECT 'layout', CASE WHEN missing IS NULL OR (SELECT l.kind = 'plain' FROM p2ptext.layout l WHERE l.name = src.layout)
				THEN 'ok' ELSE 'warning' END, NULL::bigint,
			coalesce('not found: ' || missing, 'every field of ' || src.layout || ' was found'),
			CASE WHEN missing IS NOT NULL THEN format('SELECT * FROM p2ptext.source_report(%L);', src.name) END;
	END IF;
	SELECT c.* INTO class FROM pg_class c WHERE c.oid = rel;
	IF class.relkind IN ('r', 'p', 'm', 'f') AND class.reltuples < 0 THEN
		RETURN QUERY SELECT 'statistics', 'warning', NULL::bigint, 'the planner knows nothing of its rows',
			format('ANALYZE %s;', rel);
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.check_source(text) IS
'what may be wrong with a source: keys that are missing, repeat or have no index, phones that cannot be texted by reason, columns that say who wants no texts and are not read, zones that are not known, fields that its layout does not find; status is ok, warning or error, voters how many it concerns, and fix the SQL to run next';
