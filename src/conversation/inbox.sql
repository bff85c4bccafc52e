-- inbox.sql
--	  What a texter sees: who waits for an answer, and what was said.

CREATE FUNCTION p2ptext.see_conversation(conversation bigint) RETURNS p2ptext.conversation
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	conv p2ptext.conversation;
BEGIN
	PERFORM p2ptext.require_member('texter', 'manager', 'reader');
	SELECT * INTO conv FROM p2ptext.conversation c WHERE c.id = conversation;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'conversation % does not exist', conversation
			USING ERRCODE = 'undefined_object';
	ELSIF NOT p2ptext.is_member('reader') THEN
		PERFORM p2ptext.require_speaker(conv);
	END IF;
	RETURN conv;
END
$$;
COMMENT ON FUNCTION p2ptext.see_conversation(bigint) IS 'a conversation that the caller may read, or a clear error';

-- Whose conversations the caller sees.  The view asks for them by name, since
-- the planner takes a few names for few rows, and all of the waiting for many.
CREATE FUNCTION p2ptext.seen_texters() RETURNS name[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT p2ptext.is_member('manager', 'reader') THEN
		RETURN CASE WHEN p2ptext.is_member('texter') THEN ARRAY[p2ptext.caller()] END;
	END IF;
	-- One look into the index for each.
	RETURN ARRAY(
		WITH RECURSIVE held AS (
			(SELECT c.texter FROM p2ptext.conversation c
			 WHERE c.waiting_since IS NOT NULL AND c.texter IS NOT NULL
			 ORDER BY c.texter LIMIT 1)
			UNION ALL
			SELECT (SELECT c.texter FROM p2ptext.conversation c
					WHERE c.waiting_since IS NOT NULL AND c.texter > h.texter
					ORDER BY c.texter LIMIT 1)
			FROM held h WHERE h.texter IS NOT NULL)
		SELECT h.texter FROM held h WHERE h.texter IS NOT NULL);
END
$$;
COMMENT ON FUNCTION p2ptext.seen_texters() IS
'whose waiting conversations the caller sees in the inbox: their own, or with a manager or reader everybody''s';

-- Views run with the rights of their owner, so each filters for its reader,
-- before any condition of that reader's can see a row.  Sorted before the
-- messages are looked up, so that LIMIT looks up few.
CREATE VIEW p2ptext.inbox WITH (security_barrier) AS
SELECT c.id AS conversation_id, k.name AS campaign, c.voter_key, c.phone, c.texter,
	   s.question, last.body, last.media, last.created_at AS received_at, c.waiting_since,
	   now() - c.waiting_since AS age, last.unread, last.id AS seen, next.id AS outbox_id, next.body AS draft
FROM (SELECT w.id, w.campaign_id, w.voter_key, w.phone, w.texter, w.waiting_since, w.last_read
	  FROM (SELECT h.* FROM p2ptext.conversation h
			WHERE h.waiting_since IS NOT NULL AND h.texter = ANY (p2ptext.seen_texters())
			UNION ALL
			SELECT h.* FROM p2ptext.conversation h
			WHERE h.waiting_since IS NOT NULL AND h.texter IS NULL
			AND (SELECT p2ptext.is_member('manager', 'reader'))) AS w
	  WHERE w.snoozed_until IS NULL OR w.snoozed_until <= now()
	  ORDER BY w.waiting_since OFFSET 0) AS c
JOIN p2ptext.campaign k ON k.id = c.campaign_id
LEFT JOIN p2ptext.interaction_step s ON s.campaign_id = c.campaign_id AND s.parent_id IS NULL AND s.retired_at IS NULL
CROSS JOIN LATERAL (
	SELECT m.id, m.body, m.media, m.created_at,
		   count(*) FILTER (WHERE m.created_at >= c.waiting_since AND m.id > coalesce(c.last_read, 0)) OVER () AS unread
	FROM p2ptext.message m
	WHERE m.conversation_id = c.id AND m.campaign_id = c.campaign_id AND m.direction = 'in'
	ORDER BY m.id DESC LIMIT 1) AS last
LEFT JOIN LATERAL (
	SELECT o.id, o.body FROM p2ptext.outbox o
	WHERE o.conversation_id = c.id AND o.campaign_id = c.campaign_id AND o.status = 'draft' AND o.kind = 'reply'
	ORDER BY o.id DESC LIMIT 1) AS next ON true
WHERE k.status <> 'archived'
ORDER BY c.waiting_since;
COMMENT ON VIEW p2ptext.inbox IS 'voters who wait for an answer, longest first, without those who were snoozed; a texter sees their own, managers and readers also those nobody holds; seen is what reply() may be told; draft follows on the answer, and approve(outbox_id) sends it';

CREATE FUNCTION p2ptext.thread(conversation bigint)
RETURNS TABLE (message_id bigint, at timestamptz, direction text, who text, body text, status text,
			   why text, media jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	conv p2ptext.conversation := p2ptext.see_conversation(thread.conversation);
	newest bigint := (SELECT max(m.id) FROM p2ptext.message m
					  WHERE m.conversation_id = conv.id AND m.campaign_id = conv.campaign_id AND m.direction = 'in');
BEGIN
	IF NOT current_setting('transaction_read_only')::boolean THEN
		INSERT INTO p2ptext.access_log (campaign_id, action, conversation_id)
		VALUES (conv.campaign_id, 'read', conv.id);
	END IF;
	-- Read by who answers; whoever holds the row will have read it, or will.
	IF newest > coalesce(conv.last_read, 0) AND NOT current_setting('transaction_read_only')::boolean
		AND (conv.texter = p2ptext.caller() OR (conv.texter IS NULL AND p2ptext.may_speak(conv))) THEN
		UPDATE p2ptext.conversation c SET last_read = newest
		FROM (SELECT v.id, v.campaign_id FROM p2ptext.conversation v
			  WHERE v.id = conv.id AND v.campaign_id = conv.campaign_id
			  FOR NO KEY UPDATE SKIP LOCKED) v
		WHERE c.id = v.id AND c.campaign_id = v.campaign_id;
	END IF;
	RETURN QUERY
		SELECT m.id AS message_id, CASE m.direction WHEN 'in' THEN m.created_at ELSE coalesce(m.sent_at, m.approved_at) END AS at,
			   m.direction, CASE m.direction WHEN 'in' THEN m.phone ELSE m.approved_by END,
			   m.body, m.status, coalesce(m.error_text, m.error_code), m.media
		FROM p2ptext.message m
		WHERE m.conversation_id = conv.id AND m.campaign_id = conv.campaign_id
		UNION ALL
		SELECT o.id, coalesce(o.claimed_at, o.approved_at, o.created_at), 'out', coalesce(o.approved_by, o.texter),
			   o.body, o.status, o.reason, to_jsonb(o.media)
		FROM p2ptext.outbox o
		WHERE o.conversation_id = conv.id AND o.campaign_id = conv.campaign_id
		UNION ALL
		SELECT NULL, n.written_at, 'note', n.written_by::text, n.body, NULL, NULL, NULL
		FROM p2ptext.conversation_note n
		WHERE n.conversation_id = conv.id AND n.campaign_id = conv.campaign_id
		ORDER BY at, message_id;
END
$$;
COMMENT ON FUNCTION p2ptext.thread(bigint) IS
'what was said in a conversation, in order, with notes and what has not left yet; marks it as read when its texter asks; the highest message_id is what reply() may be told as seen';
