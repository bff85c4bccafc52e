-- Relations of any shape are adopted in place; what cannot work is told.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA source_test;
SET search_path = source_test, public;

-- tables, views, partitions, foreign tables, with keys of any type
CREATE TABLE voters (id int PRIMARY KEY, cell text, "First Name" text, zip text);
INSERT INTO voters VALUES (1, '(919) 555-0001', 'ANN', '27601'), (2, '919.555.0002', 'BO', '60601');
CREATE VIEW int_view AS SELECT id AS voter, cell FROM voters;
CREATE MATERIALIZED VIEW text_view AS SELECT 'NC' || id AS ncid, cell FROM voters;
CREATE TABLE uuids (key uuid NOT NULL UNIQUE, phone bigint);
INSERT INTO uuids VALUES ('00000000-0000-0000-0000-000000000001', 9195550003);
CREATE TABLE parts (state text, id int, cell text, PRIMARY KEY (state, id)) PARTITION BY LIST (state);
CREATE TABLE parts_nc PARTITION OF parts FOR VALUES IN ('NC');
CREATE TABLE parts_va PARTITION OF parts FOR VALUES IN ('VA');
INSERT INTO parts VALUES ('NC', 1, '919-555-0004'), ('VA', 1, '804-555-0004');

SELECT name, relation, key, phone, fields FROM p2ptext.add_source('table', 'voters', key => 'id', phone => 'cell');
SELECT name, relation, key FROM p2ptext.add_source('int view', 'int_view', key => 'voter', phone => 'cell');
SELECT name, relation, key FROM p2ptext.add_source('text view', 'text_view', key => 'ncid', phone => 'cell');
SELECT name, relation, key FROM p2ptext.add_source('uuid', 'uuids', key => 'key', phone => 'phone');
SELECT name, key FROM p2ptext.add_source('parts', 'parts', key => $$state || '-' || id$$, phone => 'cell');

-- an expression wherever a column may stand, and columns that need quotes
SELECT key, phone, timezone, fields
FROM p2ptext.add_source('source mapped', 'voters', key => 'id % 1000 -- short', phone => $$'+1' || regexp_replace(cell, '\D', '', 'g')$$,
	timezone => 'p2ptext.zip_timezones(zip)',
	fields => '{"first_name": "p2ptext.proper_name(\"First Name\")", "raw": "First Name", "five": "2 + 3"}');
SELECT p2ptext.source_fields(s) FROM p2ptext.find_source('source mapped') s;
SELECT f, p2ptext.source_field(s, f) FROM p2ptext.find_source('source mapped') s, unnest('{raw,First Name,first_name,nowhere}'::text[]) f;
SELECT timezone FROM p2ptext.add_source('one zone', 'voters', 'id', 'cell', timezone => $$'America/Chicago'$$);

-- columns that are called like our own names
CREATE TABLE odd (key int PRIMARY KEY, phone text, body text, texter text, v text, s text, f text, m text, t text,
	x text, raw text, reason text, "p2ptext key" text, "select" text, """quoted""" text, "Größe" text);
INSERT INTO odd VALUES (1, '919-555-0005', 'body', 'texter', 'v', 's', 'f', 'm', 't', 'x', 'raw', 'reason', 'p', 'select', 'quoted', 'groß');
SELECT name FROM p2ptext.add_source('odd', 'odd', 'key', 'phone');
SELECT name FROM p2ptext.add_segment('odd', 'odd', $$body = 'body' AND f = v.f AND x <> m$$);
SELECT name FROM p2ptext.add_gateway('source-test', 'loopback');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'source-test';
SELECT name FROM p2ptext.create_campaign('odd', 'odd', 'source-test', mode => 'broadcast', script =>
	'{{key}} {{phone}} {{body}} {{v}} {{s}} {{f}} {{m}} {{t}} {{x}} {{raw}} {{reason}} {{p2ptext key}} {{select}} {{"quoted"}} {{Größe}}');
SELECT voter_key, body, problem FROM p2ptext.preview('odd');
SELECT * FROM p2ptext.launch('odd');
SELECT body FROM p2ptext.outbox JOIN p2ptext.campaign c ON c.id = campaign_id WHERE c.name = 'odd';

-- what is not there
SELECT p2ptext.add_source('bad', 'voters', key => 'voter_id', phone => 'cell');
SELECT p2ptext.add_source('bad', 'voters', key => 'id', phone => 'first name');
SELECT p2ptext.add_source('bad', 'voters', key => 'id', phone => 'cell', fields => '{"name": "nickname"}');
SELECT p2ptext.add_source('bad', 'voters', key => 'id', phone => 'cell', timezone => 'id');
SELECT p2ptext.add_source('bad', 'voters', key => NULL, phone => 'cell');
SELECT p2ptext.add_source('bad', 'voters', key => 'id', phone => NULL);
SELECT p2ptext.add_source('bad', NULL, key => 'id', phone => 'cell');
SELECT p2ptext.add_source('bad', 'nowhere', key => 'id', phone => 'cell');
SELECT p2ptext.add_source('bad', 'voters_pkey', key => 'id', phone => 'cell');
CREATE TEMP TABLE passing (id int PRIMARY KEY, cell text);
SELECT p2ptext.add_source('bad', 'passing', key => 'id', phone => 'cell');
SELECT p2ptext.add_source('table', 'voters', key => 'id', phone => 'cell');
SELECT p2ptext.find_source('tabel');

-- fields that no script could name, or that are no expressions
SELECT p2ptext.add_source('bad', 'voters', 'id', 'cell', fields => '{"texter": "zip"}');
SELECT p2ptext.add_source('bad', 'voters', 'id', 'cell', fields => '{"a.b": "zip"}');
SELECT p2ptext.add_source('bad', 'voters', 'id', 'cell', fields => '{"a": null}');
SELECT p2ptext.add_source('bad', 'voters', 'id', 'cell', fields => '{"a": {"b": "zip"}}');
SELECT p2ptext.add_source('bad', 'voters', 'id', 'cell', fields => '["zip"]');

-- keys that repeat, or that some voters lack
CREATE TABLE bad_keys (id int, cell text);
INSERT INTO bad_keys VALUES (1, '1'), (2, '2'), (2, '3');
SELECT p2ptext.add_source('bad', 'bad_keys', 'id', 'cell');
SELECT p2ptext.add_source('bad', 'bad_keys', 'id / 5', 'cell');
SELECT p2ptext.add_source('bad', 'parts', 'id', 'cell');
UPDATE bad_keys SET id = NULL WHERE cell <> '1';
SELECT p2ptext.add_source('bad', 'bad_keys', 'id', 'cell');
-- a unique index allows nulls, and speaks for neither some rows nor heirs
CREATE UNIQUE INDEX bad_keys_idx ON bad_keys (id);
SELECT p2ptext.add_source('bad', 'bad_keys', 'id', 'cell');
CREATE TABLE some_keys (id int NOT NULL, cell text);
INSERT INTO some_keys VALUES (7, '1'), (7, NULL);
CREATE UNIQUE INDEX ON some_keys (id) WHERE cell IS NOT NULL;
SELECT p2ptext.add_source('bad', 'some_keys', 'id', 'cell');
CREATE TABLE heir () INHERITS (voters);
INSERT INTO heir VALUES (1, '919-555-0001');
SELECT p2ptext.add_source('bad', 'voters', 'id', 'cell');
DROP TABLE heir;

-- one expression and nothing else, in every place where one may stand
CREATE FUNCTION attempt(place text, expression text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	CASE place
		WHEN 'key' THEN PERFORM p2ptext.add_source('attack', 'voters', expression, 'cell');
		WHEN 'phone' THEN PERFORM p2ptext.add_source('attack', 'voters', 'id', expression);
		WHEN 'timezone' THEN PERFORM p2ptext.add_source('attack', 'voters', 'id', 'cell', timezone => expression);
		WHEN 'field' THEN PERFORM p2ptext.add_source('attack', 'voters', 'id', 'cell', jsonb_build_object('x', expression));
		WHEN 'predicate' THEN PERFORM p2ptext.add_segment('attack', 'table', expression);
	END CASE;
	RETURN 'TAKEN';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT attack, count(*) FILTER (WHERE outcome = 'TAKEN') AS taken, min(outcome) FILTER (WHERE place = 'phone') AS told
FROM unnest('{key,phone,timezone,field,predicate}'::text[]) AS place,
	unnest(ARRAY['1); DROP TABLE voters; --', '1)::text, (2', 'cell FROM voters; --', 'cell FROM voters', 'id, cell',
		'(SELECT cell FROM voters)', 'EXISTS (SELECT)', 'id IN (VALUES (1))', 'ARRAY(SELECT 1) = ''{}''',
		'max(cell)', 'row_number() OVER ()', 'generate_series(1, 2)', 'cell AS x', '*', 'DISTINCT cell',
		'cell ORDER BY 1', 'cell LIMIT 1', 'cell UNION SELECT 1', 'cell FOR UPDATE', '$1', '', ' ', '-- nothing', '/*',
		'cell /*', '''', 'cell) --', '1 / 0', 's.script', 'cell INTO x']) WITH ORDINALITY a(attack, nth),
	attempt(place, attack) AS outcome
GROUP BY nth, attack ORDER BY nth;
SELECT p2ptext.check_expression(NULL), p2ptext.check_expression('a + b -- and a word');

-- dropped later: everybody who needs it is told, and it may come back
SELECT name FROM p2ptext.add_segment('view', 'int view', 'voter > 0');
SELECT name FROM p2ptext.create_campaign('view', 'view', 'source-test', 'Hello');
DROP VIEW int_view;
SELECT p2ptext.count_segment('view');
SELECT * FROM p2ptext.preview('view');
SELECT * FROM p2ptext.launch('view');
CREATE VIEW int_view AS SELECT id AS voter, cell FROM voters;
SELECT p2ptext.count_segment('view');
ALTER VIEW int_view RENAME COLUMN cell TO mobile;
SELECT * FROM p2ptext.launch('view');
UPDATE p2ptext.source SET phone = 'v.mobile' WHERE name = 'int view';
-- a key that begins to repeat keeps a campaign from being launched
CREATE OR REPLACE VIEW int_view AS SELECT 1 AS voter, cell AS mobile FROM voters;
SELECT * FROM p2ptext.launch('view');
CREATE OR REPLACE VIEW int_view AS SELECT id AS voter, cell AS mobile FROM voters;
SELECT * FROM p2ptext.launch('view');
