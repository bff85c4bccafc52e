-- What a manager without other rights, or the owner of a relation, may try.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA hostile_test;
SET search_path = hostile_test;
CREATE ROLE hostile_mallory;
CREATE ROLE hostile_ted;
SELECT kind FROM p2ptext.grant_role('hostile_mallory', 'manager');
SELECT kind FROM p2ptext.grant_role('hostile_ted', 'texter');
GRANT ALL ON SCHEMA hostile_test TO hostile_mallory;
CREATE TABLE voters (id int PRIMARY KEY, cell text, age int, rncid text);
INSERT INTO voters SELECT n, '919-555-' || 9800 + n, 30 + n, 'r' || n FROM generate_series(1, 5) n;
GRANT SELECT ON voters TO hostile_mallory;
SELECT name FROM p2ptext.add_source('hostile voters', 'voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('hostile part', 'hostile voters', 'age > 30');
SELECT name FROM p2ptext.add_segment('hostile other', 'hostile voters', 'age > 31');
SELECT name FROM p2ptext.combine_segments('hostile all', 'union', '{hostile part,hostile other}');
SELECT name FROM p2ptext.add_gateway('hostile-test', 'loopback', senders => '{+12025550198}');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'hostile-test';
SELECT name FROM p2ptext.create_campaign('hostile', 'hostile all', 'hostile-test', 'Hi', mode => 'broadcast');
SELECT drafted FROM p2ptext.launch('hostile');
SELECT launched_by = current_user AS mine FROM p2ptext.campaign WHERE name = 'hostile';

SET ROLE hostile_mallory;
-- nobody approves, or is read for, but who says so
SELECT name FROM p2ptext.create_campaign('hostile two', 'hostile part', 'hostile-test', 'Hi', mode => 'broadcast');
UPDATE p2ptext.campaign SET launched_by = 'postgres' WHERE name = 'hostile two';
UPDATE p2ptext.campaign SET created_by = 'postgres' WHERE name = 'hostile two';
UPDATE p2ptext.campaign SET auto_reply_by = 'hostile_ted' WHERE name = 'hostile two';
UPDATE p2ptext.campaign SET launched_path = 'elsewhere' WHERE name = 'hostile';
INSERT INTO p2ptext.campaign (name, segment_id, gateway_id, created_by)
SELECT 'hostile three', segment_id, gateway_id, 'postgres' FROM p2ptext.campaign WHERE name = 'hostile';
INSERT INTO p2ptext.campaign (name, segment_id, gateway_id, launched_by)
SELECT 'hostile three', segment_id, gateway_id, 'postgres' FROM p2ptext.campaign WHERE name = 'hostile';
INSERT INTO p2ptext.launch (campaign_id, predicate, launched_by) SELECT id, 'true', 'postgres' FROM p2ptext.campaign WHERE name = 'hostile';
SELECT auto_reply_by FROM p2ptext.set_auto_reply('hostile two');
SELECT auto_reply_by FROM p2ptext.set_auto_reply('hostile two', false);
-- what is stored is one expression, by whichever way
UPDATE p2ptext.source SET key = '1); CREATE TABLE hostile_test.pwned (); SELECT (1 /*' WHERE name = 'hostile voters';
UPDATE p2ptext.source SET phone = 'cell, 1' WHERE name = 'hostile voters';
UPDATE p2ptext.source SET timezone = '(SELECT 1)' WHERE name = 'hostile voters';
UPDATE p2ptext.source SET fields = '{"a": "1 FROM voters"}' WHERE name = 'hostile voters';
UPDATE p2ptext.segment SET predicate = '*/ true) --' WHERE name = 'hostile part';
INSERT INTO p2ptext.segment (name, source_id, predicate) SELECT 'hostile new', source_id, 'true) OR (true' FROM p2ptext.segment WHERE name = 'hostile part';
-- traps for a superuser
CREATE FUNCTION trap(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
	'BEGIN RAISE WARNING ''the trap runs as %'', CASE WHEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN ''superuser'' ELSE current_user END; RETURN true; END';
CREATE DOMAIN trap_domain AS int CHECK (trap(value));
CREATE TYPE trap_row AS (a trap_domain[]);
CREATE TYPE trap_range AS RANGE (subtype = trap_domain);
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE VIEW trap_view AS SELECT v.* FROM voters v, jsonb_to_record('{"a": 1}') AS j(a trap_domain);
INSERT INTO p2ptext.segment (name, source_id, predicate)
SELECT 'hostile ' || t.name, source_id, t.predicate
FROM p2ptext.segment, (VALUES ('array', '''{1}''::trap_domain[] IS NOT NULL'), ('row', '''({1})''::trap_row IS NOT NULL'),
	('range', '''[1,2)''::trap_range IS NOT NULL'), ('text', '(''{'' || age || ''}'')::trap_domain[] IS NOT NULL'),
	('null', 'jsonb_populate_record(NULL::trap_row, ''{"a": [1]}'') IS NOT NULL'),
	('enum', '''glad''::mood < ''sad''')) AS t(name, predicate)
WHERE p2ptext.segment.name = 'hostile part';
SELECT name FROM p2ptext.add_source('hostile view', 'trap_view', 'id', 'cell');
RESET ROLE;
SELECT p2ptext.count_segment('hostile array');
SELECT p2ptext.count_segment('hostile row');
SELECT p2ptext.count_segment('hostile range');
SELECT p2ptext.count_segment('hostile text');
SELECT p2ptext.count_segment('hostile null');
SELECT p2ptext.count_segment('hostile enum');
SELECT p2ptext.add_segment('hostile view', 'hostile view', 'true');
SELECT p2ptext.voters_in_segment(current_user, 'hostile_test', 'voters', 'id', '''{1}''::trap_domain[] IS NOT NULL', '{1}');
SELECT p2ptext.voters_in_segment('hostile_mallory', 'hostile_test', 'voters', 'id', '(''{'' || age || ''}'')::trap_domain[] IS NOT NULL', '{1}');
-- nor in the key, which is read beside the predicate
SET ROLE hostile_mallory;
UPDATE p2ptext.source SET key = 'CASE WHEN hostile_test.trap(id) THEN id END' WHERE name = 'hostile voters';
RESET ROLE;
SELECT p2ptext.explain_segment('hostile part');
SELECT p2ptext.create_results_view('hostile', 'rnc');
SELECT p2ptext.add_segment('hostile contacted', 'hostile voters', 'true', contacted => '{"channel": "door"}');
UPDATE p2ptext.source SET key = 'v.id' WHERE name = 'hostile voters';
SELECT (p2ptext.create_results_view('hostile', 'rnc')) IS NOT NULL AS made;

-- what a segment asks is read with the rights of who changed it
SELECT launched_by FROM p2ptext.campaign WHERE name = 'hostile';
UPDATE p2ptext.campaign SET launched_by = current_user WHERE name = 'hostile';
UPDATE p2ptext.segment SET predicate = 'age > 32' WHERE name = 'hostile part';
SELECT launched_by = current_user AS mine FROM p2ptext.campaign WHERE name = 'hostile';
SET ROLE hostile_mallory;
SELECT name FROM p2ptext.set_parameters('hostile part', '{}');
RESET ROLE;
SELECT launched_by FROM p2ptext.campaign WHERE name = 'hostile';
UPDATE p2ptext.campaign SET launched_by = current_user WHERE name = 'hostile';
SET ROLE hostile_mallory;
UPDATE p2ptext.segment_part p SET position = 9 FROM p2ptext.segment s WHERE s.id = p.segment_id AND s.name = 'hostile all';
RESET ROLE;
SELECT launched_by FROM p2ptext.campaign WHERE name = 'hostile';
-- and acts for that role, whoever reads
CREATE FUNCTION who() RETURNS text LANGUAGE sql STABLE AS 'SELECT p2ptext.caller() || p2ptext.is_member()::text || p2ptext.actor()';
SELECT p2ptext.voters_in_segment('hostile_mallory', 'hostile_test', 'voters', 'id', 'who() = ''hostile_malloryfalsehostile_mallory''', '{1}');
SELECT p2ptext.caller() = current_user AS again;

-- an import goes where its caller said
\set dir `pwd`
SELECT :'dir' || '/test/data/sample-nc-ncvoter-synthetic.txt' AS nc \gset
CALL p2ptext.import_voters('hostile_test.nc', :'nc');
SET ROLE hostile_mallory;
UPDATE p2ptext.import SET finished_at = NULL, relation = 'hostile_test.voters; CREATE TABLE hostile_test.pwned ()' WHERE relation = 'hostile_test.nc';
RESET ROLE;
CALL p2ptext.import_voters('hostile_test.nc', :'nc');
SELECT to_regclass('pwned');
\set VERBOSITY sqlstate
SELECT i AS begun FROM p2ptext.import i WHERE table_oid = 'hostile_test.nc'::regclass \gset
UPDATE p2ptext.import SET path = '/etc/passwd' WHERE table_oid = 'hostile_test.nc'::regclass;
SELECT p2ptext.import_part(:'begun', 1000, 0);
UPDATE p2ptext.import SET path = :'nc', table_oid = 'voters'::regclass WHERE table_oid = 'hostile_test.nc'::regclass;
SELECT p2ptext.import_part(:'begun', 1000, 0);

\set VERBOSITY default
-- a texter ends the opt-outs of nobody but those who wrote to them
SELECT phone FROM p2ptext.opt_out('919-555-9805');
SET ROLE hostile_ted;
SELECT p2ptext.opt_in('919-555-9805', 'told me so');
RESET ROLE;
UPDATE p2ptext.conversation SET texter = 'hostile_ted' WHERE phone = '+19195559805';
SET ROLE hostile_ted;
SELECT ended_by FROM p2ptext.opt_in('919-555-9805', 'told me so');
RESET ROLE;

-- nobody says that another made a row, or that it came with the extension
\set VERBOSITY terse
SET ROLE hostile_mallory;
INSERT INTO p2ptext.contact (source_id, voter_key, channel, created_by) SELECT id, '1', 'door', 'postgres' FROM p2ptext.source LIMIT 1;
INSERT INTO p2ptext.organisation (name, created_by) VALUES ('hostile', 'postgres');
UPDATE p2ptext.source SET created_by = 'postgres';
UPDATE p2ptext.segment SET created_by = 'postgres';
UPDATE p2ptext.import SET started_by = 'postgres';
UPDATE p2ptext.layout SET built_in = true;
UPDATE p2ptext.state_hours SET built_in = true;
INSERT INTO p2ptext.state_hours (state, hours_start, hours_end, built_in) VALUES ('NC', '09:00', '20:00', true);
INSERT INTO p2ptext.organisation (name) VALUES ('hostile') RETURNING name, created_by;
DELETE FROM p2ptext.organisation WHERE name = 'hostile';
-- nor takes in what only another may read
CREATE TABLE hostile_test.trap (line text);
INSERT INTO p2ptext.import (relation, table_oid, path, encoding, encoding_sure, delimiter, line_end, header, fields, kept)
VALUES ('hostile_test.trap', 'hostile_test.trap'::regclass, '/etc/passwd', 'UTF8', false, ':', 'LF', false, '{line}', '{1}');
RESET ROLE;
\set VERBOSITY default
CALL p2ptext.import_voters('hostile_test.trap', '/etc/passwd');
SELECT count(*) FROM trap;
