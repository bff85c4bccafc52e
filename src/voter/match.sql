-- match.sql
--	  A layout put beside a relation: which field comes from which column.
--
-- What comes out is SQL over the relation, called v, as a source stores it.

-- A column as text.  Text columns stay bare, so that an index on them serves.
CREATE FUNCTION p2ptext.column_text(relation regclass, name text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'v.' || quote_ident(a.attname)
		|| CASE WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype) THEN '' ELSE '::text' END
	FROM pg_attribute a
	WHERE a.attrelid = relation AND a.attname = name AND a.attnum > 0 AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION p2ptext.column_text(regclass, text) IS 'the SQL expression of a column as text';

-- The parts between references are kept as they are, so that a name of a
-- column that looks like a reference does no harm.
CREATE FUNCTION p2ptext.layout_expression(expression text, columns jsonb) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN bool_and(p.name IS NULL OR columns ? p2ptext.plain_column(p.name))
		   THEN string_agg(p.part || coalesce(columns ->> p2ptext.plain_column(p.name), ''), '' ORDER BY p.nth) END
	FROM unnest(regexp_split_to_array(expression, '\{[^{}]*[^{}0-9,][^{}]*\}'),
				p2ptext.layout_references(expression)) WITH ORDINALITY AS p(part, name, nth)
$$;
COMMENT ON FUNCTION p2ptext.layout_expression(text, jsonb) IS
'an expression of a layout as SQL, given the SQL of each column by its plain name; NULL when a column is missing';

-- A line comment must not swallow what follows.
CREATE FUNCTION p2ptext.enclosed(expression text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT '(' || expression || CASE WHEN strpos(expression, '--') > 0 THEN E'\n)' ELSE ')' END $$;
COMMENT ON FUNCTION p2ptext.enclosed(text) IS 'an SQL expression in parentheses';

CREATE FUNCTION p2ptext.phone_under(phone text, unless text, only_when text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN unless IS NULL AND only_when IS NULL THEN phone
		ELSE 'CASE' || coalesce(' WHEN ' || p2ptext.enclosed(unless) || ' THEN NULL', '')
			|| coalesce(' WHEN ' || p2ptext.enclosed(only_when) || ' IS NOT TRUE THEN NULL', '')
			|| ' ELSE ' || p2ptext.enclosed(phone) || '::text END' END
$$;
COMMENT ON FUNCTION p2ptext.phone_under(text, text, text) IS 'the SQL of a phone that is NULL under some conditions';

CREATE FUNCTION p2ptext.phone_choice(phones text[], region text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN count(*) > 1
		THEN 'p2ptext.first_textable(ARRAY['
			|| string_agg(p2ptext.enclosed(p.phone) || '::text', ', ' ORDER BY p.nth)
			|| '], ' || quote_literal(region) || ')'
		ELSE min(p.phone) END
	FROM unnest(phones) WITH ORDINALITY AS p(phone, nth)
$$;
COMMENT ON FUNCTION p2ptext.phone_choice(text[], text) IS 'the SQL that chooses among phones, given as SQL in order of preference';

-- Help for whom nothing fits: columns by the look of their names.
CREATE FUNCTION p2ptext.likely_columns(relation regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(' Columns that look like a key: '
		|| nullif(string_agg(quote_ident(c.name), ', ' ORDER BY c.nth)
				  FILTER (WHERE c.plain ~ '^(record|contact|person|voter)?id|(id|key|guid|uuid|regid|number|nbr)$' AND c.plain !~ 'phone|cell|house|street|valid'), '') || '.', '')
		|| coalesce(' Columns that look like a phone: '
		|| nullif(string_agg(quote_ident(c.name), ', ' ORDER BY c.nth)
				  FILTER (WHERE c.plain ~ '(phone|cell|mobile|wireless|landline|telnum|sms)'), '') || '.', '')
	FROM (SELECT u.name, p2ptext.plain_column(u.name) AS plain, u.nth
		  FROM unnest(p2ptext.relation_columns(relation)) WITH ORDINALITY AS u(name, nth)) c
$$;
COMMENT ON FUNCTION p2ptext.likely_columns(regclass) IS 'sentences that name the columns which may be a key or a phone';

-- The layout asked for, by name or as auto.
CREATE FUNCTION p2ptext.choose_layout(relation regclass, layout text) RETURNS p2ptext.layout
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	detected text;
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'no relation was given'
			USING ERRCODE = 'null_value_not_allowed';
	ELSIF lower(layout) IS DISTINCT FROM 'auto' THEN
		RETURN p2ptext.find_layout(layout);
	END IF;
	detected := p2ptext.detect_layout(p2ptext.relation_columns(relation));
	IF detected IS NULL THEN
		RAISE EXCEPTION 'no known layout fits relation %', relation
			USING ERRCODE = 'undefined_object',
			HINT = 'Name the columns: key => ..., phone => ... .' || p2ptext.likely_columns(relation);
	END IF;
	RETURN p2ptext.find_layout(detected);
END
$$;
COMMENT ON FUNCTION p2ptext.choose_layout(regclass, text) IS 'a layout by name, or the one that fits a relation best, or a clear error';

CREATE FUNCTION p2ptext.match_layout(relation regclass, layout text DEFAULT 'auto')
RETURNS TABLE (field text, preference int, columns text[], expression text, status text, note text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	lay p2ptext.layout := p2ptext.choose_layout(relation, layout);
	given text[] := p2ptext.relation_columns(relation);
	used text[];
	sql_of jsonb;
	name_of jsonb;
	also jsonb;
BEGIN
	SELECT coalesce(jsonb_object_agg(p2ptext.plain_column(f.name), p2ptext.column_text(match_layout.relation, f.column)), '{}'),
		   coalesce(jsonb_object_agg(p2ptext.plain_column(f.name), f.column), '{}'),
		   coalesce(jsonb_object_agg(f.column, f.others) FILTER (WHERE f.others <> '{}'), '{}'),
		   array_agg(f.column)
	INTO sql_of, name_of, also, used
	FROM p2ptext.found_columns(given) f WHERE f.layout = lay.name;

	RETURN QUERY
	SELECT m.field, m.preference, m.columns,
		   -- A key keeps its type, so that its index serves.
		   CASE WHEN m.field = 'key' AND m.bare AND m.sql IS NOT NULL THEN 'v.' || quote_ident(m.columns[1])
				WHEN m.field = 'phone' THEN p2ptext.phone_under(m.sql, m.unless, m.only_when)
				ELSE m.sql END,
		   CASE WHEN NOT m.usable THEN 'not found'
				WHEN m.field <> 'phone' AND m.rank > 1 THEN 'spare' ELSE 'used' END,
		   nullif(concat_ws('; ',
				'without ' || nullif((SELECT string_agg(DISTINCT r.name, ', ') FROM unnest(m.refs) AS r(name)
					WHERE NOT name_of ? p2ptext.plain_column(r.name)), ''),
				'could also be ' || (SELECT string_agg(quote_ident(o.name), ', ') FROM unnest(m.columns) AS c(name),
					jsonb_array_elements_text(also -> c.name) AS o(name))), '')
	FROM (SELECT e.*, (e.sql IS NOT NULL AND (e.wanted IS NULL OR e.only_when IS NOT NULL)) AS usable,
				 row_number() OVER (PARTITION BY e.field, e.sql IS NOT NULL ORDER BY e.preference) AS rank
		  FROM (SELECT f.field, f.preference, x.refs, f.only_when AS wanted, f.expression ~ '^\{[^{}]+\}$' AS bare,
					   p2ptext.layout_expression(f.expression, sql_of) AS sql,
					   p2ptext.layout_expression(f.unless, sql_of) AS unless,
					   p2ptext.layout_expression(f.only_when, sql_of) AS only_when,
					   ARRAY(SELECT DISTINCT name_of ->> p2ptext.plain_column(r.name) FROM unnest(x.refs) AS r(name)
							 WHERE name_of ? p2ptext.plain_column(r.name)) AS columns
				FROM p2ptext.layout_field f
				CROSS JOIN LATERAL (SELECT p2ptext.layout_references(concat_ws(' ', f.expression, f.unless, f.only_when)) AS refs) x
				WHERE f.layout = lay.name) e) m
	ORDER BY m.field <> 'key', m.field <> 'phone', m.field COLLATE "C", m.preference;

	RETURN QUERY
	SELECT NULL::text, NULL::int, ARRAY[g.name], 'v.' || quote_ident(g.name),
		   CASE WHEN p2ptext.plain_column(g.name) ~ lay.history THEN 'vote history' ELSE 'unknown column' END, NULL::text
	FROM unnest(given) WITH ORDINALITY AS g(name, nth)
	WHERE g.name <> ALL (coalesce(used, '{}'))
	ORDER BY g.nth;
END
$$;
COMMENT ON FUNCTION p2ptext.match_layout(regclass, text) IS
'puts a layout, or the one that fits best, beside a relation: each field with its columns, its SQL over v, and whether it is used, a spare behind a preferred one, or not found; then the columns that the layout does not know';
