-- Script trees: documents, single steps, what is wrong with them, and what is kept.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA tree_test;
SELECT setval('p2ptext.message_id', 8000000), setval('p2ptext.conversation_id_seq', 8000000), setval('p2ptext.interaction_step_id_seq', 8000);
CREATE TABLE tree_test.voters (id int PRIMARY KEY, first_name text, cell text, town text);
INSERT INTO tree_test.voters SELECT n, 'V' || n, '919-555-' || 6900 + n, 'Apex' FROM generate_series(1, 3) n;
SELECT name FROM p2ptext.add_source('tree voters', 'tree_test.voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('tree all', 'tree voters', 'true');
SELECT name FROM p2ptext.add_gateway('tree-test', 'loopback');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'tree-test';
SELECT name FROM p2ptext.create_campaign('tree', 'tree all', 'tree-test', 'Hello', mode => 'p2p');
SELECT p2ptext.script_tree('tree');

-- a tree in one call, and back
SELECT p2ptext.set_script_tree('tree', '{
	"script": "Hi {{first_name}}, will you vote?", "question": "Will you vote?", "type": "single",
	"answers": [
		{"value": "yes", "keywords": ["Y", "Yeah!"], "next": {
			"script": "Great, how many friends will you bring?", "question": "Friends", "type": "number", "min": 0, "max": 20,
			"next": {"script": "Thanks a lot."}}},
		{"value": "no", "keywords": ["n"], "number": null, "next": {"script": "Why not?", "question": "Why not", "type": "text"}},
		"it''s \"complicated\" 🤷"],
	"next": {"script": "Which issues in {{town|town}} matter?", "question": "Issues", "type": "multiple",
		"answers": ["jobs", "schools", {"value": "health", "label": "Health care"}]}}') ->> 'question' AS question;
SELECT * FROM p2ptext.script_outline('tree');
SELECT jsonb_pretty(p2ptext.script_tree('tree'));
SELECT step_id, value, label, keywords, number, position FROM p2ptext.answer_option WHERE step_id > 8000 ORDER BY 1, position;
-- once more is the same, with the same steps
SELECT p2ptext.set_script_tree('tree', p2ptext.script_tree('tree')) = p2ptext.script_tree('tree') AS same;
SELECT array_agg(step_id) FROM p2ptext.script_outline('tree');
SELECT count(*) FROM p2ptext.check_script_tree('tree');

-- questions that bring their answers
SELECT name FROM p2ptext.create_campaign('tree two', 'tree all', 'tree-test', 'Hello', mode => 'p2p');
SELECT value, label, cardinality(keywords) > 1 AS keywords, number FROM p2ptext.add_question('tree two', 'Support?', type => 'support');
SELECT id, parent_answer FROM p2ptext.add_step('tree two', 'Thank you!', (SELECT step_id FROM p2ptext.script_outline('tree two')), '1', 'Volunteer?', '{"yes": ["hell yes"]}', 'yes_no');
SELECT value, keywords[cardinality(keywords)] AS last, number FROM p2ptext.answer_option o JOIN p2ptext.interaction_step s ON s.id = o.step_id WHERE s.question = 'Volunteer?' ORDER BY position;
SELECT answer, script, question, type, options FROM p2ptext.script_outline('tree two');

-- steps one by one
SELECT id AS leaf FROM p2ptext.add_step('tree two', 'Sorry to hear it.', (SELECT step_id FROM p2ptext.script_outline('tree two') LIMIT 1)) \gset
UPDATE p2ptext.interaction_step SET script = 'Sorry to hear that.' WHERE id = :leaf;
SELECT answer, script FROM p2ptext.script_outline('tree two') WHERE step_id = :leaf;
SELECT id = :leaf AS removed, retired_at FROM p2ptext.remove_step(:leaf);
SELECT count(*) FROM p2ptext.script_outline('tree two');

-- errors say where
SELECT p2ptext.set_script_tree('tree', NULL);
SELECT p2ptext.set_script_tree('tree', '[]');
SELECT p2ptext.set_script_tree('tree', '{}');
SELECT p2ptext.set_script_tree('nowhere', '{"script": "Hi"}');
SELECT p2ptext.set_script_tree('tree', '{"script": 7}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "questoin": "Well?"}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "answers": ["yes"]}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": " ", "answers": ["yes"]}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?"}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "type": "multple", "answers": ["yes"]}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "type": "date", "answers": ["today"]}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "type": "yes_no", "answers": ["perhaps"]}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "type": "number", "min": 9, "max": 1}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "type": "date", "min": 9}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "type": "number", "min": "9"}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "answers": ["yes", "*"]}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "answers": ["yes", "YES!"]}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "answers": [{"value": "yes", "number": "one"}]}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "answers": [{"value": "yes", "keyword": ["y"]}]}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "answers": [{"value": "yes", "number": 2}, {"value": "no", "number": 2}]}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "answers": [{"value": "yes", "next": "thanks"}]}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "answers": [{"value": "yes", "next": {"script": "Hi {{town", "question": null}}]}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "answers": [{"value": "a", "next": {"script": "b", "question": "c", "answers": [{"value": "d", "next": {"script": "Hi {{first_nam}}"}}]}}]}');
SELECT p2ptext.set_script_tree('tree', '{"script": "Hi", "question": "Well?", "answers": [{"value": "a", "next": {"script": "{{> nothing}}"}}]}');
SELECT p2ptext.set_script_tree('tree', (SELECT string_agg('{"script": "x", "question": "q", "type": "text", "next": ', '') || '{"script": "end"}' || repeat('}', 25) FROM generate_series(1, 25))::jsonb);
SELECT p2ptext.add_step('tree', 'Hi', NULL);
SELECT p2ptext.add_step('tree', 'Hi', 8001, 'perhaps');
SELECT p2ptext.add_step('tree', 'Hi', 8001, 'yes');
SELECT p2ptext.add_step('tree', 'Hi {{first_nam}}', 8001);
SELECT p2ptext.add_step('tree', 'Hi', 8003);
SELECT p2ptext.remove_step(7999);
SELECT p2ptext.remove_step(NULL);
SELECT p2ptext.remove_step(8001);
-- none of these left a trace
SELECT array_agg(step_id) FROM p2ptext.script_outline('tree');

-- a tree stays a tree, whoever edits it
\set VERBOSITY terse
UPDATE p2ptext.interaction_step SET parent_id = 8003 WHERE id = 8002;
UPDATE p2ptext.interaction_step SET parent_id = 8002 WHERE id = 8002;
INSERT INTO p2ptext.interaction_step (id, campaign_id, parent_id, parent_answer, script) SELECT n, campaign_id, 17002 - (n - 17000) + 1, 'x', 'x' FROM p2ptext.interaction_step, generate_series(17001, 17002) n WHERE interaction_step.id = 8001;
INSERT INTO p2ptext.interaction_step (campaign_id, parent_id, parent_answer, script) SELECT c.id, 8001, 'z', 'x' FROM p2ptext.campaign c WHERE name = 'tree two';
INSERT INTO p2ptext.interaction_step (campaign_id, script) SELECT c.id, 'x' FROM p2ptext.campaign c WHERE name = 'tree two';
UPDATE p2ptext.interaction_step SET question = ' ' WHERE id = 8001;
UPDATE p2ptext.interaction_step SET type = 'date', min_value = 1 WHERE id = 8001;
\set VERBOSITY default
-- what is wrong besides is found
BEGIN;
UPDATE p2ptext.interaction_step SET script = 'Hi {{first_nam}} {{> nothing}}' WHERE id = 8001;
UPDATE p2ptext.interaction_step SET parent_answer = 'maybe' WHERE id = 8004;
UPDATE p2ptext.interaction_step SET retired_at = now() WHERE id = 8002;
UPDATE p2ptext.answer_option SET keywords = '{Yeah,"  STOP ",1}' WHERE step_id = 8001 AND value = 'no';
UPDATE p2ptext.interaction_step SET type = 'text' WHERE question = 'Issues' AND id > 8000;
SELECT step_id, severity, problem, detail, regexp_replace(fix, 'VALUES .*', '...') AS fix FROM p2ptext.check_script_tree('tree');
DELETE FROM p2ptext.answer_option WHERE step_id = 8001;
SELECT step_id, severity, problem, detail FROM p2ptext.check_script_tree('tree') WHERE problem LIKE 'no\_%';
ROLLBACK;

-- after launch nothing goes, and what stays the same keeps its answers
SELECT drafted FROM p2ptext.launch('tree');
SELECT fields FROM p2ptext.conversation WHERE id = 8000001;
SELECT value FROM p2ptext.record_answer(8000001, 'yes');
SELECT jsonb_path_query_array(p2ptext.set_script_tree('tree', '{"script": "Hello {{first_name}}, will you vote?", "question": "Will you vote?",
	"answers": ["no", "yes", {"value": "unsure", "next": {"script": "Please do, for {{cell}}!"}}]}'), '$.answers[*].value') AS answers;
SELECT id, parent_id, parent_answer, script, retired_at IS NOT NULL AS retired FROM p2ptext.interaction_step WHERE id BETWEEN 8001 AND 8900 AND campaign_id = (SELECT id FROM p2ptext.campaign WHERE name = 'tree') ORDER BY id;
SELECT step_id, value, retired_at IS NOT NULL AS retired, position FROM p2ptext.answer_option WHERE step_id = 8001 ORDER BY 4;
SELECT step_id, severity, problem, detail, fix FROM p2ptext.check_script_tree('tree');
UPDATE p2ptext.interaction_step SET type = 'text' WHERE id = 8001;
\set VERBOSITY terse
DELETE FROM p2ptext.answer_option WHERE step_id = 8001 AND value = 'yes';
\set VERBOSITY default
-- another question takes the place of the first, whose answers stay its own
SELECT p2ptext.set_script_tree('tree', '{"script": "Hello!", "question": "Need a ride?", "type": "yes_no"}') -> 'question' AS question;
SELECT s.question, r.value FROM p2ptext.question_response r JOIN p2ptext.interaction_step s ON s.id = r.step_id WHERE r.conversation_id = 8000001;
SELECT DISTINCT s.question FROM p2ptext.conversation c JOIN p2ptext.interaction_step s ON s.id = c.step_id WHERE c.id BETWEEN 8000001 AND 8000003;
SELECT count(*) FILTER (WHERE retired_at IS NULL) AS live, count(*) AS steps FROM p2ptext.interaction_step s JOIN p2ptext.campaign c ON c.id = s.campaign_id WHERE c.name = 'tree';
UPDATE p2ptext.campaign SET status = 'archived' WHERE name = 'tree';
SELECT p2ptext.set_script_tree('tree', '{"script": "Hello!"}');
