-- outbox.sql
--	  Texts that have not finished leaving, and how people let them go.
--
-- draft -> approved -> sending -> moved to message as sent or failed; in
-- between a text may wait for review (src/conversation/moderation.sql).
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
		(status IN ('draft', 'review', 'approved', 'sending', 'cancelled', 'expired', 'suppressed', 'unknown')),
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
	confirms bigint,
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
-- What has ended, until refresh() finds its voter in the segment again.
CREATE INDEX outbox_ended_idx ON p2ptext.outbox (campaign_id) WHERE position IS NULL AND not_before IS NULL;
COMMENT ON TABLE p2ptext.outbox IS 'texts that have not finished leaving';
COMMENT ON COLUMN p2ptext.outbox.variant IS 'which of the campaign''s first texts it is';
COMMENT ON COLUMN p2ptext.outbox.step_id IS 'the interaction step whose script it is; NULL for first texts and a texter''s own words';
COMMENT ON COLUMN p2ptext.outbox.body IS 'what will be sent, byte for byte; NULL until the texter is known whose name is in it';
COMMENT ON COLUMN p2ptext.outbox.reason IS 'why it waits, or why it ended';
COMMENT ON COLUMN p2ptext.outbox.position IS '0: a draft; above: its place in the queue, taken at approval; NULL: waits for not_before, or ended';
COMMENT ON COLUMN p2ptext.outbox.not_before IS 'approved, but waiting until then; of unknown fate, and the gateway is asked then';
COMMENT ON COLUMN p2ptext.outbox.media IS 'URLs of what the text brings along';
COMMENT ON COLUMN p2ptext.outbox.confirms IS 'the opt-out of which this text, and it alone, may still tell the voter';
COMMENT ON COLUMN p2ptext.outbox.ref IS 'our unguessable reference of this attempt';
SELECT pg_extension_config_dump('p2ptext.outbox', '');

-- The merge fields of a conversation, with the texter who speaks.
CREATE FUNCTION p2ptext.merge_fields(conv p2ptext.conversation, texter name) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN conv.fields || jsonb_build_object('texter', to_jsonb(p2ptext.texter(texter))); END $$;
COMMENT ON FUNCTION p2ptext.merge_fields(p2ptext.conversation, name) IS 'what a script reads when it speaks to this voter in the name of this texter';

-- A person who sends more than so many texts in a minute does not read them.
CREATE FUNCTION p2ptext.keep_pace(camp p2ptext.campaign, texter name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	soonest timestamptz;
BEGIN
	PERFORM p2ptext.take_turn(camp.id, texter);
	-- The one that must be a minute old before another may leave.
	SELECT l.at + interval '1 minute' INTO soonest
	FROM p2ptext.access_log l
	WHERE l.campaign_id = camp.id AND l.texter = texter AND l.action = 'approved'
	AND l.at > clock_timestamp() - interval '1 minute'
	ORDER BY l.at DESC OFFSET camp.max_per_minute - 1 LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'not so fast: campaign "%" allows a texter % texts a minute', camp.name, camp.max_per_minute
			USING ERRCODE = 'configuration_limit_exceeded',
			DETAIL = format('The next may be approved at %s.', soonest),
			HINT = 'Wait until then, and approve it again.';
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.keep_pace(p2ptext.campaign, name) IS 'errors, telling when, while a texter may not approve another text';

CREATE FUNCTION p2ptext.check_body(body text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF body IS NULL OR p2ptext.sms_problem(body) = 'empty' THEN
		RAISE EXCEPTION 'a text needs some words'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF p2ptext.sms_problem(body) = 'too_long' THEN
		RAISE EXCEPTION 'a text has at most 1600 characters'
			USING ERRCODE = 'string_data_right_truncation',
			DETAIL = format('This one has %s.', length(body));
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.check_body(text) IS 'errors unless a text can be sent';

CREATE FUNCTION p2ptext.approve(outbox_id bigint, body text DEFAULT NULL) RETURNS p2ptext.outbox
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_sort = off
AS $$
#variable_conflict use_variable
DECLARE
	me name := p2ptext.caller();
	item p2ptext.outbox;
	camp p2ptext.campaign;
	shown text;
	why text;
	detail text;
BEGIN
	PERFORM p2ptext.require_active('texter', 'manager');
	PERFORM p2ptext.one_action();
	SELECT * INTO item FROM p2ptext.outbox o WHERE o.id = outbox_id AND o.kind = 'initial' FOR UPDATE;
	IF NOT FOUND THEN
		-- The conversation before its text, as everybody locks them.
		PERFORM p2ptext.hold_conversation(o.conversation_id) FROM p2ptext.outbox o WHERE o.id = outbox_id;
		SELECT * INTO item FROM p2ptext.outbox o WHERE o.id = outbox_id FOR UPDATE;
	END IF;
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
	IF item.kind = 'reply' THEN
		PERFORM p2ptext.set_answered(ARRAY[item.conversation_id], item.campaign_id, me);
	ELSIF camp.mode = 'broadcast' THEN
		PERFORM p2ptext.require_member('manager');
	ELSIF item.texter IS NULL AND NOT p2ptext.is_member('manager') THEN
		RAISE EXCEPTION 'text % is held by nobody', outbox_id
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'next_text() shows a draft of your own.';
	END IF;
	IF camp.max_per_minute IS NOT NULL AND item.kind = 'initial' THEN
		PERFORM p2ptext.keep_pace(camp, me);
	END IF;
	shown := item.body;
	IF body <> shown THEN
		PERFORM p2ptext.check_body(body);
		IF item.kind = 'initial' THEN
			PERFORM p2ptext.keep_required_words(camp, shown, body);
		END IF;
		SELECT * INTO why, detail FROM p2ptext.why_review(camp, shown, body);
	END IF;
	UPDATE p2ptext.outbox o
	SET status = CASE WHEN why IS NULL THEN 'approved' ELSE 'review' END,
		body = coalesce(body, shown), texter = me, approved_by = me, approved_at = clock_timestamp(),
		position = CASE WHEN why IS NULL THEN nextval('p2ptext.outbox_position') END
	WHERE o.id = item.id AND o.campaign_id = item.campaign_id
	RETURNING * INTO item;
	INSERT INTO p2ptext.access_log (campaign_id, texter, action, conversation_id, outbox_id)
	VALUES (item.campaign_id, me, 'approved', item.conversation_id, item.id);
	IF why IS NOT NULL THEN
		PERFORM p2ptext.ask_review(item.campaign_id, item.id, me, why, detail, shown);
	END IF;
	RETURN item;
END
$$;
COMMENT ON FUNCTION p2ptext.approve(bigint, text) IS
'lets one draft leave, in the name of the caller, with body in place of what was shown; one human action for one message, so once per statement; a body that departs from the script beyond the campaign''s free_edit, or holds a listed word, waits for a manager''s review()';

CREATE FUNCTION p2ptext.approve_batch(campaign text, max_rows int DEFAULT 1000) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	me name := p2ptext.caller();
	pool p2ptext.draft_pool;
	mark bigint;
	last bigint;
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
	SELECT * INTO pool FROM p2ptext.draft_pool p WHERE p.campaign_id = camp.id;
	mark := coalesce(pool.mark, 0);
	LOOP
		WITH approved AS (
			UPDATE p2ptext.outbox o
			SET status = 'approved', approved_by = me, approved_at = clock_timestamp(),
				position = nextval('p2ptext.outbox_position')
			WHERE o.ctid = ANY (ARRAY(
				SELECT d.ctid FROM p2ptext.outbox d
				WHERE d.campaign_id = camp.id AND d.position = 0 AND d.texter IS NULL AND d.body IS NOT NULL
				AND d.kind = 'initial' AND d.id > mark
				ORDER BY d.texter, d.id LIMIT max_rows))
			AND o.position = 0 AND o.texter IS NULL
			RETURNING o.id)
		SELECT count(*), max(a.id) INTO n, last FROM approved a;
		EXIT WHEN n > 0 OR mark = 0;
		mark := 0;
	END LOOP;
	IF n > 0 THEN
		PERFORM p2ptext.move_mark(camp.id, last, pool);
	END IF;
	RETURN n;
END
$$;
COMMENT ON FUNCTION p2ptext.approve_batch(text, int) IS
'lets up to max_rows first texts of a broadcast campaign leave; returns how many';

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
	WHERE o.campaign_id = camp.id AND o.status IN ('draft', 'review', 'approved');
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END
$$;
COMMENT ON FUNCTION p2ptext.cancel(text) IS 'cancels every draft and approved text of a campaign that has not been claimed; returns how many';
