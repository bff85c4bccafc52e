-- Webhooks that an application received, and events that are replayed.  One
-- transaction, so that the receiver of this database has no part in it.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT setval('p2ptext.message_id', 6000000), setval('p2ptext.inbound_id_seq', 6000000);
BEGIN;
CREATE TABLE receive_voters (id int PRIMARY KEY, cell text);
INSERT INTO receive_voters SELECT n, '919-555-' || 8100 + n FROM generate_series(1, 3) n;
SELECT name FROM p2ptext.add_source('receive voters', 'receive_voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('receive all', 'receive voters', 'true');
SELECT name FROM p2ptext.add_gateway('receive-test', 'generic', senders => '{+12025550188}', base_url => 'https://gateway.example', settings => '{"events": "/all",
	"receipt": {"ref": "/ref", "status": "/status"}, "inbound": {"id": "/id", "from": "/from", "to": "/to", "text": "/text"}}');
UPDATE p2ptext.gateway SET enabled = false, verify_webhooks = false WHERE name = 'receive-test';
SELECT name FROM p2ptext.create_campaign('receive', 'receive all', 'receive-test', 'Hello', mode => 'broadcast', recheck => false);
SELECT drafted FROM p2ptext.launch('receive');
CREATE VIEW events AS SELECT i.* FROM p2ptext.inbound i JOIN p2ptext.gateway g ON g.id = i.gateway_id WHERE g.name = 'receive-test';
CREATE FUNCTION got(body text, url text DEFAULT '/webhook/receive-test') RETURNS record LANGUAGE sql AS $$
	SELECT p2ptext.receive('receive-test', '{"Content-Type": "application/json"}', convert_to(body, 'UTF8'), url) $$;

-- what is no request
SAVEPOINT s;
SELECT p2ptext.receive('receive-test', NULL, '', '/x');
ROLLBACK TO s;
SELECT p2ptext.receive('receive-test', '["Content-Type"]', '', '/x');
ROLLBACK TO s;
SELECT p2ptext.receive('receive-test', '{"Content-Type": ["text/plain"]}', '', '/x');
ROLLBACK TO s;
SELECT p2ptext.receive('receive-test', '{"X-Token": "a", "x-token": "b"}', '', '/x');
ROLLBACK TO s;
SELECT p2ptext.receive('receive-test', '{}', '', NULL);
ROLLBACK TO s;
CREATE FUNCTION is_url(url text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM p2ptext.receive('receive-nobody', '{}', '', url);
	RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN false;
END $$;
SELECT url, is_url(url) FROM unnest('{"",sms.example.org/x,https://sms.example.org,ftp://sms.example.org/x,/a b,/,/x?y#z,https://u:p@[::1]:8443/x?y}'::text[]) url;
-- and what nobody wants
SELECT * FROM p2ptext.receive('receive-nobody', '{}', '', '/x');
SELECT * FROM p2ptext.receive(NULL, '{}', '', '/x');
SELECT status, content_type FROM p2ptext.receive('receive-test', '{}', NULL, 'https://sms.example.org/x?id=1');
SELECT status, content_type FROM p2ptext.receive('receive-test', '{}', '{', '/x');
SELECT status, content_type FROM p2ptext.receive('receive-test', '{}', '{', '/x', method => 'PUT');
SELECT name FROM p2ptext.add_gateway('receive-loopback', 'loopback');
SELECT status, content_type FROM p2ptext.receive('receive-loopback', '{}', '{}', '/x');
SELECT count(*) FROM events;

-- each event of a webhook is kept once
SELECT got('{"all": [{"id": "a", "from": "9195558101", "to": "+12025550100", "text": "Hi é"}, {"id": "b", "from": "(919) 555-8102", "to": "+12025550100", "text": "Stop"},
	{"id": "a", "from": "9195558101", "to": "+12025550100", "text": "Hi é"}]}');
SELECT got('{"all": [{"id": "b", "from": "(919) 555-8102", "to": "+12025550100", "text": "Stop"}]}');
SELECT got('{"all": []}');
SELECT got('{"all": [{"status": "delivered", "ref": "6000001-x"}]}', 'https://sms.example.org/hook/status/6000002-y?z');
SELECT kind, dedupe_key, ref, phone, sender, body, status, headers FROM events ORDER BY id;
SELECT phone, how, detail FROM p2ptext.opt_out WHERE phone LIKE '+191955581%';

-- what was applied is not applied twice; what was not can be
SELECT id AS a FROM events WHERE dedupe_key = 'a' \gset
SELECT id AS b FROM events WHERE dedupe_key = 'b' \gset
SAVEPOINT s;
SELECT p2ptext.replay_inbound(:a) IS NULL AS waits;
ROLLBACK TO s;
ALTER TABLE p2ptext.message ADD CONSTRAINT no_poison CHECK (body <> 'Hi é');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT dedupe_key, outcome, error IS NOT NULL AS error FROM events ORDER BY id;
SAVEPOINT s;
\set VERBOSITY terse
SELECT p2ptext.replay_inbound(:b);
\set VERBOSITY default
ROLLBACK TO s;
ALTER TABLE p2ptext.message DROP CONSTRAINT no_poison;
SELECT dedupe_key, body, applied_at, outcome, error FROM p2ptext.replay_inbound(:a);
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT dedupe_key, outcome, error FROM events ORDER BY id;
SELECT body, count(*) FROM p2ptext.message WHERE direction = 'in' AND phone LIKE '+191955581%' GROUP BY 1 ORDER BY 1;
SAVEPOINT s;
SELECT p2ptext.replay_inbound(-1);
ROLLBACK TO s;
-- a start of long ago ends no opt-out, nor does a stop that ended come again
SELECT got('{"all": [{"id": "c", "from": "9195558109", "to": "+12025550100", "text": "stop"}]}');
SELECT got('{"all": [{"id": "d", "from": "9195558109", "to": "+12025550100", "text": "start"}]}');
SELECT applied FROM p2ptext.apply_inbound();
SELECT count(p2ptext.replay_inbound(id)) FROM events WHERE dedupe_key = 'c' AND outcome = 'unmatched';
SELECT count(*), count(ended_at) AS ended FROM p2ptext.opt_out WHERE phone = '+19195558109';
SELECT got('{"all": [{"id": "e", "from": "9195558109", "to": "+12025550100", "text": "stop"}]}');
SELECT count(p2ptext.replay_inbound(id)) FROM events WHERE dedupe_key = 'd' AND outcome = 'unmatched';
SELECT count(*), count(ended_at) AS ended FROM p2ptext.opt_out WHERE phone = '+19195558109';
-- an event without a webhook is just applied again
INSERT INTO p2ptext.inbound (gateway_id, kind, dedupe_key, phone, sender, body, applied_at, outcome)
SELECT gateway_id, 'text', 'simulated', '+19195558103', '+12025550100', 'Hi', now(), 'error' FROM events LIMIT 1;
SELECT r.body, r.outcome FROM events e, p2ptext.replay_inbound(e.id) r WHERE e.dedupe_key = 'simulated';
SELECT applied FROM p2ptext.apply_inbound();
SELECT dedupe_key, outcome FROM events WHERE dedupe_key IN ('c', 'd', 'simulated') ORDER BY id;
-- a text that came in parts stays whole
SELECT name FROM p2ptext.add_gateway('receive-parts', 'vonage', account => 'x');
UPDATE p2ptext.gateway SET verify_webhooks = false WHERE name = 'receive-parts';
SELECT status FROM unnest('{Good,bye}'::text[]) WITH ORDINALITY AS part(body, n), p2ptext.receive('receive-parts', '{}', '',
	format('/x?msisdn=19195558103&to=12025550188&messageId=m%s&text=%s&concat-ref=7&concat-part=%1$s&concat-total=2', part.n, part.body));
SELECT applied FROM p2ptext.apply_inbound();
SELECT r.body, r.part, r.detail FROM p2ptext.inbound i, p2ptext.replay_inbound(i.id) r WHERE i.dedupe_key = 'm1:1';
SELECT applied FROM p2ptext.apply_inbound();
SELECT body, outcome FROM p2ptext.inbound WHERE dedupe_key IN ('m1:1', 'm2:2') ORDER BY id;
-- who may replay, and who may not even receive
UPDATE p2ptext.inbound SET outcome = 'error' WHERE dedupe_key = 'simulated';
CREATE ROLE receive_manager;
CREATE ROLE receive_web;
SELECT kind FROM p2ptext.grant_role('receive_manager', 'manager');
SET ROLE receive_manager;
SELECT r.body FROM p2ptext.inbound i, p2ptext.replay_inbound(i.id) r WHERE i.dedupe_key = 'simulated';
SAVEPOINT s;
SELECT p2ptext.receive('receive-test', '{}', '', '/x');
ROLLBACK TO s;
SELECT p2ptext.take_apart(1, '', '', '', '', '', now(), false);
ROLLBACK TO s;
RESET ROLE;
GRANT EXECUTE ON FUNCTION p2ptext.receive, p2ptext.replay_inbound TO receive_web;
SET ROLE receive_web;
SELECT status FROM p2ptext.receive('receive-test', '{"Content-Type": "application/json"}', '{"all": [{"id": "f", "from": "9195558103", "to": "+12025550100", "text": "Hi"}]}', '/x');
SELECT p2ptext.replay_inbound(1);
ROLLBACK;
