-- Second passes: one more text to who did not answer, and campaigns from results.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA followup_test;
SET search_path = followup_test;
SELECT setval('p2ptext.message_id', 9300000), setval('p2ptext.conversation_id_seq', 9300000);
CREATE ROLE followup_manager;
SELECT kind FROM p2ptext.grant_role('followup_manager', 'manager', 'Mo');
CREATE TABLE voters (id int PRIMARY KEY, cell text, voted boolean DEFAULT false);
INSERT INTO voters SELECT n, '919-555-' || 3300 + n FROM generate_series(1, 12) n;
GRANT USAGE ON SCHEMA followup_test TO followup_manager;
GRANT SELECT ON voters TO followup_manager;
SELECT name FROM p2ptext.add_source('followup voters', 'voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('followup all', 'followup voters', 'NOT voted');
SELECT name FROM p2ptext.add_gateway('followup', 'loopback', senders => '{+12025550192}');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'followup';
SELECT id AS camp FROM p2ptext.create_campaign('followup', 'followup all', 'followup', 'Hello', mode => 'broadcast', hours_start => '10:00', hours_end => '20:00') \gset
SELECT count(*) FROM p2ptext.add_question('followup', 'Will you vote?', '{"yes": ["y"], "no": ["n"]}');
SELECT p2ptext.followup('followup', 'Hi');
SELECT drafted FROM p2ptext.launch('followup');
SELECT p2ptext.approve_batch('followup', 11);
BEGIN;
SELECT p2ptext.finish(array_agg(id), array_agg(campaign_id), array_agg('sent'::text), array_agg('SM'::text), array_agg(''::text), array_agg(''::text),
	array_agg(0), array_agg(0)) FROM p2ptext.claim(7, ARRAY[:camp], '{initial}', '{+12025550192}', '{0}', '{11}', ARRAY(SELECT id FROM p2ptext.outbox WHERE campaign_id = :camp ORDER BY id));
CREATE FUNCTION say(voters int[], bodies text[]) RETURNS bigint LANGUAGE sql AS $$
	SELECT p2ptext.store_inbound(array_agg(g.id), array_agg('text'::text), array_agg(gen_random_uuid()::text), array_agg(''::text), array_agg(''::text),
		array_agg('+1919555' || 3300 + s.voter), array_agg('+12025550192'::text), array_agg(s.body), array_agg(''::text), array_agg(''::text),
		array_agg(''::text), array_agg(''::text), array_agg(''::text), array_agg(''::bytea))
	FROM p2ptext.gateway g, unnest(voters, bodies) AS s(voter, body) WHERE g.name = 'followup';
	SELECT applied FROM p2ptext.apply_inbound();
$$;
-- 1 and 2 say yes, 3 no, 4 stops, 5 wants to be called, 6 asks, 7 has voted; the others say nothing; 8 was texted just now, 12 not yet
SELECT say('{1,2,3,4,5,6}', '{y,yes,n,Stop,call me later,where?}');
SELECT result FROM p2ptext.close((SELECT id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key = '5'), 'call_back');
INSERT INTO p2ptext.tag (tag) VALUES ('followup volunteer');
SELECT tag FROM p2ptext.tag((SELECT id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key = '2'), 'followup volunteer');
UPDATE voters SET voted = true WHERE id = 7;
UPDATE p2ptext.conversation SET last_out_at = now() - interval '3 days' WHERE campaign_id = :camp AND voter_key <> '8' AND last_out_at IS NOT NULL;
COMMIT;

SET ROLE followup_manager;
SELECT name, mode, status, hours_start, hours_end, recheck FROM p2ptext.followup('followup', 'Hi again. Will you vote?');
SELECT p2ptext.count_segment('followup (2)');
SELECT voter_key FROM p2ptext.preview('followup (2)', 20) WHERE problem IS NULL ORDER BY voter_key::int;
SELECT p2ptext.script_tree('followup (2)');
-- without words of its own it has those of the first; what the law and the
-- manager asked for goes along
UPDATE p2ptext.campaign SET texter_fields = '{id}', max_per_texter = 5, release_after = '1 hour' WHERE name = 'followup';
SELECT any_of FROM p2ptext.require_text('{Paid for by}', campaign => 'followup');
BEGIN;
SELECT name, texter_fields, max_per_texter, release_after FROM p2ptext.followup('followup', after => '2 days');
SELECT p2ptext.script_tree('followup (3)') ->> 'script' AS script;
SELECT missing FROM p2ptext.missing_texts(p2ptext.find_campaign('followup (3)'));
ROLLBACK;
DELETE FROM p2ptext.required_text WHERE campaign_id = (SELECT id FROM p2ptext.campaign WHERE name = 'followup');
-- a shorter while, and a second one
SELECT name FROM p2ptext.followup('followup', 'Hi', after => '1 hour');
SELECT count(*) FROM p2ptext.preview('followup (3)', 20) WHERE problem IS NULL;
-- from results
SELECT name FROM p2ptext.followup_campaign('followup yes', 'followup', 'Thanks!', '{"question": "Will you vote?", "answer": "yes"}');
SELECT voter_key FROM p2ptext.preview('followup yes', 20) ORDER BY 1;
SELECT name FROM p2ptext.followup_campaign('followup callers', 'followup', 'May we call?', '{"result": "call_back"}', '1 hour');
SELECT voter_key FROM p2ptext.preview('followup callers', 20) ORDER BY 1;
SELECT name FROM p2ptext.followup_campaign('followup helpers', 'followup', 'Thanks!', '{"tag": "followup volunteer"}');
SELECT voter_key FROM p2ptext.preview('followup helpers', 20) ORDER BY 1;
SELECT name FROM p2ptext.followup_campaign('followup waiting', 'followup', 'Sorry', '{"status": "needs_response"}', NULL);
SELECT voter_key FROM p2ptext.preview('followup waiting', 20) ORDER BY 1;
-- who opted out is left out, and on record as that
SELECT name FROM p2ptext.followup_campaign('followup everybody', 'followup', 'Last call', not_contacted_within => '0');
SELECT drafted, dropped FROM p2ptext.launch('followup everybody');
SELECT d.voter_key, d.reason FROM p2ptext.dropped d JOIN p2ptext.campaign c ON c.id = d.campaign_id WHERE c.name = 'followup everybody';
RESET ROLE;
-- who answers before the text leaves does not get it
SELECT drafted FROM p2ptext.launch('followup (2)');
SELECT p2ptext.approve_batch('followup (2)');
SELECT id AS again FROM p2ptext.campaign WHERE name = 'followup (2)' \gset
BEGIN;
UPDATE p2ptext.conversation SET last_in_at = now(), message_status = 'needs_response', waiting_since = now() WHERE campaign_id = :camp AND voter_key = '9';
SELECT put_aside FROM p2ptext.recheck(ARRAY[:again], '{+12025550192}', '{0}', '{9}');
SELECT v.voter_key, o.status, o.reason FROM p2ptext.outbox o JOIN p2ptext.conversation v ON v.id = o.conversation_id WHERE o.campaign_id = :again ORDER BY 1;
ROLLBACK;

-- errors
SELECT p2ptext.followup('nosuch', 'Hi');
SELECT p2ptext.followup('followup', 'Hi', after => '0');
SELECT p2ptext.followup('followup', 'Hi {{nosuch}}');
SELECT p2ptext.followup('followup', 'Hi', name => 'followup yes');
SELECT p2ptext.followup_campaign('', 'followup', 'Hi');
SELECT p2ptext.followup_campaign('x', 'followup', 'Hi', '{"campaign": "followup"}');
SELECT p2ptext.followup_campaign('x', 'followup', 'Hi', '{"anwser": "yes"}');
SELECT p2ptext.followup_campaign('x', 'followup', 'Hi', '{"tag": 5}');
SELECT p2ptext.followup_campaign('x', 'followup', 'Hi', NULL);
SELECT p2ptext.followup_campaign('x', 'followup', 'Hi', not_contacted_within => '-1 day');

DROP OWNED BY followup_manager;
SELECT p2ptext.revoke_role('followup_manager');
DROP ROLE followup_manager;
DROP SCHEMA followup_test CASCADE;
-- what others do not expect
DELETE FROM p2ptext.conversation_tag WHERE tag = 'followup volunteer';
DELETE FROM p2ptext.tag WHERE tag = 'followup volunteer';
