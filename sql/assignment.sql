-- Who holds which texts: in turn, in batches, by request; and how they go back.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA assignment_test;
SELECT setval('p2ptext.message_id', 9000000), setval('p2ptext.conversation_id_seq', 9000000), setval('p2ptext.assignment_id_seq', 9000000), setval('p2ptext.text_request_id_seq', 9000000);
CREATE ROLE assignment_mo;
CREATE ROLE assignment_ada;
CREATE ROLE assignment_bob;
CREATE ROLE "assignment ""Zoë""";
CREATE ROLE assignment_nobody;
SELECT kind FROM p2ptext.grant_role('assignment_mo', 'manager');
SELECT kind FROM p2ptext.grant_role('assignment_ada', 'texter', 'Ada');
SELECT kind FROM p2ptext.grant_role('assignment_bob', 'texter', 'Bob');
SELECT kind FROM p2ptext.grant_role('assignment "Zoë"', 'texter', 'Zoë');
CREATE TABLE assignment_test.voters (id int PRIMARY KEY, cell text);
INSERT INTO assignment_test.voters SELECT n, '919-555-' || 8500 + n FROM generate_series(1, 20) n;
SELECT name FROM p2ptext.add_source('assignment voters', 'assignment_test.voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('assignment all', 'assignment voters', 'true');
SELECT name FROM p2ptext.add_gateway('assignment-test', 'loopback', senders => '{+12025550185}');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'assignment-test';
SELECT name, assignment, batch_size, max_per_texter, max_per_minute, release_after
FROM p2ptext.create_campaign('hold', 'assignment all', 'assignment-test', 'Hi, {{texter.first_name}} here');
SELECT name FROM p2ptext.create_campaign('hold cast', 'assignment all', 'assignment-test', 'Hi', mode => 'broadcast');
CREATE VIEW assignment_test.held AS SELECT coalesce(o.texter, '-') AS texter, count(*) AS drafts, count(o.body) AS written,
	string_agg(v.voter_key, ',' ORDER BY o.id) AS voters, bool_and(v.texter IS NOT DISTINCT FROM o.texter) AS agrees
FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id AND c.name = 'hold'
JOIN p2ptext.conversation v ON v.id = o.conversation_id AND v.campaign_id = o.campaign_id
WHERE o.status = 'draft' GROUP BY 1 ORDER BY 1;
SET ROLE assignment_ada;
SELECT p2ptext.take_batch('hold');
RESET ROLE;
SELECT drafted FROM p2ptext.launch('hold');
SELECT drafted FROM p2ptext.launch('hold cast');
SELECT id AS camp FROM p2ptext.campaign WHERE name = 'hold' \gset
UPDATE p2ptext.campaign SET batch_size = 5 WHERE id = :camp;

-- on demand: no more at once than batch_size, so that a second click takes nothing
SET ROLE assignment_ada;
SELECT texter, how, initials, replies, total FROM p2ptext.take_batch('hold', 3);
SELECT texter, how, initials, replies, total FROM p2ptext.take_batch('hold');
SELECT p2ptext.take_batch('hold');
SELECT p2ptext.take_batch('hold', 0);
SELECT p2ptext.take_batch('hold', 6);
SELECT p2ptext.take_batch('hold', 5, 'everything');
SELECT p2ptext.take_batch('hold', 5, NULL);
SELECT p2ptext.take_batch('hold cast');
SELECT p2ptext.take_batch('nowhere');
SELECT voter_key, body FROM p2ptext.next_text('hold');
-- one by one: two looks show one text
SET ROLE assignment_bob;
SELECT voter_key FROM p2ptext.next_text('hold');
SELECT voter_key FROM p2ptext.next_text('hold');
SELECT outbox_id AS mine FROM p2ptext.next_text('hold') \gset
SET ROLE assignment_ada;
SELECT p2ptext.approve(:mine);
-- what a draft's id is does not make it one's own
SELECT p2ptext.approve(:mine + 1);
SET ROLE assignment_bob;
SELECT status FROM p2ptext.approve(:mine);
\set VERBOSITY terse
SELECT p2ptext.approve(:mine);
\set VERBOSITY default
SELECT voter_key FROM p2ptext.next_text('hold');
RESET ROLE;
SELECT * FROM assignment_test.held;

-- a manager gives out texts
SET ROLE assignment_ada;
SELECT p2ptext.assign('hold', 'assignment_ada', 1);
SELECT p2ptext.split_campaign('hold');
SELECT p2ptext.reassign('hold', 'assignment_bob', 'assignment_ada');
SELECT p2ptext.release_stale();
SET ROLE assignment_mo;
SELECT texter, how, initials, replies, total, assigned_by FROM p2ptext.assign('hold', 'assignment "Zoë"', initials => 2);
SELECT p2ptext.assign('hold', 'assignment_nobody', 1);
SELECT p2ptext.assign('hold', 'assignment_nemo', 1);
SELECT p2ptext.assign('hold', NULL, 1);
SELECT p2ptext.assign('hold', 'assignment_bob');
SELECT p2ptext.assign('hold', 'assignment_bob', -1, 2);
SELECT p2ptext.assign('hold', 'assignment_bob', NULL);
-- evenly, and the same at each try
BEGIN;
SELECT texter, how, initials, total FROM p2ptext.split_campaign('hold', '{assignment_bob,"assignment \"Zoë\"",assignment_ada}');
ROLLBACK;
SELECT texter, how, initials, total FROM p2ptext.split_campaign('hold', '{assignment_bob,"assignment \"Zoë\"",assignment_ada}');
SELECT texter, initials, total FROM p2ptext.split_campaign('hold', '{assignment_bob}');
SELECT p2ptext.split_campaign('hold', '{assignment_bob,assignment_bob}');
SELECT p2ptext.split_campaign('hold', '{assignment_bob,NULL}');
SELECT p2ptext.split_campaign('hold', '{}');
SELECT p2ptext.split_campaign('hold', '{assignment_nobody}');
RESET ROLE;
SELECT * FROM assignment_test.held;
-- and gives them to others: what was written in one name is written anew in the other
SET ROLE assignment_mo;
SELECT texter, how, initials, replies, total FROM p2ptext.reassign('hold', 'assignment_ada', 'assignment_bob', 'initials', max_rows => 2);
SELECT texter, how, initials, replies, total FROM p2ptext.reassign('hold', 'assignment_ada', to_texter => NULL);
SELECT p2ptext.reassign('hold', 'assignment_ada', 'assignment_ada');
SELECT p2ptext.reassign('hold', NULL, 'assignment_ada');
SELECT p2ptext.reassign('hold', 'assignment_bob', 'assignment_nobody');
SELECT p2ptext.reassign('hold', 'assignment_bob', what => 'all of it');
SELECT p2ptext.reassign('hold', 'assignment_bob', max_rows => 0);
SELECT texter, initials FROM p2ptext.reassign('hold', 'assignment_gone', 'assignment_ada');
RESET ROLE;
SELECT * FROM assignment_test.held;
SET ROLE assignment_bob;
SELECT voter_key, body FROM p2ptext.next_text('hold');
RESET ROLE;

-- so many and no more; at most so many a minute
UPDATE p2ptext.campaign SET max_per_texter = 7, max_per_minute = 2 WHERE id = :camp;
SELECT count(*) FROM p2ptext.reassign('hold', 'assignment_bob', what => 'initials');
SET ROLE assignment_mo;
SELECT initials FROM p2ptext.assign('hold', 'assignment "Zoë"', 1);
SELECT p2ptext.split_campaign('hold');
SET ROLE assignment_bob;
SELECT initials, total FROM p2ptext.take_batch('hold', 5);
SELECT outbox_id AS mine FROM p2ptext.next_text('hold') \gset
SELECT status FROM p2ptext.approve(:mine);
SELECT outbox_id AS mine FROM p2ptext.next_text('hold') \gset
\set VERBOSITY terse
SELECT p2ptext.approve(:mine);
\set VERBOSITY default
DO $$
DECLARE
	detail text;
BEGIN
	PERFORM p2ptext.approve((SELECT outbox_id FROM p2ptext.next_text('hold')));
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RAISE WARNING '%: %, soon: %', SQLSTATE, split_part(detail, ' at ', 1),
		rtrim(split_part(detail, ' at ', 2), '.')::timestamptz BETWEEN now() AND now() + interval '1 minute';
END
$$;
RESET ROLE;
UPDATE p2ptext.campaign SET max_per_minute = NULL WHERE id = :camp;
SET ROLE assignment_bob;
SELECT status FROM p2ptext.approve(:mine);
SELECT initials, total FROM p2ptext.take_batch('hold');
SELECT p2ptext.take_batch('hold', 1);
RESET ROLE;
SELECT count(*) FROM p2ptext.reassign('hold', 'assignment_bob', what => 'initials', max_rows => 2);
UPDATE p2ptext.campaign SET max_per_texter = NULL WHERE id = :camp;

-- by request
UPDATE p2ptext.campaign SET assignment = 'request' WHERE id = :camp;
SELECT count(*) FROM p2ptext.reassign('hold', 'assignment_bob', what => 'initials');
SET ROLE assignment_bob;
SELECT * FROM p2ptext.next_text('hold');
SELECT p2ptext.take_batch('hold');
SELECT p2ptext.request_texts('hold', 0);
SELECT texter, texts, status FROM p2ptext.request_texts('hold', 30);
SELECT texter, texts, status FROM p2ptext.request_texts('hold', 3);
SET ROLE assignment_ada;
SELECT texter, texts, status FROM p2ptext.request_texts('hold', 3);
RESET ROLE;
SELECT texter, texts, status, given FROM p2ptext.text_request WHERE campaign_id = :camp ORDER BY id;
SELECT max(id) FILTER (WHERE texter = 'assignment_bob') AS bob, max(id) FILTER (WHERE texter = 'assignment_ada') AS ada
FROM p2ptext.text_request WHERE campaign_id = :camp \gset
SET ROLE assignment_bob;
SELECT p2ptext.approve_request(:bob);
SET ROLE assignment_mo;
SELECT texter, texts, status, given, decided_by FROM p2ptext.approve_request(:bob);
\set VERBOSITY terse
SELECT p2ptext.approve_request(:bob);
\set VERBOSITY default
SELECT p2ptext.approve_request(:ada, 0);
SELECT p2ptext.approve_request(-1);
SELECT texter, texts, status, given, note FROM p2ptext.refuse_request(:ada, 'later');
RESET ROLE;
SELECT count(*) FROM p2ptext.reassign('hold', 'assignment_bob', what => 'initials');
UPDATE p2ptext.campaign SET assignment = 'fixed' WHERE id = :camp;
SET ROLE assignment_bob;
SELECT * FROM p2ptext.next_text('hold');
SELECT p2ptext.take_batch('hold');
RESET ROLE;
UPDATE p2ptext.campaign SET assignment = 'open' WHERE id = :camp;
SET ROLE assignment_bob;
SELECT p2ptext.request_texts('hold', 1);
RESET ROLE;

-- teams
SET ROLE assignment_mo;
SELECT texter FROM p2ptext.set_team('assignment north', '{assignment_ada,assignment_bob}');
SELECT texter FROM p2ptext.set_team('assignment north', '{assignment_ada,"assignment \"Zoë\""}');
SELECT p2ptext.set_team('assignment north', '{assignment_nemo}');
SELECT p2ptext.set_team('assignment north', NULL);
SELECT p2ptext.set_team(' ', '{}');
SELECT count(*) FROM p2ptext.set_campaign_teams('hold', '{assignment north}');
SELECT p2ptext.set_campaign_teams('hold', '{assignment south}');
SELECT p2ptext.assign('hold', 'assignment_bob', 1);
SET ROLE assignment_bob;
SELECT * FROM p2ptext.next_text('hold');
SELECT p2ptext.take_batch('hold');
SET ROLE assignment_mo;
BEGIN;
SELECT texter, initials FROM p2ptext.split_campaign('hold');
ROLLBACK;
SELECT count(*) FROM p2ptext.set_campaign_teams('hold', '{}');
RESET ROLE;

-- replies by themselves
SELECT p2ptext.finish(array_agg(id), array_agg(campaign_id), array_agg('sent'::text), array_agg('SM'::text), array_agg(''::text), array_agg(''::text),
	array_agg(0), array_agg(0)) FROM p2ptext.claim(7, ARRAY[:camp], '{initial}', '{+12025550185}', '{0}', '{100}', ARRAY(SELECT id FROM p2ptext.outbox WHERE campaign_id = :camp AND status = 'approved' ORDER BY id));
BEGIN;
SELECT (p2ptext.store_inbound(array_agg(g.id), array_agg('text'::text), array_agg('assignment-' || v.id), array_agg(''::text), array_agg(''::text),
	array_agg(v.phone), array_agg('+12025550185'::text), array_agg('who is this?'::text), array_agg(''::text), array_agg(''::text), array_agg(''::text),
	array_agg(''::text), array_agg(''::text), array_agg(''::bytea))).fresh
FROM p2ptext.gateway g, p2ptext.conversation v WHERE g.name = 'assignment-test' AND v.campaign_id = :camp AND v.message_status = 'messaged';
SELECT applied FROM p2ptext.apply_inbound();
COMMIT;
CREATE VIEW assignment_test.waiting AS SELECT coalesce(v.texter, '-') AS texter, string_agg(v.voter_key, ',' ORDER BY v.id) AS voters
FROM p2ptext.conversation v JOIN p2ptext.campaign c ON c.id = v.campaign_id AND c.name = 'hold' WHERE v.waiting_since IS NOT NULL GROUP BY 1 ORDER BY 1;
SELECT * FROM assignment_test.waiting;
SET ROLE assignment_mo;
SELECT texter, initials, replies FROM p2ptext.reassign('hold', 'assignment_bob', 'assignment_ada', 'replies', 1);
SELECT texter, initials, replies FROM p2ptext.reassign('hold', 'assignment_ada', what => 'replies');
SELECT texter, initials, replies FROM p2ptext.assign('hold', 'assignment "Zoë"', replies => 10);
SELECT texter, initials, replies FROM p2ptext.reassign('hold', 'assignment "Zoë"', what => 'replies');
SET ROLE assignment_ada;
SELECT initials, replies FROM p2ptext.take_batch('hold', 1, 'replies');
RESET ROLE;
SELECT * FROM assignment_test.waiting;

-- what nobody does anything about comes back
SELECT count(*) FROM p2ptext.release_stale('hold');
UPDATE p2ptext.campaign SET release_after = '1 hour' WHERE id = :camp;
SELECT count(*) FROM p2ptext.release_stale('hold');
UPDATE p2ptext.access_log SET at = at - interval '2 hours' WHERE campaign_id = :camp AND texter <> 'assignment_bob';
UPDATE p2ptext.assignment SET assigned_at = assigned_at - interval '2 hours' WHERE campaign_id = :camp;
UPDATE p2ptext.conversation SET waiting_since = waiting_since - interval '2 hours' WHERE campaign_id = :camp;
-- but of one who is at work only what waits too long
SET ROLE assignment_bob;
SELECT voter_key FROM p2ptext.next_text('hold');
RESET ROLE;
-- and not whom they snoozed, until some time after that
BEGIN;
UPDATE p2ptext.conversation SET snoozed_until = now() + CASE texter WHEN 'assignment_ada' THEN interval '1 hour' ELSE interval '-2 hours' END
WHERE campaign_id = :camp AND waiting_since IS NOT NULL AND texter IN ('assignment_ada', 'assignment_bob');
SELECT texter, how, initials, replies FROM p2ptext.release_stale('hold') ORDER BY 1;
ROLLBACK;
SET ROLE assignment_mo;
SELECT texter, how, initials, replies FROM p2ptext.release_stale('hold') ORDER BY 1;
SELECT texter, how, initials, replies FROM p2ptext.release_stale('hold', '0');
SELECT p2ptext.release_stale('nowhere');
RESET ROLE;
SELECT * FROM assignment_test.held;
SELECT * FROM assignment_test.waiting;
-- the pool is found from its beginning, also below what was taken before
UPDATE p2ptext.draft_pool SET mark = 9999999 WHERE campaign_id = :camp;
SET ROLE assignment_ada;
SELECT voter_key FROM p2ptext.next_text('hold');
RESET ROLE;
SELECT mark < 9000100 AS moved FROM p2ptext.draft_pool WHERE campaign_id = :camp;
UPDATE p2ptext.draft_pool SET mark = 9999999, swept_at = clock_timestamp() WHERE campaign_id = :camp;
SELECT count(*) FROM p2ptext.reassign('hold', 'assignment_ada');
SELECT mark < 9000100 AS moved, version FROM p2ptext.draft_pool WHERE campaign_id = :camp;
INSERT INTO p2ptext.draft_pool SELECT id, 9999999 FROM p2ptext.campaign WHERE name = 'hold cast';
SELECT p2ptext.approve_batch('hold cast', 7), p2ptext.approve_batch('hold cast'), p2ptext.approve_batch('hold cast');

-- every act is there
SELECT texter, how, sum(initials) AS initials, sum(replies) AS replies FROM p2ptext.assignment WHERE campaign_id = :camp GROUP BY 1, 2 ORDER BY 1, 2;
SELECT texter, action, count(*) > 0 AS some FROM p2ptext.access_log WHERE campaign_id = :camp GROUP BY 1, 2 ORDER BY 1, 2;
UPDATE p2ptext.campaign SET status = 'archived' WHERE id = :camp;
SELECT p2ptext.assign('hold', 'assignment_ada', 1);
SELECT p2ptext.take_batch('hold');
SELECT p2ptext.revoke_role(role) FROM unnest('{assignment_mo,assignment_ada,assignment_bob,"assignment \"Zoë\""}'::name[]) role;
DROP OWNED BY assignment_ada, assignment_bob, assignment_mo, "assignment ""Zoë""", assignment_nobody;
DROP ROLE assignment_mo, assignment_ada, assignment_bob, assignment_nobody, "assignment ""Zoë""";
