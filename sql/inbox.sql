-- Conversations: how they move, what texters see, and what they do in them.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA inbox_test;
GRANT USAGE ON SCHEMA inbox_test TO PUBLIC;
SELECT setval('p2ptext.message_id', 4500000), setval('p2ptext.conversation_id_seq', 4500000);
CREATE ROLE inbox_manager;
CREATE ROLE inbox_ada;
CREATE ROLE inbox_bob;
CREATE ROLE inbox_reader;
SELECT kind FROM p2ptext.grant_role('inbox_manager', 'manager');
SELECT kind FROM p2ptext.grant_role('inbox_ada', 'texter', 'Ada');
SELECT kind FROM p2ptext.grant_role('inbox_bob', 'texter', 'Bob');
SELECT kind FROM p2ptext.grant_role('inbox_reader', 'reader');
CREATE TABLE inbox_test.voters (id int PRIMARY KEY, cell text, first_name text, place text);
INSERT INTO inbox_test.voters SELECT n, '919-555-' || 5500 + n, 'Voter' || n, CASE WHEN n <> 2 THEN 'School ' || n END FROM generate_series(1, 9) n;
SELECT name FROM p2ptext.add_source('inbox voters', 'inbox_test.voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('inbox all', 'inbox voters', 'true');
SELECT name FROM p2ptext.add_gateway('inbox-test', 'loopback', senders => '{+12025550158}');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'inbox-test';
SELECT name FROM p2ptext.create_campaign('inbox', 'inbox all', 'inbox-test', 'Hi {{first_name}}, {{place|somewhere}}?', mode => 'broadcast', recheck => false);
SELECT count(*) FROM p2ptext.add_question('inbox', 'Will you vote?', '{"yes": ["y"], "no": ["n"]}');
SELECT drafted FROM p2ptext.launch('inbox');
SELECT p2ptext.approve_batch('inbox', 8);
SELECT id AS camp FROM p2ptext.campaign WHERE name = 'inbox' \gset
SELECT p2ptext.finish(array_agg(id), array_agg(campaign_id), array_agg('sent'::text), array_agg('SM'::text), array_agg(''::text), array_agg(''::text),
	array_agg(0), array_agg(0)) FROM p2ptext.claim(7, ARRAY[:camp], '{initial}', '{+12025550158}', '{0}', '{7}', NULL);
-- a voter writes; what a gateway would tell, applied by ourselves before the receiver can
CREATE FUNCTION inbox_test.hear(voter int, body text, media text DEFAULT '') RETURNS bigint LANGUAGE sql AS $$
	SELECT p2ptext.store_inbound(array_agg(g.id), '{text}', ARRAY['inbox-' || voter || '-' || body], '{""}', '{""}', ARRAY['+1919555' || 5500 + voter],
		'{+12025550158}', ARRAY[body], '{""}', '{""}', '{""}', ARRAY[media], '{""}', '{""}') FROM p2ptext.gateway g WHERE g.name = 'inbox-test';
	SELECT applied FROM p2ptext.apply_inbound();
$$;
-- what an error says, without its times
CREATE FUNCTION inbox_test.tell(sql text) RETURNS TABLE (said text) LANGUAGE plpgsql AS $$
DECLARE
	message text; detail text; hint text;
BEGIN
	EXECUTE sql;
	RETURN QUERY SELECT 'nothing wrong';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message := MESSAGE_TEXT, detail := PG_EXCEPTION_DETAIL, hint := PG_EXCEPTION_HINT;
	RETURN QUERY SELECT * FROM unnest(ARRAY[SQLSTATE || ': ' || message, regexp_replace(nullif(detail, ''), ' at [A-Z][a-z]{2} .*P[SD]T', ' at ...'), nullif(hint, '')]) t WHERE t IS NOT NULL;
END $$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA inbox_test TO PUBLIC;
CREATE VIEW inbox_test.events AS SELECT conversation_id % 100000 AS conv, from_status, to_status, why, who FROM p2ptext.conversation_event
WHERE campaign = 'inbox' ORDER BY conversation_id, at;
-- conversations 4500001 to 4500009; those up to 7 were texted, 8 is approved, 9 a draft
SELECT * FROM inbox_test.events;
SELECT inbox_test.hear(1, 'Where do I vote?'), inbox_test.hear(2, 'who is this'), inbox_test.hear(3, 'Yes'), inbox_test.hear(4, 'one', '[{"url": "https://m.example/1", "content_type": "image/png", "size": 12}]'),
	inbox_test.hear(4, 'two'), inbox_test.hear(5, 'STOP'), inbox_test.hear(6, 'wrong number'), inbox_test.hear(9, 'before you wrote');

\pset format unaligned
SELECT * FROM inbox_test.events;
-- the inbox shows what waits, longest first
SET ROLE inbox_ada;
SELECT replies FROM p2ptext.take_batch('inbox', 4, 'replies');
SELECT conversation_id, voter_key, body, media, unread, age > '0' AS aged, seen FROM p2ptext.inbox WHERE campaign = 'inbox';
-- reading a thread marks it as read
SELECT message_id, direction, who, body, status, media, at IS NOT NULL AS timed FROM p2ptext.thread(4500004);
SELECT unread FROM p2ptext.inbox WHERE conversation_id = 4500004;
RESET ROLE;
SELECT inbox_test.hear(4, 'three');
SET ROLE inbox_ada;
SELECT unread, body FROM p2ptext.inbox WHERE conversation_id = 4500004;
SET ROLE inbox_reader;
SELECT count(*) FROM p2ptext.thread(4500004);
SELECT unread FROM p2ptext.inbox WHERE conversation_id = 4500004;

-- whoever answers what is not the latest is told
SET ROLE inbox_ada;
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500004, ''Yes, one'', seen => 4500013)');
SELECT kind, status, approved_by FROM p2ptext.reply(4500004, 'Yes, three', seen => (SELECT max(message_id) FROM p2ptext.thread(4500004)));
-- two clicks send one text; other words are another text
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500004, ''Yes, three'')');
SELECT status FROM p2ptext.reply(4500004, 'And more');
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500004, ''And more'', seen => 4500018)');
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500004, ''And more'', media => ''{}'')');
SELECT max(message_id) AS last FROM p2ptext.thread(4500004) \gset
SELECT status FROM p2ptext.reply(4500004, 'And more', seen => :last);
SELECT message_id, direction, who, body, status FROM p2ptext.thread(4500004);
-- another person is told who answered
SET ROLE inbox_manager;
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500004, ''The manager here'')');
SELECT * FROM inbox_test.tell(format('SELECT p2ptext.close(4500004, seen => %s)', :last));
SET ROLE inbox_bob;
SELECT * FROM inbox_test.tell('SELECT * FROM p2ptext.thread(4500004)');
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500004, ''Bob here'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500007, ''Bob here'')');
-- nobody speaks before the first text, nor in a closed conversation
SET ROLE inbox_manager;
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500008, ''Hello?'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500006, ''Hello?'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500005, ''Hello?'')');
-- but they may after one without an answer, or when the voter wrote first
SELECT status FROM p2ptext.reply(4500007, 'Still there?');
SET ROLE inbox_bob;
SELECT replies FROM p2ptext.take_batch('inbox', what => 'replies');
SELECT status FROM p2ptext.reply(4500009, 'You are early');

-- snoozed until then, or until the voter writes
SET ROLE inbox_ada;
SELECT message_status, snoozed_until > now() AS snoozed, texter FROM p2ptext.snooze(4500001, now() + interval '1 hour');
SELECT count(*) FROM p2ptext.inbox WHERE conversation_id = 4500001;
SELECT snoozed_until FROM p2ptext.snooze(4500001, now() - interval '1 hour');
SELECT count(*) FROM p2ptext.inbox WHERE conversation_id = 4500001;
SELECT snoozed_until IS NULL AS awake FROM p2ptext.snooze(4500001, NULL);
SELECT message_status FROM p2ptext.snooze(4500001, now() + interval '1 hour');
RESET ROLE;
SELECT inbox_test.hear(1, 'Hello?');
SET ROLE inbox_ada;
SELECT body, unread FROM p2ptext.inbox WHERE conversation_id = 4500001;
SELECT * FROM inbox_test.tell('SELECT p2ptext.snooze(4500001, ''infinity'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.snooze(4500001, now() + interval ''31 days'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.snooze(4500004, now() + interval ''1 hour'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.snooze(NULL, now())');

-- closing and opening again
SELECT message_status, result FROM p2ptext.close(4500001);
SELECT * FROM inbox_test.tell('SELECT p2ptext.close(4500001, ''refused'')');
SELECT message_status, result, waiting_since = (SELECT min(at) FROM p2ptext.thread(4500001) WHERE direction = 'in') AS waits FROM p2ptext.reopen(4500001);
SELECT * FROM inbox_test.tell('SELECT p2ptext.reopen(4500001)');
SELECT message_status FROM p2ptext.close(4500004, 'canvassed');
SELECT message_status, result FROM p2ptext.reopen(4500004);
SELECT * FROM inbox_test.tell('SELECT p2ptext.close(4500004, ''tired'')') LIMIT 1;
SELECT * FROM inbox_test.tell('SELECT p2ptext.close(4500007)');
RESET ROLE;
SELECT * FROM inbox_test.tell('SELECT p2ptext.reopen(4500005)');
SELECT message_status FROM p2ptext.close(4500008, 'moved');
-- what was approved leaves all the same; a draft does not, and comes back
UPDATE p2ptext.outbox SET status = 'draft', approved_by = NULL, approved_at = NULL, position = 0 WHERE conversation_id = 4500008;
SELECT message_status FROM p2ptext.reopen(4500008);
SELECT message_status FROM p2ptext.close(4500008, 'moved');
SELECT status, reason FROM p2ptext.outbox WHERE conversation_id = 4500008;
SELECT message_status FROM p2ptext.reopen(4500008);
SELECT status, reason FROM p2ptext.outbox WHERE conversation_id = 4500008;

-- replies go ahead of first texts, and keep the conversation's number
SELECT p2ptext.approve_batch('inbox');
SELECT kind, sender, count(*) FROM p2ptext.outbox WHERE campaign_id = :camp AND status = 'approved' GROUP BY 1, 2 ORDER BY 1;

-- notes and tags
SET ROLE inbox_manager;
INSERT INTO p2ptext.tag (tag, effect, result, description) VALUES ('vip', NULL, NULL, 'somebody to be kind to'), ('angry', 'escalate', NULL, NULL),
	('no thanks', 'close', 'refused', NULL), ('please stop', 'opt_out', NULL, NULL);
INSERT INTO p2ptext.tag VALUES ('x', 'explode');
INSERT INTO p2ptext.tag VALUES ('x', 'escalate', 'refused');
INSERT INTO p2ptext.tag VALUES (' ');
SET ROLE inbox_ada;
SELECT tag FROM p2ptext.tag ORDER BY 1;
SELECT body, written_by FROM p2ptext.add_note(4500001, E'Asked twice; "quotes" \\ and \u2019');
SELECT * FROM inbox_test.tell('SELECT p2ptext.add_note(4500001, E''\n '')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.add_note(4500001, repeat(''x'', 10001))');
SELECT * FROM inbox_test.tell('SELECT p2ptext.add_note(4500009, ''not mine'')');
SELECT direction, who, body FROM p2ptext.thread(4500001);
SELECT tag, tagged_by FROM p2ptext.tag(4500001, 'vip');
SELECT count(*) FROM p2ptext.tag(4500001, 'vip');
SELECT tag FROM p2ptext.tag(4500001, 'angry');
SELECT tag FROM p2ptext.tag(4500003, 'no thanks');
SELECT tag FROM p2ptext.tag(4500002, 'please stop');
SELECT * FROM inbox_test.tell('SELECT p2ptext.tag(4500001, ''vpi'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.tag(4500001, NULL)');
SELECT * FROM inbox_test.tell('SELECT p2ptext.tag(4500009, ''vip'')');
RESET ROLE;
SELECT id, message_status, result FROM p2ptext.conversation WHERE id IN (4500001, 4500002, 4500003) ORDER BY 1;
SELECT how, detail, created_by FROM p2ptext.opt_out WHERE phone = '+19195555502';

-- what needs a person: unclear replies, escalations, archived campaigns, strangers
SELECT inbox_test.hear(7, 'y'), inbox_test.hear(77, 'who are you?');
SET ROLE inbox_manager;
SELECT why, campaign, conversation_id, inbound_id IS NOT NULL AS stranger, phone, texter, body FROM p2ptext.needs_attention WHERE phone LIKE '+1919555_5__' AND (campaign = 'inbox' OR phone = '+19195555577');
SELECT message_status FROM p2ptext.conversation WHERE id = 4500007;
-- what a stranger wrote stays until somebody says that it is done
SELECT id AS stranger FROM p2ptext.unmatched WHERE phone = '+19195555577' \gset
SELECT outcome, body, handled_by, handled_at IS NOT NULL AS at FROM p2ptext.handle_inbound(:stranger);
RESET ROLE;
SELECT handled_by FROM p2ptext.handle_inbound(:stranger);
SELECT count(*) FROM p2ptext.needs_attention WHERE phone = '+19195555577';
SELECT count(*) FROM p2ptext.unmatched WHERE phone = '+19195555577';
SELECT * FROM inbox_test.tell('SELECT p2ptext.handle_inbound(-1)');
SELECT * FROM inbox_test.tell('SELECT p2ptext.handle_inbound(NULL)') LIMIT 1;
SELECT * FROM inbox_test.tell(format('SELECT p2ptext.handle_inbound(%s)', (SELECT id FROM p2ptext.inbound WHERE dedupe_key = 'inbox-7-y'))) OFFSET 1;
-- and again when it is tried again
BEGIN;
SELECT handled_by IS NULL AND handled_at IS NULL AS open FROM p2ptext.replay_inbound(:stranger);
ROLLBACK;
SET ROLE inbox_ada;
SELECT p2ptext.handle_inbound(:stranger);
SELECT untagged_by FROM p2ptext.untag(4500001, 'angry');
SELECT * FROM inbox_test.tell('SELECT p2ptext.untag(4500001, ''angry'')');
SELECT * FROM p2ptext.needs_attention;
SET ROLE inbox_manager;
UPDATE p2ptext.campaign SET status = 'archived' WHERE name = 'inbox';
RESET ROLE;
SELECT inbox_test.hear(3, 'one more thing');
SELECT why, conversation_id, body FROM p2ptext.needs_attention WHERE campaign = 'inbox' ORDER BY 2;
SELECT count(*) FROM p2ptext.inbox WHERE campaign = 'inbox';
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500003, ''x'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.close(4500003), p2ptext.reopen(4500003)');
UPDATE p2ptext.campaign SET status = 'active' WHERE name = 'inbox';

-- canned responses
SET ROLE inbox_manager;
SELECT title, position, campaign_id IS NULL AS for_all FROM p2ptext.add_canned_response('bye', 'Bye {{first_name}}');
SELECT title, position, tags FROM p2ptext.add_canned_response('where', 'You vote at {{place}}, {{first_name}}. {{texter.first_name}}', 'inbox', tags => ARRAY['polls', '"q"']);
SELECT title, position FROM p2ptext.add_canned_response('bye', 'Good bye', 'inbox');
SELECT title, position FROM p2ptext.add_canned_response('first', E'{{^place}}no place{{/place}}Hi', 'inbox', place => -1);
SELECT title FROM p2ptext.add_canned_response('inbox ''quoted" {{x}}', 'Anything');
SELECT * FROM inbox_test.tell('SELECT p2ptext.add_canned_response(''bye'', ''again'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.add_canned_response('' '', ''again'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.add_canned_response(''empty'', '' '')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.add_canned_response(''bad'', ''{{plaec}}'', ''inbox'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.add_canned_response(''bad'', ''{{place'', ''inbox'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.add_canned_response(''bad'', ''x'', ''nowhere'')');
SET ROLE inbox_ada;
SELECT * FROM inbox_test.tell('SELECT p2ptext.add_canned_response(''mine'', ''x'')');
SELECT * FROM p2ptext.canned_responses(4500001);
SELECT body, approved_by FROM p2ptext.reply(4500001, canned => 'where');
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500001, canned => ''where'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500001, canned => ''wher'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.reply(4500001, ''x'', canned => ''where'')');
SELECT * FROM inbox_test.tell('SELECT p2ptext.canned_responses(4500009)');
RESET ROLE;
SELECT title, problem FROM p2ptext.canned_responses(4500002);

-- nothing moves a conversation where it cannot go, whoever tries
UPDATE p2ptext.conversation SET message_status = 'needs_message' WHERE id = 4500004;
UPDATE p2ptext.conversation SET message_status = 'messaged', messaged_at = now() WHERE id = 4500004;
UPDATE p2ptext.conversation SET message_status = 'convo' WHERE id = 4500008;
\set VERBOSITY terse
UPDATE p2ptext.conversation SET message_status = 'needs_response' WHERE id = 4500004;
\set VERBOSITY default
UPDATE p2ptext.conversation_change SET why = 'because';
DELETE FROM p2ptext.conversation_change;
TRUNCATE p2ptext.conversation_change;
DELETE FROM p2ptext.conversation_note;
SET ROLE inbox_manager;
UPDATE p2ptext.conversation SET message_status = 'closed';
INSERT INTO p2ptext.conversation_change (campaign_id, conversation_id, from_status, to_status, why) VALUES (1, 1, 'messaged', 'convo', 'forged');
INSERT INTO p2ptext.conversation_note (campaign_id, conversation_id, body) VALUES (1, 1, 'forged');
RESET ROLE;
-- every move is there: each begins where the one before it ended, and the last where the conversation is
SELECT * FROM inbox_test.events;
SELECT e.* FROM (SELECT conversation_id, from_status, lag(to_status, 1, 'needs_message') OVER (PARTITION BY conversation_id ORDER BY at) AS was
	FROM p2ptext.conversation_event WHERE campaign = 'inbox') e WHERE from_status <> was;
SELECT c.id FROM p2ptext.conversation c WHERE campaign_id = :camp AND message_status <> coalesce((SELECT to_status FROM p2ptext.conversation_event e
	WHERE e.conversation_id = c.id ORDER BY at DESC LIMIT 1), 'needs_message');

-- an inbox reads its own part of an index and nothing else, of many
BEGIN;
INSERT INTO p2ptext.conversation (campaign_id, voter_key, phone, sender, timezones, texter, message_status, waiting_since)
SELECT :camp, 'many ' || n, '+1336' || 2000000 + n, '+12025550158', '{America/New_York}', 'inbox_many_' || n % 200, CASE WHEN n % 10 = 0 THEN 'needs_response' ELSE 'convo' END,
	CASE WHEN n % 10 = 0 THEN now() - n * interval '1 s' END FROM generate_series(1, 20000) n;
UPDATE p2ptext.conversation SET texter = 'inbox_bob' WHERE texter = 'inbox_many_10';
INSERT INTO p2ptext.message (campaign_id, conversation_id, direction, kind, status, sender, phone, body, gateway_id)
SELECT c.campaign_id, c.id, 'in', 'reply', 'received', c.sender, c.phone, 'text ' || c.id, k.gateway_id FROM p2ptext.conversation c JOIN p2ptext.campaign k ON k.id = c.campaign_id
WHERE c.campaign_id = :camp AND c.voter_key LIKE 'many%' AND c.waiting_since IS NOT NULL;
ANALYZE p2ptext.conversation, p2ptext.message;
CREATE FUNCTION inbox_test.reads(query text, OUT relation text, OUT nodes bigint, OUT read numeric) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, FORMAT JSON) ' || query INTO plan;
	RETURN QUERY WITH RECURSIVE node(n) AS (
		SELECT plan -> 0 -> 'Plan' UNION ALL SELECT c FROM node, jsonb_array_elements(node.n -> 'Plans') c)
	SELECT n ->> 'Relation Name', count(*), sum(((n -> 'Actual Rows')::numeric + coalesce((n -> 'Rows Removed by Filter')::numeric, 0)) * (n -> 'Actual Loops')::numeric)
	FROM node WHERE n ->> 'Relation Name' IN ('conversation', 'message') AND (n -> 'Actual Loops')::int > 0 GROUP BY 1 ORDER BY 1;
END $$;
GRANT EXECUTE ON FUNCTION inbox_test.reads(text) TO PUBLIC;
SELECT count(*) FROM p2ptext.conversation WHERE waiting_since IS NOT NULL AND (texter = 'inbox_bob' OR texter IS NULL) AND campaign_id = :camp;
SET ROLE inbox_bob;
SELECT count(*) FROM p2ptext.inbox WHERE campaign = 'inbox';
SELECT relation, read <= 300 * CASE relation WHEN 'message' THEN 2 ELSE 1 END AS few FROM inbox_test.reads('SELECT * FROM p2ptext.inbox');
-- and so does what a texter asks of their own
SELECT relation, read < 200 AS few FROM inbox_test.reads('SELECT * FROM p2ptext.voter_card');
SELECT relation, read < 200 AS few FROM inbox_test.reads('SELECT id FROM p2ptext.conversation WHERE texter = current_user');
RESET ROLE;
ROLLBACK;

SELECT p2ptext.revoke_role(role) FROM unnest('{inbox_manager,inbox_ada,inbox_bob,inbox_reader}'::name[]) role;
DROP ROLE inbox_manager, inbox_ada, inbox_bob, inbox_reader;
DELETE FROM p2ptext.canned_response WHERE campaign_id IS NULL;
