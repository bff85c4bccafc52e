-- From a segment to drafts: whom a launch texts, whom not, and why.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA launch_test;
SET search_path = launch_test;
CREATE TABLE voters (id text PRIMARY KEY, first_name text, nick text, cell text, zone text, note text);
INSERT INTO voters VALUES
	('01', 'Ann', NULL, '(919) 556-0301', NULL, 'fine'),
	('02', 'Bo', 'B', '312.556.0302', '', 'Chicago by its area code'),
	('03', 'Cy', ' ', '919-556-0303', 'America/Denver', 'the zone of the file counts'),
	('04', 'Di', NULL, '919-556-0304', 'Eastern', 'no zone'),
	('05', NULL, 'E', '919-556-0305', NULL, 'no first name'),
	('06', '  ', 'F', '919-556-0306', NULL, 'a blank one'),
	('07', 'Gus', NULL, NULL, NULL, 'no phone'),
	('08', 'Hal', NULL, '  ', NULL, 'a blank one'),
	('09', 'Ida', NULL, '556-0309', NULL, 'too short'),
	('10', 'Jo', NULL, '(800) 556-0310', NULL, 'toll-free'),
	('11', 'Kay', NULL, 'call me', NULL, 'no number'),
	('12', 'Lee', NULL, '919-556-0312', NULL, 'has opted out'),
	('9', 'Mae', NULL, '919-556-0313', NULL, 'a household: 9 sorts after 13'),
	('13', 'Max', NULL, '9195560313', NULL, 'a household'),
	('14', 'Moe', NULL, '+1 919 556 0313', NULL, 'a household'),
	('15', repeat('long ', 400), NULL, '919-556-0315', NULL, 'too long'),
	('16', 'Ned', NULL, '919-556-0312', NULL, 'somebody else with the phone that opted out'),
	('17', NULL, NULL, '919-556-0313', NULL, 'of the household, but with a flaw');
SELECT phone, how, detail FROM p2ptext.opt_out('919 556 0312', 'asked at the door');
SELECT name FROM p2ptext.add_source('launch voters', 'voters', 'id', 'cell', timezone => 'zone');
SELECT name FROM p2ptext.add_segment('launch all', 'launch voters', 'true');
SELECT name FROM p2ptext.add_gateway('launch-test', 'loopback', senders => '{+12025560301,+12025560302,+12025560303}');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'launch-test';
SELECT name FROM p2ptext.create_campaign('launch', 'launch all', 'launch-test',
	'Hi {{first_name}} ({{nick|no nick}}), vote!', mode => 'broadcast');

CREATE VIEW held AS SELECT d.voter_key, reason, detail FROM p2ptext.dropped d
JOIN p2ptext.campaign c ON c.id = d.campaign_id WHERE c.name = 'launch';
CREATE VIEW texted AS SELECT v.voter_key, o.phone, v.timezones, v.fields, o.body, o.kind, o.status, v.message_status,
	o.texter, o.approved_by, o.sender = v.sender AND o.phone = v.phone AND o.timezones = v.timezones AS agree
FROM p2ptext.conversation v JOIN p2ptext.outbox o ON o.conversation_id = v.id AND o.campaign_id = v.campaign_id
JOIN p2ptext.campaign c ON c.id = v.campaign_id WHERE c.name = 'launch';

SELECT voter_key, left(phone, 20) AS phone, left(body, 30) AS body, sms_encoding, sms_segments, problem
FROM p2ptext.preview('launch', 100) ORDER BY voter_key COLLATE "C";
SELECT count(*) FROM p2ptext.preview('launch', 3);
SELECT count(*) FROM p2ptext.preview('launch', NULL);
SELECT * FROM p2ptext.launch('launch');
SELECT * FROM texted ORDER BY voter_key COLLATE "C";
SELECT * FROM held ORDER BY voter_key COLLATE "C";
SELECT status, launched_at IS NOT NULL AS launched FROM p2ptext.campaign WHERE name = 'launch';
SELECT reason, voters FROM p2ptext.held_back WHERE campaign = 'launch' ORDER BY 2 DESC, 1;

-- once more: nobody is texted twice
SELECT * FROM p2ptext.launch('launch');
-- somebody new, a flaw repaired, an opt-out, a changed phone and one swapped within the household
INSERT INTO voters VALUES ('20', 'Opal', NULL, '919-556-0320', NULL, 'new');
UPDATE voters SET first_name = 'Eve' WHERE id = '05';
SELECT phone FROM p2ptext.opt_out('+19195560301');
UPDATE voters SET cell = '919-556-0399' WHERE id = '02';
UPDATE voters SET cell = '919-556-0398' WHERE id = '13';
DELETE FROM voters WHERE id = '11';
SELECT * FROM p2ptext.launch('launch');
SELECT voter_key, phone, body, status, message_status FROM texted WHERE voter_key IN ('01', '02', '05', '13', '20') ORDER BY 1;
-- whom the latest launch held back: 01 and 02 are texted, 05 is no more
SELECT voter_key, reason, left(detail, 20) AS detail FROM held ORDER BY voter_key COLLATE "C";

-- texts keep to their sender, by phone; all senders have work
CREATE TABLE many AS SELECT n AS id, '919-55' || 60000 + n AS cell FROM generate_series(0, 299) n;
SELECT name FROM p2ptext.add_source('launch many', 'many', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('launch many', 'launch many', 'true');
SELECT name FROM p2ptext.create_campaign('launch many', 'launch many', 'launch-test', 'Hello {{texter.first_name}} here', mode => 'broadcast');
SELECT name FROM p2ptext.create_campaign('launch again', 'launch many', 'launch-test', 'Hello', mode => 'broadcast');
SELECT * FROM p2ptext.launch('launch many');
SELECT * FROM p2ptext.launch('launch again');
SELECT sender, count(*) BETWEEN 70 AND 130 AS even FROM p2ptext.conversation v JOIN p2ptext.campaign c ON c.id = v.campaign_id
WHERE c.name = 'launch many' GROUP BY 1 ORDER BY 1;
SELECT count(*) AS phones, count(*) FILTER (WHERE senders = 1) AS with_one_sender
FROM (SELECT phone, count(DISTINCT sender) AS senders FROM p2ptext.conversation v JOIN p2ptext.campaign c ON c.id = v.campaign_id
	  WHERE c.name IN ('launch many', 'launch again') GROUP BY 1) p;

-- in p2p a text that speaks in the texter's name waits for the texter
SELECT name FROM p2ptext.create_campaign('launch p2p', 'launch all', 'launch-test',
	'Hi {{first_name}}, it''s {{texter.first_name}} {{texter.last_name}}');
SELECT body FROM p2ptext.preview('launch p2p', 100) WHERE phone = '+19195560303';
SELECT * FROM p2ptext.launch('launch p2p');
SELECT DISTINCT o.body, o.texter FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id WHERE c.name = 'launch p2p';
-- its texts are held back for the voter's fields, not for the texter's
SELECT voter_key, detail FROM p2ptext.dropped d JOIN p2ptext.campaign c ON c.id = d.campaign_id
WHERE c.name = 'launch p2p' AND reason = 'missing_field' ORDER BY 1;
-- a broadcast is written when it is launched, so its texter must have the name
SELECT name FROM p2ptext.create_campaign('launch nameless', 'launch all', 'launch-test',
	'Hi {{first_name}}, it''s {{texter.last_name}}', mode => 'broadcast');
SELECT drafted FROM p2ptext.launch('launch nameless');
SELECT DISTINCT detail FROM p2ptext.dropped d JOIN p2ptext.campaign c ON c.id = d.campaign_id
WHERE c.name = 'launch nameless' AND reason = 'missing_field' ORDER BY 1;

-- zones: several for a voter, and what a launch holds back for them
CREATE TABLE zones (id int PRIMARY KEY, cell text, zones text[]);
INSERT INTO zones VALUES (1, '919-556-0341', '{America/Chicago,America/Denver}'), (2, '919-556-0342', '{}'), (3, '919-556-0343', NULL),
	(4, '919-556-0344', '{America/Chicago,Mars}'), (5, '919-556-0345', '{NULL}'), (6, '+44 7700 900123', NULL), (7, '919-556-0347', '{EDT}');
SELECT name FROM p2ptext.add_source('launch zones', 'zones', 'id', 'cell', timezone => 'zones');
SELECT name FROM p2ptext.add_segment('launch zones', 'launch zones', 'true');
SELECT name FROM p2ptext.create_campaign('launch zones', 'launch zones', 'launch-test', 'Hello', timezone => 'Pacific/Honolulu');
SELECT * FROM p2ptext.launch('launch zones');
SELECT voter_key, phone, timezones FROM p2ptext.conversation v JOIN p2ptext.campaign c ON c.id = v.campaign_id
WHERE c.name = 'launch zones' ORDER BY 1;
SELECT voter_key, reason, detail FROM p2ptext.dropped d JOIN p2ptext.campaign c ON c.id = d.campaign_id
WHERE c.name = 'launch zones' ORDER BY 1;

-- a text that is all fallback and no text is not sent
SELECT name FROM p2ptext.create_campaign('launch empty', 'launch all', 'launch-test', '{{nick|}}', mode => 'broadcast');
SELECT drafted FROM p2ptext.launch('launch empty');
SELECT reason, voters FROM p2ptext.held_back WHERE campaign = 'launch empty' AND reason = 'empty';

-- nobody may put a number where an opt-out would not find it
\set VERBOSITY terse
INSERT INTO p2ptext.conversation (campaign_id, voter_key, phone, sender, timezones)
SELECT id, 'x', '919-556-0301', '+12025560301', '{UTC}' FROM p2ptext.campaign WHERE name = 'launch';
INSERT INTO p2ptext.outbox (campaign_id, conversation_id, kind, sender, phone, timezones, body)
SELECT campaign_id, id, 'initial', sender, '9195560301', timezones, 'x' FROM p2ptext.conversation WHERE phone = '+19195560301' LIMIT 1;

-- keys that no index would hold: random, so that they cannot be compressed
CREATE TABLE long_keys AS SELECT CASE WHEN n < 3 THEN 'k' || n
	ELSE (SELECT string_agg(md5(n || ' ' || i), '' ORDER BY i) FROM generate_series(1, n * 40) i) END AS key, '919-556-' || 1700 + n AS cell FROM generate_series(1, 4) n;
SELECT name FROM p2ptext.add_source('launch long keys', 'long_keys', 'key', 'cell');
SELECT name FROM p2ptext.add_segment('launch long keys', 'launch long keys');
SELECT name FROM p2ptext.create_campaign('launch long keys', 'launch long keys', 'launch-test', 'Hi', mode => 'broadcast');
SELECT finding, status, voters, detail, fix FROM p2ptext.check_source('launch long keys') WHERE finding = 'key length';
SELECT measure, value FROM p2ptext.estimate('launch long keys') WHERE topic IN ('audience', 'dropped', 'texts');
SELECT left(voter_key, 20) AS key, problem FROM p2ptext.preview('launch long keys') ORDER BY 1;
SELECT * FROM p2ptext.launch('launch long keys');
SELECT * FROM p2ptext.launch('launch long keys');
SELECT left(d.voter_key, 20) AS key, length(d.voter_key), d.reason, d.detail, from_launch = (SELECT min(l.id) FROM p2ptext.launch l WHERE l.campaign_id = c.id) AS since_first
FROM p2ptext.audience_drop d JOIN p2ptext.campaign c ON c.id = d.campaign_id WHERE c.name = 'launch long keys' ORDER BY 1;
SELECT * FROM p2ptext.refresh('launch long keys');
SELECT count(*) FROM p2ptext.audience_diff('launch long keys');
INSERT INTO long_keys SELECT key, '919-556-0799' FROM long_keys WHERE length(key) > 4000;
\set VERBOSITY terse
SELECT * FROM p2ptext.launch('launch long keys');
SELECT finding, status, voters, length(detail) < 1100 AS short FROM p2ptext.check_source('launch long keys') WHERE finding = 'key unique';
