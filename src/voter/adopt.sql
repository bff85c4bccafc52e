-- adopt.sql
--	  Making a source: what the caller says, and what a layout knows.

-- Files in capitals shout at people.  A sample tells.
CREATE FUNCTION p2ptext.in_capitals(rel regclass, expression text) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
DECLARE
	capitals boolean;
BEGIN
	EXECUTE format('SELECT avg((n = upper(n))::int) > 0.9 FROM (SELECT %1$s FROM %2$s AS v'
				   ' WHERE %1$s <> '''' LIMIT 1000) AS sample(n)', expression, rel) INTO capitals;
	RETURN capitals IS TRUE;
END
$$;
COMMENT ON FUNCTION p2ptext.in_capitals(regclass, text) IS 'whether a text over a relation mostly is in capitals, by a sample';

-- Columns with names of persons, as fields of the same name in ordinary spelling.
CREATE FUNCTION p2ptext.capital_names(rel regclass) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_object_agg(a.attname, format('p2ptext.proper_name(v.%I)', a.attname)), '{}')
	FROM pg_attribute a
	WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped
	AND a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)
	AND regexp_replace(lower(a.attname), '[^a-z]', '', 'g')
		~ '(first|last|middle|given|family|sur|nick|preferred)name$'
	AND p2ptext.in_capitals(rel, format('v.%I::text', a.attname))
$$;
COMMENT ON FUNCTION p2ptext.capital_names(regclass) IS 'fields that give the names of persons in ordinary spelling, where a relation has them in capitals';

-- Where a voter is, from what a layout knows: the ZIP code, the area code,
-- the state.  The area code is asked only where the ZIP code is not known.
CREATE FUNCTION p2ptext.place_timezone(zip text, state text, phone text, region text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'coalesce(' || concat_ws(', ', 'p2ptext.zip_timezones(' || zip || ')',
		'p2ptext.phone_timezones(p2ptext.phone(' || p2ptext.enclosed(phone) || '::text, ' || quote_literal(region) || '))',
		'p2ptext.state_timezones(' || state || ')') || ')'
	WHERE zip IS NOT NULL OR state IS NOT NULL
$$;
COMMENT ON FUNCTION p2ptext.place_timezone(text, text, text, text) IS
'the SQL of a voter''s time zones from the SQL of ZIP code, state and phone; NULL where the phone would be all';

-- Phones in order of preference, each with its conditions, as one expression.
CREATE FUNCTION p2ptext.listed_phones(rel regclass, phones jsonb, region text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
DECLARE
	p record;
	choices text[] := '{}';
BEGIN
	FOR p IN
		SELECT a.preference, p2ptext.source_expression(rel, a.expression) AS phone, c.what, c.condition,
			   a.unless, a.only_when
		FROM p2ptext.layout_alternatives('phone', phones) a
		LEFT JOIN LATERAL (VALUES ('unless', a.unless), ('when', a.only_when)) AS c(what, condition)
			ON c.condition IS NOT NULL
		ORDER BY a.preference
	LOOP
		PERFORM p2ptext.try_expression(rel, format('phone %s', p.preference), p.phone);
		IF p.condition IS NOT NULL THEN
			PERFORM p2ptext.try_expression(rel, format('"%s" of phone %s', p.what, p.preference), e)
			FROM unnest(ARRAY[p.condition, format(E'(%s\n) IS TRUE', p.condition)]) AS e;
		END IF;
		choices[p.preference] := p2ptext.phone_under(p.phone, p.unless, p.only_when);
	END LOOP;
	IF choices = '{}' THEN
		RAISE EXCEPTION 'phones is an empty list'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'List columns in order of preference: ["cell", {"phone": "landline", "unless": "dnc = ''Y''"}].';
	END IF;
	RETURN p2ptext.phone_choice(choices, region);
END
$$;
COMMENT ON FUNCTION p2ptext.listed_phones(regclass, jsonb, text) IS 'the SQL that chooses among phones as add_source() takes them, or a clear error';

-- What a layout knows of a relation, put where nobody has said anything else.
CREATE FUNCTION p2ptext.apply_layout(source p2ptext.source, lay p2ptext.layout, proper_names boolean)
RETURNS p2ptext.source
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
DECLARE
	rel regclass := source.relation::regclass;
	known jsonb;
	state text;
BEGIN
	source.layout := lay.name;
	SELECT coalesce(jsonb_object_agg(m.field, m.expression), '{}') INTO known
	FROM p2ptext.match_layout(rel, lay.name) m WHERE m.status = 'used' AND m.field <> 'phone';
	source.key := coalesce(source.key, known ->> 'key');
	IF source.key IS NULL THEN
		RAISE EXCEPTION 'layout "%" finds no key in relation %', lay.name, rel
			USING ERRCODE = 'undefined_column',
			HINT = 'Say which column or expression names one voter: key => ... .' || p2ptext.likely_columns(rel);
	END IF;
	source.phone := coalesce(source.phone, p2ptext.phone_choice(ARRAY(
		SELECT m.expression FROM p2ptext.match_layout(rel, lay.name) m
		WHERE m.status = 'used' AND m.field = 'phone' ORDER BY m.preference), source.region));
	IF source.phone IS NULL THEN
		RAISE EXCEPTION 'layout "%" finds no phone in relation %', lay.name, rel
			USING ERRCODE = 'undefined_column',
			DETAIL = CASE WHEN EXISTS (SELECT FROM p2ptext.layout_field f WHERE f.layout = lay.name AND f.field = 'phone')
				THEN 'The relation has none of its columns for phones.'
				ELSE format('Files of this kind have none: %s.', lay.title) END,
			HINT = 'Name the column: phone => ..., or adopt a view that joins phones from another table by the key.'
				|| p2ptext.likely_columns(rel);
	END IF;
	state := known ->> 'state';
	IF lay.state IS NOT NULL THEN
		state := coalesce('coalesce(nullif(btrim(' || state || format('), ''''), %L)', lay.state), quote_literal(lay.state));
	END IF;
	source.timezone := coalesce(source.timezone,
		p2ptext.place_timezone(known ->> 'zip', state, source.phone, source.region));
	-- Names as people write them; a field that just is the column of its name
	-- needs no word.
	source.fields := source.fields || (
		SELECT coalesce(jsonb_object_agg(f.key, f.sql) FILTER (WHERE f.sql <> 'v.' || quote_ident(f.key)), '{}')
		FROM (SELECT e.key, CASE
					WHEN e.key IN ('first_name', 'middle_name', 'last_name', 'city') AND proper_names
						 AND p2ptext.in_capitals(rel, '(' || e.value || ')')
					THEN 'p2ptext.proper_name(' || e.value || ')'
					WHEN e.key = 'state' THEN state ELSE e.value END AS sql
			  FROM jsonb_each_text(known) e WHERE e.key <> 'key' AND NOT source.fields ? e.key) f);
	RETURN source;
END
$$;
COMMENT ON FUNCTION p2ptext.apply_layout(p2ptext.source, p2ptext.layout, boolean) IS
'a source with what a layout knows of its relation put where nothing else was said, or a clear error';

CREATE FUNCTION p2ptext.add_source(name text, relation regclass, key text DEFAULT NULL, phone text DEFAULT NULL,
	fields jsonb DEFAULT '{}', timezone text DEFAULT NULL, region text DEFAULT 'US',
	proper_names boolean DEFAULT true, layout text DEFAULT NULL, phones jsonb DEFAULT NULL)
RETURNS p2ptext.source
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	made p2ptext.source;
	kept boolean;
	missing text;
BEGIN
	PERFORM p2ptext.require_member('manager');
	PERFORM p2ptext.check_new_name('source', name);
	PERFORM p2ptext.check_fields(fields);
	SELECT format('%I.%I', n.nspname, c.relname), c.relpersistence <> 't' INTO made.relation, kept
	FROM pg_class c
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE c.oid = relation;
	IF kept IS NOT TRUE THEN
		RAISE EXCEPTION 'source "%" needs a relation that lasts', name
			USING ERRCODE = 'invalid_parameter_value',
			DETAIL = coalesce(relation || ' is a temporary table.', 'None was given.'),
			HINT = 'Name a table, a view, a materialized view or a foreign table.';
	ELSIF phone IS NOT NULL AND phones IS NOT NULL THEN
		RAISE EXCEPTION 'phone and phones cannot both be given'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Put the one phone into the list where it belongs.';
	END IF;
	made.name := name;
	made.region := region;
	made.key := p2ptext.source_expression(relation, key);
	made.phone := CASE WHEN phones IS NULL THEN p2ptext.source_expression(relation, phone)
				  ELSE p2ptext.listed_phones(relation, phones, region) END;
	made.timezone := p2ptext.source_expression(relation, timezone);
	made.fields := (SELECT coalesce(jsonb_object_agg(f.key, p2ptext.source_expression(relation, f.value)), '{}')
					FROM jsonb_each_text(fields) f);
	IF layout IS NOT NULL THEN
		made := p2ptext.apply_layout(made, p2ptext.choose_layout(relation, layout), proper_names);
	END IF;
	IF proper_names THEN
		made.fields := p2ptext.capital_names(relation) || made.fields;
	END IF;
	PERFORM p2ptext.check_source_fits(made);
	PERFORM p2ptext.check_source_key(made);

	INSERT INTO p2ptext.source (name, relation, key, phone, timezone, fields, region, layout)
	VALUES (name, made.relation, made.key, made.phone, made.timezone, made.fields, region, made.layout)
	RETURNING * INTO made;
	IF layout IS NOT NULL THEN
		SELECT string_agg(m.field, ', ') INTO missing
		FROM (SELECT m.field FROM p2ptext.match_layout(relation, made.layout) m
			  WHERE m.field NOT IN ('key', 'phone') AND NOT made.fields ? m.field
			  GROUP BY m.field HAVING bool_and(m.status = 'not found') ORDER BY m.field COLLATE "C") m;
		RAISE NOTICE 'source "%" was read as layout "%"', name, made.layout
			USING DETAIL = coalesce('Not found: ' || missing || '.', 'Every field was found.'),
			HINT = format('SELECT * FROM p2ptext.source_report(%L) shows what became of each column.', name);
	END IF;
	RETURN made;
END
$$;
COMMENT ON FUNCTION p2ptext.add_source(text, regclass, text, text, jsonb, text, text, boolean, text, jsonb) IS
'adopts a table or view as a source of voters; key, phone and timezone are column names or SQL expressions, phones is a list of such in order of preference, as ["cell", {"phone": "landline", "unless": "dnc = ''Y''"}], of which the first that can be texted is used; fields maps more merge fields: {"greeting": "coalesce(nickname, first_name)"}; layout, a name or auto, fills in what is not given; names of persons in capitals become fields in ordinary spelling unless proper_names is false';

-- What a source says, and what its layout would.
CREATE FUNCTION p2ptext.source_report(name text)
RETURNS TABLE (field text, columns text[], expression text, status text, note text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	src p2ptext.source := p2ptext.find_source(name);
	rel regclass := p2ptext.source_relation(src);
BEGIN
	RETURN QUERY
	WITH matched AS MATERIALIZED (
		SELECT m.* FROM p2ptext.match_layout(rel, coalesce(src.layout, 'plain')) m WHERE src.layout IS NOT NULL),
	said AS (
		SELECT 'key' AS field, src.key AS expression
		UNION ALL SELECT 'phone', src.phone
		UNION ALL SELECT 'timezone', src.timezone WHERE src.timezone IS NOT NULL
		UNION ALL SELECT f.key, f.value FROM jsonb_each_text(src.fields) f),
	used AS (
		SELECT m.field, array_agg(DISTINCT c.name) FILTER (WHERE c.name IS NOT NULL) AS columns,
			   array_agg(m.expression) AS expressions, string_agg(m.note, '; ' ORDER BY m.preference) AS note
		FROM matched m LEFT JOIN LATERAL unnest(m.columns) AS c(name) ON true
		WHERE m.status = 'used' GROUP BY m.field),
	with_place AS (
		SELECT * FROM used
		UNION ALL
		SELECT 'timezone', array_agg(c.name), array_agg(DISTINCT u.expressions[1]), NULL
		FROM used u CROSS JOIN LATERAL unnest(u.columns) AS c(name)
		WHERE u.field IN ('zip', 'state') HAVING count(*) > 0)
	SELECT r.field, r.columns, r.expression, r.status, r.note
	FROM (SELECT s.field, CASE WHEN l.same THEN u.columns END, s.expression,
				 CASE WHEN l.same THEN 'layout' ELSE 'given' END, CASE WHEN l.same THEN u.note END
		  FROM said s
		  LEFT JOIN with_place u ON u.field = s.field
		  -- proper_name() or a choice of phones may have been put around
		  CROSS JOIN LATERAL (SELECT bool_and(strpos(s.expression, e) > 0) IS TRUE AS same FROM unnest(u.expressions) e) l
		  UNION ALL
		  SELECT u.field, u.columns, u.expressions[1], 'layout', u.note FROM used u
		  WHERE NOT EXISTS (SELECT FROM said s WHERE s.field = u.field)
		  UNION ALL
		  SELECT m.field, NULL, NULL, 'not found', string_agg(m.note, '; ' ORDER BY m.preference) FROM matched m
		  WHERE NOT EXISTS (SELECT FROM said s WHERE s.field = m.field)
		  GROUP BY m.field HAVING m.field IS NOT NULL AND bool_and(m.status = 'not found')
		  UNION ALL
		  SELECT NULL, m.columns, m.expression, m.status, NULL FROM matched m WHERE m.field IS NULL)
		AS r(field, columns, expression, status, note)
	ORDER BY r.field IS NULL, r.field <> 'key', r.field <> 'phone', r.field COLLATE "C", r.columns;
END
$$;
COMMENT ON FUNCTION p2ptext.source_report(text) IS
'what a source reads: each field with its columns and SQL; status layout: as its layout has it, given: said by somebody, not found: the relation lacks it, unknown column or vote history: a column that the layout does not know';
