-- What texters do with voters who answer.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA conversation_test;
SELECT setval('p2ptext.message_id', 4000000), setval('p2ptext.conversation_id_seq', 4000000);
CREATE ROLE conversation_manager;
CREATE ROLE conversation_ada;
CREATE ROLE conversation_bob;
CREATE ROLE conversation_reader;
SELECT kind FROM p2ptext.grant_role('conversation_manager', 'manager');
SELECT kind FROM p2ptext.grant_role('conversation_ada', 'texter', 'Ada');
SELECT kind FROM p2ptext.grant_role('conversation_bob', 'texter', 'Bob');
SELECT kind FROM p2ptext.grant_role('conversation_reader', 'reader');
CREATE TABLE conversation_test.voters (id int PRIMARY KEY, cell text);
INSERT INTO conversation_test.voters SELECT n, '919-555-' || 6700 + n FROM generate_series(1, 8) n;
SELECT name FROM p2ptext.add_source('conversation voters', 'conversation_test.voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('conversation all', 'conversation voters', 'true');
SELECT name FROM p2ptext.add_gateway('conversation-test', 'loopback', senders => '{+12025550178}');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'conversation-test';
SELECT name FROM p2ptext.create_campaign('talk', 'conversation all', 'conversation-test', 'Hello', mode => 'broadcast', recheck => false);
SELECT count(*) FROM p2ptext.add_question('talk', 'Will you vote?', '{"yes": ["y"], "no": ["n"]}');
SELECT drafted FROM p2ptext.launch('talk');
SELECT p2ptext.approve_batch('talk');
-- what follows has the conversations 4000001 to 4000008, and the texts of the same numbers
SELECT id AS camp FROM p2ptext.campaign WHERE name = 'talk' \gset
SELECT p2ptext.finish(array_agg(id), array_agg(campaign_id), array_agg('sent'::text), array_agg('SM'::text), array_agg(''::text), array_agg(''::text),
	array_agg(0), array_agg(0)) FROM p2ptext.claim(7, ARRAY[:camp], '{initial}', '{+12025550178}', '{0}', '{7}', NULL);
-- the receiver may apply these before we do, so wait for nothing
BEGIN;
SELECT (p2ptext.store_inbound(array_agg(g.id), array_agg('text'::text), array_agg('conversation-' || n), array_agg(''::text), array_agg(''::text),
	array_agg('+1919555' || 6700 + voter), array_agg('+12025550178'::text), array_agg(body), array_agg(''::text), array_agg(''::text), array_agg(''::text),
	array_agg(''::text), array_agg(''::text), array_agg(''::bytea))).fresh
FROM p2ptext.gateway g, unnest('{3,1,2,2,4,5}'::int[], '{first,second,third,and more,fourth,fifth}'::text[]) WITH ORDINALITY t(voter, body, n)
WHERE g.name = 'conversation-test';
SELECT applied FROM p2ptext.apply_inbound();
COMMIT;

-- the inbox: who waits longest comes first, with their latest words
SELECT conversation_id, campaign, voter_key, phone, texter, question, body, unread, received_at >= waiting_since AS sane FROM p2ptext.inbox WHERE campaign = 'talk';
-- a texter sees, and acts in, what they hold; what nobody holds is there for the taking
SET ROLE conversation_ada;
SELECT conversation_id FROM p2ptext.inbox WHERE campaign = 'talk';
SELECT p2ptext.reply(4000001, 'Not mine');
SELECT * FROM p2ptext.thread(4000001);
SELECT p2ptext.close(4000007);
SELECT initials, replies FROM p2ptext.take_batch('talk', 2, 'replies');
SET ROLE conversation_bob;
SELECT initials, replies FROM p2ptext.take_batch('talk', 1, 'replies');
RESET ROLE;
UPDATE p2ptext.campaign SET batch_size = 3 WHERE id = :camp;
SET ROLE conversation_ada;
SELECT p2ptext.take_batch('talk', 2, 'replies');
SELECT p2ptext.take_batch('talk', 4, 'replies');
SELECT p2ptext.take_batch('talk');
RESET ROLE;
UPDATE p2ptext.campaign SET batch_size = 25 WHERE id = :camp;
SET ROLE conversation_ada;
SELECT initials, replies FROM p2ptext.take_batch('talk', what => 'replies');
SELECT conversation_id, body FROM p2ptext.inbox WHERE campaign = 'talk';
SELECT count(*), bool_and(texter = current_user) AS own FROM p2ptext.conversation WHERE campaign_id = :camp;
SELECT id, conversation_id, kind, status, sender, phone, body, texter, approved_by, approved_at IS NOT NULL AS approved, position > 0 AS queued
FROM p2ptext.reply(conversation => 4000001, body => E'Thanks! 👍\n "quoted" \\ {{x}}');
SELECT conversation_id FROM p2ptext.inbox WHERE campaign = 'talk';
SET ROLE conversation_bob;
SELECT id IS NOT NULL AS replied FROM p2ptext.reply(4000002, 'Hello, Bob here');
SELECT p2ptext.reply(4000001, 'me too');
SELECT p2ptext.close(4000001);
SELECT p2ptext.record_answer(4000001, 'yes');
SET ROLE conversation_manager;
\set VERBOSITY terse
SELECT p2ptext.reply(4000001, 'The manager here');
\set VERBOSITY default
SELECT texter, approved_by FROM p2ptext.reply(4000001, 'The manager here', seen => 4000015);
RESET ROLE;
SELECT id, message_status, texter, waiting_since, result FROM p2ptext.conversation WHERE id IN (4000001, 4000002) ORDER BY 1;
-- a voter who writes again waits again, for their own texter
BEGIN;
SELECT (p2ptext.store_inbound(ARRAY[g.id], '{text}', '{conversation-again}', '{""}', '{""}', '{+19195556701}', '{+12025550178}', '{again}', '{""}', '{""}', '{""}', '{""}', '{""}', '{""}')).fresh
FROM p2ptext.gateway g WHERE g.name = 'conversation-test';
SELECT applied FROM p2ptext.apply_inbound();
COMMIT;
SET ROLE conversation_ada;
SELECT conversation_id, texter, body, unread FROM p2ptext.inbox WHERE campaign = 'talk' ORDER BY 1;
SET ROLE conversation_bob;
SELECT conversation_id FROM p2ptext.inbox WHERE campaign = 'talk' ORDER BY 1;
SET ROLE conversation_reader;
SELECT conversation_id FROM p2ptext.inbox WHERE campaign = 'talk' ORDER BY 1;
SELECT p2ptext.reply(4000003, 'x');
RESET ROLE;
-- a condition of the reader's own sees no row that the reader may not
CREATE FUNCTION conversation_test.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.000001 AS
$$ BEGIN RAISE WARNING 'seen: %', $1; RETURN true; END $$;
GRANT USAGE ON SCHEMA conversation_test TO PUBLIC;
SET ROLE conversation_bob;
SELECT conversation_id FROM p2ptext.inbox WHERE conversation_test.tell(phone) AND campaign = 'talk' ORDER BY 1;
RESET ROLE;

-- replies that are none
SELECT p2ptext.reply(4000003, '');
SELECT p2ptext.reply(4000003, E' \n\t ');
SELECT p2ptext.reply(4000003, NULL);
SELECT p2ptext.reply(4000003, repeat('x', 1601));
SELECT length((p2ptext.reply(4000003, repeat('x', 1600))).body);
SELECT p2ptext.reply(-1, 'x');
SELECT p2ptext.reply(NULL, 'x');
SELECT count(p2ptext.reply(id, 'to both of you')) FROM p2ptext.conversation WHERE id IN (4000003, 4000007);
-- to one who has opted out
SELECT phone FROM p2ptext.opt_out((SELECT phone FROM p2ptext.conversation WHERE id = 4000004), 'said so');
SELECT p2ptext.reply(4000004, 'x');
SELECT message_status, result, waiting_since FROM p2ptext.conversation WHERE id = 4000004;
-- in a campaign that is over
UPDATE p2ptext.campaign SET status = 'archived' WHERE id = :camp;
SELECT p2ptext.reply(4000005, 'x');
UPDATE p2ptext.campaign SET status = 'active' WHERE id = :camp;

-- closing, with how it ended
SET ROLE conversation_ada;
SELECT message_status, result, waiting_since, texter FROM p2ptext.close(4000005, 'refused');
\set VERBOSITY terse
SELECT message_status, result, texter FROM p2ptext.close(4000005);
\set VERBOSITY default
SELECT count(*) FROM p2ptext.inbox WHERE conversation_id = 4000005;
SELECT p2ptext.close(-1);
RESET ROLE;
-- what is sent in it moves a closed conversation nowhere
SELECT p2ptext.finish(array_agg(id), array_agg(campaign_id), array_agg('sent'::text), array_agg('SM'::text), array_agg(''::text), array_agg(''::text),
	array_agg(0), array_agg(0)) FROM p2ptext.claim(7, ARRAY[:camp], '{reply}', '{+12025550178}', '{0}', '{100}', NULL);
SELECT v.id, v.message_status, v.last_out_at IS NOT NULL AS texted, count(m.*) FILTER (WHERE direction = 'out' AND kind = 'reply') AS replies
FROM p2ptext.conversation v LEFT JOIN p2ptext.message m ON m.conversation_id = v.id WHERE v.campaign_id = :camp GROUP BY v.id, v.campaign_id ORDER BY 1;
SELECT body = E'Thanks! 👍\n "quoted" \\ {{x}}' AS same_bytes FROM p2ptext.message WHERE conversation_id = 4000001 AND kind = 'reply' AND direction = 'out' ORDER BY id LIMIT 1;

-- opt-outs by hand
SELECT phone, how, detail, created_by FROM p2ptext.opt_out('(919) 555-6799', 'at the door');
SELECT phone, how, detail, created_by FROM p2ptext.opt_out('(919) 555-6799', 'once more');
SELECT p2ptext.opt_out('five five five');
SELECT p2ptext.opt_out(NULL);

SELECT p2ptext.revoke_role(role) FROM unnest('{conversation_manager,conversation_ada,conversation_bob,conversation_reader}'::name[]) role;
DROP ROLE conversation_manager, conversation_ada, conversation_bob, conversation_reader;
