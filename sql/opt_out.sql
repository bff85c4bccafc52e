-- Phones that must not be texted: how they come to be, and how that ends.
-- One transaction, so that the workers of this database have no part in it.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
SET client_min_messages = warning;
CREATE SCHEMA opt_out_test;
SET search_path = opt_out_test;
SELECT setval('p2ptext.message_id', 9200000), setval('p2ptext.conversation_id_seq', 9200000);
CREATE ROLE opt_out_manager;
CREATE ROLE opt_out_texter;
SELECT kind FROM p2ptext.grant_role('opt_out_manager', 'manager');
SELECT kind FROM p2ptext.grant_role('opt_out_texter', 'texter', 'Tess');
CREATE TABLE voters (id int PRIMARY KEY, cell text);
INSERT INTO voters SELECT n, '919-555-' || 3000 + n FROM generate_series(1, 20) n;
SELECT name FROM p2ptext.add_source('opt_out voters', 'voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('opt_out all', 'opt_out voters', 'true');
-- two committees, of which one asked that stops be its own, and a gateway of nobody's
INSERT INTO p2ptext.organisation (name, own_opt_outs) VALUES ('opt_out Smith', true), ('opt_out Jones', false);
SELECT g.name FROM generate_series(1, 3) n, p2ptext.add_gateway('opt_out-' || n, 'loopback', senders => ARRAY['+1202555018' || n]) g;
UPDATE p2ptext.gateway g SET enabled = false, organisation_id = (SELECT o.id FROM p2ptext.organisation o
	WHERE o.name = CASE g.name WHEN 'opt_out-1' THEN 'opt_out Smith' WHEN 'opt_out-2' THEN 'opt_out Jones' END) WHERE name LIKE 'opt_out-%';
SELECT p2ptext.create_campaign('opt_out ' || n, 'opt_out all', 'opt_out-' || n, 'Hello', mode => 'broadcast', recheck => false) IS NOT NULL AS made
FROM generate_series(1, 3) n;
SELECT (p2ptext.launch('opt_out ' || n)).drafted FROM generate_series(1, 3) n;
CREATE VIEW talk AS SELECT right(v.phone, 2)::int AS voter, c.name AS campaign, v.id, v.campaign_id, v.phone, v.message_status, v.result
FROM p2ptext.conversation v JOIN p2ptext.campaign c ON c.id = v.campaign_id WHERE c.name LIKE 'opt_out %';
CREATE VIEW texts AS SELECT t.voter, t.campaign, o.id, o.kind, o.status, o.reason, o.body, o.approved_by, o.confirms, o.not_before, o.ref
FROM p2ptext.outbox o JOIN talk t ON t.id = o.conversation_id AND t.campaign_id = o.campaign_id;
CREATE VIEW stops AS SELECT right(o.phone, 2) AS voter, g.name AS from, o.how, o.detail, o.ended_how, o.ended_by, o.evidence
FROM p2ptext.opt_out o LEFT JOIN p2ptext.organisation g ON g.id = o.organisation_id WHERE o.phone LIKE '+191955530__';
CREATE FUNCTION send(nth int, n int) RETURNS bigint LANGUAGE sql AS $$
	SELECT p2ptext.approve_batch('opt_out ' || nth, n);
	SELECT p2ptext.finish(array_agg(id), array_agg(campaign_id), array_agg('sent'::text), array_agg('SM' || id), array_agg(''::text),
		array_agg(''::text), array_agg(0), array_agg(0))
	FROM p2ptext.claim(7, ARRAY(SELECT id FROM p2ptext.campaign WHERE name = 'opt_out ' || nth), '{initial}', ARRAY['+1202555018' || nth], '{0}', ARRAY[n], NULL);
	SELECT count(*) FROM p2ptext.message m JOIN talk t ON t.id = m.conversation_id WHERE t.campaign = 'opt_out ' || nth;
$$;
CREATE FUNCTION say(nth int, voter int, body text) RETURNS bigint LANGUAGE sql AS $$
	SELECT p2ptext.store_inbound(array_agg(g.id), '{text}', ARRAY[gen_random_uuid()::text], '{""}', '{""}', ARRAY['+1919555' || 3000 + voter],
		ARRAY['+1202555018' || nth], ARRAY[body], '{""}', '{""}', '{""}', '{""}', '{""}', '{""}')
	FROM p2ptext.gateway g WHERE g.name = 'opt_out-' || nth;
	SELECT applied FROM p2ptext.apply_inbound();
$$;
BEGIN;
SELECT send(1, 10), send(2, 10), send(3, 10);

-- to Smith alone: Smith must not text again, the others may
SELECT say(1, 1, 'STOP');
SELECT * FROM stops;
SELECT campaign, message_status, result FROM talk WHERE voter = 1 ORDER BY 1;
-- to Jones: nobody may
SELECT say(2, 2, 'Please stop texting me');
SELECT voter, "from", how, detail FROM stops WHERE voter = '02';
SELECT campaign, message_status, result FROM talk WHERE voter = 2 ORDER BY 1;
-- what waits is suppressed accordingly
SELECT say(1, 11, 'stop');
SELECT say(3, 12, 'stop');
SELECT voter, campaign, status, reason FROM texts WHERE voter IN (11, 12) ORDER BY 1, 2;
-- claim() looks again: as when the one who approved could not see the opt-out
SET session_replication_role = replica;
INSERT INTO p2ptext.opt_out (phone, how, organisation_id) SELECT '+19195553013', 'texter', id FROM p2ptext.organisation WHERE name = 'opt_out Smith';
INSERT INTO p2ptext.opt_out (phone, how) VALUES ('+19195553014', 'texter');
RESET session_replication_role;
SELECT p2ptext.approve_batch('opt_out 1', 4), p2ptext.approve_batch('opt_out 2', 4);
SELECT id AS smith FROM p2ptext.campaign WHERE name = 'opt_out 1' \gset
SELECT id AS jones FROM p2ptext.campaign WHERE name = 'opt_out 2' \gset
SELECT right(phone, 2) AS voter, campaign_id = :smith AS smith, status FROM p2ptext.claim(7, ARRAY[:smith, :jones], '{initial,initial}',
	'{+12025550181,+12025550182}', '{0,0}', '{9,9}', NULL) ORDER BY 1, 2 DESC;
-- an opt-out that comes now calls back what has not begun to leave
SET session_replication_role = replica;
INSERT INTO p2ptext.opt_out (phone, how, organisation_id) SELECT '+19195553012', 'texter', id FROM p2ptext.organisation WHERE name = 'opt_out Smith';
RESET session_replication_role;
SELECT right(o.phone, 2) AS voter, o.campaign_id = :smith AS smith FROM p2ptext.to_recall(ARRAY(SELECT id FROM texts WHERE status = 'sending')) r
JOIN p2ptext.outbox o ON o.id = r ORDER BY 1;
-- the gateway's own list, by what a send request is told
SELECT p2ptext.finish(ARRAY[t.id], ARRAY[:smith], '{opted_out}', '{""}', '{21610}', '{""}', '{0}', '{0}') FROM texts t WHERE t.status = 'sending' AND t.campaign = 'opt_out 1' AND voter = 15;
SELECT voter, "from", how, detail FROM stops WHERE voter = '15';
SELECT p2ptext.is_opted_out('+19195553015', c.gateway_id) AS out FROM p2ptext.campaign c WHERE c.name LIKE 'opt_out %' ORDER BY c.name;
-- a launch leaves out whom its gateway must not text, once each
INSERT INTO p2ptext.opt_out (phone, how) VALUES ('+19195553015', 'import');
SELECT n, l.* FROM generate_series(1, 3) n, p2ptext.create_campaign('again ' || n, 'opt_out all', 'opt_out-' || n, 'Hello', mode => 'broadcast') c,
	p2ptext.launch(c.name) l ORDER BY n;
SELECT c.name, d.voter_key, d.reason FROM p2ptext.dropped d JOIN p2ptext.campaign c ON c.id = d.campaign_id WHERE c.name LIKE 'again _' ORDER BY 1, 2;
-- nobody is answered who has opted out
SELECT status FROM p2ptext.reply((SELECT id FROM talk WHERE voter = 1 AND campaign = 'opt_out 2'), 'Hello again');
SELECT p2ptext.reply((SELECT id FROM talk WHERE voter = 1 AND campaign = 'opt_out 1'), 'Hello again');
-- a text of theirs reopens nothing
SELECT say(1, 1, 'who is this');
SELECT campaign, message_status, result FROM talk WHERE voter = 1 ORDER BY 1;

-- in again: by a text from the phone, to that organisation
SELECT say(3, 1, 'START');
SELECT * FROM stops WHERE voter = '01';
SELECT say(1, 1, 'start');
SELECT * FROM stops WHERE voter = '01';
SELECT campaign, message_status, result FROM talk WHERE voter = 1 ORDER BY 1;
-- to Smith, it does not end what was said to all
SELECT say(1, 2, 'START');
SELECT ended_how FROM stops WHERE voter = '02';
SELECT say(2, 2, 'UNSTOP');
SELECT ended_how, evidence FROM stops WHERE voter = '02';
-- a yes of somebody who has not opted out is an answer, not an opt-in
SELECT say(3, 3, 'Yes');
SELECT count(*) FROM stops WHERE voter = '03';
-- by a person, who says how it is known
SET ROLE opt_out_texter;
SELECT p2ptext.opt_in('+19195553011', 'told me so');
RESET ROLE;
UPDATE p2ptext.conversation SET texter = 'opt_out_texter' WHERE phone = '+19195553011';
SET ROLE opt_out_texter;
SELECT p2ptext.opt_in('+19195553011', ' ');
SELECT p2ptext.opt_in('+19195553011', NULL);
SELECT p2ptext.opt_in('five', 'x');
SELECT p2ptext.opt_in('9195553011', 'signed card 17');
SELECT p2ptext.opt_in('9195553011', 'signed card 17', 'nobody');
SELECT ended_how, ended_by, evidence FROM p2ptext.opt_in('(919) 555-3011', 'signed card 17', 'opt_out Smith');
SELECT p2ptext.opt_in('9195553011', 'signed card 17', 'opt_out Smith');
SELECT detail FROM p2ptext.opt_out('9195553011', 'changed her mind', 'opt_out Smith');
RESET ROLE;
-- the history stays
SELECT how, detail, ended_how, ended_by, evidence FROM stops WHERE voter = '11' ORDER BY ended_how NULLS LAST;
-- a wrong number ends that pair of voter and phone, in all campaigns of the source
SELECT say(1, 4, 'wrong number');
SELECT result FROM p2ptext.close((SELECT id FROM talk WHERE voter = 18 AND campaign = 'opt_out 2'), 'wrong_number');
SELECT voter, campaign, message_status, result FROM talk WHERE voter IN (4, 18) AND campaign LIKE 'opt_out _' ORDER BY 1, 2;
SELECT voter, campaign, status, reason FROM texts WHERE voter = 18 AND campaign LIKE 'opt_out _' ORDER BY 1, 2;
SELECT voter_key, phone, how FROM p2ptext.wrong_number WHERE phone LIKE '+191955530__' ORDER BY 2;
SELECT result FROM p2ptext.close((SELECT id FROM talk WHERE voter = 20 AND campaign = 'opt_out 2'), 'bad_number');
SELECT line_type, detail FROM p2ptext.phone_line WHERE phone = '+19195553020';
-- the next voter at that phone is texted there, the one before somewhere else
CREATE TABLE neighbors AS SELECT * FROM voters WHERE id IN (4, 18, 20) UNION ALL SELECT 104, cell FROM voters WHERE id = 4;
UPDATE p2ptext.source SET relation = 'opt_out_test.neighbors' WHERE name = 'opt_out voters';
SELECT l.* FROM p2ptext.create_campaign('again 4', 'opt_out all', 'opt_out-3', 'Hello', mode => 'broadcast') c, p2ptext.launch(c.name) l;
SELECT voter_key, phone FROM p2ptext.conversation v JOIN p2ptext.campaign c ON c.id = v.campaign_id WHERE c.name = 'again 4';
SELECT d.voter_key, d.reason, d.detail FROM p2ptext.dropped d JOIN p2ptext.campaign c ON c.id = d.campaign_id WHERE c.name = 'again 4' ORDER BY 1;
SET ROLE opt_out_manager;
INSERT INTO p2ptext.wrong_number (source_id, voter_key, phone) SELECT id, '104', '+19195553004' FROM p2ptext.source WHERE name = 'opt_out voters';
\set VERBOSITY terse
INSERT INTO p2ptext.wrong_number (source_id, voter_key, phone) SELECT id, '104', '919-555-3004' FROM p2ptext.source WHERE name = 'opt_out voters';
\set VERBOSITY default
RESET ROLE;
SELECT o.status, o.reason FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id WHERE c.name = 'again 4';
-- an organisation whose own opt-outs bind keeps its gateway
UPDATE p2ptext.gateway SET organisation_id = NULL WHERE name = 'opt_out-1';
UPDATE p2ptext.gateway SET organisation_id = NULL WHERE name = 'opt_out-3';
\set VERBOSITY terse
DELETE FROM p2ptext.organisation WHERE name = 'opt_out Smith';
\set VERBOSITY default

-- many at once
SET ROLE opt_out_manager;
SELECT * FROM p2ptext.opt_out_bulk('{919-555-3016,9195553016,+19195553017,+19195553011,"",n/a,"555-0100",NULL}'::text[], 'list of May');
SELECT given, problem, detail, created_by FROM p2ptext.opt_out_reject ORDER BY id;
RESET ROLE;
SELECT voter, campaign, status, reason FROM texts WHERE voter IN (16, 17) ORDER BY 1, 2;
SET ROLE opt_out_manager;
SELECT * FROM p2ptext.opt_out_bulk('{}'::text[]);
SELECT * FROM p2ptext.opt_out_bulk(NULL::text[]);
CREATE TEMP TABLE list AS SELECT format('919-555-%s', lpad(n::text, 4, '0')) AS phone, 'and more' AS more FROM generate_series(3000, 3999) n;
SELECT * FROM p2ptext.opt_out_bulk('TABLE list', 'list of June', 'opt_out Smith');
SELECT * FROM p2ptext.opt_out_bulk('TABLE list -- twice', 'list of June', 'opt_out Smith');
-- the query has the caller's rights, and is one
SELECT * FROM p2ptext.opt_out_bulk('SELECT cell FROM opt_out_test.voters');
SELECT * FROM p2ptext.opt_out_bulk('SELECT 1; DROP TABLE list');
SELECT * FROM p2ptext.opt_out_bulk('DELETE FROM list RETURNING phone');
SELECT * FROM p2ptext.opt_out_bulk(NULL::text);
SELECT * FROM p2ptext.opt_out_bulk('TABLE list', organisation => 'nobody');
SET ROLE opt_out_texter;
SELECT * FROM p2ptext.opt_out_bulk('{919-555-3016}'::text[]);
RESET ROLE;
ROLLBACK;

-- one confirmation for one opt-out
SET ROLE opt_out_manager;
SELECT confirmation, confirmation_by FROM p2ptext.confirm_opt_outs('opt_out-3');
SELECT p2ptext.confirm_opt_outs('nosuch');
SELECT p2ptext.confirm_opt_outs('opt_out-3', '');
SELECT p2ptext.confirm_opt_outs('opt_out-3', repeat('x', 400));
SELECT p2ptext.confirm_opt_outs('opt_out-3', 'You are out. Chip in $5 before you go: https://example.org');
SELECT p2ptext.confirm_opt_outs('opt_out-3', 'Bye {{first_name}}');
RESET ROLE;
BEGIN;
UPDATE p2ptext.gateway SET provider = 'twilio', keep_texting_hours = true WHERE name = 'opt_out-3';
SELECT p2ptext.confirm_opt_outs('opt_out-3', 'You are out.');
SELECT confirmation FROM p2ptext.confirm_opt_outs('opt_out-3', 'You are out.', provider_is_silent => true);
SELECT confirmation, confirmation_by FROM p2ptext.confirm_opt_outs('opt_out-3', NULL);
ROLLBACK;
BEGIN;
SELECT id AS camp FROM p2ptext.campaign WHERE name = 'opt_out 3' \gset
CREATE FUNCTION claim(camp int) RETURNS TABLE (voter text, status text, validity int) LANGUAGE sql AS $$
	SELECT right(phone, 2), status, validity_s FROM p2ptext.claim(7, ARRAY[camp], '{reply}', '{+12025550183}', '{0}', '{9}', NULL) ORDER BY 1 $$;
SELECT send(3, 10);
SELECT say(3, n, 'Stop') FROM generate_series(1, 6) n;
-- a second stop is no second opt-out, and a voter we never wrote to gets nothing
SELECT say(3, 1, 'STOP!!'), say(3, 19, 'Stop'), say(3, 99, 'Stop');
SELECT voter, kind, status, body, approved_by, confirms = (SELECT id FROM p2ptext.opt_out o WHERE o.phone = '+1919555' || 3000 + voter) AS of_that
FROM texts WHERE confirms IS NOT NULL ORDER BY 1;
-- the conversation is over all the same
SELECT voter, message_status, result FROM talk WHERE campaign = 'opt_out 3' AND voter < 3 ORDER BY 1;
-- at any hour, also after the campaign's end; not once the voter is in again, nor when another opt-out has come, nor late
UPDATE p2ptext.gateway SET keep_texting_hours = true, provider = 'kannel' WHERE name = 'opt_out-3';
UPDATE p2ptext.campaign SET hours_start = '00:00', hours_end = '00:00:01', send_before = now() - interval '1 hour' WHERE id = :camp;
SELECT say(3, 2, 'Start');
SELECT phone FROM p2ptext.opt_out('+19195553003', 'also to a texter', 'opt_out Jones');
UPDATE p2ptext.opt_out SET created_at = now() - interval '5 min' WHERE phone = '+19195553004';
UPDATE p2ptext.opt_out SET created_at = now() - interval '4 min' WHERE phone = '+19195553005';
INSERT INTO p2ptext.opt_out (phone, how, organisation_id) SELECT '+19195553006', 'import', id FROM p2ptext.organisation WHERE name = 'opt_out Smith';
UPDATE p2ptext.gateway SET organisation_id = (SELECT id FROM p2ptext.organisation WHERE name = 'opt_out Smith') WHERE name = 'opt_out-3';
SELECT * FROM claim(:camp);
SELECT voter, status, reason FROM texts WHERE confirms IS NOT NULL ORDER BY 1;
-- nothing calls back those that leave, but another opt-out
UPDATE p2ptext.gateway SET enabled = true WHERE name = 'opt_out-3';
SELECT count(*) FROM p2ptext.to_recall(ARRAY(SELECT id FROM texts WHERE status = 'sending')) r;
INSERT INTO p2ptext.opt_out (phone, how, organisation_id) SELECT '+19195553005', 'import', id FROM p2ptext.organisation WHERE name = 'opt_out Smith';
SELECT right(o.phone, 2) FROM p2ptext.to_recall(ARRAY(SELECT id FROM texts WHERE status = 'sending')) r JOIN p2ptext.outbox o ON o.id = r;
SELECT p2ptext.finish(array_agg(id), array_agg(:camp), array_agg('sent'::text), array_agg('SM' || id), array_agg(''::text),
	array_agg(''::text), array_agg(0), array_agg(0)) FROM texts WHERE status = 'sending';
SELECT t.voter, m.kind, m.status, m.body, m.confirms IS NOT NULL AS confirms, t.message_status, t.result FROM p2ptext.message m JOIN talk t ON t.id = m.conversation_id
WHERE m.confirms IS NOT NULL ORDER BY 1;
-- and the voter who opts out once more gets once more one
SELECT say(3, 2, 'Stop');
SELECT voter, status FROM texts WHERE confirms IS NOT NULL AND voter = 2 ORDER BY id;
-- who opted out counts as that, not as texted
SELECT right(phone, 2) AS voter, result FROM p2ptext.export_results('opt_out 3') WHERE result <> 'texted' ORDER BY 1;
ROLLBACK;
-- off
SELECT confirmation IS NULL AS off FROM p2ptext.confirm_opt_outs('opt_out-3', NULL);
BEGIN;
SELECT send(3, 1);
SELECT say(3, 1, 'Stop');
SELECT count(*) FROM texts WHERE confirms IS NOT NULL;
ROLLBACK;

SELECT p2ptext.revoke_role(role) FROM unnest('{opt_out_manager,opt_out_texter}'::name[]) role;
DROP ROLE opt_out_manager, opt_out_texter;
-- what others do not expect
DROP SCHEMA opt_out_test CASCADE;
