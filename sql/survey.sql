-- Answers, their history, and who may give them.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA survey_test;
SELECT setval('p2ptext.message_id', 5000000), setval('p2ptext.conversation_id_seq', 5000000);
CREATE TABLE survey_test.voters (id int PRIMARY KEY, cell text);
INSERT INTO survey_test.voters SELECT n, '919-555-' || 6800 + n FROM generate_series(1, 6) n;
SELECT name FROM p2ptext.add_source('survey voters', 'survey_test.voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('survey all', 'survey voters', 'true');
SELECT name FROM p2ptext.add_gateway('survey-test', 'loopback');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'survey-test';
SELECT name FROM p2ptext.create_campaign('survey', 'survey all', 'survey-test', 'Hello', mode => 'broadcast');
SELECT name FROM p2ptext.create_campaign('survey none', 'survey all', 'survey-test', 'Hello', mode => 'broadcast');
SELECT value FROM p2ptext.add_question('survey', 'Will you vote?', '{"yes": ["y"], "no": ["n"], "undecided": []}');
SELECT drafted FROM p2ptext.launch('survey');
SELECT drafted FROM p2ptext.launch('survey none');

SELECT value, how, message_id, recorded_by, superseded_at FROM p2ptext.record_answer(5000001, 'yes');
SELECT value FROM p2ptext.record_answer(conversation => 5000001, answer => 'no', question => 'Will you vote?');
SELECT value FROM p2ptext.record_answer(5000001, 'no');
SELECT value, how, superseded_at IS NULL AS live FROM p2ptext.question_response WHERE conversation_id = 5000001 ORDER BY id;
SELECT value FROM p2ptext.record_answer(5000002, 'yes');
SELECT value FROM p2ptext.record_answer(5000003, 'yes');

SELECT p2ptext.record_answer(5000001, 'perhaps');
SELECT p2ptext.record_answer(5000001, 'YES');
SELECT p2ptext.record_answer(5000001, NULL);
SELECT p2ptext.record_answer(5000001, 'yes', 'Will you drive?');
SELECT p2ptext.record_answer(5000007, 'yes');
SELECT p2ptext.record_answer(5000099, 'yes');
-- none of these left a trace
SELECT count(*), count(superseded_at) AS superseded FROM p2ptext.question_response WHERE conversation_id BETWEEN 5000001 AND 5000012;
-- no table lets two answers to one question stand, or one that is no option
\set VERBOSITY terse
INSERT INTO p2ptext.question_response (campaign_id, conversation_id, step_id, value, how)
SELECT campaign_id, conversation_id, step_id, 'yes', 'texter' FROM p2ptext.question_response WHERE conversation_id = 5000001 AND superseded_at IS NULL;
INSERT INTO p2ptext.question_response (campaign_id, conversation_id, step_id, value, how)
SELECT campaign_id, 5000004, step_id, 'maybe', 'texter' FROM p2ptext.question_response WHERE conversation_id = 5000001 AND superseded_at IS NULL;
\set VERBOSITY default
SELECT question, answer, answers, auto, percent FROM p2ptext.survey_results WHERE campaign = 'survey';
SELECT count(*) FROM p2ptext.survey_results WHERE campaign = 'survey none';
