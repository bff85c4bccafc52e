-- limits.sql
--	  How much may leave from where, and how it stands.

CREATE FUNCTION p2ptext.stat_get_limits(
	OUT kind text, OUT id int, OUT name text, OUT state text, OUT rests_until timestamptz, OUT why text,
	OUT failures int, OUT used_today bigint)
RETURNS SETOF record
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'p2ptext_stat_get_limits';
COMMENT ON FUNCTION p2ptext.stat_get_limits() IS 'how the limits of this database stand, from shared memory';

-- Every gateway, number, brand and campaign that takes part, limited or not.
CREATE VIEW p2ptext.send_limit AS
SELECT l.kind, l.id, l.name, l.max_per_second, l.max_per_day,
	   d.today AT TIME ZONE l.timezone AS day_begins,
	   (d.today + interval '1 day') AT TIME ZONE l.timezone AS day_ends
FROM (SELECT 'gateway' AS kind, g.id, '' AS name, g.max_per_second, g.max_per_day, g.timezone
	  FROM p2ptext.gateway g
	  UNION ALL
	  SELECT 'sender', s.gateway_id, s.number, s.max_per_second, s.max_per_day, g.timezone
	  FROM p2ptext.sender s JOIN p2ptext.gateway g ON g.id = s.gateway_id
	  UNION ALL
	  SELECT 'brand', 0, b.brand, b.max_per_second, b.max_per_day, b.timezone
	  FROM p2ptext.brand b
	  UNION ALL
	  SELECT 'campaign', c.id, '', c.max_per_second, c.max_per_day, c.timezone
	  FROM p2ptext.campaign c WHERE c.status = 'active') AS l
CROSS JOIN LATERAL (SELECT date_trunc('day', now() AT TIME ZONE l.timezone) AS today) AS d;
COMMENT ON VIEW p2ptext.send_limit IS 'the limits of gateways, numbers, brands and active campaigns, in SMS segments, with their present day';

CREATE VIEW p2ptext.stat_limit AS
SELECT l.kind, CASE l.kind WHEN 'gateway' THEN g.name WHEN 'campaign' THEN c.name ELSE l.name END AS name,
	   l.max_per_second, l.max_per_day, s.used_today, s.state, s.rests_until, s.why, s.failures
FROM p2ptext.send_limit l
LEFT JOIN p2ptext.gateway g ON l.kind = 'gateway' AND g.id = l.id
LEFT JOIN p2ptext.campaign c ON l.kind = 'campaign' AND c.id = l.id
LEFT JOIN p2ptext.stat_get_limits() s ON s.kind = l.kind AND s.id = l.id AND s.name = l.name;
COMMENT ON VIEW p2ptext.stat_limit IS
'limits and what was used of them today; state is open while a gateway or number rests after it failed, half_open until it has answered again';

-- For limits by the day, when the server has forgotten.
CREATE FUNCTION p2ptext.sent_since(kind text, id int, name text, since timestamptz) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(sum(t.segments), 0)::bigint
	FROM (SELECT m.campaign_id, m.gateway_id, m.sender, m.sms_segments AS segments
		  FROM p2ptext.message m WHERE m.direction = 'out' AND m.sent_at >= since
		  UNION ALL
		  SELECT o.campaign_id, c.gateway_id, o.sender, p2ptext.sms_segments(o.body)
		  FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id
		  WHERE o.status IN ('sending', 'unknown') AND o.claimed_at >= since) AS t
	WHERE CASE $1
		WHEN 'gateway' THEN t.gateway_id = $2
		WHEN 'sender' THEN t.gateway_id = $2 AND t.sender = $3
		WHEN 'campaign' THEN t.campaign_id = $2
		WHEN 'brand' THEN EXISTS (SELECT FROM p2ptext.sender s
								  WHERE s.gateway_id = t.gateway_id AND s.number = t.sender AND s.brand = $3) END
$$;
COMMENT ON FUNCTION p2ptext.sent_since(text, int, text, timestamptz) IS 'SMS segments that left since a time and count against a limit';
