-- metrics.sql
--	  How p2ptext does, for Prometheus.
--
-- No personal data, and cheap however full the tables are: counts of rows come
-- from small indexes and stop at 100,000.

CREATE FUNCTION p2ptext.metric_label(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '"' || replace(replace(replace(value, '\', '\\'), '"', '\"'), E'\n', '\n') || '"';
COMMENT ON FUNCTION p2ptext.metric_label(text) IS 'a label''s value, quoted as the exposition format wants it';

CREATE FUNCTION p2ptext.metrics() RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
	WITH worker AS MATERIALIZED (
		SELECT w.*, format('{kind="%s",number="%s"}', w.kind, w.number) AS labels
		FROM p2ptext.stat_get_workers() w
		JOIN pg_database d ON d.oid = w.datid AND d.datname = current_database()),
	send_limit AS MATERIALIZED (
		SELECT l.*, format('{kind=%s,name=%s}', p2ptext.metric_label(l.kind), p2ptext.metric_label(l.name)) AS labels
		FROM p2ptext.stat_limit l WHERE l.kind IN ('gateway', 'sender', 'brand')),
	queued AS (
		SELECT count(*) AS n FROM (SELECT FROM p2ptext.outbox o WHERE o.position > 0 LIMIT 100000) t),
	deferred AS (
		SELECT count(*) AS n FROM (SELECT FROM p2ptext.outbox o WHERE o.not_before IS NOT NULL LIMIT 100000) t),
	replies AS (
		SELECT min(r.approved_at) AS since
		FROM p2ptext.campaign c
		CROSS JOIN LATERAL (SELECT o.approved_at FROM p2ptext.outbox o
							WHERE o.campaign_id = c.id AND o.kind = 'reply' AND o.position > 0 LIMIT 1000) r
		WHERE c.status = 'active'),
	inbound AS (
		SELECT count(*) AS n, min(t.received_at) AS since
		FROM (SELECT i.received_at FROM p2ptext.inbound i WHERE i.applied_at IS NULL AND i.part IS NULL LIMIT 100000) t),
	odd AS (
		SELECT count(*) FILTER (WHERE t.outcome = 'error') AS errors,
			   count(*) FILTER (WHERE t.outcome = 'unmatched') AS unmatched
		FROM (SELECT i.outcome FROM p2ptext.inbound i WHERE i.outcome IN ('unmatched', 'error') AND i.handled_at IS NULL LIMIT 100000) t),
	inbox AS (
		SELECT count(*) AS n, min(t.waiting_since) AS since
		FROM (SELECT v.waiting_since FROM p2ptext.conversation v WHERE v.waiting_since IS NOT NULL LIMIT 100000) t),
	sample (name, type, help, labels, value) AS (
		SELECT 'worker_up', 'gauge', 'Whether a worker runs.', w.labels, (w.pid IS NOT NULL)::int::numeric FROM worker w
		UNION ALL
		SELECT 'worker_starts_total', 'counter', 'How often it was started.', w.labels, w.starts FROM worker w
		UNION ALL
		SELECT 'texts_total', 'counter', 'Texts handed to gateways, by what came of it.',
			   format('{result="%s"}', r.result), sum(r.n)
		FROM worker w
		CROSS JOIN LATERAL (VALUES ('claimed', w.claimed), ('sent', w.sent), ('failed', w.failed),
								   ('retried', w.retried), ('unknown', w.unknown)) AS r(result, n)
		WHERE w.kind = 'sender' GROUP BY r.result
		UNION ALL
		SELECT 'texts_in_flight', 'gauge', 'Texts that gateways have not answered yet.', '', sum(w.in_flight) FROM worker w
		UNION ALL
		SELECT 'events_total', 'counter', 'Events in webhooks kept and applied; webhooks rejected since nobody signed them.',
			   format('{result="%s"}', r.result), sum(r.n)
		FROM worker w
		CROSS JOIN LATERAL (VALUES ('received', w.received), ('rejected', w.rejected), ('applied', w.applied)) AS r(result, n)
		GROUP BY r.result
		UNION ALL
		SELECT 'outbox_queued', 'gauge', 'Approved texts that may leave now, 100000 at most.', '', n FROM queued
		UNION ALL
		SELECT 'outbox_deferred', 'gauge', 'Approved texts that wait for their time, 100000 at most.', '', n FROM deferred
		UNION ALL
		SELECT 'outbox_reply_age_seconds', 'gauge', 'How long the oldest approved reply has not left.', '',
			   coalesce(round(extract(epoch FROM clock_timestamp() - since), 3), 0) FROM replies
		UNION ALL
		SELECT 'inbound_waiting', 'gauge', 'Events kept and not applied yet, 100000 at most.', '', n FROM inbound
		UNION ALL
		SELECT 'inbound_age_seconds', 'gauge', 'How long the oldest of these waits.', '',
			   coalesce(round(extract(epoch FROM clock_timestamp() - since), 3), 0) FROM inbound
		UNION ALL
		SELECT 'inbound_errors', 'gauge', 'Events that could not be applied, 100000 at most.', '', errors FROM odd
		UNION ALL
		SELECT 'inbound_unmatched', 'gauge', 'Events that belong to no conversation, 100000 at most.', '', unmatched FROM odd
		UNION ALL
		SELECT 'inbox_waiting', 'gauge', 'Conversations whose voter waits for an answer, 100000 at most.', '', n FROM inbox
		UNION ALL
		SELECT 'inbox_age_seconds', 'gauge', 'How long the voter who waits longest does.', '',
			   coalesce(round(extract(epoch FROM clock_timestamp() - since), 3), 0) FROM inbox
		UNION ALL
		SELECT 'limit_resting', 'gauge', 'Whether a gateway or number rests after it failed.', l.labels,
			   (coalesce(l.state, 'closed') <> 'closed')::int FROM send_limit l
		UNION ALL
		SELECT 'segments_today', 'gauge', 'SMS segments that left today.', l.labels, coalesce(l.used_today, 0) FROM send_limit l)
	SELECT string_agg(m.page, '' ORDER BY m.name)
	FROM (SELECT s.name, format(E'# HELP p2ptext_%s %s\n# TYPE p2ptext_%s %s\n', s.name, s.help, s.name, s.type)
				 || string_agg(format(E'p2ptext_%s%s %s\n', s.name, s.labels, s.value), '' ORDER BY s.labels) AS page
		  FROM sample s WHERE s.value IS NOT NULL GROUP BY s.name, s.help, s.type) m
$$;
COMMENT ON FUNCTION p2ptext.metrics() IS
'counters, lags and queue depths of this database in the text format of Prometheus, as /metrics shows them';
