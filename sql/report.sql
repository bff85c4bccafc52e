-- The views' numbers against what can be counted by hand.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA report_test;
SELECT setval('p2ptext.message_id', 6000000), setval('p2ptext.conversation_id_seq', 6000000);
CREATE TABLE report_test.voters (id int PRIMARY KEY, cell text);
INSERT INTO report_test.voters SELECT n, CASE WHEN n < 19 THEN '919-555-' || 6900 + n WHEN n = 19 THEN 'none' END FROM generate_series(1, 20) n;
SELECT name FROM p2ptext.add_source('report voters', 'report_test.voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('report all', 'report voters', 'true');
SELECT name FROM p2ptext.add_gateway('report-test', 'loopback', senders => '{+12025550179}');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'report-test';
SELECT name FROM p2ptext.create_campaign('report', 'report all', 'report-test', 'Hello', mode => 'broadcast', recheck => false);
SELECT name FROM p2ptext.create_campaign('report idle', 'report all', 'report-test', 'Hello');
SELECT count(*) FROM p2ptext.add_question('report', 'Will you vote?', '{"yes": ["y"], "no": ["n"]}');
SELECT id AS camp FROM p2ptext.campaign WHERE name = 'report' \gset

-- before a launch
SELECT mode, status, drafts, approved, sending, unknown, ended, sent, delivered, failed, percent_done FROM p2ptext.progress WHERE campaign = 'report idle';
SELECT launched_at, contacts, texted, messages_out, sms_segments, delivered, replied, dropped, delivery_rate, response_rate, opt_out_rate
FROM p2ptext.campaign_summary WHERE campaign = 'report idle';

SELECT * FROM p2ptext.launch('report');
SELECT p2ptext.approve_batch('report', 16);
-- A transaction, so that the workers of this database have no part in it.
-- Of 18: 2 drafts, 1 approved, 1 under way, 1 of unknown fate, 1 that failed, 12 sent
BEGIN;
SELECT p2ptext.finish(array_agg(id), array_agg(campaign_id), array_agg(CASE n WHEN 13 THEN 'failed' WHEN 14 THEN 'unknown' ELSE 'sent' END), array_agg('SM'::text),
	array_agg(''::text), array_agg(''::text), array_agg(0), array_agg(CASE n WHEN 1 THEN 3 ELSE 0 END))
FROM (SELECT *, row_number() OVER (ORDER BY position) AS n FROM p2ptext.claim(7, ARRAY[:camp], '{initial}', '{+12025550179}', '{0}', '{15}', NULL)) c WHERE n < 15;
-- of the 12: 9 delivered, 1 undelivered, 2 of which nothing was heard
SELECT (p2ptext.store_inbound(array_agg(m.gateway_id), array_agg('receipt'::text), array_agg('report-' || m.id), array_agg(''::text), array_agg(m.ref), array_agg(m.phone),
	array_agg(m.sender), array_agg(''::text), array_agg(CASE v.voter_key WHEN '10' THEN 'undelivered' ELSE 'delivered' END), array_agg(''::text), array_agg(''::text),
	array_agg(''::text), array_agg(''::text), array_agg(''::bytea))).fresh
FROM p2ptext.message m JOIN p2ptext.conversation v ON v.id = m.conversation_id WHERE m.campaign_id = :camp AND m.status = 'sent' AND CASE WHEN v.voter_key ~ '^[0-9]+$' THEN v.voter_key::int < 11 END;
-- 1 to 5 write 6 texts: yes, no, a question and a yes after it, STOP, wrong number
SELECT (p2ptext.store_inbound(array_agg(g.id), array_agg('text'::text), array_agg('report-' || n), array_agg(''::text), array_agg(''::text),
	array_agg('+1919555' || 6900 + voter), array_agg('+12025550179'::text), array_agg(body), array_agg(''::text), array_agg(''::text), array_agg(''::text),
	array_agg(''::text), array_agg(''::text), array_agg(''::bytea))).fresh
FROM p2ptext.gateway g, unnest('{1,2,3,3,4,5}'::int[], '{yes,n,where?,y,STOP,wrong number}'::text[]) WITH ORDINALITY t(voter, body, n)
WHERE g.name = 'report-test';
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT status FROM p2ptext.reply((SELECT id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key = '3'), 'At the school');
-- a person records an answer of 6 and changes it
SELECT value FROM p2ptext.record_answer((SELECT id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key = '6'), 'no');
SELECT value FROM p2ptext.record_answer((SELECT id FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key = '6'), 'yes');
-- one who was never texted opts out, which is no answer to this campaign
SELECT phone FROM p2ptext.opt_out((SELECT phone FROM p2ptext.conversation WHERE campaign_id = :camp AND voter_key = '18'));

SELECT status, drafts, approved, sending, unknown, ended, sent, delivered, failed, percent_done FROM p2ptext.progress WHERE campaign = 'report';
\x
SELECT status, launched_at IS NOT NULL AS launched, contacts, texted, messages_out, sms_segments, delivered, undelivered, failed, replied, messages_in,
	opted_out, wrong_number, waiting, answered, dropped, delivery_rate, response_rate, opt_out_rate
FROM p2ptext.campaign_summary WHERE campaign = 'report';
\x
SELECT question, answer, answers, auto, percent FROM p2ptext.survey_summary WHERE campaign = 'report';
SELECT reason, voters FROM p2ptext.held_back WHERE campaign = 'report' ORDER BY 1;
SELECT voter_key, reason, detail FROM p2ptext.dropped WHERE campaign_id = :camp ORDER BY 1;
-- every text is somewhere, once
SELECT (SELECT count(*) FROM p2ptext.outbox WHERE campaign_id = :camp AND kind = 'initial') + (SELECT count(*) FROM p2ptext.message WHERE campaign_id = :camp AND kind = 'initial') AS initial_texts,
	(SELECT contacts FROM p2ptext.campaign_summary WHERE campaign = 'report') AS contacts;
ROLLBACK;

-- metrics: one block for each, in the form that Prometheus reads
CREATE VIEW metric AS SELECT line FROM regexp_split_to_table(p2ptext.metrics(), '\n') AS line;
SELECT count(*) > 20 AS many, bool_and(line ~ '^(# (HELP|TYPE) p2ptext_[a-z_]+ .+|p2ptext_[a-z_]+(\{([a-z]+="([^"\\]|\\.)*",?)+\})? [0-9.]+|)$') AS well_formed FROM metric;
SELECT count(*) = count(DISTINCT split_part(line, ' ', 3)) AS once_each FROM metric WHERE line LIKE '# TYPE%';
-- ... and each number is what the tables say
SELECT (SELECT split_part(line, ' ', 2)::bigint FROM metric WHERE line LIKE 'p2ptext_inbox_waiting %')
	= (SELECT count(*) FROM p2ptext.conversation WHERE waiting_since IS NOT NULL) AS inbox,
	(SELECT split_part(line, ' ', 2)::bigint FROM metric WHERE line LIKE 'p2ptext_inbound_unmatched %')
	= (SELECT count(*) FROM p2ptext.unmatched) AS unmatched,
	(SELECT split_part(line, ' ', 2)::bigint FROM metric WHERE line LIKE 'p2ptext_outbox_queued %')
	= (SELECT count(*) FROM p2ptext.outbox WHERE position > 0) AS queued;
-- a name may hold what the form does not
INSERT INTO p2ptext.brand (brand) VALUES (E'Odd "brand" \\ of\nthree');
SELECT line FROM metric WHERE line LIKE 'p2ptext_limit_resting%Odd%';
DELETE FROM p2ptext.brand WHERE brand LIKE 'Odd%';

-- what is wrong with a gateway
SET client_min_messages = error;
SELECT name FROM p2ptext.add_gateway('check-tw', 'twilio', 'AC1');
SELECT * FROM p2ptext.check_gateway('check-tw');
UPDATE p2ptext.gateway SET verify_webhooks = false, enabled = false WHERE name = 'check-tw';
SELECT name FROM p2ptext.add_gateway('check-telnyx', 'telnyx', senders => '{+12025550188}');
SET p2ptext.public_url = 'http://sms.example.org/';
SET p2ptext.port = 8080;
SELECT * FROM p2ptext.check_gateway('check-tw') WHERE level <> 'error';
UPDATE p2ptext.gateway SET webhook_addresses = '{192.0.2.0/24}' WHERE name = 'check-tw';
SELECT finding FROM p2ptext.check_gateway('check-tw') WHERE finding ~ 'believed|any address';
SELECT level, finding FROM p2ptext.check_gateway('check-telnyx');
\set VERBOSITY terse
UPDATE p2ptext.gateway SET webhook_addresses = '{}' WHERE name = 'check-tw';
\set VERBOSITY default
SELECT * FROM p2ptext.check_gateway('nobody');
DELETE FROM p2ptext.sender WHERE number = '+12025550188';
DELETE FROM p2ptext.gateway WHERE name IN ('check-tw', 'check-telnyx');
RESET p2ptext.public_url;
RESET p2ptext.port;
