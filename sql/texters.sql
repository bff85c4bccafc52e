-- Texters at the edges: of a launch that missed an opt-out, of teams, of a
-- suspension; and what they have done.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA texters_test;
SELECT setval('p2ptext.message_id', 9750000), setval('p2ptext.conversation_id_seq', 9750000);
CREATE ROLE texters_mo;
CREATE ROLE texters_ada;
CREATE ROLE "texters ""O'Zoë""";
CREATE ROLE texters_rae;
SELECT kind FROM p2ptext.grant_role('texters_mo', 'manager', 'Mo');
SELECT kind FROM p2ptext.grant_role('texters_ada', 'texter', 'Ada');
SELECT kind FROM p2ptext.grant_role('texters "O''Zoë"', 'texter', 'Zoë');
SELECT kind FROM p2ptext.grant_role('texters_rae', 'reader');
CREATE TABLE texters_test.voters (id int PRIMARY KEY, cell text);
INSERT INTO texters_test.voters SELECT n, '919-555-' || 8800 + n FROM generate_series(1, 20) n;
SELECT name FROM p2ptext.add_source('texters voters', 'texters_test.voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('texters all', 'texters voters', 'true');
INSERT INTO p2ptext.organisation (name, own_opt_outs) VALUES ('texters own', true);
SELECT name FROM p2ptext.add_gateway('texters-test', 'loopback', senders => '{+12025550188}');
UPDATE p2ptext.gateway SET enabled = false, organisation_id = (SELECT id FROM p2ptext.organisation WHERE name = 'texters own') WHERE name = 'texters-test';
SELECT id AS camp FROM p2ptext.create_campaign('edges', 'texters all', 'texters-test', 'Hi, {{texter.first_name}} here. Will you vote on Tuesday?') \gset
SELECT count(*) FROM p2ptext.add_question('edges', 'Will you vote?', '{"yes": ["y"], "no": ["n"]}');
SELECT drafted FROM p2ptext.launch('edges');
CREATE FUNCTION texters_test.say(voter int, body text) RETURNS bigint LANGUAGE sql AS $$
	SELECT p2ptext.store_inbound(ARRAY[g.id], '{text}', ARRAY[gen_random_uuid()::text], '{""}', '{""}', ARRAY['+1919555' || 8800 + voter],
		'{+12025550188}', ARRAY[body], '{""}', '{""}', '{""}', '{""}', '{""}', '{""}')
	FROM p2ptext.gateway g WHERE g.name = 'texters-test';
	SELECT applied FROM p2ptext.apply_inbound();
$$;
CREATE FUNCTION texters_test.send(camp int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	PERFORM p2ptext.finish(array_agg(id), array_agg(campaign_id), array_agg('sent'::text), array_agg('SM'::text), array_agg(''::text),
		array_agg(''::text), array_agg(0), array_agg(0)), count(*)
	FROM p2ptext.claim(7, ARRAY[camp, camp], '{initial,reply}', '{+12025550188,+12025550188}', '{0,0}', '{100,100}',
		ARRAY(SELECT id FROM p2ptext.outbox WHERE campaign_id = camp ORDER BY id));
	RETURN count(*) FROM p2ptext.message WHERE campaign_id = camp AND direction = 'out';
END
$$;
CREATE VIEW texters_test.talk AS SELECT v.voter_key::int AS voter, v.id, v.texter, v.message_status, v.result, o.status, o.reason, o.texter AS holds
FROM p2ptext.campaign c JOIN p2ptext.conversation v ON v.campaign_id = c.id
LEFT JOIN p2ptext.outbox o ON o.conversation_id = v.id AND o.campaign_id = v.campaign_id
WHERE c.name = 'edges' ORDER BY 1, o.id;
GRANT USAGE ON SCHEMA texters_test TO texters_mo, texters_ada;
CREATE FUNCTION texters_test.conv(voter int) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT id FROM texters_test.talk t WHERE t.voter = $1 $$;

-- a draft whose phone opted out, or whose conversation was closed, while the
-- opt-out or close() could not see it, is never shown
ALTER TABLE p2ptext.opt_out DISABLE TRIGGER suppress;
SELECT how FROM p2ptext.opt_out('919-555-8801');
SELECT how FROM p2ptext.opt_out('919-555-8803', organisation => 'texters own');
SELECT how FROM p2ptext.opt_out('919-555-8804');
ALTER TABLE p2ptext.opt_out ENABLE TRIGGER suppress;
UPDATE p2ptext.conversation SET message_status = 'closed' WHERE id = texters_test.conv(2);
SET ROLE texters_ada;
SELECT voter_key, body FROM p2ptext.next_text('edges');
RESET ROLE;
SELECT voter, message_status, result, status, reason FROM texters_test.talk WHERE voter <= 5;

-- who waits and is held by nobody is for the campaign's teams to take
SET ROLE texters_mo;
SELECT texter FROM p2ptext.set_team('texters', '{texters_ada}');
SELECT count(*) FROM p2ptext.set_campaign_teams('edges', '{texters}');
RESET ROLE;
SELECT texters_test.say(6, 'Who is this?');
SET ROLE "texters ""O'Zoë""";
SELECT conversation_id FROM p2ptext.inbox WHERE campaign = 'edges';
SELECT p2ptext.thread(9750006);
SELECT p2ptext.reply(9750006, 'x');
SELECT p2ptext.add_note(9750006, 'x');
SELECT p2ptext.take_batch('edges', what => 'replies');
SET ROLE texters_ada;
SELECT p2ptext.add_note(9750006, 'x');
SELECT replies FROM p2ptext.take_batch('edges', what => 'replies');
SELECT body, draft FROM p2ptext.inbox WHERE campaign = 'edges';
SELECT texter, status FROM p2ptext.reply(9750006, 'Ada, from the campaign');
SET ROLE texters_mo;
SELECT count(*) FROM p2ptext.set_campaign_teams('edges', '{}');

-- a suspended texter's voters who write again are the pool's, and a refused
-- first text does not go back to who may not send it
SET ROLE "texters ""O'Zoë""";
SELECT how, initials FROM p2ptext.take_batch('edges', 3);
SELECT outbox_id AS one, body FROM p2ptext.next_text('edges') \gset
SELECT status FROM p2ptext.approve(:one, 'Something else altogether');
SELECT outbox_id AS two FROM p2ptext.next_text('edges') \gset
SELECT status FROM p2ptext.approve(:two);
RESET ROLE;
SELECT texters_test.send(:camp);
SELECT (p2ptext.add_step('edges', 'See you there, says {{texter.first_name}}.', id, 'yes')).parent_answer
FROM p2ptext.interaction_step WHERE campaign_id = :camp AND parent_id IS NULL;
SELECT texters_test.say(8, 'yes');
SET ROLE "texters ""O'Zoë""";
-- what follows on the answer stands in the inbox, until the conversation is closed
SELECT question, body, draft, outbox_id IS NOT NULL AS drafted FROM p2ptext.inbox WHERE campaign = 'edges';
-- nobody speaks in another's name
SET ROLE texters_mo;
SELECT texter, replies FROM p2ptext.reassign('edges', 'texters "O''Zoë"', 'texters_ada', 'replies');
SELECT draft FROM p2ptext.inbox WHERE campaign = 'edges';
SELECT replies FROM p2ptext.reassign('edges', 'texters_ada', what => 'replies');
SELECT texter, draft FROM p2ptext.inbox WHERE campaign = 'edges';
SET ROLE "texters ""O'Zoë""";
SELECT replies FROM p2ptext.take_batch('edges', what => 'replies');
SELECT question, answer.value, how FROM p2ptext.inbox, p2ptext.record_answer(conversation_id, question, 'no') AS answer WHERE campaign = 'edges';
SELECT draft FROM p2ptext.inbox WHERE campaign = 'edges';
SELECT answer.value, next_text FROM p2ptext.inbox, p2ptext.record_answer(conversation_id, 'yes') AS answer WHERE campaign = 'edges';
SELECT message_status FROM p2ptext.close((SELECT conversation_id FROM p2ptext.inbox WHERE campaign = 'edges'));
SET ROLE texters_mo;
SELECT initials FROM p2ptext.suspend('texters "O''Zoë"');
SELECT accepted FROM p2ptext.review(:one, false);
RESET ROLE;
SELECT texters_test.say(8, 'are you there?');
SELECT voter, texter, message_status, status, holds FROM texters_test.talk WHERE voter BETWEEN 7 AND 9;
SET ROLE texters_ada;
SELECT replies FROM p2ptext.take_batch('edges', what => 'replies');
SELECT voter_key, body, texter FROM p2ptext.inbox WHERE campaign = 'edges';

-- what each has done
SELECT * FROM p2ptext.leaderboard('edges');
SELECT * FROM p2ptext.leaderboard(NULL);
SELECT * FROM p2ptext.texter_stats;
SET ROLE texters_rae;
SELECT place, texter, sent FROM p2ptext.leaderboard('edges');
SELECT campaign, texter, initials, replies, failed, drafts, conversations, answered, waiting, waiting_since IS NOT NULL AS since,
	opted_out, answers, first_sent_at <= last_sent_at AS sent FROM p2ptext.texter_stats WHERE campaign = 'edges' ORDER BY texter;
RESET ROLE;

-- a tag opts out from whom close() does
INSERT INTO p2ptext.tag (tag, effect) VALUES ('texters stop', 'opt_out');
SET ROLE texters_ada;
SELECT tag FROM p2ptext.tag(9750008, 'texters stop');
RESET ROLE;
SELECT o.detail, r.name AS organisation FROM p2ptext.opt_out o LEFT JOIN p2ptext.organisation r ON r.id = o.organisation_id WHERE o.phone = '+19195558808';

-- who is gone holds nothing, nor what they only answered
SELECT texters_test.say(20, 'Hello?');
SET ROLE texters_mo;
SELECT texter, kind FROM p2ptext.reply(9750020, 'Mo here');
RESET ROLE;
SELECT p2ptext.revoke_role('texters_mo');
SELECT texter, message_status FROM p2ptext.conversation WHERE id = 9750020;

DELETE FROM p2ptext.conversation_tag WHERE tag = 'texters stop';
DELETE FROM p2ptext.tag WHERE tag = 'texters stop';
SELECT p2ptext.revoke_role(role) FROM unnest('{texters_mo,texters_ada,"texters \"O''Zoë\"",texters_rae}'::name[]) role;
DROP OWNED BY texters_mo, texters_ada, "texters ""O'Zoë""", texters_rae;
DROP ROLE texters_mo, texters_ada, "texters ""O'Zoë""", texters_rae;
