-- The type: what goes in comes out, and equality is of the text
SELECT 'Hi {{first_name|there}}'::p2ptext.script;
SELECT 'a'::p2ptext.script OPERATOR(p2ptext.=) 'a'::text AS eq, 'a'::p2ptext.script OPERATOR(p2ptext.<>) 'b' AS ne;
SELECT s, count(*) FROM (VALUES ('{{a}}'::p2ptext.script), ('{{a}}'), ('{{b}}')) v (s) GROUP BY s ORDER BY s::text;
CREATE TEMP TABLE script (id int, body p2ptext.script);
INSERT INTO script SELECT 1, 'from {{text}}'::text;
INSERT INTO script VALUES (2, 'a literal'), (3, repeat('long {{x}} ', 2000));
SELECT id, left(body::text, 20) AS body, length(body::text) FROM script ORDER BY id;
SELECT * FROM script WHERE body OPERATOR(p2ptext.=) 'a literal';
COPY script (body) FROM stdin;
copied {{in}}
\.
SELECT p2ptext.render(body, '{"in": "and out"}'::jsonb) FROM script WHERE id IS NULL;
-- Mistakes are named, with their place
SELECT 'Hi {{#x}} there'::p2ptext.script;
SELECT 'Hi {{#x}}{{#y}} there{{/x}}{{/y}}'::p2ptext.script;
SELECT 'Hi {{/x}}'::p2ptext.script;
SELECT 'Hi {{first_name'::p2ptext.script;
SELECT 'Hi {{{first_name}}'::p2ptext.script;
SELECT 'ééé {{}}'::p2ptext.script;
SELECT 'Hi {{a..b}}'::p2ptext.script;
SELECT 'Hi {{|there}}'::p2ptext.script;
SELECT 'Hi {{>}}'::p2ptext.script;
SELECT 'Hi {{= =}}'::p2ptext.script;
SELECT 'Hi {{=a b c=}}'::p2ptext.script;
SELECT p2ptext.script(repeat('{{#x}}', 33) || repeat('{{/x}}', 33));
SELECT p2ptext.script(repeat('x', 65536));
SELECT length(p2ptext.script(repeat('x', 65535))::text);
INSERT INTO script VALUES (4, 'never {{#stored}}');
-- From rows
CREATE TYPE pg_temp.place AS (city text, zip char(9));
CREATE TEMP TABLE voter (
	id bigint, first_name varchar(20), "Last Name" text, age int, born date, score numeric(6,2),
	active boolean, home pg_temp.place, tags text[], extra jsonb, notes json, gone text, pad char(10));
ALTER TABLE voter DROP COLUMN gone;
INSERT INTO voter VALUES
	(1, 'Ann', 'O''Hara', 41, '1985-02-03', 12.50, true, ('Raleigh', '27601'), '{dem,gotv}', '{"dog": {"name": "Rex"}, "n": 1.21, "no": null}', '{"j": ["x", "y"]}', 'pad'),
	(2, ' ', NULL, NULL, NULL, NULL, false, NULL, '{}', NULL, NULL, NULL);
SELECT id, p2ptext.render('{{id}} {{first_name}} {{Last Name}} {{age}} {{born}} {{score}} {{active}} {{home.city}} {{home.zip}} {{tags}} {{extra.dog.name}} {{extra.n}} {{notes.j}} {{pad}}.', v) FROM voter v ORDER BY id;
SET datestyle = 'SQL, DMY';
SELECT p2ptext.render('{{born}}', v) FROM voter v WHERE id = 1;
RESET datestyle;
SELECT p2ptext.render('{{home}} {{extra}} {{.}}', (SELECT r FROM (SELECT home, extra FROM voter WHERE id = 1) r));
SELECT id, p2ptext.render('{{first_name|friend}}{{#age}}, {{age}}{{/age}}{{^age}}, ageless{{/age}}{{#active}} active{{/active}}{{#tags}} #{{.}}{{/tags}}{{^tags}} untagged{{/tags}}{{#home}} of {{city}}{{/home}}{{#first_name}} named{{/first_name}}', v)
FROM voter v ORDER BY id;
-- Names that are not there, and dotted names that end nowhere
SELECT p2ptext.render('[{{gone}}{{FIRST_NAME}}{{first_name.x}}{{home.city.x}}{{nobody.home}}]', v) FROM voter v WHERE id = 1;
-- A record of a subquery, with a row in it: as launch() renders
SELECT p2ptext.render_strict('Hi {{first_name}}, it''s {{texter.first_name}}', m)
FROM (SELECT v.first_name, t AS texter FROM voter v, (SELECT 'Sam' AS first_name, 3 AS x) t WHERE id = 1) m;
SELECT p2ptext.render('{{f1}} {{f2}}', ROW('x'::text, 2));
-- Other layouts at one call site
SELECT p2ptext.render('{{a}}|{{b}}', r) FROM (SELECT 'x'::text AS a, 1 AS b) r
UNION ALL SELECT p2ptext.render('{{a}}|{{b}}', r) FROM (SELECT 2 AS b, 'y'::text AS a) r;
CREATE TYPE pg_temp.shape AS (a text, b text);
DO $$
DECLARE
	r pg_temp.shape := ('one', 'two');
	s p2ptext.script;
	t text := '';
BEGIN
	FOR i IN 1..3 LOOP
		s := CASE i WHEN 2 THEN '{{b}}' ELSE '{{a}}' END;
		t := t || p2ptext.render(s, r) || ' ';
	END LOOP;
	RAISE NOTICE '%', t;
END $$;
CREATE FUNCTION pg_temp.any_row(r anyelement) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN p2ptext.render('{{a}}/{{b}}', r);
END $$;
SELECT pg_temp.any_row(ROW('x', 'y')::pg_temp.shape);
ALTER TYPE pg_temp.shape ADD ATTRIBUTE c int, DROP ATTRIBUTE a;
SELECT pg_temp.any_row(ROW('y', 3)::pg_temp.shape);
-- A wide row, an added column with a default, a scalar, an array, a domain
SELECT p2ptext.render('{{c1}} {{c60}}', w)
FROM (SELECT 1 AS c1,2 AS c2,3 c3,4 c4,5 c5,6 c6,7 c7,8 c8,9 c9,10 c10,11 c11,12 c12,13 c13,14 c14,15 c15,16 c16,17 c17,18 c18,19 c19,20 c20,
	21 c21,22 c22,23 c23,24 c24,25 c25,26 c26,27 c27,28 c28,29 c29,30 c30,31 c31,32 c32,33 c33,34 c34,35 c35,36 c36,37 c37,38 c38,39 c39,40 c40,
	41 c41,'last'::text AS c60) w;
ALTER TABLE voter ADD COLUMN party text DEFAULT 'NPA';
SELECT p2ptext.render('{{party}} {{first_name}}', v) FROM voter v WHERE id = 1;
SELECT p2ptext.render('{{.}}', 7), p2ptext.render('{{#.}}<{{.}}>{{/.}}', ARRAY[1,NULL,3]), p2ptext.render('{{.}}', 'x'::text);
CREATE DOMAIN pg_temp.short AS text CHECK (length(VALUE) < 9);
SELECT p2ptext.render('{{d}}', r) FROM (SELECT 'dom'::pg_temp.short AS d) r;
-- Toasted values and compressed scripts
CREATE TEMP TABLE big (id int, body text);
INSERT INTO big SELECT 1, string_agg(md5(i::text), '') FROM generate_series(1, 3000) i;
SELECT length(p2ptext.render('{{body}}', b)), md5(p2ptext.render('{{body}}', b)) = md5(body) AS same FROM big b;
SELECT length(p2ptext.render(body, '{"x": "y"}'::jsonb)) FROM script WHERE id = 3;
-- Literal text stays literal, whatever is in it
SELECT p2ptext.render('{{a}} {{b}} $1 \1 $& %s {x} {{{a}}} {{&a}}', '{"a": "{{b}} $& \\1 %s <&>", "b": "{{{a}}}"}'::jsonb);
-- Strictness: who must be held back, and why
CREATE TEMP TABLE contact (id int, first_name text, city text, nick text);
INSERT INTO contact VALUES (1, 'Ann', 'Cary', 'An'), (2, NULL, 'Cary', NULL), (3, E' \t', '', 'x'), (4, E'\u00a0', NULL, '');
SELECT id, p2ptext.render_strict(s, c), p2ptext.missing_fields(s, c)
FROM contact c, (VALUES ('Hi {{first_name}} of {{city}}{{#nick}} ({{nick}}){{/nick}}!'::p2ptext.script)) v (s) ORDER BY id;
SELECT id, p2ptext.render_strict('Hi {{first_name|there}} of {{city|}}!', c) FROM contact c ORDER BY id;
SELECT p2ptext.missing_fields('{{a}} {{b.c}} {{a}} {{d|x}} {{#e}}{{f}}{{/e}}{{^e}}{{g}}{{/e}} {{> nowhere}}', '{"b": {}}'::jsonb);
SELECT p2ptext.render_strict('{{a}}', '{"a": false}'::jsonb), p2ptext.render_strict('{{a}}', '{"a": 0}'::jsonb);
SELECT p2ptext.render(NULL, 1) IS NULL AS no_script, p2ptext.render('x', NULL::text) IS NULL AS no_row;
-- Looking inside
SELECT p2ptext.script_fields('{{a}} {{b.c|x}} {{#d}}{{a}}{{.}}{{/d}}{{^e}}{{> f}}{{/e}}{{! g }}'),
       p2ptext.script_snippets('{{> f}}{{>g}}{{>f}}'), p2ptext.script_fields('none');
-- Snippets: read anew when they change, also inside one function
INSERT INTO p2ptext.snippet VALUES ('paid', 'Paid for by {{committee|us}}'), ('self', '{{> self}}'), ('twice', '{{> twice}}{{> twice}}');
SELECT p2ptext.render(E'Hi\n  {{> paid}}\n{{> stop}}Bye', '{"committee": "Rivera"}'::jsonb);
SELECT p2ptext.render('{{> self}}', 1);
SELECT p2ptext.render('{{> twice}}', 1);
DO $$
BEGIN
	FOR i IN 1..3 LOOP
		UPDATE p2ptext.snippet SET body = 'v' || i WHERE name = 'paid';
		RAISE NOTICE '%', p2ptext.render('{{> paid}}', 1);
	END LOOP;
END $$;
SELECT p2ptext.render('{{> paid}}', 1);
DELETE FROM p2ptext.snippet;
SELECT p2ptext.render_strict('{{> paid}}', 1) IS NULL AS held_back;
-- Near misses, and variants
SELECT n, p2ptext.nearest_name(n, '{first_name,last_name,city,zip_code,"Voter File VANID"}')
FROM unnest('{fist_name,FirstName,firstname,lastname,City,zip,zipcode,phone,voterfilevanid,""}'::text[]) n;
SELECT p2ptext.nearest_name('x', '{}'), p2ptext.nearest_name('abc', '{NULL,abd}');
SELECT v, count(*) BETWEEN 1900 AND 2100 AS about_a_fifth, count(*) BETWEEN 5850 AND 6150 AS about_three
FROM (SELECT p2ptext.pick_variant(i::text, '{1,0,3,1}') AS v FROM generate_series(1, 10000) i) p GROUP BY v ORDER BY v;
SELECT p2ptext.pick_variant('k', '{1,1}') = p2ptext.pick_variant('k', '{1,1}') AS steady,
       p2ptext.pick_variant('k', '{0}'), p2ptext.pick_variant('k', '{}'), p2ptext.pick_variant('k', '{0,5}');
SELECT p2ptext.pick_variant('k', '{1,-1}');
SELECT p2ptext.pick_variant('k', '{1,NULL}');
-- Honest labels
SELECT proname, provolatile, proisstrict, proparallel, count(*)
FROM pg_proc WHERE pronamespace = 'p2ptext'::regnamespace
 AND proname IN ('render', 'render_strict', 'missing_fields', 'script_fields', 'script_snippets', 'sms_encoding', 'sms_units',
                 'sms_segments', 'sms_split', 'sms_gsm', 'sms_why', 'sms_problem', 'phone', 'phone_problem', 'phone_details',
                 'phone_timezones', 'zip_timezones', 'state_timezones', 'classify_reply', 'reply_words', 'proper_name', 'nearest_name',
                 'pick_variant', 'next_texting_time', 'texting_window')
GROUP BY 1, 2, 3, 4 ORDER BY 1;
