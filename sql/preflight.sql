-- What first texts must have, when states let one text, and what a launch lacks.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
SET client_min_messages = warning;
SET TIME ZONE 'America/New_York';
CREATE SCHEMA preflight_test;
SET search_path = preflight_test;
CREATE ROLE preflight_manager;
SELECT kind FROM p2ptext.grant_role('preflight_manager', 'manager', 'Mo');
-- by the field state, or else the area code: 305 is Florida's
CREATE TABLE voters (id int PRIMARY KEY, cell text, state text);
INSERT INTO voters VALUES (1, '919-555-3201', 'NC'), (2, '305-555-3202', 'nc '), (3, '305-555-3203', 'Florida'), (4, '305-555-3204', NULL);
GRANT USAGE ON SCHEMA preflight_test TO preflight_manager;
GRANT SELECT ON voters TO preflight_manager;
INSERT INTO p2ptext.organisation (name) VALUES ('preflight Friends');
BEGIN;
SET LOCAL ROLE preflight_manager;
SELECT name FROM p2ptext.add_source('preflight voters', 'voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('preflight all', 'preflight voters', 'true');
SELECT name FROM p2ptext.add_segment('preflight north', 'preflight voters', 'id < 3');
SELECT name FROM p2ptext.add_gateway('preflight', 'loopback', senders => '{+12025550191}');
UPDATE p2ptext.gateway SET enabled = false, organisation_id = (SELECT id FROM p2ptext.organisation WHERE name = 'preflight Friends') WHERE name = 'preflight';
SELECT name FROM p2ptext.create_campaign('preflight', 'preflight all', 'preflight', 'Hello', mode => 'broadcast');
SELECT check_name, status, detail, fix FROM p2ptext.preflight('preflight') ORDER BY 1, 2, 3;
SELECT states, any_of, reason FROM p2ptext.require_text(any_of => '{Paid for by}', states => '{fl}', reason => 's. 106.147');
SELECT field FROM p2ptext.require_text(field => 'texter.first_name', organisation => 'preflight Friends');
SELECT any_of FROM p2ptext.require_text('{nobody has this}', campaign => (p2ptext.create_campaign('preflight other', 'preflight north', 'preflight', 'Hi')).name);
SELECT variant FROM p2ptext.add_variant('preflight', 'B', 'It''s {{texter.first_name}} of Preflight Friends. {{> paid}} Stop to end.');
INSERT INTO p2ptext.snippet (name, body) VALUES ('paid', E'PAID  for\nby Friends.');
SELECT variant FROM p2ptext.add_variant('preflight', 'B', 'It''s {{texter.first_name}} of Preflight Friends. {{> paid}} Stop to end.');
SELECT check_name, status, detail FROM p2ptext.preflight('preflight') ORDER BY 1, 2, 3;
SELECT * FROM p2ptext.launch('preflight');
UPDATE p2ptext.interaction_step s SET script = 'It''s {{texter.first_name}}. Paid for by Friends. Stop to end.' FROM p2ptext.campaign c WHERE c.id = s.campaign_id AND c.name = 'preflight';
SELECT check_name, status, detail FROM p2ptext.preflight('preflight') ORDER BY 1, 2, 3;
SELECT drafted FROM p2ptext.launch('preflight');
-- no voter of this one is in Florida
SELECT check_name, status, detail FROM p2ptext.preflight('preflight other') WHERE check_name = 'required_text' ORDER BY 1, 2, 3;
SELECT p2ptext.audience_states(p2ptext.find_campaign(n)) FROM unnest('{preflight,preflight other}'::text[]) n;
-- ready
SELECT confirmation_by FROM p2ptext.confirm_opt_outs('preflight');
SELECT check_name, status, detail FROM p2ptext.preflight('preflight') WHERE check_name <> 'gateway' ORDER BY 1, 2, 3;
-- not at all
SET LOCAL TIME ZONE 'America/New_York';
SET LOCAL datestyle = 'ISO';
UPDATE p2ptext.organisation SET hours_start = '06:00', hours_end = '09:00' WHERE name = 'preflight Friends';
UPDATE p2ptext.campaign SET send_before = '2020-01-01 00:00', state_hours = true WHERE name = 'preflight';
UPDATE p2ptext.segment SET predicate = 'nosuch = 1' WHERE name = 'preflight all';
SELECT check_name, status, detail FROM p2ptext.preflight('preflight') WHERE check_name <> 'gateway' ORDER BY 1, 2, 3;
-- what cannot be required
SELECT p2ptext.require_text();
SELECT p2ptext.require_text('{x}', 'y');
SELECT p2ptext.require_text('{x}', states => '{FL,Ontario}');
SELECT p2ptext.require_text('{x}', campaign => 'preflight', organisation => 'preflight Friends');
SELECT p2ptext.require_text('{x}', campaign => 'nosuch');
\set VERBOSITY terse
SELECT p2ptext.require_text('{}');
\set VERBOSITY default
SELECT p2ptext.preflight('nosuch');
ROLLBACK;

-- states' windows
SELECT p, p2ptext.phone_state(p) FROM unnest('{+13055550100,+12125550100,+14165550100,+18005550100,+442071234567,+19025550100,x}'::text[]) p;
CREATE FUNCTION opens(phone text, at timestamptz, starts time DEFAULT '08:00', ends time DEFAULT '21:00') RETURNS timestamptz LANGUAGE sql AS $$
	SELECT p2ptext.next_state_time(p2ptext.phone_timezones(phone), phone, starts, ends, at) $$;
SELECT p, at, opens(p, at) FROM (VALUES
	('+13055550100', '2026-11-03 19:59:59-05'::timestamptz), ('+13055550100', '2026-11-03 20:00-05'),
	-- on Sundays Texas begins at noon, Rhode Island ends at five
	('+12145550100', '2026-11-07 21:00-06'), ('+12145550100', '2026-11-08 09:00-06'), ('+12145550100', '2026-11-09 08:00-06'),
	('+14015550100', '2026-11-08 16:59-05'), ('+14015550100', '2026-11-08 17:00-05'), ('+14015550100', '2026-11-09 17:59-05'),
	-- no window of its own
	('+12125550100', '2026-11-03 20:30-05')) AS t(p, at);
-- in two zones, only when it is time in both
SELECT at, p2ptext.next_state_time('{America/Chicago,America/New_York}', '+18505550100', '08:00', '21:00', at)
FROM unnest('{2026-11-03 08:30-05,2026-11-03 19:30-05,2026-11-03 20:30-05}'::timestamptz[]) at;
-- no hour is left on any day, or only on some
SELECT opens('+13055550100', '2026-11-03 12:00-05', '20:00', '21:00'), opens('+12145550100', '2026-11-08 08:00-06', '09:00', '12:00');
-- rows of one's own replace the built-in ones of their state
BEGIN;
SET LOCAL ROLE preflight_manager;
INSERT INTO p2ptext.state_hours (state, days, hours_start, hours_end) VALUES ('FL', '{2}', '12:00', '13:00'), ('NY', '{1,2,3,4,5}', '10:00', '20:00');
SELECT opens('+13055550100', '2026-11-03 13:00-05'), opens('+13055550100', '2026-11-10 00:00-05'), opens('+12125550100', '2026-11-06 20:00-05');
\set VERBOSITY terse
INSERT INTO p2ptext.state_hours (state, hours_start, hours_end) VALUES ('fl', '12:00', '13:00');
\set VERBOSITY default
ROLLBACK;

-- as claim() keeps them, and those of the organisation
SELECT name FROM p2ptext.add_source('preflight voters', 'voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('preflight all', 'preflight voters', 'true');
SELECT name FROM p2ptext.add_gateway('preflight', 'loopback', senders => '{+12025550191}');
UPDATE p2ptext.gateway SET enabled = false, keep_texting_hours = true, organisation_id = (SELECT id FROM p2ptext.organisation WHERE name = 'preflight Friends') WHERE name = 'preflight';
SELECT id AS camp FROM p2ptext.create_campaign('preflight', 'preflight all', 'preflight', 'Hello', mode => 'broadcast', hours_start => '00:00', hours_end => '24:00', recheck => false) \gset
SELECT drafted FROM p2ptext.launch('preflight');
SELECT p2ptext.approve_batch('preflight');
CREATE FUNCTION claim(camp int) RETURNS TABLE (phone text, status text, reason text, waits boolean) LANGUAGE sql AS $$
	SELECT p2ptext.claim(7, ARRAY[camp], '{initial}', '{+12025550191}', '{0}', '{9}', NULL);
	SELECT o.phone, o.status, o.reason, o.not_before > now() FROM p2ptext.outbox o WHERE o.campaign_id = camp ORDER BY 1 $$;
BEGIN;
SELECT * FROM claim(:camp);
ROLLBACK;
-- Florida has no hour today, tomorrow it has
BEGIN;
UPDATE p2ptext.campaign SET state_hours = true WHERE id = :camp;
INSERT INTO p2ptext.state_hours (state, days, hours_start, hours_end)
SELECT 'FL', ARRAY[extract(dow FROM now() AT TIME ZONE 'America/New_York' + interval '1 day')::int], '00:00', '24:00';
SELECT * FROM claim(:camp);
ROLLBACK;
BEGIN;
UPDATE p2ptext.organisation SET state_hours = true WHERE name = 'preflight Friends';
INSERT INTO p2ptext.state_hours (state, days, hours_start, hours_end)
SELECT 'FL', ARRAY[extract(dow FROM now() AT TIME ZONE 'America/New_York' + interval '1 day')::int], '00:00', '24:00';
SELECT * FROM claim(:camp);
ROLLBACK;
-- the voter's own state counts as well as that of the phone
SELECT voter_key, state FROM p2ptext.conversation WHERE campaign_id = :camp ORDER BY 1;
BEGIN;
UPDATE p2ptext.campaign SET state_hours = true WHERE id = :camp;
INSERT INTO p2ptext.state_hours (state, hours_start, hours_end) VALUES ('FL', '00:00', '24:00');
INSERT INTO p2ptext.state_hours (state, days, hours_start, hours_end)
SELECT 'NC', ARRAY[extract(dow FROM now() AT TIME ZONE 'America/New_York' + interval '1 day')::int], '00:00', '24:00';
SELECT * FROM claim(:camp);
ROLLBACK;
SELECT * FROM p2ptext.state_window('{America/New_York}', '{NY,NJ,CT}', '07:00', '21:00', '2026-11-03 08:00-05');
SELECT * FROM p2ptext.state_window('{America/New_York}', '{NJ,TX,NULL}', '07:00', '21:00', '2026-11-08 11:00-05');
SELECT * FROM p2ptext.state_window('{America/New_York,America/Denver}', '{FL}', '09:00', '21:00', '2026-11-03 12:00-05');
SELECT * FROM p2ptext.state_window('{America/New_York}', '{FL}', '20:00', '21:00', '2026-11-03 12:00-05');
-- the organisation's hours are over or have not begun; no hour at all
BEGIN;
UPDATE p2ptext.organisation SET hours_start = t + interval '1 h', hours_end = t + interval '2 h'
FROM (SELECT CASE WHEN now() AT TIME ZONE 'America/New_York' < current_date + time '12:00' THEN time '20:00' ELSE '02:00' END AS t) t WHERE name = 'preflight Friends';
SELECT * FROM claim(:camp);
ROLLBACK;
BEGIN;
UPDATE p2ptext.organisation SET hours_start = '06:00', hours_end = '07:00' WHERE name = 'preflight Friends';
UPDATE p2ptext.campaign SET hours_start = '09:00' WHERE id = :camp;
SELECT * FROM claim(:camp);
ROLLBACK;

SELECT p2ptext.revoke_role('preflight_manager');
DROP OWNED BY preflight_manager;
DROP ROLE preflight_manager;
DELETE FROM p2ptext.outbox WHERE campaign_id = :camp;
DELETE FROM p2ptext.conversation WHERE campaign_id = :camp;
DROP SCHEMA preflight_test CASCADE;
