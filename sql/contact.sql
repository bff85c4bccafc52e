-- Segments ask whom we, or others, have been in contact with.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA contact_test;
SET search_path = contact_test;
-- columns named like ours must not be taken for them
CREATE TABLE voters (id int, voter_key text, campaign_id int, cell text, PRIMARY KEY (id));
INSERT INTO voters SELECT n, 'x', 0, '919-555-7' || 100 + n FROM generate_series(1, 9) n;
SELECT name, key FROM p2ptext.add_source('contact voters', 'voters', '(id + 0)', 'cell');
SELECT name FROM p2ptext.add_gateway('contact-test', 'loopback');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'contact-test';
SELECT name FROM p2ptext.add_segment('contact all', 'contact voters');
SELECT name FROM p2ptext.create_campaign('contact gotv', 'contact all', 'contact-test', 'Hi');
SELECT value FROM p2ptext.add_question('contact gotv', 'Will you vote?', '{"yes": [], "no": []}');
SELECT drafted FROM p2ptext.launch('contact gotv');
-- 1 to 4 were texted, 1 and 2 today; 1 and 3 said yes, 4 said no
UPDATE p2ptext.conversation v SET message_status = 'messaged', messaged_at = now()
FROM p2ptext.campaign c WHERE c.id = v.campaign_id AND c.name = 'contact gotv' AND voter_key::int <= 4;
UPDATE p2ptext.conversation v SET last_out_at = now() - CASE WHEN voter_key::int < 3 THEN interval '1 hour' ELSE '30 days' END,
	last_in_at = CASE WHEN voter_key <> '2' THEN now() END, message_status = 'convo', result = CASE voter_key WHEN '4' THEN 'refused' END
FROM p2ptext.campaign c WHERE c.id = v.campaign_id AND c.name = 'contact gotv' AND voter_key::int <= 4;
SELECT count(*) FROM p2ptext.conversation v JOIN p2ptext.campaign c ON c.id = v.campaign_id,
	p2ptext.record_answer(v.id, CASE voter_key WHEN '4' THEN 'no' ELSE 'yes' END)
WHERE c.name = 'contact gotv' AND voter_key IN ('1', '3', '4');
-- 5 was called, 6 canvassed long ago
INSERT INTO p2ptext.contact (source_id, voter_key, channel, contacted_at, result)
SELECT s.id, x.* FROM p2ptext.source s, (VALUES ('5', 'phone', now() - interval '1 day', 'not home'), ('6', 'door', now() - interval '1 year', 'canvassed')) x
WHERE s.name = 'contact voters';
CREATE FUNCTION who(filter jsonb, wanted boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	made p2ptext.segment := p2ptext.add_segment('contact who', 'contact voters', contacted => CASE WHEN wanted THEN filter END,
		not_contacted => CASE WHEN NOT wanted THEN filter END);
	keys text;
BEGIN
	EXECUTE p2ptext.segment_query(made, 'string_agg(id::text, '','' ORDER BY id)') INTO keys;
	DELETE FROM p2ptext.segment WHERE id = made.id;
	RETURN keys;
END $$;
SELECT filter, who(filter, true) AS contacted, who(filter, false) AS not_contacted FROM (VALUES (1, '{}'::jsonb), (2, '{"within": "7 days"}'),
	(3, '{"within": "7 days", "channel": "text"}'), (4, '{"channel": ["door", "phone"]}'), (5, '{"result": ["refused", "not home"]}'),
	(6, '{"campaign": "contact gotv", "question": "Will you vote?", "answer": "yes"}'), (7, '{"campaign": "contact gotv", "answer": ["yes", "no"]}'),
	(8, '{"campaign": ["contact gotv"], "question": "Will you vote?"}'), (9, '{"replied": false}'), (10, '{"status": "convo", "replied": true}'),
	(11, '[{"within": "7 days"}, {"replied": true}]'), (12, '[]')) f(n, filter) ORDER BY n;
-- nobody was texted from a source without campaigns
SELECT name FROM p2ptext.add_source('contact others', 'voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('contact others', 'contact others', contacted => '{"replied": true}');
SELECT p2ptext.count_segment('contact others');
SELECT voter_key, channel, result FROM p2ptext.contacted WHERE source = 'contact voters' ORDER BY 1;

SELECT p2ptext.add_segment('bad', 'contact voters', contacted => '"gotv"');
SELECT p2ptext.add_segment('bad', 'contact voters', contacted => 'null');
SELECT p2ptext.add_segment('bad', 'contact voters', contacted => '{"compaign": "x"}');
SELECT p2ptext.add_segment('bad', 'contact voters', contacted => '{"campaign": 1}');
SELECT p2ptext.add_segment('bad', 'contact voters', contacted => '{"campaign": []}');
SELECT p2ptext.add_segment('bad', 'contact voters', contacted => '{"campaign": "nothing"}');
SELECT p2ptext.add_segment('bad', 'contact others', contacted => '{"campaign": "contact gotv"}');
SELECT p2ptext.add_segment('bad', 'contact voters', contacted => '{"answer": "yes"}');
SELECT p2ptext.add_segment('bad', 'contact voters', contacted => '{"campaign": "contact gotv", "question": "Why?"}');
SELECT p2ptext.add_segment('bad', 'contact voters', contacted => '{"campaign": "contact gotv", "answer": "may''be"}');
SELECT p2ptext.add_segment('bad', 'contact voters', not_contacted => '{"within": "soon"}');
SELECT p2ptext.add_segment('bad', 'contact voters', not_contacted => '{"within": "-1 day"}');
SELECT p2ptext.add_segment('bad', 'contact voters', not_contacted => '{"channel": "fax"}');
SELECT p2ptext.add_segment('bad', 'contact voters', not_contacted => '{"channel": "door", "replied": true}');
SELECT p2ptext.add_segment('bad', 'contact voters', not_contacted => '{"status": "needs_message"}');
SELECT p2ptext.add_segment('bad', 'contact voters', not_contacted => '{"replied": "yes"}');

-- who has died is not texted by any campaign over the source, whoever told it
SELECT name FROM p2ptext.add_segment('contact alive', 'contact voters');
SELECT name FROM p2ptext.create_campaign('contact other', 'contact alive', 'contact-test', 'Hello', mode => 'broadcast');
SELECT drafted FROM p2ptext.launch('contact other');
SELECT result FROM p2ptext.close((SELECT v.id FROM p2ptext.conversation v JOIN p2ptext.campaign c ON c.id = v.campaign_id
	WHERE c.name = 'contact gotv' AND voter_key = '2'), 'deceased');
INSERT INTO p2ptext.contact (source_id, voter_key, channel, result)
SELECT s.id, x.* FROM p2ptext.source s, (VALUES ('7', 'door', ' DECEASED'), ('8', 'phone', 'Not Home'), ('7', 'phone', 'deceased')) x WHERE s.name = 'contact voters';
CREATE ROLE contact_manager;
GRANT USAGE ON SCHEMA contact_test TO contact_manager;
GRANT SELECT ON voters TO contact_manager;
SELECT kind FROM p2ptext.grant_role('contact_manager', 'manager');
SET ROLE contact_manager;
INSERT INTO p2ptext.deceased (source_id, voter_key) SELECT id, '9' FROM p2ptext.source WHERE name = 'contact voters';
\set VERBOSITY terse
INSERT INTO p2ptext.deceased (source_id, voter_key, created_by) SELECT id, '1', 'somebody' FROM p2ptext.source WHERE name = 'contact voters';
RESET ROLE;
SELECT d.voter_key, d.how FROM p2ptext.deceased d JOIN p2ptext.source s ON s.id = d.source_id WHERE s.name = 'contact voters' ORDER BY 1;
SELECT c.name, v.voter_key, v.message_status, v.result, o.status, o.reason FROM p2ptext.conversation v JOIN p2ptext.campaign c ON c.id = v.campaign_id
LEFT JOIN p2ptext.outbox o ON o.conversation_id = v.id AND o.campaign_id = v.campaign_id
WHERE c.name LIKE 'contact %' AND v.result = 'deceased' ORDER BY 1, 2;
SELECT name FROM p2ptext.create_campaign('contact later', 'contact alive', 'contact-test', 'Hello', mode => 'broadcast');
SET ROLE contact_manager;
SELECT measure, value FROM p2ptext.estimate('contact later') WHERE topic IN ('dropped', 'texts');
SELECT * FROM p2ptext.launch('contact later');
SELECT d.voter_key, d.reason, d.detail FROM p2ptext.dropped d JOIN p2ptext.campaign c ON c.id = d.campaign_id WHERE c.name = 'contact later' ORDER BY 1;
-- an error is taken back
DELETE FROM p2ptext.deceased WHERE voter_key = '9';
SELECT * FROM p2ptext.launch('contact later');
RESET ROLE;
SELECT p2ptext.revoke_role('contact_manager');
REVOKE ALL ON voters FROM contact_manager;
REVOKE ALL ON SCHEMA contact_test FROM contact_manager;
DROP ROLE contact_manager;
