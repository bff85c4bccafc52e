-- What may be wrong with a source, in relations of every kind.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA check_test;
SET search_path = check_test;
CREATE TABLE voters (id text, cell text, zone text);
INSERT INTO voters SELECT 'NC' || i, '919556' || lpad((i % 40 + 1000)::text, 4, '0'), 'America/New_York' FROM generate_series(1, 50) i;
SELECT name FROM p2ptext.add_source('checked', 'voters', 'id', 'cell', timezone => 'zone');
SELECT * FROM p2ptext.check_source('checked');
-- each fix that is a statement can be run
SELECT fix FROM p2ptext.check_source('checked') WHERE fix IS NOT NULL \gexec
SELECT finding, status, fix FROM p2ptext.check_source('checked');
INSERT INTO voters VALUES ('', NULL, NULL), ('1.2E+12', '919-556-2001', 'Eastern'), ('e', '800 556 0001', ''),
	('f', '911', ''), ('NC"x', '+44 20 7946 0001', NULL), (E'"Index Cond": \\', 'none', NULL), (NULL, E'it''s 5', NULL);
SELECT * FROM p2ptext.check_source('checked');
SELECT fix FROM p2ptext.check_source('checked') WHERE finding ~ '^phone ' \gexec
DROP INDEX voters_id_idx;
INSERT INTO voters VALUES ('NC1', NULL), ('NC1', NULL), ('NC2', NULL);
SELECT finding, status, voters, detail FROM p2ptext.check_source('checked') WHERE finding ~ 'key';

-- relations of every kind
CREATE TABLE parts (state text, id int, cell text, PRIMARY KEY (state, id)) PARTITION BY LIST (state);
CREATE TABLE parts_nc PARTITION OF parts FOR VALUES IN ('NC');
CREATE TABLE parts_va PARTITION OF parts FOR VALUES IN ('VA');
INSERT INTO parts VALUES ('NC', 1, '919-556-0004'), ('VA', 1, '804-556-0004');
CREATE VIEW a_view AS SELECT state || id AS key, cell FROM parts;
CREATE MATERIALIZED VIEW kept AS SELECT state || id AS key, cell FROM parts;
CREATE TABLE guids (id uuid PRIMARY KEY, n double precision, "the ""cell"" of Größe" text);
INSERT INTO guids VALUES ('00000000-0000-0000-0000-00000000000a', 1, '919-556-0005');
CREATE EXTENSION postgres_fdw SCHEMA check_test;
DO $$ BEGIN
	EXECUTE format('CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
		split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database());
END $$;
CREATE USER MAPPING FOR CURRENT_USER SERVER here;
CREATE FOREIGN TABLE far (id uuid, cell text OPTIONS (column_name 'the "cell" of Größe')) SERVER here OPTIONS (schema_name 'check_test', table_name 'guids');
SELECT s.name, s.key FROM (VALUES ('parts', 'state || id', 'cell'), ('a_view', 'key', 'cell'), ('kept', 'key', 'cell'),
	('far', 'id', 'cell')) t(rel, key, phone), p2ptext.add_source('check ' || t.rel, t.rel::regclass, t.key, t.phone) s;
SELECT name, key, phone FROM p2ptext.add_source('check guids', 'guids', 'id', 'the "cell" of Größe');
SELECT name, key FROM p2ptext.add_source('check numbers', 'guids', 'n', phones => '["the \"cell\" of Größe"]');
SELECT s.name, c.* FROM p2ptext.source s, p2ptext.check_source(s.name) c
WHERE s.name ~ '^check ' AND finding ~ 'key|phones|statistics' ORDER BY s.id, finding;
CREATE INDEX ON parts ((state || id));
SELECT finding, status FROM p2ptext.check_source('check parts') WHERE finding = 'key index';
SELECT finding, status FROM p2ptext.check_source('check a_view') WHERE finding = 'key index';
-- a foreign table goes all the way
SELECT name FROM p2ptext.add_segment('check far', 'check far', 'id IS NOT NULL');
SELECT name FROM p2ptext.add_gateway('check-test', 'loopback', senders => '{+12025560501}');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'check-test';
SELECT name FROM p2ptext.create_campaign('check far', 'check far', 'check-test', 'Hello', mode => 'broadcast');
SELECT * FROM p2ptext.launch('check far');

-- the zone is none, or not known to anybody; nobody can be texted
CREATE TABLE nowhere (id int PRIMARY KEY, cell text);
SELECT name FROM p2ptext.add_source('check nowhere', 'nowhere', 'id', 'cell');
SELECT * FROM p2ptext.check_source('check nowhere');
INSERT INTO nowhere VALUES (1, '+44 7911 123456'), (2, '');
SELECT finding, status, voters FROM p2ptext.check_source('check nowhere');

-- a layout that finds less than it did, a key that another could be
CREATE TABLE nc AS SELECT i AS voter_reg_num, 1 AS county_id, 'AA' || i / 2 AS ncid, 'X' AS res_city_desc, '919-556-' || i + 3000 AS full_phone_number FROM generate_series(2, 5) i;
SELECT p2ptext.add_source('check nc', 'nc', layout => 'nc');
INSERT INTO p2ptext.source (name, relation, key, phone, layout) VALUES ('check nc', 'check_test.nc', 'v.ncid', 'v.full_phone_number', 'nc_ncvoter');
SELECT finding, status, voters, fix FROM p2ptext.check_source('check nc');
SELECT fix FROM p2ptext.check_source('check nc') WHERE finding = 'key unique' \gexec
SELECT finding, status, voters FROM p2ptext.check_source('check nc') WHERE finding = 'key unique';

-- gone, or changed
SELECT name FROM p2ptext.add_segment('check parts', 'check parts', 'true');
SELECT name FROM p2ptext.create_campaign('check parts', 'check parts', 'check-test', 'Hello', mode => 'broadcast');
ALTER TABLE parts RENAME cell TO mobile;
SELECT * FROM p2ptext.check_source('check parts');
SELECT * FROM p2ptext.preview('check parts');
SELECT * FROM p2ptext.launch('check parts');
ALTER TABLE parts RENAME TO elsewhere;
SELECT * FROM p2ptext.check_source('check parts');
SELECT * FROM p2ptext.source_report('check parts');
SELECT * FROM p2ptext.launch('check parts');
-- wishes not to be texted that nothing reads, and a file without all the usual fields
CREATE TABLE flagged (id int PRIMARY KEY, cell text, "Do Not Text" text, do_not_call boolean, dnc_score int);
INSERT INTO flagged VALUES (1, '919-556-0009', 'Y', true, 1);
ANALYZE flagged;
SET client_min_messages = notice;
SELECT key FROM p2ptext.add_source('check flags', 'flagged', key => 'id', layout => 'plain',
	phones => '[{"phone": "cell", "unless": "do_not_call"}]');
SET client_min_messages = warning;
SELECT finding, status, detail, fix FROM p2ptext.check_source('check flags') WHERE finding IN ('flags', 'layout');
SELECT fix FROM p2ptext.check_source('check flags') WHERE finding = 'flags' \gexec
DROP TABLE flagged;
SELECT * FROM p2ptext.check_source('chekc');
DROP SERVER here CASCADE;
SELECT finding, status, detail FROM p2ptext.check_source('check far');
DROP EXTENSION postgres_fdw CASCADE;
