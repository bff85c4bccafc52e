-- outbox.sql
--	  Texts that have not finished leaving, and how people let them go.
--
-- draft -> approved -> sending -> moved to message as sent or failed.
-- A row may also end here as cancelled, expired, suppressed or unknown; reason
-- says why.  Only claim() and finish() (queue.sql) go beyond approved.

-- Taken at approval, so that work always lies above what was claimed before.
CREATE SEQUENCE p2ptext.outbox_position;
COMMENT ON SEQUENCE p2ptext.outbox_position IS 'the order in which texts were approved';
SELECT pg_extension_config_dump('p2ptext.outbox_position', '');

CREATE TABLE p2ptext.outbox (
	id bigint NOT NULL DEFAULT nextval('p2ptext.message_id'),
	campaign_id int NOT NULL,
	conversation_id bigint NOT NULL,
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('initial', 'reply')),
	variant text,
	step_id int,
	status text NOT NULL DEFAULT 'draft' CHECK
		(status IN ('draft', 'approved', 'sending', 'cancelled', 'expired', 'suppressed', 'unknown')),
	reason text,
	sender text COLLATE "C" NOT NULL,
	phone text NOT NULL CHECK (p2ptext.is_e164(phone)),
	timezones text[] NOT NULL,
	body text,
	media text[],
	texter text COLLATE "C",
	approved_by text,
	approved_at timestamptz,
	position bigint DEFAULT 0,
	not_before timestamptz,
	attempts int NOT NULL DEFAULT 0,
	claimed_by int,
	claimed_at timestamptz,
	ref text,
	error_code text,
	error_text text,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (id, campaign_id),
	FOREIGN KEY (conversation_id, campaign_id) REFERENCES p2ptext.conversation,
	CHECK (status IN ('draft', 'cancelled', 'expired', 'suppressed')
		   OR (approved_by IS NOT NULL AND approved_at IS NOT NULL AND body IS NOT NULL)),
	CHECK ((coalesce(position, -1) = 0) = (status = 'draft')),
	CHECK ((coalesce(position, -1) > 0)
		   = (status = 'sending' OR (status = 'approved' AND not_before IS NULL))),
	CHECK (status <> 'sending' OR (ref IS NOT NULL AND claimed_by IS NOT NULL))
) WITH (fillfactor = 26);
CREATE INDEX outbox_conversation_id_idx ON p2ptext.outbox (conversation_id, campaign_id);
CREATE INDEX outbox_phone_idx ON p2ptext.outbox (phone);
-- A claim changes no column that these name, and of each page so much is free
-- that all its rows can be approved and claimed while an old snapshot keeps
-- what they were before: so a claim need not touch these.
CREATE INDEX outbox_draft_idx ON p2ptext.outbox (campaign_id, texter, id) WHERE position = 0;
CREATE INDEX outbox_queue_idx ON p2ptext.outbox (campaign_id, kind, sender, position) WHERE position > 0;
CREATE INDEX outbox_deferred_idx ON p2ptext.outbox (not_before) WHERE not_before IS NOT NULL;
COMMENT ON TABLE p2ptext.outbox IS 'texts that have not finished leaving';
COMMENT ON COLUMN p2ptext.outbox.variant IS 'which of the campaign''s first texts it is';
COMMENT ON COLUMN p2ptext.outbox.step_id IS 'the interaction step whose script it is; NULL for first texts and a texter''s own words';
COMMENT ON COLUMN p2ptext.outbox.body IS 'what will be sent, byte for byte; NULL until the texter is known whose name is in it';
COMMENT ON COLUMN p2ptext.outbox.reason IS 'why it waits, or why it ended';
COMMENT ON COLUMN p2ptext.outbox.position IS '0: a draft; above: its place in the queue, taken at approval; NULL: waits for not_before, or ended';
COMMENT ON COLUMN p2ptext.outbox.not_before IS 'approved, but waiting until then; of unknown fate, and the gateway is asked then';
COMMENT ON COLUMN p2ptext.outbox.media IS 'URLs of what the text brings along';
COMMENT ON COLUMN p2ptext.outbox.ref IS 'our unguessable reference of this attempt';
SELECT pg_extension_config_dump('p2ptext.outbox', '');

-- The merge fields of a conversation, with the texter who speaks.
CREATE FUNCTION p2ptext.merge_fields(conv p2ptext.conversation, texter name) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT conv.fields || jsonb_build_object('texter', to_jsonb(p2ptext.texter(texter))) $$;
COMMENT ON FUNCTION p2ptext.merge_fields(p2ptext.conversation, name) IS 'what a script reads when it speaks to this voter in the name of this texter';

CREATE FUNCTION p2ptext.next_text(campaign text)
RETURNS TABLE (outbox_id bigint, voter_key text, phone text, body text, sms_segments int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	me name := p2ptext.caller();
	draft p2ptext.outbox;
	conv p2ptext.conversation;
BEGIN
	PERFORM p2ptext.require_member('texter', 'manager');
	PERFORM p2ptext.require_open(camp);
	IF camp.status <> 'active' THEN
		RAISE EXCEPTION 'campaign "%" is %', campaign, camp.status
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = CASE camp.status WHEN 'draft' THEN 'Launch it first: SELECT p2ptext.launch(...).'
									ELSE 'Resume it first: SELECT p2ptext.resume(...).' END;
	ELSIF camp.mode <> 'p2p' THEN
		RAISE EXCEPTION 'campaign "%" is in mode %', campaign, camp.mode
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'A manager approves its texts with approve_batch().';
	END IF;
	-- First what this texter has been shown already, then what nobody holds.
	SELECT * INTO draft FROM p2ptext.outbox o
	WHERE o.campaign_id = camp.id AND o.texter = me AND o.position = 0
	ORDER BY o.id LIMIT 1 FOR UPDATE;
	IF NOT FOUND THEN
		SELECT * INTO draft FROM p2ptext.outbox o
		WHERE o.campaign_id = camp.id AND o.texter IS NULL AND o.position = 0
		ORDER BY o.id LIMIT 1 FOR UPDATE SKIP LOCKED;
	END IF;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	SELECT * INTO STRICT conv FROM p2ptext.conversation c
	WHERE c.id = draft.conversation_id AND c.campaign_id = camp.id;
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
	END IF;
	IF draft.texter IS NULL THEN
		UPDATE p2ptext.outbox o SET texter = me, body = draft.body
		WHERE o.id = draft.id AND o.campaign_id = camp.id;
		UPDATE p2ptext.conversation c SET texter = me
		WHERE c.id = conv.id AND c.campaign_id = camp.id;
	END IF;
	RETURN QUERY SELECT draft.id, conv.voter_key, draft.phone, draft.body, p2ptext.sms_segments(draft.body);
END
$$;
COMMENT ON FUNCTION p2ptext.next_text(text) IS
'shows the calling texter the next draft of a campaign, now held for them; the same one until it is approved';

CREATE FUNCTION p2ptext.approve(outbox_id bigint) RETURNS p2ptext.outbox
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	me name := p2ptext.caller();
	item p2ptext.outbox;
	camp p2ptext.campaign;
BEGIN
	PERFORM p2ptext.require_member('texter', 'manager');
	PERFORM p2ptext.one_action();
	SELECT * INTO item FROM p2ptext.outbox o WHERE o.id = outbox_id FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'outbox has no text %', outbox_id
			USING ERRCODE = 'undefined_object',
			HINT = 'It may have left already: see p2ptext.message.';
	ELSIF item.status <> 'draft' THEN
		RAISE EXCEPTION 'text % is %, not a draft', outbox_id, item.status
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = CASE WHEN item.approved_by IS NULL THEN 'Nobody approved it.'
				ELSE format('It was approved by "%s" at %s.', item.approved_by, item.approved_at) END;
	ELSIF item.texter <> me THEN
		RAISE EXCEPTION 'text % is held by another texter', outbox_id
			USING ERRCODE = 'object_in_use',
			HINT = 'next_text() shows a draft of your own.';
	ELSIF item.body IS NULL THEN
		RAISE EXCEPTION 'text % has not been shown to anybody', outbox_id
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'next_text() writes it in your name and shows it.';
	END IF;
	SELECT * INTO STRICT camp FROM p2ptext.campaign c WHERE c.id = item.campaign_id;
	PERFORM p2ptext.require_open(camp);
	IF camp.mode = 'broadcast' THEN
		PERFORM p2ptext.require_member('manager');
	END IF;
	UPDATE p2ptext.outbox o
	SET status = 'approved', texter = me, approved_by = me, approved_at = clock_timestamp(),
		position = nextval('p2ptext.outbox_position')
	WHERE o.id = item.id AND o.campaign_id = item.campaign_id
	RETURNING * INTO item;
	RETURN item;
END
$$;
COMMENT ON FUNCTION p2ptext.approve(bigint) IS
'lets one draft leave, in the name of the caller; one human action for one message, so once per statement';

CREATE FUNCTION p2ptext.approve_batch(campaign text, max_rows int DEFAULT 1000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	me name := p2ptext.caller();
	n bigint;
BEGIN
	PERFORM p2ptext.require_member('manager');
	IF camp.mode <> 'broadcast' THEN
		RAISE EXCEPTION 'campaign "%" is in mode %', campaign, camp.mode
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'In this mode each text is approved by itself.',
			HINT = 'Use next_text() and approve(), or create the campaign with mode => ''broadcast''.';
	END IF;
	PERFORM p2ptext.require_open(camp);
	IF coalesce(max_rows, 0) < 1 THEN
		RAISE EXCEPTION 'max_rows must be at least 1'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- Batches of one campaign take turns, so that no row need be locked first.
	PERFORM pg_advisory_xact_lock('p2ptext.outbox'::regclass::int, camp.id);
	UPDATE p2ptext.outbox o
	SET status = 'approved', approved_by = me, approved_at = clock_timestamp(),
		position = nextval('p2ptext.outbox_position')
	WHERE o.ctid = ANY (ARRAY(
		SELECT d.ctid FROM p2ptext.outbox d
		WHERE d.campaign_id = camp.id AND d.position = 0 AND d.texter IS NULL AND d.body IS NOT NULL
		ORDER BY d.id LIMIT max_rows))
	AND o.position = 0 AND o.texter IS NULL;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END
$$;
COMMENT ON FUNCTION p2ptext.approve_batch(text, int) IS
'lets up to max_rows drafts of a broadcast campaign leave; returns how many';

CREATE FUNCTION p2ptext.cancel(campaign text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	n bigint;
BEGIN
	PERFORM p2ptext.require_member('manager');
	UPDATE p2ptext.outbox o SET status = 'cancelled', reason = format('by %s', p2ptext.caller()),
		position = NULL, not_before = NULL
	WHERE o.campaign_id = camp.id AND o.status IN ('draft', 'approved');
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END
$$;
COMMENT ON FUNCTION p2ptext.cancel(text) IS 'cancels every draft and approved text of a campaign that has not been claimed; returns how many';
