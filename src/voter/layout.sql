-- layout.sql
--	  What the files of states and vendors call their columns.
--
-- A layout is rows: the columns of a file, with other names that they have
-- had, and the fields to be had from them.  One field may have several
-- expressions, in order of preference; in an expression, {name} stands for the
-- column of that name, whatever the relation at hand calls it.

CREATE FUNCTION p2ptext.plain_column(name text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'p2ptext_plain_column';
COMMENT ON FUNCTION p2ptext.plain_column(text) IS
'the name of a column in small letters and digits only: names that are the same in this form mean the same column';

CREATE FUNCTION p2ptext.file_date(text) RETURNS date
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'p2ptext_file_date';
COMMENT ON FUNCTION p2ptext.file_date(text) IS
'a date as voter files write it, YYYY-MM-DD, YYYYMMDD or MM/DD/YYYY; NULL when it is none';

CREATE TABLE p2ptext.layout (
	name text PRIMARY KEY CHECK (name <> ''),
	title text NOT NULL,
	kind text NOT NULL DEFAULT 'vendor' CHECK (kind IN ('state', 'vendor', 'tool', 'results', 'plain')),
	aliases text[] NOT NULL DEFAULT '{}',
	state text,
	delimiter text CHECK (octet_length(delimiter) = 1),
	quote text CHECK (octet_length(quote) = 1),
	has_header boolean NOT NULL DEFAULT true,
	encoding text CHECK (pg_char_to_encoding(encoding) >= 0),
	signature text[] NOT NULL DEFAULT '{}',
	history text,
	certainty text,
	notes text,
	built_in boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE p2ptext.layout IS 'known voter files; add_layout() adds your own, and only those are dumped';
COMMENT ON COLUMN p2ptext.layout.aliases IS 'short names by which it may be asked for';
COMMENT ON COLUMN p2ptext.layout.state IS 'postal code of the state that all voters are in, where there is one';
COMMENT ON COLUMN p2ptext.layout.delimiter IS 'what separates the columns in the file; NULL: it differs';
COMMENT ON COLUMN p2ptext.layout.quote IS 'what encloses values in the file; NULL: nothing does';
COMMENT ON COLUMN p2ptext.layout.encoding IS 'of the file; NULL: it differs';
COMMENT ON COLUMN p2ptext.layout.signature IS 'columns by which it is recognised, all of which must be there; empty: a key and a phone will do';
COMMENT ON COLUMN p2ptext.layout.history IS 'regular expression for the names, in plain form, of columns that say who voted when';
COMMENT ON COLUMN p2ptext.layout.certainty IS 'how sure the names are';
SELECT pg_extension_config_dump('p2ptext.layout', 'WHERE NOT built_in');

CREATE TABLE p2ptext.layout_column (
	layout text NOT NULL REFERENCES p2ptext.layout ON UPDATE CASCADE ON DELETE CASCADE,
	position int NOT NULL CHECK (position > 0),
	names text[] NOT NULL CHECK (names[1] <> ''),
	pattern text,
	PRIMARY KEY (layout, position)
);
COMMENT ON TABLE p2ptext.layout_column IS 'the columns of a layout in the order of the file';
COMMENT ON COLUMN p2ptext.layout_column.names IS 'the name of the column, then others that it has had';
COMMENT ON COLUMN p2ptext.layout_column.pattern IS 'regular expression of the values, by which a file without header is recognised';
SELECT pg_extension_config_dump('p2ptext.layout_column',
	'WHERE EXISTS (SELECT FROM p2ptext.layout l WHERE l.name = layout AND NOT l.built_in)');

CREATE TABLE p2ptext.layout_field (
	layout text NOT NULL REFERENCES p2ptext.layout ON UPDATE CASCADE ON DELETE CASCADE,
	field text NOT NULL CHECK (field <> ''),
	preference int NOT NULL DEFAULT 1,
	expression text NOT NULL,
	unless text,
	only_when text,
	PRIMARY KEY (layout, field, preference)
);
COMMENT ON TABLE p2ptext.layout_field IS 'the fields of a layout: key, phone, and merge fields that have one name in every layout';
COMMENT ON COLUMN p2ptext.layout_field.preference IS 'the least that the relation has is taken; of phones all are, in this order';
COMMENT ON COLUMN p2ptext.layout_field.expression IS 'SQL expression, with columns of the layout in braces, as text: {first_name}';
COMMENT ON COLUMN p2ptext.layout_field.unless IS 'condition, written likewise, under which a phone is not used; without its columns it does not count';
COMMENT ON COLUMN p2ptext.layout_field.only_when IS 'condition, written likewise, under which alone a phone is used';
SELECT pg_extension_config_dump('p2ptext.layout_field',
	'WHERE EXISTS (SELECT FROM p2ptext.layout l WHERE l.name = layout AND NOT l.built_in)');

CREATE FUNCTION p2ptext.find_layout(name text) RETURNS p2ptext.layout
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found_row p2ptext.layout;
	near text;
BEGIN
	-- One's own come before the built-in ones of the same short name.
	SELECT * INTO found_row FROM p2ptext.layout l
	WHERE l.name = find_layout.name OR lower(find_layout.name) = ANY (l.aliases)
	ORDER BY l.name = find_layout.name DESC, l.built_in, l.name LIMIT 1;
	IF NOT FOUND THEN
		near := p2ptext.nearest_name(find_layout.name, ARRAY(SELECT l.name FROM p2ptext.layout l));
		RAISE EXCEPTION 'layout "%" does not exist', name
			USING ERRCODE = 'undefined_object',
			HINT = CASE WHEN near IS NOT NULL THEN format('Perhaps you meant "%s". ', near) ELSE '' END
				|| 'SELECT name, title, aliases FROM p2ptext.layout lists them; add_layout() makes one.';
	END IF;
	RETURN found_row;
END
$$;
COMMENT ON FUNCTION p2ptext.find_layout(text) IS 'a layout by name or short name, or a clear error';

CREATE FUNCTION p2ptext.layout_columns(layout text) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(c.names[1] ORDER BY c.position)
	FROM p2ptext.find_layout(layout) l
	JOIN p2ptext.layout_column c ON c.layout = l.name
$$;
COMMENT ON FUNCTION p2ptext.layout_columns(text) IS
'the columns of a layout in the order of the file; NULL when none are known';

-- The columns that an expression names in braces; those of a regular
-- expression, as in [0-9]{5}, hold digits.
CREATE FUNCTION p2ptext.layout_references(expression text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT ARRAY(SELECT m[1] FROM regexp_matches(expression, '\{([^{}]*[^{}0-9,][^{}]*)\}', 'g') m) $$;
COMMENT ON FUNCTION p2ptext.layout_references(text) IS 'the columns that an expression of a layout names in braces';

CREATE FUNCTION p2ptext.relation_columns(relation regclass) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(array_agg(a.attname::text ORDER BY a.attnum), '{}')
	FROM pg_attribute a
	WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION p2ptext.relation_columns(regclass) IS 'the columns of a relation in order';

-- Whether names say no more than the position, from 0 or 1 on: c1, c2, ... or
-- column_0, column_1, ...
CREATE FUNCTION p2ptext.only_positions(columns text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT count(*) > 1 AND bool_and(c.plain ~ '^[a-z]*[0-9]{1,4}$')
		AND count(DISTINCT substring(c.plain FROM '^[a-z]*')) = 1
		AND count(DISTINCT substring(c.plain FROM '([0-9]{1,4})$')::int - c.nth) = 1
		AND min(substring(c.plain FROM '([0-9]{1,4})$')::int) IN (0, 1)
	FROM (SELECT p2ptext.plain_column(u.name), u.nth
		  FROM unnest(columns) WITH ORDINALITY AS u(name, nth)) AS c(plain, nth)
$$;
COMMENT ON FUNCTION p2ptext.only_positions(text[]) IS 'whether names of columns only count them';

-- Which column stands for which.  Where several could, the one spelled most
-- like the layout is taken, then the first; the others are told.
CREATE FUNCTION p2ptext.found_columns(columns text[])
RETURNS TABLE (layout text, "position" int, name text, "column" text, others text[])
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT f.layout, f.position, f.name, (array_agg(f.given ORDER BY f.rank))[1],
		   (array_agg(f.given ORDER BY f.rank))[2:]
	FROM (SELECT DISTINCT ON (c.layout, c.position, g.nth) c.layout, c.position, c.names[1], g.name,
				 row_number() OVER (ORDER BY n.nth, g.name <> n.name, lower(g.name) <> lower(n.name), g.nth)
		  FROM p2ptext.layout_column c
		  CROSS JOIN unnest(c.names) WITH ORDINALITY AS n(name, nth)
		  JOIN (SELECT u.name, u.nth, p2ptext.plain_column(u.name) AS plain
				FROM unnest(columns) WITH ORDINALITY AS u(name, nth)) g
			ON g.plain = p2ptext.plain_column(n.name) AND g.plain <> ''
		  ORDER BY c.layout, c.position, g.nth, n.nth) AS f(layout, position, name, given, rank)
	GROUP BY f.layout, f.position, f.name
	UNION ALL
	SELECT l.name, c.position, c.names[1], columns[c.position], '{}'
	FROM p2ptext.layout l
	JOIN p2ptext.layout_column c ON c.layout = l.name
	WHERE NOT l.has_header AND p2ptext.only_positions(columns)
	AND cardinality(columns) = (SELECT max(m.position) FROM p2ptext.layout_column m WHERE m.layout = l.name)
$$;
COMMENT ON FUNCTION p2ptext.found_columns(text[]) IS
'the columns of every layout that are among these, by any of their names; without names, by position';

CREATE FUNCTION p2ptext.rank_layouts(columns text[])
RETURNS TABLE (layout text, title text, matched int, missing int, unknown int, share numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH found AS MATERIALIZED (SELECT * FROM p2ptext.found_columns(columns)),
	score AS (
		SELECT f.layout, count(*) AS matched,
			   array_agg(p2ptext.plain_column(f.name)) AS plain, array_agg(f.column) AS used
		FROM found f
		GROUP BY f.layout)
	SELECT l.name, l.title, s.matched::int, (t.n - s.matched)::int, u.n::int,
		   round(s.matched::numeric / t.n, 2)
	FROM score s
	JOIN p2ptext.layout l ON l.name = s.layout
	CROSS JOIN LATERAL (SELECT count(*) AS n FROM p2ptext.layout_column c WHERE c.layout = l.name) t
	CROSS JOIN LATERAL (
		SELECT count(*) AS n FROM unnest(columns) AS g(name)
		WHERE g.name <> ALL (s.used) AND (l.history IS NULL OR p2ptext.plain_column(g.name) !~ l.history)) u
	-- A field is there when all columns of one of its expressions are.
	CROSS JOIN LATERAL (
		SELECT bool_or(f.field = 'key') IS TRUE AS key, bool_or(f.field = 'phone') IS TRUE AS phone
		FROM p2ptext.layout_field f
		WHERE f.layout = l.name AND NOT EXISTS (
			SELECT FROM unnest(p2ptext.layout_references(f.expression)) r(name)
			WHERE p2ptext.plain_column(r.name) <> ALL (s.plain))) has
	WHERE NOT EXISTS (SELECT FROM unnest(l.signature) AS g(name)
					  WHERE p2ptext.plain_column(g.name) <> ALL (s.plain))
	AND (l.signature <> '{}' OR has.key AND has.phone)
	ORDER BY has.key DESC, l.kind = 'plain', s.matched DESC, cardinality(l.signature) DESC,
			 l.built_in, t.n, l.name COLLATE "C"
$$;
COMMENT ON FUNCTION p2ptext.rank_layouts(text[]) IS 'the layouts whose signature is among these columns, best first';

CREATE FUNCTION p2ptext.detect_layout(columns text[]) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(
		(SELECT r.layout FROM p2ptext.rank_layouts(columns) r LIMIT 1),
		(SELECT l.name
		 FROM p2ptext.layout l
		 JOIN p2ptext.layout_column c ON c.layout = l.name
		 WHERE NOT l.has_header
		 GROUP BY l.name, l.built_in
		 HAVING max(c.position) = cardinality(columns) AND count(c.pattern) > 0
			AND bool_and(c.pattern IS NULL OR coalesce(columns[c.position], '') ~ c.pattern)
		 ORDER BY count(c.pattern) DESC, l.built_in, l.name COLLATE "C" LIMIT 1))
$$;
COMMENT ON FUNCTION p2ptext.detect_layout(text[]) IS
'the layout whose columns these are, or whose values when they are the first line of a file without header; NULL: none known';

CREATE FUNCTION p2ptext.detect_layout(relation regclass)
RETURNS TABLE (layout text, title text, matched int, missing int, unknown int, share numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT * FROM p2ptext.rank_layouts(p2ptext.relation_columns(detect_layout.relation));
	IF NOT FOUND THEN
		RAISE NOTICE 'no known layout fits relation %', relation
			USING HINT = 'Name the columns in add_source(key => ..., phone => ...), or describe the file with add_layout().';
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.detect_layout(regclass) IS
'the layouts that a relation may have, best first: how many columns of the layout it has and lacks, how many of its own the layout does not know, and the share of the layout that is there';

-- Lets a name be written without a cast, beside the one that takes an array.
CREATE FUNCTION p2ptext.detect_layout(relation text)
RETURNS TABLE (layout text, title text, matched int, missing int, unknown int, share numeric)
LANGUAGE sql STABLE
AS $$ SELECT * FROM p2ptext.detect_layout($1::regclass) $$;
COMMENT ON FUNCTION p2ptext.detect_layout(text) IS 'the layouts that a relation, given by name, may have, best first';

-- One field's value in add_layout(): a column, an expression, an object with
-- conditions, or a list of those.
CREATE FUNCTION p2ptext.layout_alternatives(field text, value jsonb)
RETURNS TABLE (preference int, expression text, unless text, only_when text)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	entry jsonb;
BEGIN
	preference := 0;
	FOR entry IN SELECT e FROM jsonb_array_elements(
		CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END) e
	LOOP
		preference := preference + 1;
		IF jsonb_typeof(entry) = 'string' THEN
			entry := jsonb_build_object('phone', entry);
		ELSIF field <> 'phone' OR jsonb_typeof(entry) <> 'object' OR entry - '{phone,unless,when}'::text[] <> '{}'
			OR EXISTS (SELECT FROM jsonb_each(entry) e WHERE jsonb_typeof(e.value) <> 'string') OR NOT entry ? 'phone' THEN
			RAISE EXCEPTION 'field "%" cannot be read', field
				USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is: %s', entry),
				HINT = 'Write a column or an SQL expression as a string, or a list of those in order of preference;'
					' a phone may also be {"phone": "cell", "unless": "do_not_call = ''Y''"} or have a "when".';
		END IF;
		expression := entry ->> 'phone';
		unless := entry ->> 'unless';
		only_when := entry ->> 'when';
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION p2ptext.layout_alternatives(text, jsonb) IS 'the expressions of a field in order of preference, or a clear error';

CREATE FUNCTION p2ptext.add_layout(name text, columns text[], fields jsonb, title text DEFAULT NULL,
	kind text DEFAULT 'vendor', aliases text[] DEFAULT '{}', signature text[] DEFAULT '{}',
	state text DEFAULT NULL, delimiter text DEFAULT NULL, quote text DEFAULT NULL,
	has_header boolean DEFAULT true, encoding text DEFAULT NULL, history text DEFAULT NULL,
	patterns jsonb DEFAULT '{}', certainty text DEFAULT NULL, notes text DEFAULT NULL)
RETURNS p2ptext.layout
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	made p2ptext.layout;
	wrong record;
BEGIN
	PERFORM p2ptext.require_member('manager');
	PERFORM p2ptext.check_name('layout', name);
	IF kind IS NULL OR kind NOT IN ('state', 'vendor', 'tool', 'results', 'plain') THEN
		RAISE EXCEPTION 'kind "%" of layout is not known', kind
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Kinds are: state, vendor, tool, results, plain.';
	ELSIF pg_char_to_encoding(encoding) < 0 THEN
		RAISE EXCEPTION 'encoding "%" is not known', encoding
			USING ERRCODE = 'undefined_object',
			HINT = 'Use a name that COPY takes, such as UTF8, LATIN1 or WIN1252.';
	ELSIF EXISTS (SELECT FROM p2ptext.layout l WHERE l.name = name) THEN
		RAISE EXCEPTION 'layout "%" already exists', name
			USING ERRCODE = 'duplicate_object',
			DETAIL = (SELECT format('It is "%s".', l.title) FROM p2ptext.layout l WHERE l.name = name),
			HINT = 'Give yours another name' || CASE WHEN (SELECT l.built_in FROM p2ptext.layout l WHERE l.name = name)
				THEN '.' ELSE ', or DELETE FROM p2ptext.layout the old one.' END;
	ELSIF octet_length(delimiter) <> 1 OR octet_length(quote) <> 1 THEN
		RAISE EXCEPTION 'delimiter and quote must be single one-byte characters'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO p2ptext.layout (name, title, kind, aliases, signature, state, delimiter, quote,
								has_header, encoding, history, certainty, notes)
	VALUES (name, coalesce(title, name), kind, aliases, signature, state, delimiter, quote,
			has_header, encoding, history, certainty, notes)
	RETURNING * INTO made;
	INSERT INTO p2ptext.layout_column (layout, position, names, pattern)
	SELECT made.name, c.nth, n.names, patterns ->> n.names[1]
	FROM unnest(columns) WITH ORDINALITY AS c(names, nth)
	CROSS JOIN LATERAL regexp_split_to_array(c.names, '\s*\|\s*') AS n(names);
	-- A column as such, or an expression with columns in braces.
	INSERT INTO p2ptext.layout_field (layout, field, preference, expression, unless, only_when)
	SELECT made.name, f.key, a.preference,
		   coalesce((SELECT '{' || c.names[1] || '}' FROM p2ptext.layout_column c
					 WHERE c.layout = made.name AND c.names[1] = a.expression), a.expression),
		   a.unless, a.only_when
	FROM jsonb_each(fields) f
	CROSS JOIN LATERAL p2ptext.layout_alternatives(f.key, f.value) a;

	-- A name that no column has would never be found.
	SELECT w.what, w.name INTO wrong
	FROM (SELECT format('field "%s"', f.field), r.name
		  FROM p2ptext.layout_field f
		  CROSS JOIN unnest(coalesce(nullif(p2ptext.layout_references(f.expression), '{}'), ARRAY[f.expression])
				|| p2ptext.layout_references(f.unless) || p2ptext.layout_references(f.only_when)) AS r(name)
		  WHERE f.layout = made.name
		  UNION ALL
		  SELECT 'the signature', s.name FROM unnest(signature) AS s(name)
		  UNION ALL
		  SELECT 'a pattern', p.name FROM jsonb_object_keys(patterns) AS p(name)) AS w(what, name)
	WHERE NOT EXISTS (SELECT FROM p2ptext.layout_column c
					  WHERE c.layout = made.name AND p2ptext.plain_column(c.names[1]) = p2ptext.plain_column(w.name))
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'layout "%" has no column "%"', name, wrong.name
			USING ERRCODE = 'undefined_column',
			DETAIL = format('It is named by %s.', wrong.what),
			HINT = 'List it in columns, as "name" or "name|older name". In expressions, write columns in braces: lpad({zip}, 5, ''0'').';
	END IF;
	RETURN made;
END
$$;
COMMENT ON FUNCTION p2ptext.add_layout(text, text[], jsonb, text, text, text[], text[], text, text, text, boolean, text, text, jsonb, text, text) IS
'describes a voter file: its columns in order, each "name" or "name|other name|...", and fields as {"key": "id", "phone": ["cell", {"phone": "landline", "unless": "{dnc} = ''Y''"}], "first_name": "first"}, where an expression writes columns in braces';
