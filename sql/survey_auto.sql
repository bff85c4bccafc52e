-- Replies that are just an answer, what follows on one, and what waits for a
-- person.  One transaction, so that the receiver of this database has no part in it.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA auto_test;
SET search_path = auto_test;
SELECT setval('p2ptext.message_id', 27000000), setval('p2ptext.conversation_id_seq', 27000000), setval('p2ptext.interaction_step_id_seq', 27000);
CREATE TABLE voters (id int PRIMARY KEY, first_name text, cell text);
INSERT INTO voters SELECT n, CASE WHEN n <> 9 THEN 'V' || n END, '919-555-' || 7300 + n FROM generate_series(1, 12) n;
SELECT name FROM p2ptext.add_source('auto voters', 'voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('auto all', 'auto voters', 'true');
SELECT name FROM p2ptext.add_gateway('auto-test', 'loopback', senders => '{+12025550179}');
UPDATE p2ptext.gateway SET enabled = false, keep_texting_hours = false WHERE name = 'auto-test';
BEGIN;
SELECT name FROM p2ptext.create_campaign('auto', 'auto all', 'auto-test', 'Hello', mode => 'broadcast', recheck => false);
SELECT p2ptext.set_script_tree('auto', '{"script": "Will you vote?", "question": "Vote", "answers": [{"value": "yes", "keywords": ["y", "👍"], "next":
	{"script": "Great, {{first_name}}! How many friends?", "question": "Friends", "type": "number", "max": 20, "next":
	{"script": "When?", "question": "When", "type": "date", "next":
	{"script": "Issues? 1 jobs 2 schools and parks 3 taxes", "question": "Issues", "type": "multiple", "answers": ["jobs", "schools and parks", "taxes"], "next":
	{"script": "How strongly?", "question": "Support", "type": "support", "next":
	{"script": "Anything else?", "question": "Else", "type": "text", "next": {"script": "Thanks."}}}}}}}, {"value": "no", "keywords": ["nope"]}]}') ->> 'question' AS asks;
SELECT drafted FROM p2ptext.launch('auto');
SELECT id AS camp FROM p2ptext.campaign WHERE name = 'auto' \gset

-- what is approved leaves; the gateway takes it
CREATE FUNCTION leave() RETURNS SETOF text LANGUAGE sql AS $$
	WITH c AS MATERIALIZED (SELECT * FROM p2ptext.campaign c
		CROSS JOIN LATERAL p2ptext.claim(7, ARRAY[c.id, c.id], '{initial,reply}', '{+12025550179,+12025550179}', '{0,0}', '{99,99}', NULL) WHERE c.name = 'auto'),
	f AS (SELECT p2ptext.finish(array_agg(c.id1), array_agg(c.campaign_id), array_agg('sent'::text), array_agg('SM' || c.id1), array_agg(''::text),
		array_agg(''::text), array_agg(0), array_agg(0)) FROM (SELECT lane, campaign_id, body, phone, ref, split_part(ref, '-', 1)::bigint AS id1 FROM c) c)
	SELECT right(c.phone, 2) || ': ' || c.body FROM c, f ORDER BY 1
$$;
CREATE FUNCTION say(voters int[], bodies text[]) RETURNS bigint LANGUAGE sql AS $$
	SELECT (p2ptext.store_inbound(array_agg(g.id), array_agg('text'::text), array_agg('text-' || s.voter || '-' || clock_timestamp() || n), array_agg('SM' || n),
		array_agg(''::text), array_agg('+1919555' || 7300 + s.voter), array_agg('+12025550179'::text), array_agg(s.body), array_agg(''::text),
		array_agg(''::text), array_agg(''::text), array_agg(''::text), array_agg(''::text), array_agg(''::bytea))).fresh
	FROM p2ptext.gateway g, unnest(voters, bodies) WITH ORDINALITY AS s(voter, body, n) WHERE g.name = 'auto-test';
	SELECT applied FROM p2ptext.apply_inbound();
$$;
CREATE VIEW drafts AS SELECT CASE WHEN v.voter_key ~ '^[0-9]+$' THEN v.voter_key::int END AS voter, o.body, o.status, o.reason, o.texter, o.approved_by, o.kind, o.step_id, o.id FROM p2ptext.outbox o
JOIN p2ptext.conversation v ON v.id = o.conversation_id JOIN p2ptext.campaign c ON c.id = o.campaign_id WHERE c.name = 'auto';
CREATE VIEW answers AS SELECT CASE WHEN r.voter_key ~ '^[0-9]+$' THEN r.voter_key::int END AS voter, r.question, r.answer, r.how, m.body AS by_text FROM p2ptext.survey_results r
LEFT JOIN p2ptext.message m ON m.id = r.message_id WHERE campaign = 'auto';
SELECT p2ptext.approve_batch('auto');
SELECT count(*) FROM leave();

-- an option, its number, a keyword; anything else waits for a person
SELECT say('{1,2,3,4,5,6,7,8}', '{Yes!,1,👍,2.,3,"yes, but not today",STOP,"who is this?"}');
SELECT * FROM answers ORDER BY 1;
SELECT voter, body, status, texter, approved_by FROM drafts WHERE kind = 'reply' ORDER BY 1;
SELECT voter_key, message_status, waiting_since IS NOT NULL AS waits, step_id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key < '9' AND length(voter_key) = 1 ORDER BY voter_key;
-- a person is shown what it may mean
SELECT answer, score, why FROM p2ptext.suggest_answers((SELECT id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key = '6'));
SELECT answer, score, why FROM p2ptext.suggest_answers((SELECT id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key = '1'));
SELECT answer, score, why FROM p2ptext.suggest_answers((SELECT id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key = '8'));
-- a batch approves first texts only; these go one by one, for which the voter waits no longer
SELECT p2ptext.approve_batch('auto');
SELECT status, approved_by FROM p2ptext.approve((SELECT id FROM drafts WHERE voter = 1 AND kind = 'reply'));
SELECT status, approved_by FROM p2ptext.approve((SELECT id FROM drafts WHERE voter = 2 AND kind = 'reply'));
SELECT leave();
SELECT voter_key, message_status, waiting_since IS NOT NULL AS waits, step_id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key IN ('1', '2', '3') ORDER BY voter_key;
SELECT step_id, body FROM p2ptext.message WHERE campaign_id = :camp AND direction = 'out' AND kind = 'reply' ORDER BY body;
-- the question asked last is answered: voter 3 was not sent the second yet, and whoever writes again has what was drafted withdrawn
SELECT say('{1,2,3}', '{5.,"21",7}');
SELECT * FROM answers WHERE voter < 4 ORDER BY 1, 2;
SELECT voter, body, status, reason FROM drafts WHERE voter < 4 AND kind = 'reply' ORDER BY 1, id;
SELECT answer, score, why FROM p2ptext.suggest_answers((SELECT id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key = '1'));
SELECT answer, why FROM p2ptext.suggest_answers((SELECT id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key = '2'));
-- what is recorded stays, whatever comes next, also within a batch
SELECT say('{4,4,1}', '{yes,1,"no, 6"}');
SELECT * FROM answers WHERE voter IN (1, 4) ORDER BY 1, 2;

-- broadcast may have what follows approved beforehand
SELECT mode, auto_reply_by FROM p2ptext.set_auto_reply('auto');
SELECT say('{10,11,12,9}', '{yes,yes,nope,yes}');
SELECT leave();
SELECT say('{10,11}', '{3,0}');
SELECT leave();
SELECT say('{10,11}', '{11/3/2026,someday}');
SELECT leave();
SELECT say('{10}', '{"Jobs, 2 & taxes"}');
SELECT leave();
SELECT say('{10}', '{2}');
SELECT leave();
SELECT say('{10}', '{"Fix the roads"}');
SELECT leave();
SELECT * FROM answers WHERE voter >= 9 ORDER BY 1, 2, 3;
SELECT body, approved_by FROM p2ptext.message m JOIN p2ptext.conversation v ON v.id = m.conversation_id WHERE v.campaign_id = :camp AND v.voter_key = '10' AND direction = 'out' ORDER BY m.id;
-- voter 9 has no name for the text that follows
SELECT count(*) FROM drafts WHERE voter = 9 AND kind = 'reply';
SELECT answer, body, problem FROM p2ptext.next_step((SELECT id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key = '9'));
SELECT answer, why FROM p2ptext.suggest_answers((SELECT id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key = '10'));
SELECT auto_reply_by FROM p2ptext.set_auto_reply('auto', false);
-- off is off
UPDATE p2ptext.campaign SET auto_code = false WHERE id = :camp;
SELECT say('{8}', '{yes}');
SELECT count(*) FROM answers WHERE voter = 8;
-- in p2p each text is approved by a person
SELECT name FROM p2ptext.create_campaign('auto p2p', 'auto all', 'auto-test', 'Hello');
SAVEPOINT s;
SELECT p2ptext.set_auto_reply('auto p2p');
ROLLBACK TO s;
\set VERBOSITY terse
UPDATE p2ptext.campaign SET auto_reply_by = 'postgres' WHERE name = 'auto p2p';
\set VERBOSITY default
ROLLBACK TO s;
-- every answer is known by a text or a person
SELECT count(*) > 0 AS answers, count(*) FILTER (WHERE how = 'auto' AND message_id IS NULL OR recorded_by IS NULL) AS untraced FROM p2ptext.question_response WHERE campaign_id = :camp;
ROLLBACK;
