-- Texting hours
SET timezone = 'UTC';
CREATE TEMP TABLE hours (note text, zones text[], starts time, ends time, at timestamptz);
INSERT INTO hours VALUES
	('inside', '{America/New_York}', '09:00', '21:00', '2026-10-20 15:00Z'),
	('the first instant is in', '{America/New_York}', '09:00', '21:00', '2026-10-20 13:00Z'),
	('the last is not', '{America/New_York}', '09:00', '21:00', '2026-10-21 01:00Z'),
	('just before the last', '{America/New_York}', '09:00', '21:00', '2026-10-21 00:59:59.999999Z'),
	('a voter in Eastern or Central', '{America/New_York,America/Chicago}', '09:00', '21:00', '2026-10-20 13:30Z'),
	('evening in Eastern', '{America/New_York,America/Chicago}', '09:00', '21:00', '2026-10-21 01:30Z'),
	('four zones', '{America/New_York,America/Los_Angeles,Pacific/Honolulu,Pacific/Guam}', '08:00', '21:00', '2026-10-20 15:00Z'),
	('never together', '{America/New_York,Pacific/Guam}', '12:00', '13:00', '2026-10-20 15:00Z'),
	('over the change to winter', '{America/New_York}', '09:00', '21:00', '2026-11-01 02:00Z'),
	('over the change to summer', '{America/New_York}', '09:00', '21:00', '2026-03-08 03:00Z'),
	('an hour that does not happen', '{America/New_York}', '02:30', '03:00', '2026-03-08 05:00Z'),
	('hours the clock jumps into', '{America/New_York}', '02:30', '04:00', '2026-03-08 05:00Z'),
	('an hour that happens twice', '{America/New_York}', '01:30', '02:00', '2026-11-01 06:10Z'),
	('without summer time', '{America/Phoenix}', '09:00', '21:00', '2026-07-01 04:00Z'),
	('always', '{America/New_York}', '00:00', '24:00', '2026-10-20 03:00Z'),
	('over midnight', '{America/New_York}', '20:00', '02:00', '2026-10-20 05:00Z'),
	('over midnight, outside', '{America/New_York}', '20:00', '02:00', '2026-10-20 06:00Z'),
	('no hours', '{America/New_York}', '09:00', '09:00', '2026-10-20 06:00Z'),
	('half an hour off', '{Asia/Kolkata}', '09:00', '21:00', '2026-10-20 03:29Z'),
	('long ago', '{America/New_York}', '09:00', '21:00', '1805-10-20 03:29Z'),
	('infinite', '{America/New_York}', '09:00', '21:00', 'infinity');
SELECT note, w.*, p2ptext.next_texting_time(zones, starts, ends, at) IS NOT DISTINCT FROM w.opens AS agrees
FROM hours, p2ptext.texting_window(zones, starts, ends, at) w;
-- Minute by minute, against PostgreSQL's own arithmetic
WITH minute AS (
	SELECT t, z.zones,
	       (SELECT bool_and((t AT TIME ZONE zone)::time >= '09:00' AND (t AT TIME ZONE zone)::time < '20:30')
	        FROM unnest(z.zones) zone) AS open
	FROM (VALUES (ARRAY['America/New_York','America/Chicago']), (ARRAY['America/St_Johns']),
	             (ARRAY['America/Los_Angeles','America/Phoenix','America/Boise'])) z (zones),
	     (SELECT generate_series('2026-03-07'::timestamptz, '2026-03-10', '1 minute')
	      UNION SELECT generate_series('2026-10-31'::timestamptz, '2026-11-03', '1 minute')) m (t)),
next AS (
	SELECT *, p2ptext.next_texting_time(zones, '09:00', '20:30', t) AS next,
	       min(t) FILTER (WHERE open) OVER (PARTITION BY zones, t < '2026-06-01' ORDER BY t DESC) AS expected
	FROM minute)
SELECT count(*), count(*) FILTER (WHERE expected IS NOT NULL AND next <> expected) AS wrong,
       count(*) FILTER (WHERE open AND next <> t OR NOT open AND next = t) AS wrong_now
FROM next;
SELECT p2ptext.next_texting_time('{America/Nowhere}', '09:00', '21:00');
SELECT p2ptext.next_texting_time('{}', '09:00', '21:00');
SELECT p2ptext.next_texting_time('{America/New_York,NULL}', '09:00', '21:00');
