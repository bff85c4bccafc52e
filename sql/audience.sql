-- Whom campaigns leave out, the history of that, and drafts that follow the file.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA audience_test;
SET search_path = audience_test;
CREATE TABLE voters (id int PRIMARY KEY, first_name text, cell text, party text DEFAULT 'DEM', zone text);
INSERT INTO voters SELECT n, 'V' || n, '919-558-' || 1000 + n FROM generate_series(1, 12) n;
INSERT INTO voters VALUES (13, 'V13', '919-558-1001'), (14, NULL, '919-558-1014');
SELECT name FROM p2ptext.add_source('au voters', 'voters', 'id', 'cell', timezone => 'zone');
SELECT name FROM p2ptext.add_segment('au all', 'au voters', 'party = ''DEM''');
SELECT name FROM p2ptext.add_segment('au four', 'au voters', 'id <= 4');
SELECT name FROM p2ptext.add_gateway('au-test', 'loopback');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'au-test';

-- another campaign, by voter and by phone; a landline; somebody contacted lately; a control group
SELECT name FROM p2ptext.create_campaign('au before', 'au four', 'au-test', 'Hi {{first_name}}', mode => 'broadcast');
SELECT * FROM p2ptext.launch('au before');
UPDATE voters SET cell = '919-558-1102' WHERE id = 2;
UPDATE voters SET cell = '919-558-1003' WHERE id = 12;
INSERT INTO p2ptext.phone_line (phone, line_type, detail) VALUES ('+19195581005', 'landline', 'lookup'), ('+19195581006', 'mobile', 'lookup');
SELECT name FROM p2ptext.create_campaign('au recent', 'au all', 'au-test', 'Hi', mode => 'broadcast');
SELECT * FROM p2ptext.launch('au recent');
UPDATE p2ptext.conversation SET last_out_at = now() - interval '3 days' WHERE phone = '+19195581007';
INSERT INTO p2ptext.contact (source_id, voter_key, channel, contacted_at)
SELECT id, k.key, 'door', now() - k.ago FROM p2ptext.source, (VALUES ('10', interval '1 day'), ('11', '9 days')) AS k(key, ago) WHERE name = 'au voters';
UPDATE p2ptext.conversation SET last_out_at = now() - interval '8 days' WHERE phone = '+19195581008';
SELECT phone FROM p2ptext.opt_out('919-558-1009');
SELECT name, not_contacted_within, holdout, seed FROM p2ptext.create_campaign('au', 'au all', 'au-test', 'Hi {{first_name}}', mode => 'broadcast',
	exclude => '{au before,au before}', not_contacted_within => '7 days', holdout => 40, seed => 'au seed');
SELECT voter_key, problem FROM p2ptext.preview('au', 100) ORDER BY voter_key::int;
SELECT * FROM p2ptext.launch('au');
CREATE VIEW held AS SELECT d.voter_key, d.reason, CASE d.reason WHEN 'recently_contacted' THEN 'a day' ELSE d.detail END AS detail
FROM p2ptext.dropped d JOIN p2ptext.campaign c ON c.id = d.campaign_id WHERE c.name = 'au';
SELECT * FROM held ORDER BY voter_key::int;
SELECT id, p2ptext.hash_share(id::text, 'au seed') < 0.4 AS held_out FROM voters WHERE id IN (6, 8, 10, 11) ORDER BY 1;
SELECT l.predicate, l.holdout, l.seed, l.exclude, l.not_contacted_within, drafted, dropped, finished_at IS NOT NULL AS finished
FROM p2ptext.launch l JOIN p2ptext.campaign c ON c.id = l.campaign_id WHERE c.name = 'au';

-- what a second launch finds otherwise becomes history
SELECT clock_timestamp() AS between \gset
UPDATE voters SET party = 'REP' WHERE id IN (3, 11);
UPDATE voters SET first_name = 'Fourteen' WHERE id = 14;
UPDATE p2ptext.segment SET predicate = predicate || ' AND true' WHERE name = 'au all';
INSERT INTO voters VALUES (15, 'V15', NULL), (16, 'V16', '919-558-1016');
SELECT voter_key, change, chosen, reason FROM p2ptext.audience_diff('au') ORDER BY voter_key::int;
SELECT * FROM p2ptext.launch('au');
SELECT * FROM held ORDER BY voter_key::int;
SELECT voter_key, phone, chosen, reason, CASE reason WHEN 'recently_contacted' THEN 'a day' ELSE detail END AS detail, predicate
FROM p2ptext.audience_as_of('au', :'between') ORDER BY voter_key::int;
SELECT voter_key, phone, chosen, reason, CASE reason WHEN 'recently_contacted' THEN 'a day' ELSE detail END AS detail, predicate
FROM p2ptext.audience_as_of('au') ORDER BY voter_key::int;
SELECT count(*) FROM p2ptext.audience_as_of('au', '2020-01-01');
SELECT voter_key, change, chosen FROM p2ptext.audience_diff('au') ORDER BY voter_key::int;
SELECT voter_key, from_launch < until_launch AS for_a_while, reason FROM p2ptext.audience_drop d
JOIN p2ptext.campaign c ON c.id = d.campaign_id WHERE c.name = 'au' AND until_launch IS NOT NULL ORDER BY voter_key::int;

-- in batches, which commit; the next launch has nothing to add
SELECT name FROM p2ptext.create_campaign('au batches', 'au all', 'au-test', 'Hi', mode => 'broadcast');
\set VERBOSITY terse
SET client_min_messages = notice;
CALL p2ptext.launch_in_batches('au batches', 1);
CALL p2ptext.launch_in_batches('au batches', 0);
BEGIN;
CALL p2ptext.launch_in_batches('au batches');
ROLLBACK;
SET client_min_messages = warning;
SELECT * FROM p2ptext.launch('au batches');
SELECT * FROM p2ptext.stat_launch;
SELECT to_regclass('pg_temp.p2ptext_audience');

-- refresh: a new name, a new script, a new zone; a voter gone, a phone changed, a name lost; what a texter has seen stays
SELECT name FROM p2ptext.create_campaign('au fresh', 'au all', 'au-test', 'Hi {{first_name}}');
SELECT drafted FROM p2ptext.launch('au fresh');
SELECT voter_key AS seen FROM p2ptext.next_text('au fresh') \gset
UPDATE p2ptext.interaction_step SET script = 'Hello {{first_name}}' WHERE campaign_id = (SELECT id FROM p2ptext.campaign WHERE name = 'au fresh');
SELECT * FROM p2ptext.refresh('au fresh');
SELECT * FROM p2ptext.refresh('au fresh');
UPDATE voters SET first_name = 'New ' || first_name WHERE id = 4;
UPDATE voters SET zone = 'America/Denver' WHERE id = 6;
UPDATE voters SET party = 'REP' WHERE id = 7;
UPDATE voters SET cell = '919-558-1208' WHERE id = 8;
UPDATE voters SET first_name = '' WHERE id = 10;
SELECT * FROM p2ptext.refresh('au fresh');
SELECT v.voter_key, v.voter_key = :'seen' AS was_seen, o.status, o.reason, o.body, v.fields, o.timezones
FROM p2ptext.outbox o JOIN p2ptext.conversation v ON v.id = o.conversation_id AND v.campaign_id = o.campaign_id
JOIN p2ptext.campaign c ON c.id = v.campaign_id WHERE c.name = 'au fresh' ORDER BY voter_key::int;

-- refresh: phones that are exchanged, pass on, are wanted twice or are somebody's already; who was left out is back when that is over
CREATE VIEW fresh AS
SELECT v.voter_key, v.phone AS conversation, o.phone AS outbox, o.status, o.reason, o.texter IS NOT NULL AS held, o.body, o.timezones
FROM p2ptext.outbox o JOIN p2ptext.conversation v ON v.id = o.conversation_id AND v.campaign_id = o.campaign_id
JOIN p2ptext.campaign c ON c.id = v.campaign_id WHERE c.name = 'au fresh';
CREATE TABLE before AS SELECT * FROM fresh;
UPDATE voters v SET cell = w.cell FROM voters w WHERE v.id IN (2, 4) AND w.id = 6 - v.id;
UPDATE voters SET cell = '919-558-1302' WHERE id = 6;
UPDATE voters SET cell = '919-558-1006' WHERE id = 8;
UPDATE voters SET cell = '303-558-1014', zone = NULL WHERE id = 14;
UPDATE voters SET cell = '303-558-1014' WHERE id = 12;
UPDATE voters SET cell = '303-558-1001' WHERE id = :seen;
UPDATE voters SET party = 'DEM', first_name = 'V' || id, cell = '919-558-1407' WHERE id IN (7, 10);
SELECT * FROM p2ptext.refresh('au fresh');
SELECT f.* FROM fresh f EXCEPT SELECT * FROM before ORDER BY 1;
SELECT * FROM p2ptext.refresh('au fresh');
UPDATE voters SET cell = '919-558-1410' WHERE id = 10;
UPDATE voters SET cell = '919-558-1002' WHERE id = 12;
SELECT * FROM p2ptext.refresh('au fresh');
SELECT f.* FROM fresh f WHERE voter_key IN ('10', '12') ORDER BY 1;
UPDATE voters SET cell = NULL WHERE id = 12;
SELECT * FROM p2ptext.refresh('au fresh');
UPDATE voters SET cell = '919-558-1412' WHERE id = 12;
SELECT * FROM p2ptext.launch('au fresh');
SELECT * FROM p2ptext.refresh('au fresh');
SELECT f.* FROM fresh f WHERE voter_key IN ('10', '12') ORDER BY 1;
SELECT v.voter_key, e.from_status, e.to_status, e.why FROM p2ptext.conversation_event e
JOIN p2ptext.conversation v ON v.id = e.conversation_id WHERE e.campaign = 'au fresh' ORDER BY v.voter_key::int, e.at;
SELECT voter_key, phone, body FROM p2ptext.next_text('au fresh');

-- what cannot be
SELECT p2ptext.create_campaign('au bad', 'au all', 'au-test', 'Hi', exclude => '{au nothing}');
SELECT p2ptext.create_campaign('au bad', 'au all', 'au-test', 'Hi', holdout => 100);
SELECT p2ptext.create_campaign('au bad', 'au all', 'au-test', 'Hi', not_contacted_within => '0 days');
SELECT p2ptext.refresh('au nothing');
SELECT p2ptext.audience_as_of('au nothing');
SELECT p2ptext.audience_diff('au nothing');
CREATE ROLE audience_nobody;
GRANT USAGE ON SCHEMA p2ptext TO audience_nobody;
SET ROLE audience_nobody;
SELECT p2ptext.keep_opt_outs(1);
SELECT p2ptext.rewrite_drafts(1, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}');
SELECT p2ptext.move_phones(1, '{}', '{}', '{}');
CALL p2ptext.launch_in_batches('au');
RESET ROLE;
REVOKE USAGE ON SCHEMA p2ptext FROM audience_nobody;
DROP ROLE audience_nobody;
