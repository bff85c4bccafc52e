-- What a campaign and its question may be.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA campaign_test;
CREATE TABLE campaign_test.voters (id int PRIMARY KEY, first_name text, city text, cell text, extra jsonb, texter text);
INSERT INTO campaign_test.voters VALUES (1, 'Ann', 'Raleigh', '919-555-0201', '{"street": "Elm"}', 'no');
SELECT name FROM p2ptext.add_source('campaign voters', 'campaign_test.voters', 'id', 'cell',
	fields => '{"greeting": "''Hi '' || first_name"}');
SELECT name FROM p2ptext.add_segment('campaign all', 'campaign voters', 'true');
SELECT name FROM p2ptext.add_gateway('campaign-test', 'loopback');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'campaign-test';

SELECT name, channel, mode, status, texter, hours_start, hours_end, timezone, send_before, created_by, launched_at
FROM p2ptext.create_campaign('first', 'campaign all', 'campaign-test', 'Hi {{first_name}}');
SELECT name, mode, hours_start, hours_end, timezone FROM p2ptext.create_campaign('second', segment => 'campaign all',
	gateway => 'campaign-test', script => '{{greeting}}, it''s {{texter.first_name}} {{texter.last_name}} from {{city|town}} on {{extra.street}}',
	mode => 'broadcast', hours_start => '00:00', hours_end => '24:00', timezone => 'America/Chicago');

CREATE FUNCTION campaign_test.make(script p2ptext.script) RETURNS void
LANGUAGE sql AS $$ SELECT p2ptext.create_campaign('bad', 'campaign all', 'campaign-test', $1) $$;
-- fields that nobody knows
SELECT campaign_test.make('Hi {{frist_name}}');
SELECT campaign_test.make('Hi {{First Name}}');
SELECT campaign_test.make('Hi {{zodiac}}');
SELECT campaign_test.make('Hi {{first_name}}, it''s {{texter.name}}');
SELECT campaign_test.make('Hi {{texter}}');
SELECT campaign_test.make('Hi {{id}} {{cell}} {{id.x}} {{nothing|there}}');
-- braces
SELECT campaign_test.make('Hi {{first_name}');
SELECT campaign_test.make('Hi {{first_name}} and {{#city}}you');
SELECT campaign_test.make('Hi {{}}');
SELECT campaign_test.make('');
SELECT campaign_test.make(E' \n ');
SELECT campaign_test.make(NULL);
-- snippets, and what they name
INSERT INTO p2ptext.snippet VALUES ('sign_off', 'Reply STOP to end. {{> office}}'), ('office', '{{citty}} office');
SELECT campaign_test.make('Hi! {{> signoff}}');
SELECT campaign_test.make('Hi! {{> sign_off}}');
UPDATE p2ptext.snippet SET body = '{{city}} office' WHERE name = 'office';
SELECT name FROM p2ptext.create_campaign('third', 'campaign all', 'campaign-test', 'Hi {{first_name}}! {{> sign_off}}', mode => 'broadcast');
SELECT body, problem FROM p2ptext.preview('third');
DELETE FROM p2ptext.snippet WHERE name = 'office';
SELECT * FROM p2ptext.launch('third');

-- everything else
SELECT p2ptext.create_campaign('bad', 'campaign al', 'campaign-test', 'Hi');
SELECT p2ptext.create_campaign('bad', 'campaign all', 'campaign-tset', 'Hi');
SELECT p2ptext.create_campaign('bad', 'campaign all', 'campaign-test', 'Hi', mode => 'bulk');
SELECT p2ptext.create_campaign('bad', 'campaign all', 'campaign-test', 'Hi', mode => NULL);
SELECT p2ptext.create_campaign('bad', 'campaign all', 'campaign-test', 'Hi', hours_start => '21:00', hours_end => '09:00');
SELECT p2ptext.create_campaign('bad', 'campaign all', 'campaign-test', 'Hi', hours_start => '09:00', hours_end => '09:00');
SELECT p2ptext.create_campaign('bad', 'campaign all', 'campaign-test', 'Hi', hours_end => '25:00');
SELECT p2ptext.create_campaign('bad', 'campaign all', 'campaign-test', 'Hi', timezone => 'America/Springfield');
-- an abbreviation is no zone: it knows no summer
SELECT p2ptext.create_campaign('bad', 'campaign all', 'campaign-test', 'Hi', timezone => 'EDT');
SELECT p2ptext.create_campaign('bad', 'campaign all', 'campaign-test', 'Hi', send_before => 'infinity');
SELECT p2ptext.create_campaign('bad', 'campaign all', 'campaign-test', 'Hi', texter => 'nobody_at_all');
SELECT p2ptext.create_campaign('first', 'campaign all', 'campaign-test', 'Hi');
SELECT p2ptext.create_campaign('', 'campaign all', 'campaign-test', 'Hi');
SELECT p2ptext.find_campaign('frist');
SELECT count(*) FROM p2ptext.campaign WHERE name = 'bad';

-- questions
SELECT value, keywords, position FROM p2ptext.add_question('first', 'Will you vote?', '{"yes": ["Y", "Yeah!"], "no": ["nope"], "maybe": []}');
SELECT question FROM p2ptext.interaction_step s JOIN p2ptext.campaign c ON c.id = s.campaign_id WHERE c.name = 'first';
SELECT p2ptext.add_question('first', 'Really?', '{"yes": []}');
CREATE FUNCTION campaign_test.ask(answers jsonb) RETURNS void
LANGUAGE sql AS $$ SELECT p2ptext.add_question('second', 'Will you vote?', $1) $$;
SELECT campaign_test.ask('{}');
SELECT campaign_test.ask(NULL);
SELECT campaign_test.ask('["yes", 1]');
SELECT campaign_test.ask('{"yes": null}');
SELECT campaign_test.ask('{"yes": "y"}');
SELECT campaign_test.ask('{"yes": ["y", null]}');
SELECT campaign_test.ask('{"yes": ["y", 1]}');
SELECT campaign_test.ask('{"yes": ["  "]}');
SELECT campaign_test.ask('{" ": ["y"]}');
-- a reply can mean one answer only
SELECT campaign_test.ask('{"yes": ["y", "OK"], "no": ["n", "ok!"]}');
SELECT campaign_test.ask('{"yes": ["no"], "no": []}');
SELECT p2ptext.add_question('second', NULL, '{"yes": []}');
SELECT p2ptext.add_question('second', ' ', '{"yes": []}');
SELECT p2ptext.add_question('nowhere', 'Will you vote?', '{"yes": []}');
-- a thumb is an answer too
SELECT value, keywords FROM p2ptext.add_question('second', 'Will you vote?', '{"yes": ["👍", "y", "Y", "yes"], "no": ["👎"]}');
SELECT reply, p2ptext.plain_words(reply) FROM unnest(ARRAY['Yes, please!', 'YES.', 'sí', 'OK!', '👍', ' 👍 ', '🤬', '...', '', NULL]) reply;

-- pause and resume
SELECT p2ptext.pause('first');
SELECT * FROM p2ptext.launch('first');
SELECT p2ptext.resume('first');
SELECT name, status FROM p2ptext.pause('first');
SELECT p2ptext.pause('first');
SELECT name, status FROM p2ptext.resume('first');
-- what UPDATE may not do
\set VERBOSITY terse
UPDATE p2ptext.campaign SET hours_start = '22:00' WHERE name = 'first';
UPDATE p2ptext.campaign SET mode = 'bulk' WHERE name = 'first';
UPDATE p2ptext.campaign SET send_before = 'infinity' WHERE name = 'first';
\set VERBOSITY default
UPDATE p2ptext.campaign SET status = 'archived' WHERE name = 'first';
SELECT * FROM p2ptext.launch('first');
DELETE FROM p2ptext.snippet;
