-- attention.sql
--	  What is left for a person to look at.

CREATE VIEW p2ptext.needs_attention WITH (security_barrier) AS
SELECT a.*
FROM (
	-- A reply that neither the words of a wish nor an answer's keywords explain.
	SELECT CASE WHEN k.status = 'archived' THEN 'archived' ELSE 'unclear' END AS why, c.waiting_since AS since,
		   k.name AS campaign, c.id AS conversation_id, NULL::bigint AS inbound_id, c.phone, c.texter, last.body,
		   c.snoozed_until
	FROM p2ptext.conversation c
	JOIN p2ptext.campaign k ON k.id = c.campaign_id
	CROSS JOIN LATERAL (
		SELECT m.id, m.body FROM p2ptext.message m
		WHERE m.conversation_id = c.id AND m.campaign_id = c.campaign_id AND m.direction = 'in'
		ORDER BY m.id DESC LIMIT 1) AS last
	WHERE c.waiting_since IS NOT NULL
	AND (k.status = 'archived' OR NOT EXISTS (
		SELECT FROM p2ptext.question_response r
		WHERE r.conversation_id = c.id AND r.campaign_id = c.campaign_id
		AND r.message_id = last.id AND r.superseded_at IS NULL))
	UNION ALL
	SELECT 'escalated', t.tagged_at, k.name, t.conversation_id, NULL, c.phone, c.texter, t.tag, c.snoozed_until
	FROM p2ptext.tag g
	JOIN p2ptext.conversation_tag t ON t.tag = g.tag AND t.untagged_at IS NULL
	JOIN p2ptext.conversation c ON c.id = t.conversation_id AND c.campaign_id = t.campaign_id
	JOIN p2ptext.campaign k ON k.id = t.campaign_id
	WHERE g.effect = 'escalate'
	UNION ALL
	SELECT i.outcome, i.received_at, NULL, NULL, i.id, i.phone, NULL, i.body, NULL
	FROM p2ptext.inbound i
	WHERE i.outcome IN ('unmatched', 'error') AND i.kind = 'text' AND i.handled_at IS NULL) AS a
WHERE (SELECT p2ptext.is_member('manager', 'reader'))
ORDER BY a.since;
COMMENT ON VIEW p2ptext.needs_attention IS
'what a person must look at, oldest first: unclear replies, escalated conversations (body is the tag), texts to archived campaigns, texts that belong to no conversation or could not be applied, until handle_inbound()';

CREATE FUNCTION p2ptext.handle_inbound(id bigint) RETURNS p2ptext.inbound
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	item p2ptext.inbound;
BEGIN
	PERFORM p2ptext.require_member('manager');
	SELECT * INTO item FROM p2ptext.inbound i WHERE i.id = id FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'event % does not exist', id
			USING ERRCODE = 'undefined_object',
			HINT = 'SELECT inbound_id FROM p2ptext.needs_attention lists texts, p2ptext.unmatched and inbound_errors all events.';
	ELSIF (item.outcome IN ('unmatched', 'error')) IS NOT TRUE THEN
		RAISE EXCEPTION 'event % asks nothing of anybody', id
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = coalesce('Its outcome is "' || item.outcome || '".', 'It has no outcome yet.'),
			HINT = coalesce('It is in conversation ' || item.conversation_id || ': reply() or close() it there.',
							'Only events with the outcome error or unmatched are handled.');
	END IF;
	-- Who did it first did it.
	UPDATE p2ptext.inbound i
	SET handled_by = coalesce(i.handled_by, p2ptext.caller()), handled_at = coalesce(i.handled_at, clock_timestamp())
	WHERE i.id = id
	RETURNING * INTO item;
	RETURN item;
END
$$;
COMMENT ON FUNCTION p2ptext.handle_inbound(bigint) IS
'says that a person has done what an event asked for that belongs to no conversation or could not be applied: it is kept, and shown no more in needs_attention, unmatched and inbound_errors';
