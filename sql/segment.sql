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
CREATE FUNCTION is_old(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 >= 50';
SELECT name FROM p2ptext.add_segment('old', 'segment voters', 'is_old(age)');
SELECT p2ptext.count_segment('old');

-- one expression, and nothing else in it
SELECT p2ptext.add_segment('bad', 'segment voters', 'party = ');
SELECT p2ptext.add_segment('bad', 'segment voters', 'party = "DEM"');
SELECT p2ptext.add_segment('bad', 'segment voters', 'partei = ''DEM''');
SELECT p2ptext.add_segment('bad', 'segment voters', 'age');
SELECT p2ptext.add_segment('bad', 'segment voters', '''DEM''');
SELECT p2ptext.add_segment('bad', 'segment voters', 'age = ''young''');
SELECT p2ptext.add_segment('bad', 'segment voters', 'count(*) > 1');
SELECT p2ptext.add_segment('bad', 'segment voters', 'id IN (SELECT 1)');
SELECT p2ptext.add_segment('bad', 'segment voters', 'CASE WHEN age = ANY (ARRAY[1, (SELECT 1)]) THEN true END');
SELECT p2ptext.add_segment('bad', 'segment voters', 'coalesce(age, (TABLE voters LIMIT 1)) > 1');
SELECT p2ptext.add_segment('bad', 'segment voters', 'EXISTS (VALUES (1))');
SELECT p2ptext.add_segment('bad', 'segment voters', 'true; DROP TABLE voters');
SELECT p2ptext.add_segment('bad', 'segment voters', 'true) OR (true');
SELECT p2ptext.add_segment('bad', 'segment voters', 'true /* or');
SELECT p2ptext.add_segment('bad', 'segment voters', 'true, true');
SELECT p2ptext.add_segment('bad', 'segment voters', 'true FROM voters');
SELECT p2ptext.add_segment('bad', 'segment voters', 'generate_series(1, 2) > 1');
SELECT p2ptext.add_segment('bad', 'segment voters', 'row_number() OVER () > 1');
SELECT p2ptext.add_segment('bad', 'segment voters', '1 / 0 > age');
SELECT p2ptext.add_segment('bad', 'segment voters', NULL);
\set VERBOSITY terse
SELECT p2ptext.add_segment('bad', 'segment voters', 'age IN (' || repeat('1,', 600000) || '1)');
SELECT p2ptext.add_segment('bad', 'segment voters', repeat('(', 20000) || 'true' || repeat(')', 20000));
DO $$
BEGIN
	PERFORM p2ptext.add_segment('bad', 'segment voters', repeat('1+', 100000) || '1 > age');
EXCEPTION WHEN statement_too_complex THEN
	RAISE WARNING '%', SQLERRM;
END $$;
\set VERBOSITY default
SELECT p2ptext.add_segment('bad', 'nowhere', 'true');
SELECT p2ptext.add_segment('', 'segment voters', 'true');
SELECT p2ptext.add_segment('old', 'segment voters', 'true');
SELECT p2ptext.count_segment('bad');

-- chance needs leave, time does not
CREATE FUNCTION coin() RETURNS boolean LANGUAGE sql AS 'SELECT random() < 0.5';
SELECT p2ptext.add_segment('chance', 'segment voters', 'random() < 0.5');
SELECT p2ptext.add_segment('chance', 'segment voters', 'coalesce(age > 1, coin())');
SELECT name, allow_volatile FROM p2ptext.add_segment('chance', 'segment voters', 'random() >= 0 AND age < 40', allow_volatile => true);
SELECT p2ptext.count_segment('chance');
SELECT name FROM p2ptext.add_segment('today', 'segment voters', 'now() > ''2020-01-01''');
SELECT name FROM p2ptext.add_segment('sample', 'segment voters', 'p2ptext.hash_share(id::text, ''gotv'') < 0.5');
SELECT p2ptext.count_segment('sample') = (SELECT count(*) FROM voters WHERE p2ptext.hash_share(id::text, 'gotv') < 0.5) AS same;

-- parameters
SELECT predicate, parameters FROM p2ptext.add_segment('param', 'segment voters',
	$$age < PARAM.age_max AND party = ANY (param.parties) AND name <> 'param.age_max' /* param.x */ AND age < param.age_max -- param.y$$,
	'{"age_max": 40, "parties": ["DEM", "a \" b'' \\ {,}", null]}');
SELECT p2ptext.count_segment('param');
SELECT p2ptext.segment_condition(p2ptext.find_segment('param'));
SELECT parameters FROM p2ptext.set_parameters('param', '{"age_max": 50}');
SELECT p2ptext.count_segment('param');
SELECT parameters FROM p2ptext.set_parameters('param', '{"age_max": null}');
SELECT p2ptext.count_segment('param');
SELECT name FROM p2ptext.add_segment('hostile', 'segment voters', 'name = param.name', '{"name": "x'' OR true --"}');
SELECT p2ptext.count_segment('hostile');
SELECT parameters FROM p2ptext.set_parameters('hostile', '{"name": "\\'' OR true --"}');
SELECT p2ptext.count_segment('hostile');
SELECT name FROM p2ptext.add_segment('types', 'segment voters',
	'(date ''2000-01-01'' + age) < param.day AND age - param.n > 0 AND (age > 20) = param.flag AND age IN (param.a, param.b) IS NOT NULL',
	'{"day": "2000-02-01", "n": -1, "flag": true, "a": 1, "b": 2}');
SELECT p2ptext.count_segment('types');
SELECT name FROM p2ptext.add_segment('empty list', 'segment voters', 'party <> ALL (param.none)', '{"none": []}');
SELECT p2ptext.count_segment('empty list');
SELECT p2ptext.set_parameters('param', '{"age_max": "old"}');
SELECT p2ptext.set_parameters('param', '{"age": 1}');
SELECT p2ptext.set_parameters('param', '[1]');
SELECT p2ptext.set_parameters('param', NULL);
SELECT p2ptext.set_parameters('nothing', '{}');
SELECT p2ptext.add_segment('bad', 'segment voters', 'age < param.age_max');
SELECT p2ptext.add_segment('bad', 'segment voters', 'age < param.age_max', '{"age": 1}');
SELECT p2ptext.add_segment('bad', 'segment voters', 'age < 3', '{"age": 1}');
SELECT p2ptext.add_segment('bad', 'segment voters', 'age < param.a', '{"a": {"b": 1}}');
SELECT p2ptext.add_segment('bad', 'segment voters', 'age = ANY (param.a)', '{"a": [1, [2]]}');
SELECT p2ptext.add_segment('bad', 'segment voters', 'name < ''é'' AND age < param."a"', '{"a": 1}');
SELECT p2ptext.add_segment('bad', 'segment voters', 'age < param.a.b', '{"a": 1}');
SELECT p2ptext.add_segment('bad', 'segment voters', 'age < param /* */ . a', '{"a": 1}');
SELECT p2ptext.add_segment('bad', 'segment voters', 'param.* IS NULL', '{"a": 1}');
SELECT p2ptext.add_segment('bad', 'segment voters', 'age < param.' || repeat('a', 70), jsonb_build_object(repeat('a', 63), 1));
SELECT p2ptext.bind_parameters('param.a + param.b', '{b,a}', '{1,NULL}');
SELECT p2ptext.bind_parameters('param.a + param.b', '{b,a}', '{1}');
SELECT p2ptext.bind_parameters('param.a+-param.b', '{b,a}', '{1,2}'), p2ptext.expression_parameters('param.b + param.a - param.b');

-- segments together
SELECT operation FROM p2ptext.combine_segments('either', 'union', '{young dems,old}');
SELECT operation FROM p2ptext.combine_segments('both', 'intersect', '{not dems,old}');
SELECT operation FROM p2ptext.combine_segments('not both', 'except', '{today,not dems,old}');
SELECT name, p2ptext.count_segment(name) FROM unnest('{young dems,old,not dems,today,either,both,not both}'::text[]) AS name;
-- what is not known to hold does not hold, in parts too: NULL is no REP
SELECT count(*) FROM voters WHERE (party <> 'DEM') IS NOT TRUE AND age < 50;
SELECT operation FROM p2ptext.combine_segments('nested', 'except', '{either,not both}');
SELECT p2ptext.segment_condition(p2ptext.find_segment('nested'));
SELECT p2ptext.count_segment('nested');
-- a change of a part is seen; a part in use stays
UPDATE p2ptext.segment SET predicate = 'age = 30' WHERE name = 'young dems';
SELECT p2ptext.count_segment('either');
\set VERBOSITY terse
DELETE FROM p2ptext.segment WHERE name = 'either';
\set VERBOSITY default
SELECT p2ptext.combine_segments('bad', 'xor', '{old,today}');
SELECT p2ptext.combine_segments('bad', NULL, '{old,today}');
SELECT p2ptext.combine_segments('bad', 'union', '{old}');
SELECT p2ptext.combine_segments('bad', 'union', '{old,old}');
SELECT p2ptext.combine_segments('bad', 'union', NULL);
SELECT p2ptext.combine_segments('bad', 'union', '{old,NULL}');
SELECT p2ptext.combine_segments('bad', 'union', '{old,nothing}');
SELECT p2ptext.combine_segments('', 'union', '{old,today}');
SELECT name FROM p2ptext.add_source('other voters', 'voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('others', 'other voters', 'true');
SELECT p2ptext.combine_segments('bad', 'union', '{old,others}');
SELECT p2ptext.combine_segments('bad', 'union', '{old,bad}');
SELECT p2ptext.set_parameters('either', '{"a": 1}');
SELECT count(*) FROM p2ptext.segment WHERE name = 'bad';
-- no segment is a part of itself, and none grows without end
\set VERBOSITY terse
INSERT INTO p2ptext.segment_part SELECT s.id, s.id, 3 FROM p2ptext.segment s WHERE name = 'either';
DO $$
BEGIN
	PERFORM p2ptext.combine_segments('twice 1', 'union', '{old,today}');
	FOR n IN 2 .. 40 LOOP
		PERFORM p2ptext.add_segment('one ' || n, 'segment voters', 'true');
		PERFORM p2ptext.combine_segments('two ' || n, 'union', ARRAY['twice ' || n - 1, 'one ' || n]);
		PERFORM p2ptext.combine_segments('twice ' || n, 'except', ARRAY['two ' || n, 'twice ' || n - 1]);
	END LOOP;
END $$;
\set VERBOSITY default

-- how
SELECT regexp_replace(line, '  .*', '') FROM p2ptext.explain_segment('young dems') AS line;
SELECT count(*) FROM p2ptext.explain_segment('young dems', true) AS line WHERE line ~ 'actual';
SELECT p2ptext.explain_segment('nothing');
ANALYZE voters;
SELECT p2ptext.count_segment('today', estimate => true), p2ptext.count_segment('today', estimate => NULL);

-- a superuser does not run what somebody else may change
CREATE ROLE segment_manager;
SELECT kind FROM p2ptext.grant_role('segment_manager', 'manager');
GRANT ALL ON SCHEMA segment_test TO segment_manager;
GRANT SELECT ON voters TO segment_manager;
SET ROLE segment_manager;
CREATE FUNCTION trap(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE ''sprung''; END';
CREATE FUNCTION fine(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 40';
CREATE DOMAIN trap_domain AS int CHECK (fine(value + 100));
CREATE VIEW trap_view AS SELECT *, fine(age) FROM voters;
SELECT name FROM p2ptext.add_segment('fine', 'segment voters', 'fine(age)');
SELECT p2ptext.count_segment('fine');
SELECT name FROM p2ptext.add_segment('domain', 'segment voters', 'age::trap_domain > 40');
SELECT name FROM p2ptext.add_source('trap source', 'trap_view', 'id', 'cell');
SELECT p2ptext.add_segment('sprung', 'segment voters', 'trap(1)');
RESET ROLE;
SELECT p2ptext.count_segment('fine');
SELECT p2ptext.count_segment('domain');
SELECT p2ptext.add_segment('trap', 'segment voters', 'trap(1)');
SELECT p2ptext.add_segment('trap', 'trap source', 'age > 1');
SELECT p2ptext.voters_in_segment('segment_manager', 'segment_test', 'voters', 'id', 'fine(age)', '{10,39}'),
	p2ptext.voters_in_segment('segment_manager', 'segment_test', 'trap_view', 'id', 'fine(age)', '{10,39}');
SELECT p2ptext.voters_in_segment(current_user, 'segment_test', 'voters', 'id', 'fine(age)', '{10,39}');
SELECT p2ptext.voters_in_segment(current_user, 'segment_test', 'trap_view', 'id', 'true', '{10,39}');

-- what only a voter's row shows to be wrong leaves nothing half launched
SELECT name FROM p2ptext.add_segment('divided', 'segment voters', '100 / (age - 50) > 0');
SELECT name FROM p2ptext.add_gateway('segment-test', 'loopback');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'segment-test';
SELECT name FROM p2ptext.create_campaign('divided', 'divided', 'segment-test', 'Hello');
SELECT p2ptext.count_segment('divided');
SELECT * FROM p2ptext.launch('divided');
SELECT * FROM p2ptext.estimate('divided');
SELECT * FROM p2ptext.preview('divided', 1000);
SELECT c.status, c.launched_at, (SELECT count(*) FROM p2ptext.conversation v WHERE v.campaign_id = c.id) AS conversations,
	(SELECT count(*) FROM p2ptext.outbox o WHERE o.campaign_id = c.id) AS texts,
	(SELECT count(*) FROM p2ptext.dropped d WHERE d.campaign_id = c.id) AS dropped
FROM p2ptext.campaign c WHERE c.name = 'divided';
UPDATE p2ptext.segment SET predicate = '100 / nullif(age - 50, 0) > 0' WHERE name = 'divided';
SELECT * FROM p2ptext.launch('divided');
-- also of who joined since, and of whom a refresh reads
UPDATE p2ptext.segment SET predicate = '100 / (age - 50) > 0' WHERE name = 'divided';
SELECT * FROM p2ptext.audience_diff('divided');
SELECT * FROM p2ptext.refresh('divided');
-- what does not come from the predicate is said of the source
UPDATE p2ptext.segment SET predicate = 'true' WHERE name = 'divided';
UPDATE p2ptext.source SET timezone = '(100 / (age - 50))::text' WHERE name = 'segment voters';
SELECT * FROM p2ptext.estimate('divided');
UPDATE p2ptext.source SET timezone = NULL WHERE name = 'segment voters';
-- an UPDATE stores one expression, too; what it broke is told when it is needed
UPDATE p2ptext.segment SET predicate = 'true) OR (SELECT true' WHERE name = 'divided';
UPDATE p2ptext.segment SET predicate = 'partei = ''DEM''' WHERE name = 'divided';
SELECT * FROM p2ptext.launch('divided');
\set VERBOSITY terse
SELECT p2ptext.revoke_role('segment_manager');
DROP OWNED BY segment_manager;
DROP ROLE segment_manager;
