-- reply.sql
--	  What a texter does in a conversation: reply, close, reopen, snooze.
--
-- A texter acts in the conversations they hold, which are also those that
-- row-level security shows them; what nobody holds is taken first, see
-- take_batch().  Each function begins with hold_conversation(), which makes
-- sessions take turns in a conversation.  Whoever comes second is told what has
-- happened meanwhile.

CREATE FUNCTION p2ptext.may_speak(conv p2ptext.conversation) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN p2ptext.is_member('manager') OR (conv.texter = p2ptext.caller() AND p2ptext.is_member('texter'));
END
$$;
COMMENT ON FUNCTION p2ptext.may_speak(p2ptext.conversation) IS
'whether the caller may act in a conversation: the texter who holds it may, and managers';

CREATE FUNCTION p2ptext.require_speaker(conv p2ptext.conversation) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT p2ptext.may_speak(conv) IS TRUE THEN
		RAISE EXCEPTION 'conversation % is held by %', conv.id,
			CASE WHEN conv.texter IS NULL THEN 'nobody' ELSE 'another texter' END
			USING ERRCODE = 'insufficient_privilege',
			HINT = CASE WHEN conv.texter IS NOT NULL THEN 'SELECT * FROM p2ptext.inbox shows the ones you may answer.'
				ELSE format('Voters who wait become yours with p2ptext.take_batch(%L, what => ''replies'').',
							(SELECT k.name FROM p2ptext.campaign k WHERE k.id = conv.campaign_id)) END;
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.require_speaker(p2ptext.conversation) IS 'errors unless the caller may act in a conversation';

CREATE FUNCTION p2ptext.hold_conversation(conversation bigint) RETURNS p2ptext.conversation
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	conv p2ptext.conversation;
BEGIN
	PERFORM p2ptext.require_active('texter', 'manager');
	SELECT * INTO conv FROM p2ptext.conversation c WHERE c.id = conversation FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'conversation % does not exist', conversation
			USING ERRCODE = 'undefined_object';
	END IF;
	PERFORM p2ptext.require_speaker(conv);
	RETURN conv;
END
$$;
COMMENT ON FUNCTION p2ptext.hold_conversation(bigint) IS 'locks a conversation that the caller may speak in, or a clear error';

-- Of the merge fields those that the caller may know.
CREATE FUNCTION p2ptext.as_seen(conv p2ptext.conversation) RETURNS p2ptext.conversation
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	conv.fields := (SELECT v.fields FROM p2ptext.voter_card v WHERE v.conversation_id = conv.id);
	conv.state := CASE WHEN p2ptext.is_member('manager') OR conv.fields ? 'state' THEN conv.state END;
	RETURN conv;
END
$$;
COMMENT ON FUNCTION p2ptext.as_seen(p2ptext.conversation) IS 'a conversation with the fields that voter_card shows its caller';

-- The newest text of a conversation that came in, left, or is to leave.
CREATE FUNCTION p2ptext.last_text(conv p2ptext.conversation,
	OUT id bigint, OUT direction text, OUT kind text, OUT status text, OUT who text, OUT at timestamptz,
	OUT body text, OUT media jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	SELECT t.* INTO id, direction, kind, status, who, at, body, media
	FROM ((SELECT m.id, m.direction, m.kind, m.status, m.approved_by, coalesce(m.approved_at, m.created_at),
				  m.body, m.media
		   FROM p2ptext.message m
		   WHERE m.conversation_id = conv.id AND m.campaign_id = conv.campaign_id
		   ORDER BY m.id DESC LIMIT 1)
		  UNION ALL
		  (SELECT o.id, 'out', o.kind, o.status, o.approved_by, o.approved_at, o.body, to_jsonb(o.media)
		   FROM p2ptext.outbox o
		   WHERE o.conversation_id = conv.id AND o.campaign_id = conv.campaign_id
		   AND o.status IN ('review', 'approved', 'sending', 'unknown')
		   ORDER BY o.id DESC LIMIT 1)) AS t
	ORDER BY t.id DESC LIMIT 1;
END
$$;
COMMENT ON FUNCTION p2ptext.last_text(p2ptext.conversation) IS 'the newest text of a conversation that came in, left, or is to leave';

CREATE FUNCTION p2ptext.require_seen(conv p2ptext.conversation, seen bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	last record;
BEGIN
	SELECT * INTO last FROM p2ptext.last_text(conv);
	IF last.id > seen THEN
		RAISE EXCEPTION 'conversation % has moved on', conv.id
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = CASE last.direction
				WHEN 'in' THEN format('The voter wrote text %s at %s.', last.id, last.at)
				ELSE format('"%s" sent text %s at %s.', last.who, last.id, last.at) END,
			HINT = format('Read it with p2ptext.thread(%s), then say seen => %s.', conv.id, last.id);
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.require_seen(p2ptext.conversation, bigint) IS 'errors when a conversation has a newer text than the one seen';

-- Two clicks are one reply, and nobody answers what another has answered.
CREATE FUNCTION p2ptext.require_turn(conv p2ptext.conversation, body text, media text[], seen bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	last record;
BEGIN
	PERFORM p2ptext.require_seen(conv, seen);
	SELECT * INTO last FROM p2ptext.last_text(conv);
	IF seen IS NULL AND last.direction = 'out' AND last.kind = 'reply' THEN
		IF last.who <> p2ptext.caller() THEN
			RAISE EXCEPTION 'conversation % has been answered by "%"', conv.id, last.who
				USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('They sent text %s at %s.', last.id, last.at),
				HINT = format('To write nevertheless, read it with p2ptext.thread(%s), then say seen => %s.',
							  conv.id, last.id);
		ELSIF last.body = body AND last.media IS NOT DISTINCT FROM to_jsonb(nullif(media, '{}'))
			AND last.status NOT IN ('failed', 'undelivered') THEN
			RAISE EXCEPTION 'this reply has been sent already'
				USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('It is text %s of conversation %s, approved at %s.', last.id, conv.id, last.at),
				HINT = format('To send the same again, say seen => %s.', last.id);
		END IF;
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.require_turn(p2ptext.conversation, text, text[], bigint) IS
'errors when a conversation has a newer text than the one seen; when nothing was said to be seen, also where another person spoke last, or the caller said just that';

CREATE FUNCTION p2ptext.reply(conversation bigint, body text DEFAULT NULL, media text[] DEFAULT NULL,
	canned text DEFAULT NULL, seen bigint DEFAULT NULL) RETURNS p2ptext.outbox
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	conv p2ptext.conversation := p2ptext.hold_conversation(conversation);
	me name := p2ptext.caller();
	camp p2ptext.campaign;
	why text;
	detail text;
	made p2ptext.outbox;
BEGIN
	PERFORM p2ptext.one_action();
	SELECT * INTO STRICT camp FROM p2ptext.campaign c WHERE c.id = conv.campaign_id;
	PERFORM p2ptext.require_open(camp), p2ptext.check_media(media, g)
	FROM p2ptext.gateway g WHERE g.id = camp.gateway_id;
	IF canned IS NOT NULL THEN
		IF body IS NOT NULL THEN
			RAISE EXCEPTION 'a reply has a body or is canned, not both'
				USING ERRCODE = 'invalid_parameter_value',
				HINT = 'To change a canned response, take its text from canned_responses() and pass that as body.';
		END IF;
		body := p2ptext.canned_text(conv, me, canned);
	END IF;
	PERFORM p2ptext.check_body(body);
	IF p2ptext.is_opted_out(conv.phone, camp.gateway_id) THEN
		RAISE EXCEPTION 'the voter of conversation % has opted out', conversation
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'No text may be sent to this phone.';
	ELSIF conv.message_status IN ('needs_message', 'closed') THEN
		RAISE EXCEPTION 'conversation % %', conversation,
			CASE conv.message_status WHEN 'closed' THEN 'is closed' ELSE 'has not begun' END
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = CASE conv.message_status WHEN 'closed' THEN format('p2ptext.reopen(%s) opens it again.', conversation)
				ELSE 'Its first text is approved from next_text(), or with approve_batch().' END;
	END IF;

	PERFORM p2ptext.require_turn(conv, body, media, seen);
	-- What was drafted to answer with is not needed any more.
	PERFORM p2ptext.cancel_drafts(conv, 'answered');
	IF canned IS NULL THEN
		SELECT * INTO why, detail FROM p2ptext.why_review(camp, NULL, body);
	END IF;
	INSERT INTO p2ptext.outbox (campaign_id, conversation_id, kind, status, sender, phone, timezones,
								body, media, texter, approved_by, approved_at, position)
	VALUES (conv.campaign_id, conv.id, 'reply', CASE WHEN why IS NULL THEN 'approved' ELSE 'review' END,
			conv.sender, conv.phone, conv.timezones, body, nullif(media, '{}'), me, me, clock_timestamp(),
			CASE WHEN why IS NULL THEN nextval('p2ptext.outbox_position') END)
	RETURNING * INTO made;
	IF why IS NOT NULL THEN
		PERFORM p2ptext.ask_review(made.campaign_id, made.id, me, why, detail, NULL);
	END IF;
	PERFORM p2ptext.set_answered(ARRAY[conv.id], conv.campaign_id, me);
	RETURN made;
END
$$;
COMMENT ON FUNCTION p2ptext.reply(bigint, text, text[], text, bigint) IS
'answers a voter: with a body in the caller''s own words or the title of a canned response, and the URLs of media if any; seen is the newest message_id the caller knows, and errors when there is a newer one; writing it is its approval';

-- Rows that somebody holds are being approved, shown or sent this moment.
CREATE FUNCTION p2ptext.cancel_drafts(conv p2ptext.conversation, reason text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	UPDATE p2ptext.outbox o SET status = 'cancelled', reason = reason, position = NULL, not_before = NULL
	FROM (SELECT d.id, d.campaign_id FROM p2ptext.outbox d
		  WHERE d.conversation_id = conv.id AND d.campaign_id = conv.campaign_id AND d.status = 'draft'
		  FOR NO KEY UPDATE SKIP LOCKED) d
	WHERE o.id = d.id AND o.campaign_id = d.campaign_id;
END
$$;
COMMENT ON FUNCTION p2ptext.cancel_drafts(p2ptext.conversation, text) IS 'cancels the drafts of a conversation';

CREATE FUNCTION p2ptext.set_answered(conversations bigint[], campaign_id int, texter name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	UPDATE p2ptext.conversation c
	SET texter = coalesce(c.texter, texter), message_status = 'convo', waiting_since = NULL, snoozed_until = NULL,
		last_read = (SELECT max(m.id) FROM p2ptext.message m
					 WHERE m.conversation_id = c.id AND m.campaign_id = c.campaign_id AND m.direction = 'in')
	WHERE c.id = ANY (conversations) AND c.campaign_id = campaign_id AND c.message_status IN ('messaged', 'needs_response', 'convo');
END
$$;
COMMENT ON FUNCTION p2ptext.set_answered(bigint[], int, name) IS 'moves conversations to convo: a person has approved an answer; texter holds those that nobody held';

CREATE FUNCTION p2ptext.close(conversation bigint, result text DEFAULT NULL, seen bigint DEFAULT NULL)
RETURNS p2ptext.conversation
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	conv p2ptext.conversation := p2ptext.hold_conversation(conversation);
	closing p2ptext.conversation_change;
BEGIN
	IF conv.message_status = 'closed' THEN
		SELECT * INTO closing FROM p2ptext.conversation_change h
		WHERE h.conversation_id = conv.id AND h.campaign_id = conv.campaign_id
		ORDER BY h.id DESC LIMIT 1;
		RAISE EXCEPTION 'conversation % is closed already', conversation
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = format('"%s" closed it at %s: %s.', closing.who, closing.at, closing.why),
			HINT = format('p2ptext.reopen(%s) opens it again.', conversation);
	END IF;
	PERFORM p2ptext.require_seen(conv, seen);
	UPDATE p2ptext.conversation c
	SET texter = coalesce(c.texter, p2ptext.caller()), message_status = 'closed',
		result = coalesce(result, c.result), result_at = CASE WHEN result IS NULL THEN c.result_at ELSE now() END,
		waiting_since = NULL, snoozed_until = NULL
	WHERE c.id = conv.id AND c.campaign_id = conv.campaign_id;
	PERFORM p2ptext.apply_result(conv, result);
	-- Those that the result left.
	PERFORM p2ptext.cancel_drafts(conv, 'closed');
	SELECT * INTO conv FROM p2ptext.conversation c WHERE c.id = conv.id AND c.campaign_id = conv.campaign_id;
	RETURN p2ptext.as_seen(conv);
END
$$;
COMMENT ON FUNCTION p2ptext.close(bigint, text, bigint) IS
'closes a conversation, with how it ended, a code of contact_result, whose effect it has, and cancels its drafts; a later text of the voter opens it again; seen as in reply()';

CREATE FUNCTION p2ptext.reopen(conversation bigint) RETURNS p2ptext.conversation
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	conv p2ptext.conversation := p2ptext.hold_conversation(conversation);
	camp p2ptext.campaign;
	told record;
	draft bigint;
BEGIN
	SELECT * INTO STRICT camp FROM p2ptext.campaign c WHERE c.id = conv.campaign_id;
	IF conv.message_status <> 'closed' THEN
		RAISE EXCEPTION 'conversation % is not closed', conversation
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = format('It is %s.', conv.message_status);
	ELSIF p2ptext.is_opted_out(conv.phone, camp.gateway_id) THEN
		RAISE EXCEPTION 'the voter of conversation % has opted out', conversation
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'No text may be sent to this phone.';
	END IF;
	PERFORM p2ptext.require_open(camp);
	-- What it was: whoever wrote last, and what we had said.
	WITH text AS (
		SELECT m.id, m.direction, m.kind, m.created_at FROM p2ptext.message m
		WHERE m.conversation_id = conv.id AND m.campaign_id = conv.campaign_id AND m.status <> 'failed'
		UNION ALL
		SELECT o.id, 'out', o.kind, o.created_at FROM p2ptext.outbox o
		WHERE o.conversation_id = conv.id AND o.campaign_id = conv.campaign_id
		AND o.kind = 'reply' AND o.status IN ('review', 'approved', 'sending', 'unknown'))
	SELECT min(t.created_at) FILTER (WHERE t.direction = 'in' AND t.id > a.id) AS waiting_since,
		   bool_or(t.direction = 'in' OR t.kind = 'reply') AS talked,
		   bool_or(t.direction = 'out') AS texted
	INTO told
	FROM text t, (SELECT coalesce(max(r.id), 0) AS id FROM text r
				  WHERE r.direction = 'out' AND r.kind = 'reply') AS a;
	UPDATE p2ptext.conversation c
	SET message_status = CASE WHEN told.waiting_since IS NOT NULL THEN 'needs_response'
							  WHEN told.talked THEN 'convo' WHEN told.texted THEN 'messaged'
							  ELSE 'needs_message' END,
		waiting_since = told.waiting_since, result = NULL, result_at = NULL
	WHERE c.id = conv.id AND c.campaign_id = conv.campaign_id
	RETURNING * INTO conv;
	IF conv.message_status = 'needs_message' THEN
		UPDATE p2ptext.outbox o SET status = 'draft', reason = NULL, position = 0
		WHERE o.conversation_id = conv.id AND o.campaign_id = conv.campaign_id
		AND o.status = 'cancelled' AND o.reason = 'closed'
		RETURNING o.id INTO draft;
		-- The pool may begin above it by now.
		UPDATE p2ptext.draft_pool p
		SET mark = least(p.mark, draft - 1), version = p.version + 1, swept_at = NULL
		WHERE p.campaign_id = conv.campaign_id AND draft IS NOT NULL;
	END IF;
	RETURN p2ptext.as_seen(conv);
END
$$;
COMMENT ON FUNCTION p2ptext.reopen(bigint) IS
'opens a closed conversation again, as what it was; its first text is a draft again if it had not left';

CREATE FUNCTION p2ptext.snooze(conversation bigint, until timestamptz) RETURNS p2ptext.conversation
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	conv p2ptext.conversation := p2ptext.hold_conversation(conversation);
BEGIN
	IF conv.waiting_since IS NULL THEN
		RAISE EXCEPTION 'nobody waits in conversation %', conversation
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = format('It is %s.', conv.message_status),
			HINT = 'Only what is in the inbox can be hidden from it.';
	ELSIF NOT isfinite(until) OR until > now() + interval '30 days' THEN
		RAISE EXCEPTION 'a voter cannot wait so long'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Snooze for 30 days at most, or close() the conversation.';
	END IF;
	UPDATE p2ptext.conversation c
	SET texter = coalesce(c.texter, p2ptext.caller()), snoozed_until = CASE WHEN until > now() THEN until END
	WHERE c.id = conv.id AND c.campaign_id = conv.campaign_id
	RETURNING * INTO conv;
	RETURN p2ptext.as_seen(conv);
END
$$;
COMMENT ON FUNCTION p2ptext.snooze(bigint, timestamptz) IS
'hides a conversation from the inbox until a time, or until the voter writes again; NULL or a time past shows it again';
