-- queue.sql
--	  The sender's side of the outbox: claim, finish, recover, requeue.
--
-- The sender calls these; nobody else may.  A claim is committed before the
-- courier hears of it, and no transaction is open while a gateway answers, so
-- after any crash a row in 'sending' is one whose fate is not known.

-- When a phone was texted last, but for the text in question.  Volatile, to see
-- what the very claim that asks has done; claims that ask take turns.
CREATE FUNCTION p2ptext.last_contact(phone text, outbox_id bigint) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM pg_advisory_xact_lock('p2ptext.outbox'::regclass::int, 0);
	RETURN (
		SELECT max(t.at) FROM (
			SELECT c.last_out_at FROM p2ptext.conversation c WHERE c.phone = last_contact.phone
			UNION ALL
			SELECT o.claimed_at FROM p2ptext.outbox o
			WHERE o.phone = last_contact.phone AND o.status IN ('sending', 'unknown')
			AND o.id <> outbox_id) AS t(at));
END
$$;
COMMENT ON FUNCTION p2ptext.last_contact(text, bigint) IS 'when another text was last sent to a phone, in any campaign';

CREATE FUNCTION p2ptext.is_among(number bigint, sorted bigint[]) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'p2ptext_is_among';
COMMENT ON FUNCTION p2ptext.is_among(bigint, bigint[]) IS 'whether a sorted array, without nulls, holds a number';

-- Each lane is a campaign, a kind of text and one of our numbers; mark is the
-- highest position claimed from it so far, below which lie only dead rows.  A
-- row that must not leave now is put aside in the same statement; those of a
-- paused campaign stay where they are.  Where the segment is to be read again,
-- only texts that recheck() has just found to be still wanted are taken.
CREATE FUNCTION p2ptext.claim(worker int, campaigns int[], kinds text[], senders text[], marks bigint[],
	quotas int[], checked bigint[])
RETURNS TABLE (lane int, id bigint, campaign_id int, "position" bigint, status text,
			   gateway_id int, ref text, sender text, phone text, body text, media text[], validity_s int)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH picked AS MATERIALIZED (
		SELECT o.*, lane.nth
		FROM unnest(campaigns, kinds, senders, marks, quotas) WITH ORDINALITY
			AS lane(campaign_id, kind, sender, mark, quota, nth)
		JOIN p2ptext.campaign c ON c.id = lane.campaign_id AND c.status = 'active'
		CROSS JOIN LATERAL (
			SELECT q.ctid AS place, q.id, q.campaign_id, q.conversation_id, q.kind, q.position, q.phone,
				   q.timezones, q.confirms
			FROM p2ptext.outbox q
			WHERE q.campaign_id = lane.campaign_id AND q.kind = lane.kind AND q.sender = lane.sender
			AND q.status = 'approved' AND q.not_before IS NULL
			AND q.position > 0 AND q.position > lane.mark
			AND (lane.kind <> 'initial' OR NOT c.recheck OR p2ptext.is_among(q.id, checked))
			ORDER BY q.position LIMIT lane.quota
			FOR UPDATE SKIP LOCKED) o),
	judged AS (
		SELECT p.place, p.id, p.position, p.nth, c.gateway_id, e.send_before,
			   CASE WHEN x.phone IS NOT NULL THEN 'suppressed'
					WHEN e.send_before <= now() THEN 'expired'
					WHEN h.opens > now() OR f.free > now() THEN 'approved'
					WHEN h.opens IS NULL THEN 'suppressed'
					ELSE 'sending' END AS status,
			   CASE WHEN x.phone IS NOT NULL THEN 'opted_out'
					WHEN e.send_before <= now() THEN CASE WHEN p.confirms IS NULL THEN 'send_before' ELSE 'too_late' END
					WHEN h.opens > now() OR h.opens IS NULL THEN 'texting_hours'
					WHEN f.free > now() THEN 'contact_gap' END AS reason,
			   CASE WHEN h.opens > now() OR f.free > now() THEN greatest(h.opens, f.free) END AS not_before
		FROM picked p
		JOIN p2ptext.campaign c ON c.id = p.campaign_id
		JOIN p2ptext.gateway g ON g.id = c.gateway_id
		LEFT JOIN p2ptext.organisation r ON r.id = g.organisation_id
		CROSS JOIN LATERAL (
			SELECT greatest(c.hours_start, r.hours_start), least(c.hours_end, r.hours_end)) AS t(starts, ends)
		LEFT JOIN p2ptext.opt_out x ON x.phone = p.phone AND x.ended_at IS NULL
			AND (x.organisation_id IS NULL OR x.organisation_id = g.organisation_id)
			-- The voter has just texted, and nothing else will be sent.
			AND x.id IS DISTINCT FROM p.confirms
		CROSS JOIN LATERAL (
			SELECT CASE WHEN p.confirms IS NULL THEN c.send_before
				ELSE coalesce((SELECT y.created_at + interval '5 min' FROM p2ptext.opt_out y
							   WHERE y.id = p.confirms AND y.ended_at IS NULL), '-infinity') END) AS e(send_before)
		CROSS JOIN LATERAL (
			SELECT CASE WHEN NOT g.keep_texting_hours OR p.confirms IS NOT NULL THEN now()
				WHEN p2ptext.known_timezones(p.timezones)
				THEN CASE WHEN t.starts >= t.ends THEN NULL
						  WHEN c.state_hours OR r.state_hours
						  THEN p2ptext.next_state_time(p.timezones, p.phone, t.starts, t.ends, now(),
							  p2ptext.conversation_state(p.conversation_id, p.campaign_id))
						  ELSE p2ptext.next_texting_time(p.timezones, t.starts, t.ends, now()) END
				END) AS h(opens)
		CROSS JOIN LATERAL (
			SELECT CASE WHEN c.contact_gap IS NOT NULL AND p.kind = 'initial'
				THEN p2ptext.last_contact(p.phone, p.id) + c.contact_gap END) AS f(free))
	UPDATE p2ptext.outbox o
	SET status = j.status, reason = j.reason, not_before = j.not_before,
		position = CASE WHEN j.status = 'sending' THEN o.position END,
		attempts = o.attempts + (j.status = 'sending')::int,
		claimed_by = worker, claimed_at = now(),
		ref = CASE WHEN j.status = 'sending'
			THEN o.id || '-' || replace(gen_random_uuid()::text, '-', '') ELSE o.ref END
	FROM judged j
	WHERE o.ctid = j.place AND o.id = j.id AND o.status = 'approved'
	RETURNING j.nth::int, o.id, o.campaign_id, j.position, o.status, j.gateway_id, o.ref,
			  o.sender, o.phone, o.body, o.media,
			  CASE WHEN j.send_before > now()
				   THEN least(ceil(extract(epoch FROM j.send_before - now())), 2147483647)::int END;
END
$$;
COMMENT ON FUNCTION p2ptext.claim(int, int[], text[], text[], bigint[], int[], bigint[]) IS
'marks the next approved texts of some lanes as being sent, or puts them aside where an opt-out, texting hours, contact_gap or an expiry forbids it';

-- What becomes of a text that was accepted or refused: it moves to message,
-- its conversation moves on, and an opt-out the gateway told of is kept.
CREATE FUNCTION p2ptext.finish(ids bigint[], campaigns int[], outcomes text[], provider_ids text[],
	codes text[], details text[], delays_ms int[], segments int[])
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	-- So often and no oftener.
	IF 'retry' = ANY (outcomes) THEN
		outcomes := ARRAY(
			SELECT CASE WHEN r.outcome = 'retry' AND o.attempts >= g.max_attempts THEN 'failed' ELSE r.outcome END
			FROM unnest(ids, campaigns, outcomes) WITH ORDINALITY AS r(id, campaign_id, outcome, nth)
			JOIN p2ptext.campaign c ON c.id = r.campaign_id
			JOIN p2ptext.gateway g ON g.id = c.gateway_id
			LEFT JOIN p2ptext.outbox o ON o.id = r.id AND o.campaign_id = r.campaign_id
			ORDER BY r.nth);
	END IF;
	IF 'opted_out' = ANY (outcomes) THEN
		INSERT INTO p2ptext.opt_out (phone, how, detail, organisation_id)
		SELECT o.phone, 'gateway', nullif(r.code, ''), p2ptext.opt_out_scope(c.gateway_id)
		FROM unnest(ids, campaigns, outcomes, codes) AS r(id, campaign_id, outcome, code)
		JOIN p2ptext.outbox o ON o.id = r.id AND o.campaign_id = r.campaign_id AND o.status = 'sending'
		JOIN p2ptext.campaign c ON c.id = r.campaign_id
		WHERE r.outcome = 'opted_out'
		ON CONFLICT DO NOTHING;
	END IF;
	IF 'failed' = ANY (outcomes) THEN
		INSERT INTO p2ptext.phone_line (phone, line_type, detail)
		SELECT o.phone, CASE p.class WHEN 'recipient_landline' THEN 'landline' ELSE 'invalid' END, g.name || ' ' || r.code
		FROM unnest(ids, campaigns, outcomes, codes) AS r(id, campaign_id, outcome, code)
		JOIN p2ptext.outbox o ON o.id = r.id AND o.campaign_id = r.campaign_id AND o.status = 'sending'
		JOIN p2ptext.campaign c ON c.id = r.campaign_id
		JOIN p2ptext.gateway g ON g.id = c.gateway_id
		JOIN p2ptext.provider_code p ON p.provider = g.provider AND p.code = r.code
		WHERE r.outcome = 'failed' AND p.told_by <> 'receipt' AND p.class IN ('recipient_landline', 'recipient_invalid')
		ON CONFLICT DO NOTHING;
	END IF;
	WITH result AS MATERIALIZED (
		SELECT * FROM unnest(ids, campaigns, outcomes, provider_ids, codes, details, segments)
			AS r(id, campaign_id, outcome, provider_id, code, detail, segments)
		WHERE r.outcome IN ('sent', 'failed', 'opted_out')),
	gone AS (
		DELETE FROM p2ptext.outbox o USING result r
		WHERE o.id = r.id AND o.campaign_id = r.campaign_id AND o.status = 'sending'
		RETURNING o.*, r.outcome, r.provider_id, r.code, r.detail, r.segments),
	kept AS (
		INSERT INTO p2ptext.message (id, campaign_id, conversation_id, direction, kind, variant, step_id, status,
									 sender, phone, body, sms_segments, media, approved_by, approved_at,
									 sent_at, gateway_id, provider_id, ref, error_code, error_text,
									 confirms, created_at)
		SELECT g.id, g.campaign_id, g.conversation_id, 'out', g.kind, g.variant, g.step_id,
			   CASE g.outcome WHEN 'sent' THEN 'sent' ELSE 'failed' END,
			   g.sender, g.phone, g.body,
			   coalesce(nullif(g.segments, 0), p2ptext.sms_segments(g.body)), to_jsonb(g.media),
			   g.approved_by, g.approved_at,
			   CASE g.outcome WHEN 'sent' THEN g.claimed_at END,
			   c.gateway_id, nullif(g.provider_id, ''), g.ref,
			   nullif(g.code, ''), nullif(g.detail, ''), g.confirms, g.created_at
		FROM gone g
		JOIN p2ptext.campaign c ON c.id = g.campaign_id)
	UPDATE p2ptext.conversation c
	SET message_status = CASE WHEN c.message_status = 'closed' THEN 'closed'
							  WHEN c.message_status = 'needs_message' THEN 'messaged'
							  WHEN g.kind = 'reply' AND c.waiting_since IS NULL THEN 'convo'
							  ELSE c.message_status END,
		messaged_at = CASE c.message_status WHEN 'needs_message' THEN g.claimed_at ELSE c.messaged_at END,
		last_out_at = g.claimed_at, step_id = coalesce(g.step_id, c.step_id)
	FROM gone g
	WHERE g.outcome = 'sent' AND c.id = g.conversation_id AND c.campaign_id = g.campaign_id;

	-- What did not leave, or may not have.
	IF outcomes && '{retry,deferred,unknown}' THEN
		UPDATE p2ptext.outbox o
		SET status = CASE r.outcome WHEN 'unknown' THEN 'unknown' ELSE 'approved' END,
			reason = CASE r.outcome WHEN 'unknown' THEN 'no_answer' WHEN 'retry' THEN 'retry' END,
			position = CASE WHEN r.outcome = 'deferred' AND r.delay_ms = 0
				THEN nextval('p2ptext.outbox_position') END,
			not_before = CASE WHEN r.outcome = 'deferred' AND r.delay_ms > 0
				THEN now() + r.delay_ms * interval '1 millisecond'
				WHEN r.outcome = 'retry' THEN
				now() + greatest(r.delay_ms, least(500 * 2 ^ least(o.attempts, 10), 300000)
										  * (0.5 + random())) * interval '1 millisecond'
				WHEN r.outcome = 'unknown' THEN p2ptext.next_find(c.gateway_id, o.claimed_at) END,
			attempts = o.attempts - (r.outcome = 'deferred')::int,
			-- Its number may have gone out of service meanwhile.
			sender = CASE r.outcome WHEN 'unknown' THEN o.sender ELSE v.sender END,
			error_code = nullif(r.code, ''), error_text = nullif(r.detail, '')
		FROM unnest(ids, campaigns, outcomes, codes, details, delays_ms)
			AS r(id, campaign_id, outcome, code, detail, delay_ms)
		JOIN p2ptext.campaign c ON c.id = r.campaign_id
		JOIN p2ptext.outbox t ON t.id = r.id AND t.campaign_id = r.campaign_id
		JOIN p2ptext.conversation v ON v.id = t.conversation_id AND v.campaign_id = t.campaign_id
		WHERE o.id = r.id AND o.campaign_id = r.campaign_id AND o.status = 'sending'
		AND r.outcome IN ('retry', 'deferred', 'unknown');
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.finish(bigint[], int[], text[], text[], text[], text[], int[], int[]) IS
'records what the gateway answered for claimed texts: sent, failed, opted_out, retry, deferred or unknown';

-- A sender that starts finds what its predecessor had claimed.  Some of it may
-- have been accepted, so none of it may be sent again.
CREATE FUNCTION p2ptext.recover(worker int, workers int) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	n bigint;
BEGIN
	UPDATE p2ptext.outbox o
	SET status = 'unknown', reason = 'sender_stopped', position = NULL,
		not_before = p2ptext.next_find(c.gateway_id, o.claimed_at)
	FROM p2ptext.campaign c
	WHERE c.id = o.campaign_id AND o.status = 'sending' AND o.position > 0
	AND (o.claimed_by = worker OR (worker = 0 AND o.claimed_by >= workers));
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END
$$;
COMMENT ON FUNCTION p2ptext.recover(int, int) IS
'marks what this sender, or one that no longer runs, had claimed as unknown; returns how many';

-- What is on its way and should not be any more: whoever claimed it lets the
-- courier give back what has not begun.
CREATE FUNCTION p2ptext.to_recall(ids bigint[]) RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT o.id
	FROM p2ptext.outbox o
	JOIN p2ptext.campaign c ON c.id = o.campaign_id
	JOIN p2ptext.gateway g ON g.id = c.gateway_id
	LEFT JOIN p2ptext.sender s ON s.gateway_id = g.id AND s.number = o.sender
	LEFT JOIN p2ptext.opt_out x ON x.phone = o.phone AND x.ended_at IS NULL
		AND (x.organisation_id IS NULL OR x.organisation_id = g.organisation_id) AND x.id IS DISTINCT FROM o.confirms
	WHERE o.id = ANY (ids) AND o.status = 'sending'
	AND (c.status <> 'active' OR NOT g.enabled OR s.enabled IS NOT TRUE OR x.phone IS NOT NULL)
$$;
COMMENT ON FUNCTION p2ptext.to_recall(bigint[]) IS
'which claimed texts an opt-out, a pause or a number taken out of service forbids';

-- Back into the queue when its time has come; returns when the next is due.
CREATE FUNCTION p2ptext.requeue(max_rows int) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE p2ptext.outbox o
	SET not_before = NULL, position = nextval('p2ptext.outbox_position')
	FROM (SELECT d.id, d.campaign_id FROM p2ptext.outbox d
		  WHERE d.status = 'approved' AND d.not_before <= now()
		  ORDER BY d.not_before LIMIT max_rows FOR UPDATE SKIP LOCKED) d
	WHERE o.id = d.id AND o.campaign_id = d.campaign_id;
	RETURN (SELECT min(o.not_before) FROM p2ptext.outbox o
			WHERE o.status = 'approved' AND o.not_before < 'infinity');
END
$$;
COMMENT ON FUNCTION p2ptext.requeue(int) IS 'requeues deferred texts whose time has come; returns when the next is due';
