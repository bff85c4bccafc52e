-- What a launch would bring, before anybody launches.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA estimate_test;
SET search_path = estimate_test;
CREATE TABLE voters (id int PRIMARY KEY, first_name text, cell text, zone text);
INSERT INTO voters SELECT n, CASE WHEN n % 10 = 0 THEN 'Zoë' || n || repeat('ü', n / 10) || 'Ł' ELSE 'V' || n END,
	(ARRAY['919', '312', '303'])[1 + n % 190 % 3] || '556' || lpad((n % 190)::text, 4, '0') FROM generate_series(1, 200) n;
INSERT INTO voters VALUES (301, 'No phone', NULL), (302, 'Bad', '12'), (303, NULL, '919 556 9303'), (304, 'Gone', '919 556 9304');
SELECT name FROM p2ptext.add_source('es voters', 'voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('es all', 'es voters', 'true');
SELECT name FROM p2ptext.add_gateway('es-test', 'loopback', senders => '{+12025560801,+12025560802}');
UPDATE p2ptext.gateway SET enabled = false, max_per_second = 0.5 WHERE name = 'es-test';
SELECT phone FROM p2ptext.opt_out('919 556 9304');
SELECT name FROM p2ptext.create_campaign('es', 'es all', 'es-test', 'Hi {{first_name}}, ' || repeat('vote! ', 10), mode => 'broadcast');
SELECT topic, measure, value, detail FROM p2ptext.estimate('es') WHERE topic <> 'time';
SELECT measure, detail FROM p2ptext.estimate('es') WHERE measure = 'limit that binds';

-- a household whose texts differ in length counts as the one that it would get
UPDATE voters SET first_name = repeat('Long ', 30) WHERE id IN (2, 193);
-- it is what launch then does
CREATE TEMP TABLE said AS SELECT * FROM p2ptext.estimate('es');
SELECT * FROM p2ptext.launch('es');
SELECT reason, voters, (SELECT value FROM said s WHERE s.topic = 'dropped' AND s.measure = h.reason) AS said
FROM p2ptext.held_back h WHERE campaign = 'es' ORDER BY 1;
SELECT count(*) AS texts, sum(p2ptext.sms_segments(body)) AS segments,
	(SELECT value FROM said WHERE measure = 'texts') AS said_texts, (SELECT value FROM said WHERE measure = 'segments') AS said_segments
FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id WHERE c.name = 'es';
-- and then there is nothing to add but who is new
SELECT topic, measure, value FROM p2ptext.estimate('es') WHERE topic <> 'time';
INSERT INTO voters VALUES (401, 'New', '919 556 9401'), (402, 'Household', '919 556 9401'), (403, 'Held', '919 556 0003');
SELECT topic, measure, value FROM p2ptext.estimate('es') WHERE topic IN ('audience', 'dropped', 'texts');

-- rates: of the provider, then of the gateway, by date, and for media
INSERT INTO p2ptext.rate_card (provider, sms_segment, sms_carrier_fee, mms, mms_carrier_fee) VALUES ('loopback', 0.01, 0.003, 0.02, 0.01);
SELECT name FROM p2ptext.create_campaign('es rates', 'es all', 'es-test', 'Hi there', mode => 'broadcast');
SELECT measure, value, detail FROM p2ptext.estimate('es rates') WHERE topic = 'cost';
INSERT INTO p2ptext.rate_card (gateway_id, currency, sms_segment, valid_from)
SELECT id, 'EUR', 0.5, current_date - 1 FROM p2ptext.gateway WHERE name = 'es-test' UNION ALL
SELECT id, 'EUR', 9, current_date + 1 FROM p2ptext.gateway WHERE name = 'es-test';
SELECT measure, value, detail FROM p2ptext.estimate('es rates') WHERE topic = 'cost';
DELETE FROM p2ptext.rate_card WHERE gateway_id IS NOT NULL;
UPDATE p2ptext.campaign SET media = '{https://example.org/a.png}' WHERE name = 'es rates';
SELECT measure, value, detail FROM p2ptext.estimate('es rates') WHERE topic = 'cost';
DELETE FROM p2ptext.rate_card;

-- time, where no hours are kept
UPDATE p2ptext.campaign SET media = NULL WHERE name = 'es rates';
SELECT value AS segments FROM p2ptext.estimate('es rates') WHERE measure = 'segments';
CREATE FUNCTION minutes(campaign text, texters int DEFAULT 10, texts_per_hour int DEFAULT 600) RETURNS TABLE (minutes numeric, why text) LANGUAGE sql
AS $$ SELECT round(60 * max(value) FILTER (WHERE measure LIKE 'hours until%')), max(detail) FILTER (WHERE measure = 'limit that binds')
	FROM p2ptext.estimate(campaign, texters, texts_per_hour) $$;
SELECT * FROM minutes('es rates');
UPDATE p2ptext.campaign SET max_per_second = 0.05 WHERE name = 'es rates';
SELECT * FROM minutes('es rates');
UPDATE p2ptext.sender SET max_per_second = 0.01 WHERE number = '+12025560801';
SELECT * FROM minutes('es rates');
INSERT INTO p2ptext.brand (brand, max_per_second) VALUES ('es brand', 0.002);
UPDATE p2ptext.sender SET brand = 'es brand' WHERE number LIKE '+1202556080%';
SELECT * FROM minutes('es rates');
UPDATE p2ptext.sender SET brand = NULL, max_per_second = NULL WHERE number LIKE '+1202556080%';
UPDATE p2ptext.campaign SET max_per_second = NULL, mode = 'p2p' WHERE name = 'es rates';
SELECT * FROM minutes('es rates', 1, 60);
SELECT * FROM minutes('es rates', 1000, 60);
UPDATE p2ptext.campaign SET max_per_day = 50, mode = 'broadcast' WHERE name = 'es rates';
SELECT minutes > 3 * 24 * 60 - 60 AND minutes < 4 * 24 * 60 + 60 AS days, why FROM minutes('es rates');
UPDATE p2ptext.campaign SET send_before = now() + interval '1 hour' WHERE name = 'es rates';
SELECT measure, value BETWEEN 95 AND 160 AS many FROM p2ptext.estimate('es rates') WHERE measure = 'texts too late';
UPDATE p2ptext.campaign SET max_per_day = 0, send_before = NULL WHERE name = 'es rates';
SELECT measure, value, detail FROM p2ptext.estimate('es rates') WHERE measure LIKE 'hours until%';

-- time, where it is kept: zones that are open for an hour in turns
UPDATE p2ptext.gateway SET keep_texting_hours = true, max_per_second = NULL WHERE name = 'es-test';
UPDATE p2ptext.campaign SET max_per_day = NULL, hours_start = '12:00', hours_end = '12:30' WHERE name = 'es rates';
SELECT value BETWEEN 1 AND 24.6 AS within_a_day, detail IS NOT NULL AS at FROM p2ptext.estimate('es rates') WHERE measure LIKE 'hours until%';
SELECT detail FROM p2ptext.estimate('es rates') WHERE measure = 'limit that binds';
-- the last of several zones ends as its hours begin, to the minute
UPDATE p2ptext.campaign SET hours_start = '12:07', hours_end = '12:08' WHERE name = 'es rates';
SELECT extract(minute FROM substr(detail, 4)::timestamptz) AS minute FROM p2ptext.estimate('es rates') WHERE measure LIKE 'hours until%';
-- an organisation's hours hold too; states' windows are not counted, and this is said
WITH org AS (INSERT INTO p2ptext.organisation (name, hours_start, hours_end, state_hours) VALUES ('es org', '13:00', '14:00', true) RETURNING id)
UPDATE p2ptext.gateway g SET organisation_id = org.id FROM org WHERE g.name = 'es-test';
SELECT measure, detail FROM p2ptext.estimate('es rates') WHERE measure LIKE 'hours%';
UPDATE p2ptext.gateway SET organisation_id = NULL WHERE name = 'es-test';
DELETE FROM p2ptext.organisation WHERE name = 'es org';

-- states' windows: in North Carolina in three days only
UPDATE p2ptext.campaign SET state_hours = true, hours_start = '00:00', hours_end = '24:00' WHERE name = 'es rates';
INSERT INTO p2ptext.state_hours (state, days, hours_start, hours_end)
SELECT 'NC', ARRAY[extract(dow FROM now() AT TIME ZONE 'America/New_York' + interval '3 days')::int], '00:00', '24:00';
SELECT measure, CASE WHEN value > 1 THEN value BETWEEN 47 AND 73 END AS third_day, CASE WHEN detail NOT LIKE 'at %' THEN detail END AS detail
FROM p2ptext.estimate('es rates') WHERE topic = 'time';
DELETE FROM p2ptext.state_hours WHERE state = 'NC';
-- what waits before it, of its own and of others
UPDATE p2ptext.gateway SET keep_texting_hours = false, max_per_second = 0.5 WHERE name = 'es-test';
CREATE FUNCTION waits(campaign text) RETURNS TABLE (measure text, value numeric, why text) LANGUAGE sql
AS $$ SELECT measure, round(CASE WHEN measure LIKE 'hours%' THEN 60 ELSE 1 END * value), CASE WHEN detail NOT LIKE 'at %' THEN detail END
	FROM p2ptext.estimate(campaign) WHERE topic = 'time' AND measure NOT LIKE '%waiting for%' $$;
SELECT name FROM p2ptext.create_campaign('es own', 'es all', 'es-test', 'Hi {{texter.first_name}}' || repeat('!', 155), texter => current_user);
SELECT * FROM waits('es own');
SELECT drafted FROM p2ptext.launch('es own');
SELECT * FROM waits('es own');
UPDATE p2ptext.campaign SET mode = 'broadcast' WHERE name IN ('es', 'es own');
UPDATE p2ptext.campaign SET max_per_second = 0.01 WHERE name = 'es';
SELECT p2ptext.approve_batch('es', 100);
UPDATE p2ptext.outbox o SET position = NULL, not_before = 'infinity' FROM p2ptext.campaign c
WHERE c.id = o.campaign_id AND c.name = 'es' AND o.id % 2 = 0 AND o.status = 'approved';
SELECT * FROM waits('es own');
SELECT * FROM waits('es rates');
SELECT count(p2ptext.pause('es')) FROM generate_series(1, 1);
SELECT * FROM waits('es own');

-- zones of the file count, an empty segment does, and a reader's arguments are looked at
SELECT name FROM p2ptext.add_source('es zones', 'voters', 'id', 'cell', timezone => 'zone');
SELECT name FROM p2ptext.add_segment('es zoned', 'es zones', 'id < 4');
UPDATE voters SET zone = CASE id WHEN 1 THEN 'America/Denver' WHEN 2 THEN 'Mars' END WHERE id < 4;
SELECT name FROM p2ptext.create_campaign('es zoned', 'es zoned', 'es-test', 'Hi', mode => 'broadcast');
SELECT topic, measure, value FROM p2ptext.estimate('es zoned') WHERE topic IN ('audience', 'dropped', 'texts');
SELECT reason, timezones, sms_segments, voters, duplicates FROM p2ptext.campaign c, p2ptext.audience_groups(c) WHERE c.name = 'es zoned' ORDER BY 1, 2;
SELECT name FROM p2ptext.add_segment('es none', 'es voters', 'false');
SELECT name FROM p2ptext.create_campaign('es none', 'es none', 'es-test', 'Hi', mode => 'broadcast');
SELECT * FROM p2ptext.estimate('es none');
SELECT * FROM p2ptext.estimate('es none', texters => 0);
SELECT * FROM p2ptext.estimate('es nothing');
-- what a launch would refuse is not estimated
ALTER TABLE voters DROP CONSTRAINT voters_pkey;
INSERT INTO voters SELECT * FROM voters WHERE id = 1;
SELECT * FROM p2ptext.estimate('es none');
DELETE FROM voters WHERE id = 1;
INSERT INTO p2ptext.rate_card (sms_segment) VALUES (1);

-- workers that share the work come to the same, and tell who is the first in a household
SELECT name FROM p2ptext.create_campaign('es shared', 'es all', 'es-test', 'Hi {{first_name}}, ' || repeat('vote! ', 10), mode => 'broadcast');
CREATE TEMP TABLE alone AS SELECT g.* FROM p2ptext.campaign c, p2ptext.audience_groups(c) g WHERE c.name = 'es shared';
SELECT reason, timezones, sms_encoding, sms_segments, voters, duplicates FROM alone ORDER BY reason, timezones, sms_encoding, sms_segments;
BEGIN;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL parallel_leader_participation = off;
SELECT g.* FROM p2ptext.campaign c, p2ptext.audience_groups(c) g WHERE c.name = 'es shared' EXCEPT SELECT * FROM alone;
SELECT reason, p2ptext.audience_tally(reason, phone, NULL, body) FROM (VALUES (NULL, 'x', 'Hi')) v(reason, phone, body) GROUP BY 1;
ROLLBACK;
-- many kinds of texts, and phones whose voters get different ones, come to what plain SQL counts
CREATE TEMP TABLE kinds AS
SELECT CASE WHEN n % 50 = 0 THEN 'gone' END AS reason,
	(ARRAY['+1202555', '+1303555', '+44770090'])[1 + n % 3] || lpad(CASE WHEN n % 4 = 0 THEN m ELSE n * 7919::bigint % 9973 END::text, 4, '0') AS phone,
	(ARRAY[NULL, '{America/New_York}', '{America/Chicago,America/Denver}'])[1 + m * 31 % 101 % 3]::text[] AS zones,
	repeat(CASE WHEN m % 11 = 0 THEN 'ł' ELSE 'x' END, 1 + m * 13 % 7 * 60) AS body
FROM (SELECT n, n % 500 AS m FROM generate_series(1, 20000) n) t;
CREATE TEMP TABLE phones AS
SELECT phone, count(*) AS voters,
	count(DISTINCT (zones, p2ptext.sms_encoding(body), p2ptext.sms_segments(body))) AS kinds,
	min(coalesce(zones, p2ptext.phone_timezones(phone))::text) AS zones, min(p2ptext.sms_encoding(body)) AS encoding,
	min(p2ptext.sms_segments(body)) AS segments
FROM kinds WHERE reason IS NULL GROUP BY phone;
CREATE TEMP TABLE counted AS
SELECT 'gone' AS reason, NULL::text[] AS timezones, NULL AS sms_encoding, NULL::int AS sms_segments, count(*) AS voters, 0::bigint AS duplicates,
	NULL::text[] AS phones FROM kinds WHERE reason IS NOT NULL
UNION ALL
SELECT NULL, zones::text[], encoding, segments, count(*), sum(voters) - count(*), NULL FROM phones WHERE kinds = 1
GROUP BY zones, encoding, segments
UNION ALL
SELECT NULL, NULL, NULL, NULL, sum(voters), 0, array_agg(phone ORDER BY phone COLLATE "C") FROM phones WHERE kinds > 1;
SELECT count(*), sum(voters), sum(duplicates), sum(cardinality(phones)) FROM counted;
CREATE TABLE kinds_of_all AS TABLE kinds;
SELECT g.* FROM unnest((SELECT p2ptext.audience_tally(reason, phone, zones, body) FROM kinds_of_all)) g EXCEPT TABLE counted;
BEGIN;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
EXPLAIN (COSTS off) SELECT p2ptext.audience_tally(reason, phone, zones, body) FROM kinds_of_all;
SELECT g.* FROM unnest((SELECT p2ptext.audience_tally(reason, phone, zones, body) FROM kinds_of_all)) g EXCEPT TABLE counted;
TABLE counted EXCEPT SELECT g.* FROM unnest((SELECT p2ptext.audience_tally(reason, phone, zones, body) FROM kinds_of_all)) g;
ROLLBACK;
DROP TABLE kinds_of_all;

-- in a window it goes on after each result; the shortest and the longest phone
SELECT p2ptext.audience_tally(NULL, CASE n WHEN 1 THEN '+1' ELSE '+999999999999999' END, NULL, 'Hi') OVER (ORDER BY n)
FROM generate_series(1, 3) n;
SELECT p2ptext.audience_tally(NULL, '+19195550001', NULL, NULL);
SELECT p2ptext.audience_tally('gone', NULL, NULL, NULL) FROM generate_series(1, 3);
SELECT p2ptext.audience_tally(NULL, phone, zones, body) FROM (VALUES
	('+19195550001', '{America/Denver}'::text[], 'Hi'), ('+19195550001', '{America/Boise}', 'Hi'), ('+447700900123', NULL, 'Łó')) v(phone, zones, body);
