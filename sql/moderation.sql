-- What texters write in place of the script, and texters who must stop.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA moderation_test;
SELECT setval('p2ptext.message_id', 9710000), setval('p2ptext.conversation_id_seq', 9710000);
CREATE ROLE moderation_mo;
CREATE ROLE moderation_meg;
CREATE ROLE moderation_ada;
CREATE ROLE moderation_bob;
SELECT kind FROM p2ptext.grant_role('moderation_mo', 'manager', 'Mo');
SELECT kind FROM p2ptext.grant_role('moderation_meg', 'manager', 'Meg');
SELECT kind FROM p2ptext.grant_role('moderation_ada', 'texter', 'Ada');
SELECT kind FROM p2ptext.grant_role('moderation_bob', 'texter', 'Bob');
CREATE TABLE moderation_test.voters (id int PRIMARY KEY, cell text);
INSERT INTO moderation_test.voters SELECT n, '919-555-' || 8600 + n FROM generate_series(1, 9) n;
SELECT name FROM p2ptext.add_source('moderation voters', 'moderation_test.voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('moderation all', 'moderation voters', 'true');
SELECT name FROM p2ptext.add_gateway('moderation-test', 'loopback', senders => '{+12025550186}');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'moderation-test';
SELECT name FROM p2ptext.create_campaign('mod', 'moderation all', 'moderation-test', 'Hi, {{texter.first_name}} here. Will you vote on Tuesday?');
SELECT drafted FROM p2ptext.launch('mod');
SELECT id AS camp FROM p2ptext.campaign WHERE name = 'mod' \gset

-- how much of a text was changed
SELECT a, b, p2ptext.edit_share(a, b) FROM (VALUES ('', ''), ('same', 'same'), ('', 'abc'), ('kitten', 'sitting'), ('Zoë 👋🏽', 'Zoe 👋'), ('abcdefghij', 'ABCDEFGHIJ')) t(a, b);
SELECT p2ptext.edit_share(repeat('a', 1600), repeat('b', 1600)), p2ptext.edit_share(NULL, 'x');
SELECT p2ptext.edit_share(repeat('a', 1601), 'b');
-- words that hide
INSERT INTO p2ptext.listed_word VALUES ('Venmo', 'no money'), ('bit ly', NULL);
SELECT body, p2ptext.listed_in(body) FROM (VALUES ('Hello there'), ('VENMO me'), (E've\u200Bnmo'), ('Ｖｅｎｍｏ!'), ('ven mo'), ('convenmore'), ('see http://bit.ly/x'), (''), (NULL)) t(body);
INSERT INTO p2ptext.listed_word VALUES (' .');

-- a texter may change a little
SET ROLE moderation_ada;
SELECT outbox_id AS one, body FROM p2ptext.next_text('mod') \gset
SELECT status, body, approved_by FROM p2ptext.approve(:one, 'Hi! Ada here. Will you vote on Tuesday?');
SELECT outbox_id AS two FROM p2ptext.next_text('mod') \gset
\set VERBOSITY terse
SELECT p2ptext.approve(:two, '');
SELECT p2ptext.approve(:two, E'\n');
SELECT p2ptext.approve(:two, repeat('x', 1601));
\set VERBOSITY default
-- and not take out what must be said
RESET ROLE;
SELECT any_of FROM p2ptext.require_text('{will you vote,are you voting}', campaign => 'mod');
SET ROLE moderation_ada;
SELECT p2ptext.approve(:two, 'Vote for my cousin, he is a great guy');
RESET ROLE;
DELETE FROM p2ptext.required_text WHERE campaign_id = :camp;
SET ROLE moderation_ada;
-- what departs more waits
SELECT status, body, approved_by, position FROM p2ptext.approve(:two, 'Vote for my cousin, he is a great guy');
SELECT outbox_id AS three FROM p2ptext.next_text('mod') \gset
SELECT status FROM p2ptext.approve(:three, 'Hi, Ada here. Will you vote on Tuesday? Venmo!');
SELECT outbox_id AS four FROM p2ptext.next_text('mod') \gset
SELECT status FROM p2ptext.approve(:four, body => NULL);
SELECT * FROM p2ptext.review_queue;
SELECT p2ptext.review(:two, true);
SET ROLE moderation_mo;
SELECT outbox_id = :two AS two, campaign, texter, why, detail, script_body, body, kind, voter_key FROM p2ptext.review_queue WHERE campaign = 'mod';
\set VERBOSITY terse
SELECT p2ptext.review(:one, true);
SELECT p2ptext.review(-1, true);
SELECT p2ptext.review(:two, NULL);
SELECT count(p2ptext.review(outbox_id, true)) FROM p2ptext.review_queue WHERE campaign = 'mod';
\set VERBOSITY default
SELECT texter, why, reviewed_by, accepted, note FROM p2ptext.review(:two, true, 'funny');
SELECT texter, why, reviewed_by, accepted, note FROM p2ptext.review(:three, false, 'no money');
RESET ROLE;
SELECT id - :one AS nth, status, texter, approved_by, position > 0 AS queued, body FROM p2ptext.outbox WHERE campaign_id = :camp AND texter = 'moderation_ada' ORDER BY id;
-- back with its texter, as the script has it
SET ROLE moderation_ada;
SELECT outbox_id = :three AS three, body FROM p2ptext.next_text('mod');
-- a manager's own words pass; another's are reviewed by others
SET ROLE moderation_mo;
SELECT outbox_id AS mine FROM p2ptext.next_text('mod') \gset
SELECT status FROM p2ptext.approve(:mine, 'Dear voter, I am Mo. Venmo.');
RESET ROLE;
UPDATE p2ptext.campaign SET free_edit = 0 WHERE id = :camp;
SET ROLE moderation_bob;
SELECT outbox_id AS bob FROM p2ptext.next_text('mod') \gset
SELECT status FROM p2ptext.approve(:bob, 'Hi, Bob here. Will you vote on Tuesday!');
RESET ROLE;
SELECT kind FROM p2ptext.grant_role('moderation_bob', 'manager', 'Bob');
SET ROLE moderation_bob;
SELECT p2ptext.review(:bob, true);
RESET ROLE;
SELECT kind FROM p2ptext.grant_role('moderation_bob', 'texter', 'Bob');
-- an opt-out ends what waits for review as well
SELECT count(*) FROM p2ptext.opt_out((SELECT phone FROM p2ptext.outbox WHERE id = :bob));
SELECT status, reason FROM p2ptext.outbox WHERE id = :bob;
SELECT count(*) FROM p2ptext.review_queue WHERE campaign = 'mod';

-- suspended: nothing more, and what was approved does not leave
SET ROLE moderation_ada;
SELECT p2ptext.suspend('moderation_bob');
SET ROLE moderation_mo;
SELECT * FROM p2ptext.suspend('moderation_ada');
SELECT * FROM p2ptext.suspend('moderation_ada');
SELECT p2ptext.suspend('moderation_meg');
SELECT p2ptext.suspend('moderation_nemo');
SELECT role, suspended_at IS NOT NULL AS suspended, suspended_by FROM p2ptext.member WHERE role LIKE 'moderation%' ORDER BY 1;
SET ROLE moderation_ada;
SELECT p2ptext.next_text('mod');
SELECT p2ptext.approve(:three);
SELECT p2ptext.take_batch('mod');
SELECT p2ptext.is_member('texter'), p2ptext.is_suspended();
RESET ROLE;
SELECT status, texter, count(*), count(body) AS written, count(approved_by) AS approved FROM p2ptext.outbox WHERE campaign_id = :camp GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM p2ptext.conversation WHERE texter = 'moderation_ada';
SELECT texter, how, initials, replies FROM p2ptext.assignment WHERE campaign_id = :camp AND how = 'suspend';
SET ROLE moderation_mo;
SELECT p2ptext.assign('mod', 'moderation_ada', 1);
SELECT role, suspended_at FROM p2ptext.resume_texter('moderation_ada');
SELECT p2ptext.resume_texter('moderation_ada');
SET ROLE moderation_ada;
SELECT voter_key, body FROM p2ptext.next_text('mod');
RESET ROLE;
-- through a group, or as another role, neither
CREATE ROLE moderation_group;
SELECT kind FROM p2ptext.grant_role('moderation_group', 'texter');
GRANT moderation_group TO moderation_ada;
SET ROLE moderation_mo;
SELECT initials FROM p2ptext.suspend('moderation_ada');
SET ROLE moderation_ada;
SELECT p2ptext.is_member('texter');
RESET ROLE;
SET SESSION AUTHORIZATION moderation_ada;
SET ROLE moderation_group;
SELECT p2ptext.next_text('mod');
RESET SESSION AUTHORIZATION;

-- who loses a role holds nothing more
SET ROLE moderation_bob;
SELECT voter_key FROM p2ptext.next_text('mod');
RESET ROLE;
SELECT p2ptext.revoke_role('moderation_bob');
SELECT count(*) FROM p2ptext.outbox WHERE texter = 'moderation_bob' AND status = 'draft';
SELECT who, what, count(*) FROM p2ptext.audit WHERE campaign = 'mod' GROUP BY 1, 2 ORDER BY 1, 2;
DELETE FROM p2ptext.listed_word;
SELECT p2ptext.revoke_role(role) FROM unnest('{moderation_mo,moderation_meg,moderation_ada,moderation_group}'::name[]) role;
DROP ROLE moderation_mo, moderation_meg, moderation_ada, moderation_bob, moderation_group;
