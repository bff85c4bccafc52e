-- The sender's side of the outbox, driven by hand.  All of it is one
-- transaction, so that the sender of this database has no part in it.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA queue_test;
SET search_path = queue_test;
SELECT setval('p2ptext.message_id', 2000000);
CREATE TABLE voters (id int PRIMARY KEY, cell text);
INSERT INTO voters SELECT n, '919-555-' || 6500 + n FROM generate_series(1, 20) n;
SELECT name FROM p2ptext.add_source('queue voters', 'voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('queue all', 'queue voters', 'true');
SELECT name FROM p2ptext.add_gateway('queue-test', 'loopback');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'queue-test';
BEGIN;
SELECT name FROM p2ptext.create_campaign('queue', 'queue all', 'queue-test', 'Hello', mode => 'broadcast', hours_start => '00:00', hours_end => '24:00');
SELECT id AS camp, gateway_id AS gw FROM p2ptext.campaign WHERE name = 'queue' \gset
SELECT drafted FROM p2ptext.launch('queue');
SELECT p2ptext.approve_batch('queue', 12);

-- texts go by their voter here
CREATE VIEW texts AS SELECT CASE WHEN v.voter_key ~ '^[0-9]+$' THEN v.voter_key::int END AS voter, o.* FROM p2ptext.outbox o
JOIN p2ptext.conversation v ON v.id = o.conversation_id AND v.campaign_id = o.campaign_id
JOIN p2ptext.campaign c ON c.id = o.campaign_id WHERE c.name = 'queue';
CREATE VIEW sent AS SELECT CASE WHEN v.voter_key ~ '^[0-9]+$' THEN v.voter_key::int END AS voter, m.* FROM p2ptext.message m
JOIN p2ptext.conversation v ON v.id = m.conversation_id AND v.campaign_id = m.campaign_id
JOIN p2ptext.campaign c ON c.id = m.campaign_id WHERE c.name = 'queue' AND m.direction = 'out';
CREATE FUNCTION claim(worker int, mark bigint DEFAULT 0, quota int DEFAULT 100, kind text DEFAULT 'initial')
RETURNS TABLE (voter int, status text, kind text, body text, gateway boolean, ref boolean, validity_s int, "position" bigint)
LANGUAGE sql AS $$
	SELECT CASE WHEN v.voter_key ~ '^[0-9]+$' THEN v.voter_key::int END, c.status, o.kind, c.body, c.gateway_id = k.gateway_id,
		c.ref ~ ('^' || c.id || '-[0-9a-f]{32}$'), c.validity_s, c.position
	FROM p2ptext.campaign k, p2ptext.claim(worker, ARRAY[k.id], ARRAY[kind], '{+12025550100}', ARRAY[mark], ARRAY[quota],
		CASE kind WHEN 'initial' THEN (p2ptext.recheck(ARRAY[k.id], '{+12025550100}', ARRAY[mark], ARRAY[quota])).checked END) c
	JOIN p2ptext.outbox o ON o.id = c.id AND o.campaign_id = c.campaign_id
	JOIN p2ptext.conversation v ON v.id = o.conversation_id AND v.campaign_id = o.campaign_id
	WHERE k.name = 'queue' ORDER BY c.position
$$;
CREATE FUNCTION finish(voters int[], outcomes text[], codes text[] DEFAULT '{}', delay_ms int DEFAULT 0, kinds text DEFAULT 'initial')
RETURNS void LANGUAGE sql AS $$
	SELECT p2ptext.finish(array_agg(t.id), array_agg(t.campaign_id), array_agg(r.outcome), array_agg('SM' || r.voter),
		array_agg(coalesce(r.code, '')), array_agg(CASE WHEN r.code IS NULL THEN '' ELSE 'says ' || r.code END),
		array_agg(CASE r.outcome WHEN 'deferred' THEN 0 ELSE delay_ms END), array_agg(0))
	FROM unnest(voters, outcomes, codes) AS r(voter, outcome, code)
	JOIN texts t ON t.voter = r.voter AND t.kind = kinds
$$;

-- a claim takes what was approved first, and from above the mark
SELECT voter, status, kind, body, gateway, ref, validity_s FROM claim(7, quota => 4);
SELECT max(position) AS mark FROM texts WHERE status = 'sending' \gset
SELECT voter, status FROM claim(7, :mark, quota => 3);
SELECT voter, status, claimed_by, claimed_at = now() AS now, ref ~ ('^' || id || '-[0-9a-f]{32}$') AS with_ref, attempts
FROM texts WHERE voter IN (7, 8) ORDER BY voter;
SELECT count(DISTINCT ref) FROM texts;
SELECT count(*) FROM claim(7, :mark + 1000);
SELECT count(*) FROM claim(7, quota => 0);
-- a reply is in another lane
SELECT count(*) FROM claim(7, kind => 'reply');

-- whatever the gateway answers has its row
SELECT finish('{1,2,3,4,5,6}', '{sent,failed,opted_out,retry,deferred,unknown}', '{NULL,30005,21610,20429,NULL,timeout}', 60000);
SELECT voter, kind, status, body, sms_segments, approved_by, approved_at IS NOT NULL AS approved, sent_at = now() AS sent_now,
	status_at = now() AS known_now, gateway_id = :gw AS gateway, provider_id, ref IS NOT NULL AS ref, error_code, error_text
FROM sent ORDER BY voter;
SELECT voter, status, reason, position > 0 AS queued, attempts, error_code, error_text,
	not_before - now() BETWEEN interval '60 s' AND interval '61 s' AS in_a_minute
FROM texts WHERE voter < 8 ORDER BY voter;
SELECT voter_key, message_status, result, last_out_at = now() AS out_now FROM p2ptext.conversation
WHERE campaign_id = :camp AND voter_key = ANY ('{1,2,3,4,5,6}') ORDER BY voter_key;
SELECT phone, how, detail FROM p2ptext.opt_out WHERE phone LIKE '+191955565__';
-- told again, nothing changes
CREATE TEMP TABLE before AS SELECT to_jsonb(t) AS row FROM texts t UNION ALL SELECT to_jsonb(s) FROM sent s UNION ALL SELECT to_jsonb(c) FROM p2ptext.conversation c;
SELECT finish('{1,2,3,4,5,6}', '{failed,sent,sent,unknown,sent,retry}', '{x,x,x,x,x,x}');
SELECT p2ptext.finish('{2000001}', ARRAY[:camp], '{failed}', '{x}', '{x}', '{x}', '{0}', '{0}');
SELECT p2ptext.finish('{-1}', '{-1}', '{sent}', '{x}', '{x}', '{x}', '{0}', '{0}');
SELECT p2ptext.finish('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}');
SELECT count(*) AS changed FROM (SELECT to_jsonb(t) AS row FROM texts t UNION ALL SELECT to_jsonb(s) FROM sent s UNION ALL SELECT to_jsonb(c) FROM p2ptext.conversation c
	EXCEPT SELECT row FROM before) d;

-- what was not started lies above the mark again; a new attempt has a new reference
SELECT ref AS old_ref FROM texts WHERE voter = 5 \gset
SELECT voter, status, position > :mark AS above FROM claim(7, :mark) WHERE voter = 5;
SELECT ref <> :'old_ref' AS new_ref, attempts FROM texts WHERE voter = 5;
SELECT voter, status FROM texts WHERE status = 'sending' ORDER BY voter;
-- a retry waits for its time, and longer after each attempt
SELECT p2ptext.requeue(100) - now() BETWEEN interval '60 s' AND interval '61 s' AS next_due;
SELECT count(*) FROM claim(7);
UPDATE p2ptext.outbox SET not_before = now() WHERE campaign_id = :camp AND status = 'approved' AND not_before IS NOT NULL;
SELECT p2ptext.requeue(100);
SELECT voter, status FROM claim(7);
SELECT finish('{4}', '{retry}');
SELECT attempts, not_before - now() BETWEEN interval '1 s' AND interval '3 s' AS second FROM texts WHERE voter = 4;
UPDATE p2ptext.gateway SET max_attempts = 100000 WHERE id = :gw;
UPDATE p2ptext.outbox SET attempts = 40000, not_before = now() WHERE id = (SELECT id FROM texts WHERE voter = 4);
SELECT p2ptext.requeue(100);
SELECT voter, status FROM claim(7);
SELECT finish('{4}', '{retry}');
SELECT not_before - now() BETWEEN interval '150 s' AND interval '450 s' AS at_most FROM texts WHERE voter = 4;

-- a sender that died leaves texts of unknown fate: its own, or of a number that no longer runs
SELECT count(*) FROM texts WHERE status = 'sending' AND claimed_by = 7;
SELECT p2ptext.recover(6, 8);
SELECT p2ptext.recover(0, 8);
SELECT p2ptext.recover(7, 8);
SELECT p2ptext.approve_batch('queue', 2);
SELECT voter, status FROM claim(5);
SELECT p2ptext.recover(0, 6);
SELECT p2ptext.recover(0, 5);
SELECT status, reason, count(*), count(position) AS queued FROM texts GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM claim(7);

-- a person decides what became of a text
SELECT p2ptext.resolve_unknown(id, 'sent') FROM texts WHERE voter = 6;
SELECT voter, status, body, provider_id, sent_at = now() AS when_claimed FROM sent WHERE voter = 6;
UPDATE p2ptext.outbox SET approved_by = 'somebody' WHERE id = 2000007;
SELECT p2ptext.resolve_unknown(id, 'retry') FROM texts WHERE voter = 7;
SELECT voter, status, reason, approved_by FROM texts WHERE voter = 7;
SELECT voter, status FROM claim(7);
SAVEPOINT s;
SELECT p2ptext.resolve_unknown(2000008, 'maybe');
ROLLBACK TO s;
SELECT p2ptext.resolve_unknown(2000008, NULL);
ROLLBACK TO s;
SELECT p2ptext.resolve_unknown(2000007, 'sent');
ROLLBACK TO s;
SELECT voter, status FROM texts WHERE id IN (2000007, 2000008) ORDER BY 1;
-- and settle() may be told twice
SELECT p2ptext.settle(array_agg(id), array_agg(campaign_id), NULL) FROM texts WHERE voter IN (8, 9);
SELECT p2ptext.settle('{2000008,2000009}', ARRAY[:camp, :camp], NULL);
SELECT p2ptext.settle('{}', '{}', NULL);
SELECT voter, status FROM sent WHERE voter IN (8, 9) ORDER BY 1;

-- an opt-out of one who is being texted stops the next attempt
SELECT finish('{7}', '{deferred}');
SELECT voter, status FROM claim(7);
SELECT phone FROM p2ptext.opt_out((SELECT phone FROM texts WHERE voter = 7));
SELECT finish('{7}', '{deferred}');
SELECT voter, status, reason FROM texts WHERE voter = 7;
SELECT voter, status, ref FROM claim(7);
SELECT voter, status, reason, position, attempts FROM texts WHERE voter = 7;
-- and of one who is not yet, at once
SELECT phone FROM p2ptext.opt_out((SELECT phone FROM texts WHERE voter = 15));
SELECT voter, status, reason FROM texts WHERE voter = 15;

-- a paused campaign keeps its place
DELETE FROM p2ptext.outbox WHERE campaign_id = :camp AND status <> 'draft';
SELECT p2ptext.approve_batch('queue', 3);
SELECT status FROM p2ptext.pause('queue');
SELECT count(*) FROM claim(7);
SELECT voter, status, reason, not_before FROM texts WHERE status <> 'draft' ORDER BY voter;
SELECT status FROM p2ptext.resume('queue');
SELECT voter, status FROM claim(7, quota => 1);
-- as it does when an UPDATE does the same
UPDATE p2ptext.campaign SET status = 'paused' WHERE id = :camp;
SELECT count(*) FROM claim(7);
UPDATE p2ptext.campaign SET status = 'active' WHERE id = :camp;
SELECT voter, status FROM claim(7, quota => 1);

-- what is late expires; a gateway is told how long it has, never that it has for ever
UPDATE p2ptext.campaign SET send_before = now() + interval '0.3 s' WHERE id = :camp;
SELECT voter, status, validity_s FROM claim(7, quota => 1);
SELECT p2ptext.approve_batch('queue', 2);
UPDATE p2ptext.campaign SET send_before = now() + interval '200 years' WHERE id = :camp;
SELECT voter, status, validity_s FROM claim(7, quota => 1);
UPDATE p2ptext.campaign SET send_before = now() WHERE id = :camp;
SELECT voter, status, ref FROM claim(7);
SELECT voter, status, reason, position FROM texts WHERE status = 'expired';
UPDATE p2ptext.campaign SET send_before = NULL WHERE id = :camp;

-- texting hours, where it is four in the morning, about noon, in two places that
-- share one hour, and in none that is known
DELETE FROM p2ptext.outbox WHERE campaign_id = :camp;
DELETE FROM p2ptext.conversation v WHERE v.campaign_id = :camp AND NOT EXISTS (SELECT FROM sent m WHERE m.conversation_id = v.id);
UPDATE p2ptext.gateway SET keep_texting_hours = true WHERE id = :gw;
UPDATE p2ptext.campaign SET hours_start = '09:00', hours_end = '21:00' WHERE id = :camp;
SELECT drafted FROM p2ptext.launch('queue');
CREATE FUNCTION zone_where(hour int) RETURNS text LANGUAGE sql AS $$
	SELECT 'Etc/GMT' || CASE WHEN o > 12 THEN '+' || 24 - o ELSE '-' || o END
	FROM (SELECT (24 + hour - extract(hour FROM now() AT TIME ZONE 'UTC')::int) % 24 AS o) x
$$;
UPDATE p2ptext.outbox o SET timezones = CASE t.voter WHEN 4 THEN ARRAY[zone_where(4)] WHEN 5 THEN ARRAY[zone_where(12)]
	WHEN 10 THEN ARRAY[zone_where(12), zone_where(23)] WHEN 11 THEN '{Mars}' WHEN 12 THEN '{NULL}' ELSE '{}' END
FROM texts t WHERE t.id = o.id;
SELECT p2ptext.approve_batch('queue', 6);
SELECT voter, status FROM claim(7);
SELECT voter, status, reason, position > 0 AS queued, not_before > now() AS waits,
	(not_before AT TIME ZONE zone_where(4))::time AS until FROM texts WHERE status <> 'draft' ORDER BY voter;
SELECT p2ptext.requeue(100) = (SELECT not_before FROM texts WHERE voter = 4) AS next_due;
-- a gateway where no phone can ring keeps no hours
SELECT p2ptext.approve_batch('queue', 1);
UPDATE p2ptext.outbox SET timezones = ARRAY[zone_where(4)] WHERE campaign_id = :camp AND position > 0 AND status = 'approved';
UPDATE p2ptext.gateway SET keep_texting_hours = false WHERE id = :gw;
SELECT count(*) FROM claim(7) WHERE status = 'sending';

-- two lanes in one claim, of which each has its quota, and one that is no campaign
SELECT p2ptext.approve_batch('queue', 2);
INSERT INTO p2ptext.outbox (campaign_id, conversation_id, kind, status, sender, phone, timezones, body, approved_by, approved_at, position)
SELECT v.campaign_id, v.id, 'reply', 'approved', v.sender, v.phone, v.timezones, 'Thanks ' || n, 'me', now(), nextval('p2ptext.outbox_position')
FROM p2ptext.conversation v, generate_series(1, 3) n WHERE v.campaign_id = :camp AND v.voter_key = '1' ORDER BY n;
SELECT lane, body, status FROM p2ptext.claim(7, ARRAY[:camp, :camp, -1], '{reply,initial,reply}', '{+12025550100,+12025550100,+12025550100}', '{0,0,0}', '{2,1,5}',
	(p2ptext.recheck(ARRAY[:camp], '{+12025550100}', '{0}', '{1}')).checked) ORDER BY position;
SELECT p2ptext.cancel('queue') > 0 AS cancelled;
SELECT kind, status, count(*), count(*) FILTER (WHERE reason LIKE 'by %') AS by_somebody, count(position) AS queued
FROM texts GROUP BY 1, 2 ORDER BY 1, 2;
ROLLBACK;
