-- next_text.sql
--	  What texters take for themselves: the next text, or a batch.

-- An opt-out or a close() that committed while somebody held a draft, or before
-- the launch that made it had, could not see that draft.
CREATE FUNCTION p2ptext.withhold(draft p2ptext.outbox, conv p2ptext.conversation, gateway_id int) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	gone boolean := p2ptext.is_opted_out(draft.phone, gateway_id);
BEGIN
	IF NOT gone AND conv.message_status <> 'closed' THEN
		RETURN false;
	END IF;
	UPDATE p2ptext.outbox o
	SET status = CASE WHEN gone THEN 'suppressed' ELSE 'cancelled' END,
		reason = CASE WHEN gone THEN 'opted_out' ELSE 'closed' END, position = NULL
	WHERE o.id = draft.id AND o.campaign_id = draft.campaign_id;
	-- Whoever holds it is about to move it.
	UPDATE p2ptext.conversation c
	SET message_status = 'closed', result = 'opted_out', result_at = now(), waiting_since = NULL
	FROM (SELECT v.id, v.campaign_id FROM p2ptext.conversation v
		  WHERE v.id = conv.id AND v.campaign_id = conv.campaign_id AND v.message_status <> 'closed'
		  FOR NO KEY UPDATE SKIP LOCKED) v
	WHERE gone AND c.id = v.id AND c.campaign_id = v.campaign_id;
	RETURN true;
END
$$;
COMMENT ON FUNCTION p2ptext.withhold(p2ptext.outbox, p2ptext.conversation, int) IS
'ends a draft whose phone has opted out, or whose conversation is closed; returns whether it did';

-- Who has just sent a text wants more than the next one; where many are left
-- they get a few at once.
CREATE FUNCTION p2ptext.next_few(camp p2ptext.campaign, texter name) RETURNS int
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_sort = off
AS $$
#variable_conflict use_variable
BEGIN
	IF EXISTS (SELECT FROM p2ptext.draft_pool p
			   WHERE p.campaign_id = camp.id AND p.many)
		AND EXISTS (SELECT FROM p2ptext.access_log l
					WHERE l.campaign_id = camp.id AND l.texter = texter AND l.action = 'approved'
					AND l.at > clock_timestamp() - interval '1 minute') THEN
		RETURN least(10, camp.batch_size, p2ptext.room_left(camp, texter));
	END IF;
	RETURN least(1, p2ptext.room_left(camp, texter));
END
$$;
COMMENT ON FUNCTION p2ptext.next_few(p2ptext.campaign, name) IS 'how many first texts next_text() gives a texter who holds none';

-- Plans made while tables are small must do when they have grown.
CREATE FUNCTION p2ptext.next_text(campaign text)
RETURNS TABLE (outbox_id bigint, voter_key text, phone text, body text, sms_segments int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	me name := p2ptext.caller();
	draft p2ptext.outbox;
	conv p2ptext.conversation;
	few int;
	mine bigint[];
BEGIN
	PERFORM p2ptext.require_active('texter', 'manager');
	PERFORM p2ptext.require_texting(camp);
	-- What a crash takes away is in the pool again.
	PERFORM p2ptext.commit_without_flush();
	LOOP
		-- First what this texter holds already, then what nobody holds.  A name
		-- that is not like the column would not be found in the index in order.
		SELECT * INTO draft FROM p2ptext.outbox o
		WHERE o.campaign_id = camp.id AND o.texter = me::text COLLATE "C" AND o.position = 0 AND o.kind = 'initial'
		ORDER BY o.id LIMIT 1 FOR NO KEY UPDATE;
		IF NOT FOUND THEN
			IF camp.assignment <> 'open' OR NOT p2ptext.in_team(camp.id, me) THEN
				RETURN;
			END IF;
			few := p2ptext.next_few(camp, me);
			mine := CASE WHEN few > 0 THEN p2ptext.take_initials(camp, me, few, shown => true) ELSE '{}' END;
			IF mine = '{}' THEN
				RETURN;
			END IF;
			PERFORM p2ptext.note_assignment(camp.id, me, 'next', cardinality(mine), 0);
			SELECT * INTO draft FROM p2ptext.outbox o WHERE o.id = mine[1] AND o.campaign_id = camp.id;
		END IF;
		SELECT * INTO STRICT conv FROM p2ptext.conversation c
		WHERE c.id = draft.conversation_id AND c.campaign_id = camp.id;
		EXIT WHEN NOT p2ptext.withhold(draft, conv, camp.gateway_id);
	END LOOP;
	IF draft.body IS NULL THEN
		draft.body := p2ptext.render_strict(p2ptext.first_text(camp.id, draft.variant),
											p2ptext.merge_fields(conv, me));
		IF draft.body IS NULL THEN
			RAISE EXCEPTION 'the script of campaign "%" has nothing to say for role "%"', campaign, me
				USING ERRCODE = 'null_value_not_allowed',
				DETAIL = format('Without a value: %s.',
					array_to_string(p2ptext.missing_fields(p2ptext.first_text(camp.id, draft.variant),
														   p2ptext.merge_fields(conv, me)), ', ')),
				HINT = 'Give the texter a name with grant_role(..., first_name => ..., last_name => ...).';
		END IF;
		UPDATE p2ptext.outbox o SET body = draft.body
		WHERE o.id = draft.id AND o.campaign_id = camp.id;
	END IF;
	INSERT INTO p2ptext.access_log (campaign_id, texter, action, conversation_id, outbox_id)
	SELECT camp.id, me, 'shown', conv.id, draft.id
	WHERE draft.id IS DISTINCT FROM (
		SELECT l.outbox_id FROM p2ptext.access_log l WHERE l.campaign_id = camp.id AND l.texter = me
		ORDER BY l.at DESC LIMIT 1);
	RETURN QUERY SELECT draft.id, conv.voter_key, draft.phone, draft.body, p2ptext.sms_segments(draft.body);
END
$$;
COMMENT ON FUNCTION p2ptext.next_text(text) IS
'shows the calling texter the next draft of a campaign, now held for them, maybe with a few more; the same one until it is approved';

CREATE FUNCTION p2ptext.take_batch(campaign text, n int DEFAULT NULL, what text DEFAULT 'initials')
RETURNS p2ptext.assignment
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	me name := p2ptext.caller();
	wanted int := coalesce(n, camp.batch_size);
	held int;
BEGIN
	PERFORM p2ptext.require_active('texter', 'manager');
	IF what IS NULL OR what NOT IN ('initials', 'replies') THEN
		RAISE EXCEPTION 'nobody can take "%"', what
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Take initials or replies.';
	ELSIF what = 'replies' THEN
		PERFORM p2ptext.require_open(camp);
	ELSE
		PERFORM p2ptext.require_texting(camp);
	END IF;
	PERFORM p2ptext.require_texter(camp, me);
	IF wanted NOT BETWEEN 1 AND camp.batch_size THEN
		RAISE EXCEPTION 'a batch of campaign "%" has 1 to % texts, not %', campaign, camp.batch_size, n
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'A manager can raise campaign.batch_size, or assign() more.';
	ELSIF what = 'initials' AND camp.assignment <> 'open' THEN
		RAISE EXCEPTION 'texts of campaign "%" are not there for the taking', campaign
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = CASE camp.assignment WHEN 'request' THEN 'Ask for some with request_texts().'
										ELSE 'A manager gives them out with assign().' END;
	END IF;
	-- Clicks of one texter take turns, so that two do not fill a batch twice.
	PERFORM p2ptext.take_turn(camp.id, me);
	held := CASE what WHEN 'replies' THEN p2ptext.waiting_for(camp, me) ELSE (
		SELECT count(*)
		FROM (SELECT FROM p2ptext.outbox o
			  WHERE o.campaign_id = camp.id AND o.texter = me::text COLLATE "C" AND o.position = 0 AND o.kind = 'initial' LIMIT camp.batch_size) h) END;
	wanted := coalesce(n, greatest(1, camp.batch_size - held));
	IF held + wanted > camp.batch_size THEN
		RAISE EXCEPTION '%', format(CASE what WHEN 'replies' THEN '%s voters of campaign "%s" wait for you'
											  ELSE 'you hold %s texts of campaign "%s" that have not left' END, held, campaign)
			USING ERRCODE = 'object_in_use',
			DETAIL = format('A texter holds %s at once.', camp.batch_size),
			HINT = CASE what WHEN 'replies' THEN 'Answer these first: SELECT * FROM p2ptext.inbox shows them.'
							 ELSE 'Approve these first: next_text() shows them.' END;
	ELSIF what = 'replies' THEN
		RETURN p2ptext.note_assignment(camp.id, me, 'batch', 0, p2ptext.take_replies(camp, me, wanted));
	END IF;
	PERFORM p2ptext.require_room(camp, me, 1);
	wanted := least(wanted, p2ptext.room_left(camp, me));
	RETURN p2ptext.note_assignment(camp.id, me, 'batch',
		cardinality(p2ptext.take_initials(camp, me, wanted)), 0);
END
$$;
COMMENT ON FUNCTION p2ptext.take_batch(text, int, text) IS
'gives the calling texter n drafts that nobody holds, as many as batch_size allows unless said, or with what => ''replies'' that many voters who wait for an answer, in a campaign of any mode; fewer when there are no more';
