-- report.sql
--	  Views for people and BI.  Nothing here writes.

CREATE VIEW p2ptext.progress AS
SELECT c.id AS campaign_id, c.name AS campaign, c.mode, c.status,
	   o.drafts, o.approved, o.sending, o.unknown, o.ended,
	   m.sent, m.delivered, m.failed,
	   round(100.0 * m.done / nullif(m.done + o.drafts + o.approved + o.sending + o.unknown, 0), 1) AS percent_done
FROM p2ptext.campaign c
CROSS JOIN LATERAL (
	SELECT count(*) FILTER (WHERE o.status IN ('draft', 'review')) AS drafts,
		   count(*) FILTER (WHERE o.status = 'approved') AS approved,
		   count(*) FILTER (WHERE o.status = 'sending') AS sending,
		   count(*) FILTER (WHERE o.status = 'unknown') AS unknown,
		   count(*) FILTER (WHERE o.status IN ('cancelled', 'expired', 'suppressed')) AS ended
	FROM p2ptext.outbox o WHERE o.campaign_id = c.id) AS o
CROSS JOIN LATERAL (
	SELECT count(*) AS done,
		   count(*) FILTER (WHERE m.status IN ('queued', 'sending', 'sent', 'delivered')) AS sent,
		   count(*) FILTER (WHERE m.status = 'delivered') AS delivered,
		   count(*) FILTER (WHERE m.status IN ('undelivered', 'failed')) AS failed
	FROM p2ptext.message m WHERE m.campaign_id = c.id AND m.direction = 'out') AS m;
COMMENT ON VIEW p2ptext.progress IS 'how far each campaign''s texts are on their way; sent includes delivered';

CREATE VIEW p2ptext.campaign_summary AS
SELECT c.id AS campaign_id, c.name AS campaign, c.mode, c.status, c.launched_at,
	   v.contacts, m.texted, m.messages_out, m.sms_segments, m.delivered, m.undelivered, m.failed,
	   v.replied, m.messages_in, v.opted_out, v.wrong_number, v.waiting,
	   (SELECT count(DISTINCT r.conversation_id) FROM p2ptext.question_response r
		WHERE r.campaign_id = c.id AND r.superseded_at IS NULL) AS answered,
	   (SELECT count(*) FROM p2ptext.dropped d WHERE d.campaign_id = c.id) AS dropped,
	   round(100.0 * m.delivered / nullif(m.messages_out, 0), 1) AS delivery_rate,
	   round(100.0 * v.replied / nullif(m.reached, 0), 1) AS response_rate,
	   round(100.0 * v.opted_out / nullif(m.reached, 0), 1) AS opt_out_rate
FROM p2ptext.campaign c
CROSS JOIN LATERAL (
	SELECT count(*) AS contacts,
		   count(*) FILTER (WHERE v.last_in_at IS NOT NULL) AS replied,
		   count(*) FILTER (WHERE v.result = 'opted_out' AND v.last_out_at IS NOT NULL) AS opted_out,
		   count(*) FILTER (WHERE v.result = 'wrong_number') AS wrong_number,
		   count(*) FILTER (WHERE v.waiting_since IS NOT NULL) AS waiting
	FROM p2ptext.conversation v WHERE v.campaign_id = c.id) AS v
CROSS JOIN LATERAL (
	SELECT count(*) FILTER (WHERE m.direction = 'out' AND m.kind = 'initial' AND m.status <> 'failed') AS texted,
		   count(*) FILTER (WHERE m.direction = 'out' AND m.kind = 'initial' AND m.status = 'delivered') AS reached,
		   count(*) FILTER (WHERE m.direction = 'out' AND m.status <> 'failed') AS messages_out,
		   coalesce(sum(m.sms_segments) FILTER (WHERE m.direction = 'out' AND m.status <> 'failed'), 0) AS sms_segments,
		   count(*) FILTER (WHERE m.status = 'delivered') AS delivered,
		   count(*) FILTER (WHERE m.status = 'undelivered') AS undelivered,
		   count(*) FILTER (WHERE m.status = 'failed') AS failed,
		   count(*) FILTER (WHERE m.direction = 'in') AS messages_in
	FROM p2ptext.message m WHERE m.campaign_id = c.id) AS m;
COMMENT ON VIEW p2ptext.campaign_summary IS
'one row for a campaign; delivery_rate = delivered / messages that left, response_rate and opt_out_rate = contacts / contacts whose first text was delivered, in per cent';

CREATE VIEW p2ptext.variant_summary AS
SELECT c.id AS campaign_id, c.name AS campaign, m.variant,
	   count(*) FILTER (WHERE m.status <> 'failed') AS texted,
	   count(*) FILTER (WHERE m.status = 'delivered') AS delivered,
	   count(*) FILTER (WHERE v.last_in_at IS NOT NULL) AS replied,
	   count(*) FILTER (WHERE v.result = 'opted_out') AS opted_out,
	   count(*) FILTER (WHERE EXISTS (
			SELECT FROM p2ptext.question_response r
			WHERE r.conversation_id = v.id AND r.campaign_id = v.campaign_id
			AND r.superseded_at IS NULL)) AS answered
FROM p2ptext.campaign c
JOIN p2ptext.message m ON m.campaign_id = c.id AND m.direction = 'out' AND m.kind = 'initial'
JOIN p2ptext.conversation v ON v.id = m.conversation_id AND v.campaign_id = m.campaign_id
GROUP BY c.id, m.variant
ORDER BY c.id, m.variant;
COMMENT ON VIEW p2ptext.variant_summary IS 'what became of each variant of a campaign''s first text, in contacts';

CREATE VIEW p2ptext.held_back AS
SELECT c.id AS campaign_id, c.name AS campaign, d.reason, count(*) AS voters
FROM p2ptext.dropped d
JOIN p2ptext.campaign c ON c.id = d.campaign_id
GROUP BY c.id, d.reason
ORDER BY c.id, count(*) DESC;
COMMENT ON VIEW p2ptext.held_back IS 'voters of each campaign''s segment who were not texted, by reason';

-- A text that was refused has not left, so what its code says is of the reply.
CREATE VIEW p2ptext.error_summary AS
SELECT c.id AS campaign_id, c.name AS campaign, g.name AS gateway, m.error_code AS code, p.class, p.meaning,
	   count(*) AS messages
FROM p2ptext.message m
JOIN p2ptext.campaign c ON c.id = m.campaign_id
JOIN p2ptext.gateway g ON g.id = m.gateway_id
LEFT JOIN p2ptext.provider_code p ON p.provider = g.provider AND p.code = m.error_code
	AND p.told_by IN ('both', CASE WHEN m.sent_at IS NULL THEN 'reply' ELSE 'receipt' END)
WHERE m.direction = 'out' AND m.status IN ('undelivered', 'failed')
GROUP BY c.id, g.name, m.error_code, p.class, p.meaning
ORDER BY c.id, count(*) DESC, g.name, m.error_code;
COMMENT ON VIEW p2ptext.error_summary IS
'why texts of each campaign were not delivered, by the gateway''s code; class and meaning are NULL for a code that is not known';
