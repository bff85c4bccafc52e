-- Row-level security.  What is tried is made from the catalog, so that a new
-- table with voters' data, or a new view of it, shows up here.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA rows_test;
SELECT setval('p2ptext.message_id', 9700000), setval('p2ptext.conversation_id_seq', 9700000);
CREATE ROLE rows_mo;
CREATE ROLE rows_ada;
CREATE ROLE rows_bob;
CREATE ROLE rows_rea;
CREATE ROLE rows_nobody;
SELECT kind FROM p2ptext.grant_role('rows_mo', 'manager');
SELECT kind FROM p2ptext.grant_role('rows_ada', 'texter', 'Ada');
SELECT kind FROM p2ptext.grant_role('rows_bob', 'texter', 'Bob');
SELECT kind FROM p2ptext.grant_role('rows_rea', 'reader');
-- every table with voters' data is secured, for its readers and writers
SELECT relation, secured, of_conversation, (SELECT string_agg(p.polname || ':' || p.polcmd::text, ' ' ORDER BY p.polname) FROM pg_policy p WHERE p.polrelid = relation) AS policies
FROM p2ptext.voter_table ORDER BY relation::text COLLATE "C";
SELECT relation AS not_secured FROM p2ptext.voter_table WHERE NOT secured OR (SELECT count(*) FROM pg_policy p WHERE p.polrelid = relation) < 2;
-- a texter reads nothing else but these
SELECT c.relname, c.relkind, c.relrowsecurity OR coalesce(c.reloptions @> '{security_barrier=true}', false) AS filtered FROM pg_class c
WHERE c.relnamespace = 'p2ptext'::regnamespace AND c.relkind IN ('r', 'v', 'p', 'm') AND has_any_column_privilege('rows_ada', c.oid, 'SELECT') ORDER BY 1;

CREATE TABLE rows_test.voters (id int PRIMARY KEY, cell text, name text, party text);
INSERT INTO rows_test.voters SELECT n, '919-555-' || 8700 + n, 'Voter ' || n, 'WHIG' FROM generate_series(1, 9) n;
GRANT USAGE ON SCHEMA rows_test TO PUBLIC;
GRANT SELECT ON rows_test.voters TO rows_mo;
SELECT name FROM p2ptext.add_source('rows voters', 'rows_test.voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('rows all', 'rows voters', 'true');
SELECT name FROM p2ptext.add_gateway('rows-test', 'loopback', senders => '{+12025550187}');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'rows-test';
SELECT name FROM p2ptext.create_campaign('rows', 'rows all', 'rows-test', 'Hi {{name}} of the {{party}}s', recheck => false);
SELECT count(*) FROM p2ptext.add_question('rows', 'Will you vote?', '{"yes": ["y"], "no": ["n"]}');
-- a manager launches under the policies
SET ROLE rows_mo;
SELECT drafted FROM p2ptext.launch('rows');
SELECT drafted FROM p2ptext.launch('rows');
SELECT texter, initials FROM p2ptext.assign('rows', 'rows_ada', 3);
SELECT texter, initials FROM p2ptext.assign('rows', 'rows_bob', 4);
RESET ROLE;
SELECT id AS camp FROM p2ptext.campaign WHERE name = 'rows' \gset
SET ROLE rows_ada;
SELECT outbox_id AS one FROM p2ptext.next_text('rows') \gset
SELECT status FROM p2ptext.approve(:one);
SET ROLE rows_bob;
SELECT outbox_id AS two FROM p2ptext.next_text('rows') \gset
SELECT status FROM p2ptext.approve(:two);
RESET ROLE;
SELECT p2ptext.finish(array_agg(id), array_agg(campaign_id), array_agg('sent'::text), array_agg('SM'::text), array_agg(''::text), array_agg(''::text),
	array_agg(0), array_agg(0)) FROM p2ptext.claim(7, ARRAY[:camp], '{initial}', '{+12025550187}', '{0}', '{100}', NULL);
BEGIN;
SELECT (p2ptext.store_inbound(array_agg(g.id), array_agg('text'::text), array_agg('rows-' || v.id), array_agg(''::text), array_agg(''::text),
	array_agg(v.phone), array_agg('+12025550187'::text), array_agg('yes'::text), array_agg(''::text), array_agg(''::text), array_agg(''::text),
	array_agg(''::text), array_agg(''::text), array_agg(''::bytea))).fresh
FROM p2ptext.gateway g, p2ptext.conversation v WHERE g.name = 'rows-test' AND v.campaign_id = :camp AND v.message_status = 'messaged';
SELECT applied FROM p2ptext.apply_inbound();
COMMIT;

-- each relation, as each role: how many rows of the campaign they see, and how many of others' conversations
CREATE FUNCTION rows_test.look(relation regclass, "column" name, mine name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
	others bigint;
BEGIN
	EXECUTE format('SELECT count(*), count(*) FILTER (WHERE %2$I NOT IN (SELECT id FROM rows_test.held WHERE texter = %3$L))'
				   ' FROM %1$s WHERE %2$I IN (SELECT id FROM rows_test.held)', relation, "column", mine) INTO n, others;
	RETURN CASE WHEN others > 0 THEN 'others'' too' WHEN n > 0 THEN 'own' ELSE 'none' END;
EXCEPTION WHEN insufficient_privilege THEN
	RETURN '-';
END
$$;
CREATE TABLE rows_test.held AS SELECT id, texter FROM p2ptext.conversation WHERE campaign_id = :camp AND message_status <> 'needs_message';
CREATE TABLE rows_test.seen (role name, relation regclass, sees text);
CREATE TABLE rows_test.relation AS SELECT c.oid::regclass AS relation, a.attname FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND (a.attname = 'conversation_id' OR c.relname = 'conversation' AND a.attname = 'id')
WHERE c.relnamespace = 'p2ptext'::regnamespace AND c.relkind IN ('r', 'v', 'p', 'm');
GRANT SELECT ON rows_test.held, rows_test.relation TO PUBLIC;
GRANT INSERT ON rows_test.seen TO PUBLIC;
SET ROLE rows_mo;
INSERT INTO rows_test.seen SELECT 'mo', relation, rows_test.look(relation, attname, 'rows_ada') FROM rows_test.relation;
SET ROLE rows_rea;
INSERT INTO rows_test.seen SELECT 'rea', relation, rows_test.look(relation, attname, 'rows_ada') FROM rows_test.relation;
SET ROLE rows_ada;
INSERT INTO rows_test.seen SELECT 'ada', relation, rows_test.look(relation, attname, 'rows_ada') FROM rows_test.relation;
SET ROLE rows_nobody;
INSERT INTO rows_test.seen SELECT 'nobody', relation, rows_test.look(relation, attname, 'rows_ada') FROM rows_test.relation;
RESET ROLE;
SELECT * FROM rows_test.seen ORDER BY relation::text COLLATE "C", role \crosstabview relation role sees
SELECT role, relation FROM rows_test.seen WHERE role IN ('ada', 'nobody') AND sees LIKE 'others%';
-- with all that a careless owner may grant, a stranger still sees nothing
GRANT USAGE ON SCHEMA p2ptext TO rows_nobody;
GRANT SELECT ON ALL TABLES IN SCHEMA p2ptext TO rows_nobody;
GRANT EXECUTE ON FUNCTION p2ptext.is_member(text[]), p2ptext.caller() TO rows_nobody;
SET ROLE rows_nobody;
SELECT (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s', relation), false, true, '')))[1]::text AS n, count(*) > 10 AS tables
FROM p2ptext.voter_table GROUP BY 1;
SELECT count(*) FROM p2ptext.voter_card;
RESET ROLE;
REVOKE SELECT ON ALL TABLES IN SCHEMA p2ptext FROM rows_nobody;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA p2ptext FROM rows_nobody;
REVOKE USAGE ON SCHEMA p2ptext FROM rows_nobody;

-- what a texter's condition does sees no more than the texter
CREATE FUNCTION rows_test.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.000001 AS
$$ BEGIN RAISE WARNING 'seen: %', $1; RETURN true; END $$;
SET ROLE rows_ada;
SELECT count(*) FROM p2ptext.message WHERE rows_test.tell(phone);
SELECT voter_key, fields FROM p2ptext.voter_card ORDER BY 1;
SELECT fields FROM p2ptext.conversation;
UPDATE p2ptext.conversation SET texter = 'rows_ada';
DELETE FROM p2ptext.message;
-- nor does it cost a question for each row
DO $$
DECLARE
	line text;
BEGIN
	FOR line IN EXPLAIN (COSTS OFF) SELECT count(id) FROM p2ptext.conversation LOOP
		IF line ~ 'Filter.*(is_member|caller)' THEN
			RAISE WARNING 'asked for each row: %', line;
		END IF;
	END LOOP;
END
$$;
RESET ROLE;
UPDATE p2ptext.campaign SET texter_fields = '{name}' WHERE id = :camp;
SET ROLE rows_ada;
SELECT voter_key, fields FROM p2ptext.voter_card ORDER BY 1;
-- and no function tells more
SELECT voter_key, (p2ptext.close(conversation_id)).fields FROM p2ptext.voter_card ORDER BY 1 LIMIT 1;
SELECT voter_key, (p2ptext.reopen(conversation_id)).fields FROM p2ptext.voter_card WHERE message_status = 'closed' ORDER BY 1 LIMIT 1;
SELECT voter_key, (p2ptext.snooze(conversation_id, NULL)).fields FROM p2ptext.voter_card WHERE message_status = 'needs_response' ORDER BY 1 LIMIT 1;
SET ROLE rows_rea;
SELECT DISTINCT fields ? 'party' AS all FROM p2ptext.voter_card WHERE campaign = 'rows';
DELETE FROM p2ptext.conversation;
INSERT INTO p2ptext.opt_out (phone, how) VALUES ('+19195558701', 'import');
-- who is suspended sees nothing
SET ROLE rows_mo;
SELECT initials, replies FROM p2ptext.suspend('rows_ada');
SET ROLE rows_ada;
SELECT count(*) FROM p2ptext.message;
SELECT count(id) FROM p2ptext.conversation;
SELECT count(*) FROM p2ptext.voter_card;
SELECT count(*) FROM p2ptext.inbox;
RESET ROLE;
SELECT p2ptext.revoke_role(role) FROM unnest('{rows_mo,rows_ada,rows_bob,rows_rea}'::name[]) role;
DROP OWNED BY rows_mo, rows_ada, rows_bob, rows_rea, rows_nobody;
DROP ROLE rows_mo, rows_ada, rows_bob, rows_rea, rows_nobody;
