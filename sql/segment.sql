-- A segment is one condition over its source, and stays one.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA segment_test;
SET search_path = segment_test;
CREATE TABLE voters (id int PRIMARY KEY, name text, party text, age int, predicate text, cell text);
INSERT INTO voters
SELECT n, 'Voter ' || n, (ARRAY['DEM', 'REP', NULL])[1 + n % 3], 18 + n, 'p', '919-555-01' || n FROM generate_series(10, 39) n;
SELECT name FROM p2ptext.add_source('segment voters', 'voters', 'id', 'cell');

SELECT name, predicate FROM p2ptext.add_segment('young dems', 'segment voters', $$party = 'DEM' AND age < 40$$);
SELECT p2ptext.count_segment('young dems');
-- a condition that is not known to hold does not hold
SELECT name FROM p2ptext.add_segment('not dems', 'segment voters', $$party <> 'DEM'$$);
SELECT p2ptext.count_segment('not dems'), (SELECT count(*) FROM voters WHERE party IS NULL) AS neither;
-- unqualified names are the relation's, also where they are ours; a comment may end it
SELECT name FROM p2ptext.add_segment('own names', 'segment voters', E'name <> predicate AND v.id > 0 -- all\n OR party = ''x'' -- or so');
SELECT p2ptext.count_segment('own names');
-- an OR does not escape
SELECT name FROM p2ptext.add_segment('or', 'segment voters', 'false OR true');
SELECT p2ptext.count_segment('or');
-- functions of the caller's are found along the caller's search_path
CREATE FUNCTION is_old(int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 >= 50';
SELECT name FROM p2ptext.add_segment('old', 'segment voters', 'is_old(age)');
SELECT p2ptext.count_segment('old');

SELECT p2ptext.add_segment('bad', 'segment voters', 'party = ');
SELECT p2ptext.add_segment('bad', 'segment voters', 'party = "DEM"');
SELECT p2ptext.add_segment('bad', 'segment voters', 'partei = ''DEM''');
SELECT p2ptext.add_segment('bad', 'segment voters', 'age');
SELECT p2ptext.add_segment('bad', 'segment voters', '''DEM''');
SELECT p2ptext.add_segment('bad', 'segment voters', 'age = ''young''');
SELECT p2ptext.add_segment('bad', 'segment voters', 'count(*) > 1');
SELECT p2ptext.add_segment('bad', 'segment voters', 'id IN (SELECT 1)');
SELECT p2ptext.add_segment('bad', 'segment voters', NULL);
SELECT p2ptext.add_segment('bad', 'nowhere', 'true');
SELECT p2ptext.add_segment('', 'segment voters', 'true');
SELECT p2ptext.add_segment('old', 'segment voters', 'true');
SELECT p2ptext.count_segment('bad');

-- what only a voter's row shows to be wrong leaves nothing half launched
SELECT name FROM p2ptext.add_segment('divided', 'segment voters', '100 / (age - 50) > 0');
SELECT name FROM p2ptext.add_gateway('segment-test', 'loopback');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'segment-test';
SELECT name FROM p2ptext.create_campaign('divided', 'divided', 'segment-test', 'Hello');
SELECT p2ptext.count_segment('divided');
SELECT * FROM p2ptext.launch('divided');
SELECT c.status, c.launched_at, (SELECT count(*) FROM p2ptext.conversation v WHERE v.campaign_id = c.id) AS conversations,
	(SELECT count(*) FROM p2ptext.outbox o WHERE o.campaign_id = c.id) AS texts,
	(SELECT count(*) FROM p2ptext.dropped d WHERE d.campaign_id = c.id) AS dropped
FROM p2ptext.campaign c WHERE c.name = 'divided';
UPDATE p2ptext.segment SET predicate = '100 / nullif(age - 50, 0) > 0' WHERE name = 'divided';
SELECT * FROM p2ptext.launch('divided');
-- a predicate that an UPDATE broke is told when it is needed
UPDATE p2ptext.segment SET predicate = 'true) OR (SELECT true' WHERE name = 'divided';
SELECT * FROM p2ptext.launch('divided');
