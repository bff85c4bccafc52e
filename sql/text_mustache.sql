-- The core of the Mustache specification, all 136 cases of it
\set comments `cat test/data/mustache-spec/comments.json`
\set delimiters `cat test/data/mustache-spec/delimiters.json`
\set interpolation `cat test/data/mustache-spec/interpolation.json`
\set inverted `cat test/data/mustache-spec/inverted.json`
\set partials `cat test/data/mustache-spec/partials.json`
\set sections `cat test/data/mustache-spec/sections.json`
CREATE TEMP TABLE spec AS
SELECT module, t->>'name' AS name, t->>'template' AS template,
       t->'data' AS data, t->>'expected' AS expected,
       coalesce(t->'partials', '{}') AS partials,
       NULL::text AS text_mode, NULL::text AS html_mode
FROM (VALUES ('comments', :'comments'::jsonb), ('delimiters', :'delimiters'),
             ('interpolation', :'interpolation'), ('inverted', :'inverted'),
             ('partials', :'partials'), ('sections', :'sections')) m (module, spec),
     jsonb_array_elements(spec->'tests') t;
SELECT module, count(*) FROM spec GROUP BY module ORDER BY module;
-- HTML escaping is not offered to users; the code is there for this test
CREATE FUNCTION pg_temp.render_html(p2ptext.script, jsonb) RETURNS text
	AS '$libdir/p2ptext', 'p2ptext_render_html' LANGUAGE C STABLE STRICT;
BEGIN;
DO $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT * FROM spec LOOP
		DELETE FROM p2ptext.snippet;
		INSERT INTO p2ptext.snippet SELECT * FROM jsonb_each_text(c.partials);
		UPDATE spec SET text_mode = p2ptext.render(template, data),
		                html_mode = pg_temp.render_html(template, data)
		WHERE (module, name) = (c.module, c.name);
	END LOOP;
END $$;
SELECT count(*) FILTER (WHERE text_mode = expected) AS in_text_mode,
       count(*) FILTER (WHERE html_mode = expected) AS in_html_mode
FROM spec;
-- in text mode, exactly those that want HTML
SELECT module, name, text_mode, expected
FROM spec WHERE text_mode IS DISTINCT FROM expected ORDER BY 1, 2;
SELECT module, name, html_mode, expected
FROM spec WHERE html_mode IS DISTINCT FROM expected ORDER BY 1, 2;
ROLLBACK;
