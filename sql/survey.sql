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
SELECT p2ptext.record_answer(5000001, 'Will you drive?', 'yes');
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
SELECT question, answer, answers, auto, percent FROM p2ptext.survey_summary WHERE campaign = 'survey';
SELECT count(*) FROM p2ptext.survey_summary WHERE campaign = 'survey none';

-- every type of question, asked one after another
SELECT setval('p2ptext.interaction_step_id_seq', 5000);
SELECT name FROM p2ptext.create_campaign('survey types', 'survey all', 'survey-test', 'Hello from {{texter.first_name}}', mode => 'p2p');
SELECT p2ptext.set_script_tree('survey types', '{"script": "Support?", "question": "Support", "type": "support",
	"next": {"script": "Volunteer?", "question": "Volunteer", "type": "yes_no",
	"answers": [{"value": "no", "next": {"script": "Bye."}}],
	"next": {"script": "Friends, {{texter.first_name}} asks?", "question": "Friends", "type": "number", "min": 0, "max": 20,
	"next": {"script": "When?", "question": "When", "type": "date",
	"next": {"script": "Issues: 1 jobs, 2 schools and parks, 3 taxes", "question": "Issues", "type": "multiple", "answers": ["jobs", {"value": "schools & parks", "keywords": ["schools", "parks"]}, "taxes"],
	"next": {"script": "Anything else?", "question": "Else", "type": "text",
	"next": {"script": "Thank you!"}}}}}}}') ->> 'type' AS type;
SELECT drafted FROM p2ptext.launch('survey types');
SELECT id AS conv FROM p2ptext.conversation c WHERE campaign_id = (SELECT id FROM p2ptext.campaign WHERE name = 'survey types') AND voter_key = '1' \gset
-- nothing follows on what has not been sent
SELECT value, next_text FROM p2ptext.record_answer(:conv, '2');
UPDATE p2ptext.conversation SET message_status = 'messaged', messaged_at = now(), last_out_at = now() WHERE id = :conv;
SELECT value, how, next_text, next_outbox_id IS NOT NULL AS drafted FROM p2ptext.record_answer(:conv, '2');
SELECT answer, question, body, sms_segments, outbox_id IS NOT NULL AS drafted, problem FROM p2ptext.next_step(:conv);
-- another answer drafts anew, the same text once
SELECT next_text FROM p2ptext.record_answer(:conv, '1');
SELECT kind, step_id, status, reason, texter FROM p2ptext.outbox WHERE conversation_id = :conv AND kind = 'reply' ORDER BY id;
SELECT next_text FROM p2ptext.record_answer(:conv, 'Volunteer', 'no');
SELECT next_text FROM p2ptext.record_answer(:conv, 'Volunteer', 'yes');
SELECT value, next_text FROM p2ptext.record_answer(:conv, 'Friends', '07');
SELECT value FROM p2ptext.record_answer(:conv, 'Friends', '7.50');
SELECT value, next_text FROM p2ptext.record_answer(:conv, 'When', '11/3/2026');
SELECT value FROM p2ptext.record_answer(:conv, 'When', '2024-02-29');
SELECT value, next_text FROM p2ptext.record_answer(:conv, 'Issues', 'taxes');
SELECT value FROM p2ptext.record_answer(:conv, 'Issues', 'jobs');
SELECT value FROM p2ptext.record_answers(:conv, '{schools & parks,jobs,jobs}', 'Issues');
SELECT value, next_text FROM p2ptext.record_answer(:conv, 'Else', 'Free the ''whales'' "now" 🐳');
SELECT question, type, answer, label, how, message_id, recorded_by FROM p2ptext.survey_results WHERE conversation_id = :conv ORDER BY step_id, answer;
SELECT s.question, r.value, r.superseded_by, r.superseded_at IS NULL AS live FROM p2ptext.question_response r JOIN p2ptext.interaction_step s ON s.id = r.step_id WHERE r.conversation_id = :conv ORDER BY r.id;
-- what is no answer
SELECT p2ptext.record_answer(:conv, '6');
SELECT p2ptext.record_answer(:conv, 'Friends', '21');
SELECT p2ptext.record_answer(:conv, 'Friends', '-1');
SELECT p2ptext.record_answer(:conv, 'Friends', 'NaN');
SELECT p2ptext.record_answer(:conv, 'Friends', '1e3');
SELECT p2ptext.record_answer(:conv, 'When', '2026-02-29');
SELECT p2ptext.record_answer(:conv, 'When', 'tomorrow');
SELECT p2ptext.record_answer(:conv, 'When', '0000-01-01');
SELECT p2ptext.record_answer(:conv, 'When', '*');
SELECT p2ptext.record_answer(:conv, 'Else', ' ');
SELECT p2ptext.record_answer(:conv, 'Else', repeat('x', 1601));
SELECT p2ptext.record_answers(:conv, '{jobs,peace}', 'Issues');
SELECT p2ptext.record_answers(:conv, '{}', 'Issues');
SELECT p2ptext.record_answers(:conv, NULL, 'Issues');
SELECT p2ptext.record_answers(:conv, '{1}', 'Support');
SELECT count(*) FROM p2ptext.survey_results WHERE conversation_id = :conv;
-- taking back
SELECT value, superseded_by FROM p2ptext.withdraw_answer(:conv, 'Issues', 'jobs');
SELECT value FROM p2ptext.withdraw_answer(:conv, 'Volunteer');
SELECT p2ptext.withdraw_answer(:conv, 'Volunteer');
SELECT p2ptext.withdraw_answer(:conv, 'Issues', 'jobs');
SELECT answer FROM p2ptext.survey_results WHERE conversation_id = :conv AND question IN ('Issues', 'Volunteer');
SELECT body, status, reason FROM p2ptext.outbox WHERE conversation_id = :conv AND kind = 'reply' ORDER BY id;

-- exactly that, or nothing
SELECT t, p2ptext.as_number(t) FROM unnest('{7,7., 7 ,+7,-7.50,"1,500","1,50",12345678901234567890,7 people,.5,"",seven,7!,٧}'::text[]) t;
SELECT t, p2ptext.as_date(t) FROM unnest('{2026-11-03,2026-11-3.,11/03/2026,3/11/26,13/1/2026,2026-13-01,2024-02-30,9999-12-31,11/3,2026-11-03 12:00}'::text[]) t;

-- for people and BI
SELECT question, answer, label, answers, auto, percent FROM p2ptext.survey_summary WHERE campaign = 'survey types';
SELECT p2ptext.record_answer(id, 'Support', '1'), p2ptext.record_answer(id, 'Volunteer', 'yes') FROM p2ptext.conversation WHERE id BETWEEN :conv + 1 AND :conv + 2 ORDER BY id \g /dev/null
SELECT p2ptext.record_answer(id, 'Support', '5') FROM p2ptext.conversation WHERE id = :conv + 3 \g /dev/null
SELECT * FROM p2ptext.survey_crosstab('survey types');
SELECT * FROM p2ptext.survey_crosstab('survey types', 'Issues', 'Support');
SELECT * FROM p2ptext.survey_crosstab('survey');
SELECT * FROM p2ptext.survey_crosstab('survey types', 'Isues');
SELECT * FROM p2ptext.survey_crosstab('nowhere');
SET search_path = survey_test;
SELECT p2ptext.create_survey_view('survey types');
SELECT * FROM "survey_survey types" ORDER BY voter_key LIMIT 2;
SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'survey_survey types' ORDER BY ordinal_position;
SELECT p2ptext.add_step('survey types', 'More?', (SELECT step_id FROM p2ptext.script_outline('survey types') WHERE question = 'Support'), '5', 'Why "5"? ' || repeat('ä', 60), type => 'text') AS added \g /dev/null
SELECT p2ptext.create_survey_view('survey types');
SELECT count(*), max(octet_length(column_name::text)) FROM information_schema.columns WHERE table_name = 'survey_survey types';
SELECT p2ptext.create_survey_view('survey none');
SELECT p2ptext.create_survey_view('survey types', 'a.b.c');
SELECT p2ptext.create_survey_view('survey types', 'x"; DROP TABLE voters; --');
RESET search_path;
