-- What gateways tell us, and what becomes of it.  One transaction, so that the
-- receiver of this database has no part in it.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA inbound_test;
SET search_path = inbound_test;
SELECT setval('p2ptext.message_id', 3000000);
CREATE TABLE voters (id int PRIMARY KEY, cell text);
INSERT INTO voters SELECT n, '919-555-' || 6600 + n FROM generate_series(1, 30) n;
SELECT name FROM p2ptext.add_source('inbound voters', 'voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('inbound all', 'inbound voters', 'true');
SELECT name FROM p2ptext.add_gateway('inbound-test', 'loopback', senders => '{+12025550177}');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'inbound-test';
BEGIN;
SELECT name FROM p2ptext.create_campaign('inbound old', 'inbound all', 'inbound-test', 'Hello', mode => 'broadcast', recheck => false);
SELECT name FROM p2ptext.create_campaign('inbound', 'inbound all', 'inbound-test', 'Hello', mode => 'broadcast', recheck => false);
SELECT value FROM p2ptext.add_question('inbound', 'Will you vote?', '{"yes": ["y", "👍"], "no": ["n", "nope"]}');
SELECT drafted FROM p2ptext.launch('inbound old');
SELECT drafted FROM p2ptext.launch('inbound');
SELECT id AS gw FROM p2ptext.gateway WHERE name = 'inbound-test' \gset
SELECT id AS camp FROM p2ptext.campaign WHERE name = 'inbound' \gset
SELECT id AS old FROM p2ptext.campaign WHERE name = 'inbound old' \gset

CREATE VIEW talk AS SELECT CASE WHEN v.voter_key ~ '^[0-9]+$' THEN v.voter_key::int END AS voter, c.name AS campaign, v.* FROM p2ptext.conversation v
JOIN p2ptext.campaign c ON c.id = v.campaign_id WHERE c.name IN ('inbound', 'inbound old');
CREATE VIEW texts AS SELECT v.voter, v.campaign, o.id, o.status, o.reason, o.ref, o.kind FROM p2ptext.outbox o JOIN talk v ON v.id = o.conversation_id;
CREATE VIEW messages AS SELECT v.voter, v.campaign, m.* FROM p2ptext.message m JOIN talk v ON v.id = m.conversation_id;
CREATE VIEW events AS SELECT i.*, v.voter FROM p2ptext.inbound i JOIN p2ptext.gateway g ON g.id = i.gateway_id
LEFT JOIN talk v ON v.id = i.conversation_id WHERE g.name = 'inbound-test';
-- send to some voters of a campaign
CREATE FUNCTION send(campaign int, n int) RETURNS void LANGUAGE sql AS $$
	SELECT p2ptext.approve_batch(c.name, n) FROM p2ptext.campaign c WHERE c.id = campaign;
	SELECT p2ptext.finish(array_agg(id), array_agg(campaign_id), array_agg('sent'::text), array_agg('SM' || id), array_agg(''::text),
		array_agg(''::text), array_agg(0), array_agg(0))
	FROM p2ptext.claim(7, ARRAY[campaign], '{initial}', '{+12025550177}', '{0}', ARRAY[n], NULL);
$$;
-- texts and receipts as the courier tells of them
CREATE FUNCTION voters_say(voters int[], bodies text[], statuses text[] DEFAULT '{}', media text DEFAULT '', pre text DEFAULT 'text')
RETURNS bigint LANGUAGE sql AS $$
	SELECT (p2ptext.store_inbound(array_agg(g.id), array_agg('text'::text), array_agg(pre || '-' || s.voter || '-' || n), array_agg('SM' || pre || n),
		array_agg(''::text), array_agg('+1919555' || 6600 + s.voter), array_agg('+12025550177'::text), array_agg(s.body), array_agg(coalesce(s.status, '')),
		array_agg(''::text), array_agg(''::text), array_agg(media), array_agg(''::text), array_agg(''::bytea))).fresh
	FROM p2ptext.gateway g, unnest(voters, bodies, statuses) WITH ORDINALITY AS s(voter, body, status, n) WHERE g.name = 'inbound-test'
$$;
CREATE FUNCTION receipts(refs text[], statuses text[], codes text[] DEFAULT '{}', pre text DEFAULT 'receipt') RETURNS bigint LANGUAGE sql AS $$
	SELECT (p2ptext.store_inbound(array_agg(g.id), array_agg('receipt'::text), array_agg(pre || '-' || r.ref || '-' || r.status), array_agg('SMr' || n),
		array_agg(r.ref), array_agg('+19195550000'::text), array_agg('+12025550177'::text), array_agg(''::text), array_agg(r.status),
		array_agg(coalesce(r.code, '')), array_agg(CASE WHEN r.code IS NULL THEN '' ELSE 'says ' || r.code END), array_agg(''::text),
		array_agg(''::text), array_agg(''::bytea))).fresh
	FROM p2ptext.gateway g, unnest(refs, statuses, codes) WITH ORDINALITY AS r(ref, status, code, n) WHERE g.name = 'inbound-test'
$$;
SELECT send(:old, 3);
-- now() is one and the same in a transaction, so make the other campaign the earlier one
UPDATE p2ptext.conversation SET last_out_at = now() - interval '1 day' WHERE campaign_id = :old AND last_out_at IS NOT NULL;
SELECT send(:camp, 12);

-- a text belongs to the conversation that wrote last; a replay changes nothing
SELECT voters_say('{1,2,4}', '{Who is this?,y,"yes, I will vote"}');
SELECT voters_say('{1,2,4}', '{Who is this?,y,"yes, I will vote"}');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT voter, kind, body, outcome, applied_at IS NOT NULL AS applied, message_id IS NOT NULL AS message, error FROM events ORDER BY id;
SELECT voter, campaign, direction, kind, status, sender, phone, body, sms_segments, approved_by, provider_id FROM messages WHERE direction = 'in' ORDER BY id;
SELECT voter, campaign, message_status, result, waiting_since = last_in_at AS waits FROM talk WHERE voter IN (1, 2, 4) AND campaign = 'inbound' ORDER BY voter;
-- only what is just an answer is one
SELECT t.voter, r.value, r.how, r.message_id = m.id AS by_text, r.superseded_at FROM p2ptext.question_response r
JOIN talk t ON t.id = r.conversation_id JOIN messages m ON m.conversation_id = t.id AND m.direction = 'in' ORDER BY 1;
-- the first one counts, also within a batch; a thumb is one, another sign is none
SELECT voters_say('{2,5,5,6,7}', '{no,nope,y,👍,🤬}', pre => 'more');
SELECT applied FROM p2ptext.apply_inbound();
SELECT t.voter, r.value, r.how FROM p2ptext.question_response r JOIN talk t ON t.id = r.conversation_id ORDER BY 1;

-- receipts: their order does not matter, and none moves a message back
SELECT ref AS one FROM messages WHERE campaign = 'inbound' AND voter = 1 AND direction = 'out' \gset
SELECT ref AS two FROM messages WHERE campaign = 'inbound' AND voter = 2 AND direction = 'out' \gset
SELECT ref AS three FROM messages WHERE campaign = 'inbound' AND voter = 3 AND direction = 'out' \gset
SELECT receipts(ARRAY[:'one', :'two', :'two', :'three'], '{delivered,sent,delivered,undelivered}', '{NULL,NULL,NULL,30003}');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT receipts(ARRAY[:'one', :'two', :'three'], '{sent,queued,delivered}', pre => 'late');
SELECT receipts(ARRAY[:'one'], '{delivered}');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT voter, status, error_code, error_text, provider_id LIKE 'SM30%' AS provider_id FROM messages WHERE direction = 'out' AND campaign = 'inbound' AND voter < 4 ORDER BY voter;
SELECT voter, status, outcome FROM events WHERE kind = 'receipt' ORDER BY id;
-- a status that we do not know hides none that we do
SELECT ref AS four FROM messages WHERE campaign = 'inbound' AND voter = 4 AND direction = 'out' \gset
SELECT receipts(ARRAY[:'four', :'four', :'four'], '{accepted,"",delivered}');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT status FROM messages WHERE ref = :'four';
-- who does not know the reference moves nothing
SELECT receipts(ARRAY[left(:'one', -1) || translate(right(:'one', 1), '0123456789abcdef', '123456789abcdef0'), split_part(:'one', '-', 1), '3000001-' || repeat('0', 32), '1', '', '''; DROP TABLE p2ptext.message; --',
	'99999999999999999999-' || repeat('0', 32)], '{failed,failed,failed,failed,failed,failed,failed}', pre => 'forged');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT outcome, count(*) FROM events WHERE dedupe_key LIKE 'forged%' GROUP BY 1;
SELECT status, count(*) FROM messages WHERE direction = 'out' AND campaign = 'inbound' GROUP BY 1 ORDER BY 1;

-- a receipt that comes before the gateway's answer waits for it
SELECT p2ptext.approve_batch('inbound', 2);
SELECT count(*) FROM p2ptext.claim(7, ARRAY[:camp], '{initial}', '{+12025550177}', '{0}', '{2}', NULL);
SELECT id AS a, ref AS aref FROM texts WHERE status = 'sending' AND voter = 13 \gset
SELECT id AS b, ref AS bref FROM texts WHERE status = 'sending' AND voter = 14 \gset
SELECT receipts(ARRAY[:'aref', :'bref'], '{delivered,delivered}');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT p2ptext.finish(ARRAY[:a], ARRAY[:camp], '{sent}', '{SMa}', '{""}', '{""}', '{0}', '{0}');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT voter, status, provider_id FROM messages WHERE id = :a;
-- one of a text of unknown fate settles it
SELECT p2ptext.finish(ARRAY[:b], ARRAY[:camp], '{unknown}', '{""}', '{""}', '{""}', '{0}', '{0}');
SELECT status FROM texts WHERE id = :b;
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT voter, status, sent_at IS NOT NULL AS sent, provider_id LIKE 'SMr%' AS provider_id FROM messages WHERE id = :b;
SELECT count(*) FROM texts WHERE id = :b;
SELECT voter, message_status FROM talk WHERE campaign = 'inbound' AND voter IN (13, 14) ORDER BY 1;
-- and one of a text that was about to be tried again keeps it from being sent twice
SELECT p2ptext.approve_batch('inbound', 1);
SELECT id AS c, ref AS cref FROM p2ptext.claim(7, ARRAY[:camp], '{initial}', '{+12025550177}', '{0}', '{1}', NULL) \gset
SELECT p2ptext.finish(ARRAY[:c], ARRAY[:camp], '{retry}', '{""}', '{500}', '{""}', '{600000}', '{0}');
SELECT voter, status, reason FROM texts WHERE id = :c;
SELECT receipts(ARRAY[:'cref'], '{sent}');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT voter, status FROM messages WHERE id = :c;
SELECT count(*) FROM texts WHERE id = :c;

-- STOP holds at once, before it is applied: in every campaign, for drafts and approved texts
SELECT p2ptext.approve_batch('inbound old', 2);
SELECT voters_say('{4,5,6}', '{STOP,"Stop!!",thanks}', '{NULL,NULL,stop}', pre => 'stop');
SELECT phone, how, detail, ended_at FROM p2ptext.opt_out WHERE phone LIKE '+191955566__' ORDER BY id;
SELECT voter, campaign, status, reason FROM texts WHERE voter IN (4, 5, 6, 7) ORDER BY voter, campaign;
SELECT voter, campaign, message_status, result, waiting_since FROM talk WHERE voter IN (4, 5, 6) ORDER BY voter, campaign;
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT voter, campaign, message_status, result, waiting_since FROM talk WHERE voter IN (4, 5, 6) AND campaign = 'inbound' ORDER BY voter;
-- what they write after that is kept, but they wait for no answer
SELECT voters_say('{4}', '{I said stop}', pre => 'after');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT message_status, result, waiting_since, (SELECT count(*) FROM messages WHERE voter = 4 AND direction = 'in') AS texts FROM talk WHERE voter = 4 AND campaign = 'inbound';
-- START ends it; the last word of a batch counts, whichever it is
SELECT voters_say('{4,8,8,9,9,6,6}', '{START,stop,start,start,stop,start,stop}', pre => 'start');
SELECT phone, ended_at = now() AS ended FROM p2ptext.opt_out WHERE phone LIKE '+191955566__' ORDER BY id;
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT voter, message_status, result, waiting_since IS NOT NULL AS waits FROM talk WHERE voter IN (4, 6, 8, 9) AND campaign = 'inbound' ORDER BY 1;
-- and STOP once more closes what had been opened again
SELECT voters_say('{4}', '{stop}', pre => 'again');
SELECT voter, campaign, message_status, result FROM talk WHERE voter = 4 ORDER BY 2;
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT count(*), count(ended_at) AS ended FROM p2ptext.opt_out WHERE phone = '+19195556604';

-- a wrong number ends this conversation and takes what was still to leave in it
SELECT status FROM p2ptext.reply((SELECT id FROM talk WHERE voter = 10 AND campaign = 'inbound'), 'Are you there?');
SELECT voters_say('{10}', '{"Sorry, wrong number"}', pre => 'wrong');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT campaign, message_status, result, waiting_since FROM talk WHERE voter = 10 ORDER BY 1;
SELECT campaign, kind, status, reason FROM texts WHERE voter = 10 ORDER BY 1, 2;

-- media, texts without a word, and texts for nobody
SELECT voters_say('{11}', '{""}', media => '["https://example.org/1.jpg"]', pre => 'media');
SELECT voters_say('{999}', '{who is this}', pre => 'nobody');
SELECT voters_say('{998}', '{STOP}', pre => 'nobody');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT voter, body, media, sms_segments FROM messages WHERE voter = 11 AND direction = 'in';
SELECT kind, phone, sender, body FROM p2ptext.unmatched WHERE gateway = 'inbound-test' AND kind = 'text' ORDER BY id;
SELECT phone, how FROM p2ptext.opt_out WHERE phone = '+19195557598';

-- a receipt may be all that tells of an opt-out: by its code, as its provider means it there
SELECT send(:camp, 6);
SELECT p2ptext.approve_batch('inbound', 1);
SELECT p2ptext.finish(array_agg(id), array_agg(campaign_id), '{failed}', '{""}', '{9}', '{no credit}', '{0}', '{0}')
FROM p2ptext.claim(7, ARRAY[:camp], '{initial}', '{+12025550177}', '{0}', '{1}', NULL);
UPDATE p2ptext.gateway SET provider = 'vonage', keep_texting_hours = true WHERE id = :gw;
SELECT receipts(array_agg(ref ORDER BY voter), '{undelivered,delivered,failed}', '{9,9,6}', pre => 'vonage') FROM messages WHERE voter IN (16, 17, 18) AND direction = 'out';
SELECT count(*) FROM p2ptext.opt_out WHERE phone LIKE '+191955566__' AND how = 'gateway';
SELECT applied, parked FROM p2ptext.apply_inbound();
UPDATE p2ptext.gateway SET provider = 'bandwidth' WHERE id = :gw;
SELECT receipts(array_agg(ref ORDER BY voter) || array_agg(ref ORDER BY voter), '{undelivered,failed,undelivered,failed,sent,failed}', '{4775,200,9,4775}', pre => 'bandwidth')
FROM messages WHERE voter IN (19, 20, 21) AND direction = 'out';
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT phone, how, detail, ended_at FROM p2ptext.opt_out WHERE phone LIKE '+191955566__' AND how = 'gateway' ORDER BY phone;
SELECT voter, campaign, status, reason FROM texts WHERE voter IN (16, 17, 19, 20) ORDER BY voter, campaign;
SELECT voter, campaign, message_status, result FROM talk WHERE voter IN (16, 17, 19, 20) AND campaign = 'inbound' ORDER BY voter;
SELECT campaign, gateway, code, class, meaning, messages FROM p2ptext.error_summary WHERE campaign = 'inbound';
UPDATE p2ptext.gateway SET provider = 'vonage' WHERE id = :gw;
SELECT code, class, meaning, messages FROM p2ptext.error_summary WHERE campaign = 'inbound';
UPDATE p2ptext.gateway SET provider = 'loopback', keep_texting_hours = false WHERE id = :gw;

-- an event that cannot be applied is kept with its error; the others of its batch are applied
ALTER TABLE p2ptext.message ADD CONSTRAINT no_poison CHECK (body <> 'poison');
SELECT voters_say('{11,12,1}', '{before,poison,after}', pre => 'poison');
SELECT receipts(ARRAY[ref], '{delivered}') FROM messages WHERE voter = 12 AND direction = 'out' AND campaign = 'inbound';
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT voter, kind, body, status, outcome, split_part(error, ' (', 1) AS error FROM events WHERE dedupe_key LIKE 'poison%' OR voter = 12 ORDER BY id;
SELECT voter, body FROM messages WHERE direction = 'in' AND body IN ('before', 'after', 'poison') ORDER BY 1;
SELECT count(*) FROM events WHERE applied_at IS NULL;
-- one that has neither phone nor text holds up nobody
SELECT (p2ptext.store_inbound(ARRAY[:gw, :gw, -1], '{text,text,text}', '{null-1,null-2,null-3}', '{NULL,NULL,NULL}', '{NULL,NULL,NULL}', '{NULL,+19195556611,x}',
	'{NULL,+12025550177,x}', '{STOP,NULL,x}', '{NULL,NULL,NULL}', '{NULL,NULL,NULL}', '{NULL,NULL,NULL}', '{NULL,NULL,NULL}', '{NULL,NULL,NULL}', '{NULL,NULL,NULL}')).fresh;
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT dedupe_key, outcome, split_part(error, ' of relation', 1) AS error FROM events WHERE dedupe_key LIKE 'null%' ORDER BY id;
-- a batch has its size
SELECT voters_say('{1,1,1}', '{a,b,c}', pre => 'size');
SELECT applied, parked FROM p2ptext.apply_inbound(2);
SELECT applied, parked FROM p2ptext.apply_inbound(max_rows => 2);
SELECT outcome, count(*) FROM events GROUP BY 1 ORDER BY 1;
-- a receipt that cannot be applied is kept all the same, and found out apart from the others
SELECT send(:camp, 3);
SELECT array_agg(ref ORDER BY id) AS last FROM (SELECT * FROM messages WHERE direction = 'out' AND campaign = 'inbound' ORDER BY id DESC LIMIT 3) m \gset
SELECT (:'last'::text[])[2] AS bad \gset
CREATE TABLE poisonous AS SELECT :'bad' AS ref;
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.ref IN (SELECT ref FROM inbound_test.poisonous) THEN RAISE 'poison'; END IF; RETURN NEW; END $$;
CREATE TRIGGER poison BEFORE UPDATE ON p2ptext.message FOR EACH ROW EXECUTE FUNCTION poison();
SELECT receipts(:'last', '{delivered,delivered,delivered}', pre => 'bad');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT status, outcome, error FROM events WHERE ref = ANY (:'last') ORDER BY id;
SELECT status FROM messages WHERE ref = ANY (:'last') ORDER BY id;
SELECT gateway, kind, status, error FROM p2ptext.inbound_errors WHERE gateway = 'inbound-test' AND ref = :'bad';
DROP TRIGGER poison ON p2ptext.message;

-- a text that comes in parts is one when all are there, in whatever order
CREATE FUNCTION part(voter int, which text, nth int, of int, body text, key text DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
	SELECT (p2ptext.store_inbound(ARRAY[g.id], '{text}', ARRAY[coalesce(key, which || '/' || nth)], '{""}', '{""}', ARRAY['+1919555' || 6600 + voter], '{+12025550177}',
		ARRAY[body], '{""}', '{""}', ARRAY[which || '/' || nth || '/' || of], '{""}', '{""}', '{""}')).fresh
	FROM p2ptext.gateway g WHERE g.name = 'inbound-test'
$$;
CREATE VIEW latest_texts AS SELECT voter, body FROM messages WHERE direction = 'in' ORDER BY id DESC LIMIT 2;
SELECT part(22, 'a/b', 3, 3, 'd.'), part(22, 'a/b', 1, 3, 'I vote '), part(23, 'a/b', 1, 2, 'Another ', 'other'), part(22, 'a/b', 1, 3, 'I vote ');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT part(22, 'a/b', 2, 3, 'earlier an');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT * FROM latest_texts LIMIT 1;
SELECT body, part, outcome FROM events WHERE part IS NOT NULL OR dedupe_key LIKE 'a/b/%' ORDER BY id;
-- a part that came twice is one
SELECT part(23, 'c', 1, 2, 'once '), part(23, 'c', 1, 2, 'once ', 'c again'), part(23, 'c', 2, 2, 'only');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT * FROM latest_texts LIMIT 1;
-- below a mark nothing is looked at; whatever waits, a part too, is above the next
SELECT voters_say('{1,2}', '{below,above}', pre => 'mark');
SELECT min(id) AS below FROM events WHERE applied_at IS NULL AND part IS NULL \gset
SELECT min(id) AS part FROM events WHERE applied_at IS NULL AND part IS NOT NULL \gset
SELECT applied, parked, mark - :part AS mark FROM p2ptext.apply_inbound(after => :below);
SELECT applied, parked, mark - :part AS mark FROM p2ptext.apply_inbound();
-- what they say together counts, in the transaction that keeps the last of them
SELECT part(24, 's', 2, 2, 'op'), part(25, 't', 1, 2, 'stop '), part(25, 't', 2, 2, 'and frisk must end');
SELECT part(24, 's', 1, 2, 'ST');
SELECT phone, how, detail FROM p2ptext.opt_out WHERE phone IN ('+19195556624', '+19195556625');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT * FROM latest_texts;
-- those whose others never come are a text in the end
UPDATE p2ptext.inbound SET received_at = now() - interval '11 minutes' WHERE part = 'a/b/1/2';
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT * FROM latest_texts LIMIT 1;
-- what is no part is a text
SELECT part(26, 'x', 1000, 2, 'odd');
SELECT applied, parked FROM p2ptext.apply_inbound();
SELECT body, part, outcome FROM events WHERE body = 'odd';

-- old events are forgotten, but not those that wait, and no text that nobody has handled
SELECT voters_say('{1}', '{wait}', pre => 'prune');
UPDATE p2ptext.inbound SET received_at = now() - interval '100 days' WHERE body <> 'odd';
SELECT * FROM p2ptext.prune_inbound('101 days');
SELECT pruned, mark AS upto FROM p2ptext.prune_inbound('90 days', 5) \gset
SELECT :pruned AS pruned, (SELECT count(*) FROM p2ptext.inbound WHERE id <= :upto) AS left;
SELECT pruned > 0 AS pruned FROM p2ptext.prune_inbound('90 days', after => :upto);
SELECT body, outcome FROM p2ptext.inbound ORDER BY id;
SELECT count(p2ptext.handle_inbound(id)) FROM p2ptext.inbound WHERE outcome = 'unmatched';
SELECT * FROM p2ptext.prune_inbound('101 days', after => 999999999);
SELECT pruned > 0 AS pruned FROM p2ptext.prune_inbound('90 days', after => 999999999);
SELECT body, outcome FROM p2ptext.inbound ORDER BY id;
ROLLBACK;
