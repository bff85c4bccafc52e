-- How a person lets texts go: one by one, or in batches where that is said.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA approve_test;
SELECT setval('p2ptext.message_id', 1000000);
CREATE ROLE approve_manager;
CREATE ROLE approve_ada;
CREATE ROLE approve_bob;
CREATE ROLE approve_nobody;
SELECT kind FROM p2ptext.grant_role('approve_manager', 'manager');
SELECT kind FROM p2ptext.grant_role('approve_ada', 'texter', first_name => 'Ada', last_name => 'Lovelace');
SELECT kind FROM p2ptext.grant_role('approve_bob', 'texter', first_name => 'Bob');

CREATE TABLE approve_test.voters (id int PRIMARY KEY, name text, cell text);
INSERT INTO approve_test.voters SELECT n, 'Voter ' || n, '919-555-' || 400 + n + 6000 FROM generate_series(1, 9) n;
-- emoji, quotes, line ends, backslashes and braces are kept byte for byte
INSERT INTO approve_test.voters VALUES (10, E'Zoë "Z" O''Neill 👋🏽\n\\n {{name}} $$ %s', '919-555-6410');
SELECT name FROM p2ptext.add_source('approve voters', 'approve_test.voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('approve all', 'approve voters', 'true');
SELECT name FROM p2ptext.add_gateway('approve-test', 'loopback');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'approve-test';
SELECT name FROM p2ptext.create_campaign('approve p2p', 'approve all', 'approve-test', 'Hi {{name}}, it''s {{texter.first_name}}');
SELECT name FROM p2ptext.create_campaign('approve last', 'approve all', 'approve-test', 'Hi {{name}}, it''s {{texter.last_name}}');
SELECT name FROM p2ptext.create_campaign('approve anon', 'approve all', 'approve-test', 'Hi {{name}}');
SELECT name FROM p2ptext.create_campaign('approve cast', 'approve all', 'approve-test', 'Hi {{name}}', mode => 'broadcast');
SELECT p2ptext.next_text('approve p2p');
SELECT drafted FROM p2ptext.launch('approve p2p');
SELECT drafted FROM p2ptext.launch('approve last');
SELECT drafted FROM p2ptext.launch('approve anon');
SELECT drafted FROM p2ptext.launch('approve cast');
GRANT USAGE ON SCHEMA approve_test TO PUBLIC;
CREATE VIEW approve_test.texts AS SELECT o.id, c.name AS campaign, v.voter_key, o.status, o.texter, o.approved_by, o.approved_at, o.body
FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id
JOIN p2ptext.conversation v ON v.id = o.conversation_id AND v.campaign_id = o.campaign_id
WHERE c.name LIKE 'approve %';
GRANT SELECT ON approve_test.texts TO PUBLIC;

-- a texter is shown a text in their own name, the same one until it is approved
SET ROLE approve_ada;
SELECT voter_key, phone, body, sms_segments FROM p2ptext.next_text('approve p2p');
SELECT voter_key FROM p2ptext.next_text('approve p2p');
SELECT outbox_id AS ada FROM p2ptext.next_text('approve p2p') \gset
SET ROLE approve_bob;
SELECT voter_key, body FROM p2ptext.next_text('approve p2p');
SELECT outbox_id AS bob FROM p2ptext.next_text('approve p2p') \gset
\set VERBOSITY terse
SELECT p2ptext.approve(:ada);
\set VERBOSITY default
SELECT status, texter, approved_by, approved_at > now() - interval '1 minute' AS just_now, body FROM p2ptext.approve(outbox_id => :bob);
SET ROLE approve_ada;
SELECT status, texter, approved_by FROM p2ptext.approve(:ada);
\set VERBOSITY terse
SELECT p2ptext.approve(:ada);
SELECT p2ptext.approve(:bob);
SELECT p2ptext.approve(-1);
SELECT p2ptext.approve(NULL);
\set VERBOSITY default
SELECT voter_key, body FROM p2ptext.next_text('approve p2p');
RESET ROLE;
-- one that nobody was shown is written in nobody's name
SELECT count(*) AS drafts, count(body) AS written FROM approve_test.texts WHERE campaign = 'approve p2p' AND status = 'draft';
SELECT id AS unseen FROM approve_test.texts WHERE campaign = 'approve p2p' AND status = 'draft' AND body IS NULL ORDER BY id LIMIT 1 \gset
\set VERBOSITY terse
SELECT p2ptext.approve(:unseen);
-- in whose script has a last name must have one
SET ROLE approve_bob;
\set VERBOSITY default
SELECT body FROM p2ptext.next_text('approve last');
SET ROLE approve_ada;
SELECT body FROM p2ptext.next_text('approve last');
RESET ROLE;

-- one action, one text: no statement approves two
SELECT count(p2ptext.approve(id)) FROM approve_test.texts WHERE campaign = 'approve anon';
DO $$
DECLARE
	text record;
BEGIN
	FOR text IN SELECT id FROM approve_test.texts WHERE campaign = 'approve anon' LOOP
		PERFORM p2ptext.approve(text.id);
	END LOOP;
END
$$;
-- also when each is committed by itself, or errors are caught
DO $$
DECLARE
	text record;
BEGIN
	FOR text IN SELECT id FROM approve_test.texts WHERE campaign = 'approve anon' ORDER BY id LOOP
		PERFORM p2ptext.approve(text.id);
		COMMIT;
	END LOOP;
END
$$;
DO $$
DECLARE
	text record;
BEGIN
	FOR text IN SELECT id FROM approve_test.texts WHERE campaign = 'approve anon' AND status = 'draft' ORDER BY id LOOP
		BEGIN
			PERFORM p2ptext.approve(text.id);
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
	END LOOP;
END
$$;
SELECT voter_key, status, approved_by FROM approve_test.texts WHERE campaign = 'approve anon' AND status <> 'draft' ORDER BY id;
-- two statements are two actions, also in one transaction
BEGIN;
SELECT id AS one FROM approve_test.texts WHERE campaign = 'approve anon' AND status = 'draft' ORDER BY id LIMIT 1 \gset
SELECT status FROM p2ptext.approve(:one);
SELECT id AS two FROM approve_test.texts WHERE campaign = 'approve anon' AND status = 'draft' ORDER BY id LIMIT 1 \gset
SELECT status FROM p2ptext.approve(:two);
COMMIT;
SELECT body = 'Hi ' || (SELECT name FROM approve_test.voters WHERE id = 10) AS same_bytes, octet_length(body)
FROM approve_test.texts WHERE campaign = 'approve anon' AND voter_key = '10';

-- batches are for managers, and for campaigns that say so
SELECT p2ptext.approve_batch('approve anon');
SET ROLE approve_ada;
SELECT p2ptext.approve_batch('approve cast');
SELECT p2ptext.next_text('approve cast');
RESET ROLE;
SELECT id AS cast FROM approve_test.texts WHERE campaign = 'approve cast' ORDER BY id LIMIT 1 \gset
SET ROLE approve_ada;
SELECT p2ptext.approve(:cast);
RESET ROLE;
SET ROLE approve_manager;
SELECT p2ptext.approve_batch('approve cast', 0);
SELECT p2ptext.approve_batch('approve cast', NULL);
SELECT p2ptext.approve_batch('approve cast', max_rows => 4);
SELECT status, approved_by FROM p2ptext.approve((SELECT min(id) FROM approve_test.texts WHERE campaign = 'approve cast' AND status = 'draft'));
SELECT p2ptext.approve_batch('approve cast');
SELECT p2ptext.approve_batch('approve cast');
SELECT p2ptext.approve_batch('nowhere');
RESET ROLE;
SELECT status, approved_by, count(*), count(approved_at) FROM approve_test.texts WHERE campaign = 'approve cast' GROUP BY 1, 2;
-- in the order in which they were approved
SELECT count(DISTINCT position) AS positions, bool_and(position > before) AS rising
FROM (SELECT position, lag(position, 1, 0::bigint) OVER (ORDER BY approved_at, o.id) AS before FROM p2ptext.outbox o
	  JOIN p2ptext.campaign c ON c.id = o.campaign_id WHERE c.name = 'approve cast') o;

-- what a campaign's state allows
SELECT id AS draft FROM approve_test.texts WHERE campaign = 'approve anon' AND status = 'draft' ORDER BY id LIMIT 1 \gset
SELECT status FROM p2ptext.pause('approve anon');
SELECT p2ptext.next_text('approve anon');
SELECT status FROM p2ptext.approve(:draft);
UPDATE p2ptext.campaign SET status = 'archived' WHERE name IN ('approve anon', 'approve cast');
SELECT id AS draft FROM approve_test.texts WHERE campaign = 'approve anon' AND status = 'draft' ORDER BY id LIMIT 1 \gset
SELECT p2ptext.approve(:draft);
SELECT p2ptext.next_text('approve anon');
SELECT p2ptext.approve_batch('approve cast');
SELECT p2ptext.cancel('approve anon');
SELECT p2ptext.cancel('approve anon');
SELECT status, count(*) FROM approve_test.texts WHERE campaign = 'approve anon' GROUP BY 1;
\set VERBOSITY terse
SELECT p2ptext.approve(:draft);
\set VERBOSITY default

-- an opt-out takes drafts and approved texts with it, and next_text() passes over them
SET ROLE approve_bob;
SELECT phone AS bobs FROM p2ptext.next_text('approve p2p') \gset
SELECT phone FROM p2ptext.opt_out(:'bobs');
SELECT phone = :'bobs' AS same FROM p2ptext.next_text('approve p2p');
SET ROLE approve_nobody;
SELECT p2ptext.next_text('approve p2p');
SELECT p2ptext.approve(1);
RESET ROLE;

-- what an INSERT or UPDATE cannot make: a text that nobody approved
\set VERBOSITY terse
INSERT INTO p2ptext.outbox (campaign_id, conversation_id, kind, status, sender, phone, timezones, body, position)
SELECT campaign_id, id, 'reply', 'approved', sender, phone, timezones, 'x', 99 FROM p2ptext.conversation ORDER BY id LIMIT 1;
UPDATE p2ptext.outbox SET status = 'approved', position = 99 WHERE id = :unseen;
UPDATE p2ptext.outbox SET approved_by = NULL WHERE id = :bob;
INSERT INTO p2ptext.message (campaign_id, conversation_id, direction, kind, status, sender, phone, body, gateway_id)
SELECT v.campaign_id, v.id, 'out', 'initial', 'sent', v.sender, v.phone, 'x', c.gateway_id
FROM p2ptext.conversation v JOIN p2ptext.campaign c ON c.id = v.campaign_id WHERE c.name = 'approve p2p' LIMIT 1;

SELECT p2ptext.revoke_role(role) FROM unnest('{approve_manager,approve_ada,approve_bob,approve_nobody}'::name[]) role;
DROP ROLE approve_manager, approve_ada, approve_bob, approve_nobody;
