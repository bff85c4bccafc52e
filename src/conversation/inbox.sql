-- inbox.sql
--	  What a texter does with voters who answer.

-- Locks a conversation for the caller, who must be allowed to speak in it.
CREATE FUNCTION p2ptext.hold_conversation(conversation bigint) RETURNS p2ptext.conversation
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	conv p2ptext.conversation;
BEGIN
	PERFORM p2ptext.require_member('texter', 'manager');
	SELECT * INTO conv FROM p2ptext.conversation c WHERE c.id = conversation FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'conversation % does not exist', conversation
			USING ERRCODE = 'undefined_object';
	ELSIF conv.texter <> p2ptext.caller() AND NOT p2ptext.is_member('manager') THEN
		RAISE EXCEPTION 'conversation % is held by another texter', conversation
			USING ERRCODE = 'insufficient_privilege',
			HINT = 'SELECT * FROM p2ptext.inbox shows the ones you may answer.';
	END IF;
	RETURN conv;
END
$$;
COMMENT ON FUNCTION p2ptext.hold_conversation(bigint) IS 'locks a conversation that the caller may speak in, or a clear error';

CREATE FUNCTION p2ptext.reply(conversation bigint, body text, media text[] DEFAULT NULL) RETURNS p2ptext.outbox
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	conv p2ptext.conversation := p2ptext.hold_conversation(conversation);
	me name := p2ptext.caller();
	made p2ptext.outbox;
BEGIN
	PERFORM p2ptext.one_action();
	PERFORM p2ptext.require_open(c), p2ptext.check_media(media, g)
	FROM p2ptext.campaign c JOIN p2ptext.gateway g ON g.id = c.gateway_id WHERE c.id = conv.campaign_id;
	IF body IS NULL OR p2ptext.sms_problem(body) = 'empty' THEN
		RAISE EXCEPTION 'a reply needs some text'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF p2ptext.sms_problem(body) = 'too_long' THEN
		RAISE EXCEPTION 'a reply has at most 1600 characters'
			USING ERRCODE = 'string_data_right_truncation',
			DETAIL = format('This one has %s.', length(body));
	ELSIF p2ptext.is_opted_out(conv.phone, (SELECT c.gateway_id FROM p2ptext.campaign c WHERE c.id = conv.campaign_id)) THEN
		RAISE EXCEPTION 'the voter of conversation % has opted out', conversation
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'No text may be sent to this phone.';
	END IF;
	INSERT INTO p2ptext.outbox (campaign_id, conversation_id, kind, status, sender, phone, timezones,
								body, media, texter, approved_by, approved_at, position)
	VALUES (conv.campaign_id, conv.id, 'reply', 'approved', conv.sender, conv.phone, conv.timezones,
			body, nullif(media, '{}'), me, me, clock_timestamp(), nextval('p2ptext.outbox_position'))
	RETURNING * INTO made;
	UPDATE p2ptext.conversation c
	SET texter = coalesce(c.texter, me), message_status = 'convo', waiting_since = NULL
	WHERE c.id = conv.id AND c.campaign_id = conv.campaign_id;
	RETURN made;
END
$$;
COMMENT ON FUNCTION p2ptext.reply(bigint, text, text[]) IS
'answers a voter, in the caller''s own words, with the URLs of media if any; writing it is its approval';

CREATE FUNCTION p2ptext.close(conversation bigint, result text DEFAULT NULL) RETURNS p2ptext.conversation
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	conv p2ptext.conversation := p2ptext.hold_conversation(conversation);
BEGIN
	UPDATE p2ptext.conversation c
	SET texter = coalesce(c.texter, p2ptext.caller()), message_status = 'closed',
		result = coalesce(result, c.result), waiting_since = NULL,
		result_at = CASE WHEN result IS NULL THEN c.result_at ELSE now() END
	WHERE c.id = conv.id AND c.campaign_id = conv.campaign_id;
	PERFORM p2ptext.apply_result(conv, result);
	SELECT * INTO conv FROM p2ptext.conversation c WHERE c.id = conv.id AND c.campaign_id = conv.campaign_id;
	RETURN conv;
END
$$;
COMMENT ON FUNCTION p2ptext.close(bigint, text) IS
'closes a conversation, with how it ended, a code of contact_result, whose effect it has; a later text of the voter opens it again';

-- Views run with the rights of their owner, so each filters for its reader,
-- before any condition of that reader's can see a row.
CREATE VIEW p2ptext.inbox WITH (security_barrier) AS
SELECT c.id AS conversation_id, k.name AS campaign, c.voter_key, c.phone, c.texter,
	   s.question, last.body, last.created_at AS received_at, c.waiting_since,
	   (SELECT count(*) FROM p2ptext.message m
		WHERE m.conversation_id = c.id AND m.campaign_id = c.campaign_id
		AND m.direction = 'in' AND m.created_at >= c.waiting_since) AS unread
FROM p2ptext.conversation c
JOIN p2ptext.campaign k ON k.id = c.campaign_id
LEFT JOIN p2ptext.interaction_step s ON s.campaign_id = c.campaign_id AND s.parent_id IS NULL AND s.retired_at IS NULL
CROSS JOIN LATERAL (
	SELECT m.body, m.created_at FROM p2ptext.message m
	WHERE m.conversation_id = c.id AND m.campaign_id = c.campaign_id AND m.direction = 'in'
	ORDER BY m.id DESC LIMIT 1) AS last
WHERE c.waiting_since IS NOT NULL
AND (c.texter IS NULL OR c.texter = p2ptext.caller() OR (SELECT p2ptext.is_member('manager', 'reader')))
ORDER BY c.waiting_since;
COMMENT ON VIEW p2ptext.inbox IS 'voters who wait for an answer, longest first; a texter sees their own and those nobody holds';
