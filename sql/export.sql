-- Results on their way back to the vendors.  One transaction, so that the
-- workers of this database have no part in it.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET TIME ZONE 'America/New_York';
SET datestyle = 'ISO, MDY';
CREATE SCHEMA export_test;
SET search_path = export_test;
SELECT setval('p2ptext.message_id', 9100000), setval('p2ptext.conversation_id_seq', 9100000);
CREATE TABLE voters ("RNC_RegID" text PRIMARY KEY, rncid text, "odd ""id" bigint, cell text);
INSERT INTO voters SELECT format('bbd6c76d-ff55-4199-a291-%s', 100000000000 + n), 1000000000 + n, n, '919-555-' || 2900 + n FROM generate_series(1, 12) n;
SELECT name FROM p2ptext.add_source('export voters', 'voters', 'RNC_RegID', 'cell');
SELECT name FROM p2ptext.add_source('export other', 'voters', 'rncid', 'cell');
SELECT name FROM p2ptext.add_segment('export all', 'export voters', 'true');
SELECT name FROM p2ptext.add_segment('export others', 'export other', 'true');
SELECT name FROM p2ptext.add_gateway('export-test', 'loopback', senders => '{+12025550179}');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'export-test';
SELECT name FROM p2ptext.create_campaign('export', 'export all', 'export-test', 'Hello', mode => 'broadcast', recheck => false);
SELECT name FROM p2ptext.create_campaign('export''s "2nd"', 'export all', 'export-test', 'Hello again', mode => 'broadcast', recheck => false);
SELECT name FROM p2ptext.create_campaign('export third', 'export others', 'export-test', 'Hello', mode => 'broadcast', recheck => false);
SELECT count(*) FROM p2ptext.add_question('export', 'Will you vote?', '{"yes": ["y"], "no": ["n"]}');
SELECT count(*) FROM p2ptext.add_question('export''s "2nd"', 'Result', '{"1": [], "it''s \"2\"": []}');
SELECT drafted FROM p2ptext.launch('export');
SELECT drafted FROM p2ptext.launch('export''s "2nd"');
SELECT id AS camp FROM p2ptext.campaign WHERE name = 'export' \gset
SELECT id AS next FROM p2ptext.campaign WHERE name = 'export''s "2nd"' \gset
CREATE VIEW talk AS SELECT right(voter_key, 2)::int AS voter, * FROM p2ptext.conversation WHERE campaign_id IN (:camp, :next);

BEGIN;
-- eleven of them are texted
CREATE FUNCTION send(campaign int, n int, outcome text DEFAULT 'sent') RETURNS void LANGUAGE sql AS $$
	SELECT p2ptext.approve_batch(c.name, n) FROM p2ptext.campaign c WHERE c.id = campaign;
	SELECT p2ptext.finish(array_agg(id), array_agg(campaign_id), array_agg(outcome), array_agg('SM' || id),
		array_agg(''::text), array_agg(''::text), array_agg(0), array_agg(0))
	FROM p2ptext.claim(7, ARRAY[campaign], '{initial}', '{+12025550179}', '{0}', ARRAY[n], NULL);
$$;
SELECT send(:camp, 11);
-- on the third of November in New York, though in London it is the fourth
UPDATE p2ptext.message SET sent_at = '2026-11-03 23:30' WHERE campaign_id = :camp;
UPDATE p2ptext.conversation SET last_out_at = '2026-11-03 23:30' WHERE campaign_id = :camp AND last_out_at IS NOT NULL;
CREATE FUNCTION voters_say(voters int[], bodies text[], pre text DEFAULT 'export') RETURNS bigint LANGUAGE sql AS $$
	SELECT (p2ptext.store_inbound(array_agg(g.id), array_agg('text'::text), array_agg(pre || '-' || s.voter), array_agg('SM' || s.voter),
		array_agg(''::text), array_agg('+1919555' || 2900 + s.voter), array_agg('+12025550179'::text), array_agg(s.body), array_agg(''::text),
		array_agg(''::text), array_agg(''::text), array_agg(''::text), array_agg(''::text), array_agg(''::bytea))).fresh
	FROM p2ptext.gateway g, unnest(voters, bodies) AS s(voter, body) WHERE g.name = 'export-test'
$$;
-- 1, 2, 3 answer, 3 stops as well, 4 stops, 5 is a wrong number, 6 is refused, 7 only asks, 8 and 9 say nothing,
-- 10 cannot be reached there, 11 is not delivered, 12 was never texted
SELECT voters_say('{1,2,3,4,5,6,7}', '{y,no,yes,Stop,wrong number,Get lost,Who is this?}');
SELECT applied FROM p2ptext.apply_inbound();
SELECT voters_say('{3,12}', '{STOP,STOP}', 'later');
SELECT applied FROM p2ptext.apply_inbound();
SELECT result FROM p2ptext.close((SELECT id FROM talk WHERE voter = 6 AND campaign_id = :camp), 'refused');
SELECT send(:next, 12);
UPDATE p2ptext.message SET sent_at = '2026-11-03 20:00' WHERE campaign_id = :next;
UPDATE p2ptext.gateway SET provider = 'twilio', keep_texting_hours = true, enabled = false WHERE name = 'export-test';
UPDATE p2ptext.message m SET status = 'undelivered', error_code = CASE t.voter WHEN 10 THEN '30006' ELSE '30007' END
FROM talk t WHERE t.id = m.conversation_id AND m.campaign_id = :camp AND t.voter IN (10, 11);
UPDATE p2ptext.conversation SET result_at = '2026-11-03 23:45' WHERE campaign_id = :camp AND result IS NOT NULL;
UPDATE p2ptext.question_response SET recorded_at = '2026-11-03 23:40' WHERE campaign_id = :camp;
SELECT right(voter_key, 2) AS voter, contacted_on, contacted_at, phone, channel, result, answers, replied, campaign_name
FROM p2ptext.export_results('export') ORDER BY 1, result;
SELECT right(voter_key, 2) AS voter, contacted_on, phone, result, answers FROM p2ptext.export_results('export', 'van') ORDER BY 1, result;
SELECT right(voter_key, 2) AS voter, contacted_on, phone, result, answers FROM p2ptext.export_results('export', format => 'rnc') ORDER BY 1, result;
-- a response has a result or answers
SELECT count(*) FROM p2ptext.export_results('export') WHERE (result IS NULL) = (answers IS NULL);
-- messaged, no reply
SELECT right(voter_key, 2) AS voter FROM p2ptext.export_results('export') WHERE result = 'texted' AND NOT replied ORDER BY 1;
-- what is new since
SELECT right(voter_key, 2) AS voter, result, answers FROM p2ptext.export_results('export', since => '2026-11-03 23:45') ORDER BY 1;
SELECT count(*) FROM p2ptext.export_results('export', since => 'infinity');
-- a voter has one result a day and two on two days: texted on the 4th, answered on the 5th
UPDATE p2ptext.question_response r SET recorded_at = '2026-11-05 12:00' FROM talk t WHERE t.id = r.conversation_id AND t.voter = 1;
SELECT contacted_on, result, answers FROM p2ptext.export_results('export') WHERE voter_key LIKE '%01' ORDER BY 1;
-- a committee that calls it otherwise
INSERT INTO p2ptext.result_name VALUES ('texted', 'van', 'SMS sent'), ('refused', 'rnc', 'Refused');
SELECT DISTINCT result FROM p2ptext.export_results('export', 'van') ORDER BY 1;
SELECT DISTINCT result FROM p2ptext.export_results('export', 'rnc') ORDER BY 1;

-- several campaigns as one: the last result of a day counts
SELECT result FROM p2ptext.close((SELECT id FROM talk WHERE voter = 6 AND campaign_id = :next), 'language_barrier');
UPDATE p2ptext.conversation SET result_at = '2026-11-03 23:59' WHERE campaign_id = :next AND result = 'language_barrier';
SELECT value FROM p2ptext.record_answer((SELECT id FROM talk WHERE voter = 8 AND campaign_id = :next), 'it''s "2"');
SELECT contacted_on, contacted_at, result, campaign_name FROM p2ptext.export_results(ARRAY['export', 'export''s "2nd"']) WHERE voter_key LIKE '%06';
SELECT count(*) - count(DISTINCT (voter_key, contacted_on, result IS NULL)) AS twice FROM p2ptext.export_results(ARRAY['export', 'export''s "2nd"']);
COMMIT;

-- as views
SELECT p2ptext.create_results_view('export', 'van');
\d+ van_results_export
SELECT right("VAN ID", 2) AS voter, "Date Contacted", "Phone Number", "Canvass Result", "Will you vote?" FROM van_results_export ORDER BY 1, 4;
COPY (SELECT * FROM van_results_export ORDER BY 1, 4 LIMIT 3) TO STDOUT (FORMAT csv, HEADER);
SELECT p2ptext.create_results_view('export', 'rnc', 'rnc');
SELECT * FROM rnc ORDER BY rnc_regid, result LIMIT 2;
-- a heading that is taken, and names with quotes
SELECT p2ptext.create_results_view('export''s "2nd"', view_name => 'export_test."it''s a ""view"""');
SELECT p2ptext.create_results_view('export''s "2nd"', 'rnc');
SELECT contact_date = current_date::text AS today, result, "Result 2" FROM rnc_results_export_s_2nd_ WHERE "Result 2" IS NOT NULL;
SELECT p2ptext.create_results_view('export third', 'rnc');
COPY (SELECT * FROM rnc_results_export_third) TO STDOUT (FORMAT csv, HEADER);
-- questions longer than a column's name can be, and the same at their beginning
INSERT INTO p2ptext.interaction_step (campaign_id, parent_id, parent_answer, script, question)
SELECT s.campaign_id, s.id, n, 'Thanks', repeat('ä', 32) || n FROM p2ptext.interaction_step s, unnest('{1,2,3}'::text[]) n
WHERE s.campaign_id = :next AND s.parent_id IS NULL;
SELECT p2ptext.question_columns(:next, '{}');
DELETE FROM p2ptext.interaction_step WHERE campaign_id = :next AND parent_id IS NOT NULL;

-- errors
SELECT * FROM p2ptext.export_results('nope');
SELECT * FROM p2ptext.export_results('export', 'i360');
SELECT * FROM p2ptext.export_results('export', NULL);
SELECT * FROM p2ptext.export_results(NULL::text);
SELECT * FROM p2ptext.export_results('{}'::text[]);
SELECT * FROM p2ptext.export_results('{export,export third}'::text[]);
SELECT p2ptext.create_results_view('export', 'i360');
SELECT p2ptext.create_results_view('export', NULL);
SELECT p2ptext.create_results_view('export', 'van');
SELECT p2ptext.create_results_view('export', 'van', 'no such schema.x');
SELECT p2ptext.create_results_view('export', 'van', 'nosuch.x');
SELECT p2ptext.close((SELECT id FROM talk WHERE voter = 8 AND campaign_id = :camp), 'left town');
SELECT p2ptext.close((SELECT id FROM talk WHERE voter = 8 AND campaign_id = :camp), 'left_message');

-- results of one's own; built-in ones stay
SELECT code, van_name, van_id, channels, terminal, effect FROM p2ptext.contact_result ORDER BY code COLLATE "C";
CREATE ROLE export_manager;
CREATE ROLE export_reader;
SELECT kind FROM p2ptext.grant_role('export_manager', 'manager');
SELECT kind FROM p2ptext.grant_role('export_reader', 'reader');
GRANT USAGE, CREATE ON SCHEMA export_test TO export_manager, export_reader;
SET ROLE export_manager;
INSERT INTO p2ptext.contact_result (code, meaning) VALUES ('left_town', 'is away until the election');
SELECT result FROM p2ptext.close((SELECT id FROM p2ptext.conversation WHERE voter_key LIKE '%08' AND campaign_id = :camp), 'left_town');
DELETE FROM p2ptext.contact_result WHERE code = 'left_town';
UPDATE p2ptext.contact_result SET code = 'away' WHERE code = 'left_town';
UPDATE p2ptext.contact_result SET van_name = 'Out of town' WHERE code = 'left_town';
UPDATE p2ptext.contact_result SET van_name = 'x' WHERE code = 'texted';
DELETE FROM p2ptext.contact_result WHERE code = 'texted';
INSERT INTO p2ptext.contact_result (code, meaning, built_in) VALUES ('mine', '', true);
INSERT INTO p2ptext.contact_result (code, meaning) VALUES ('Not a code', '');
-- its effect: the phone opts out
SELECT result FROM p2ptext.close((SELECT id FROM p2ptext.conversation WHERE voter_key LIKE '%09' AND campaign_id = :camp), 'do_not_text');
SELECT campaign_id = :camp AS here, message_status, result FROM p2ptext.conversation WHERE voter_key LIKE '%09' AND campaign_id IN (:camp, :next) ORDER BY 1;
SELECT how, detail, created_by FROM p2ptext.opt_out WHERE phone = '+19195552909';
-- a reader exports what it may read anyway
SET ROLE export_reader;
SELECT count(*) > 0 AS some FROM p2ptext.export_results('export', 'van');
SELECT p2ptext.create_results_view('export', 'van', 'export_test.mine');
SELECT count(*) > 0 AS some FROM mine;
SELECT p2ptext.create_results_view('export', 'rnc', 'export_test.not_mine');
SELECT count(*) FROM not_mine;
RESET ROLE;
DROP OWNED BY export_manager, export_reader;
SELECT p2ptext.revoke_role(role) FROM unnest('{export_manager,export_reader}'::name[]) role;
DROP ROLE export_manager, export_reader;
DELETE FROM p2ptext.result_name;
-- what others do not expect
DROP SCHEMA export_test CASCADE;
DELETE FROM p2ptext.question_response WHERE campaign_id IN (:camp, :next);
DELETE FROM p2ptext.message WHERE campaign_id IN (:camp, :next);
DELETE FROM p2ptext.outbox WHERE campaign_id IN (:camp, :next);
DELETE FROM p2ptext.conversation WHERE campaign_id IN (:camp, :next);
