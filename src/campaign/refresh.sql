-- refresh.sql
--	  Drafts that follow the voter file.
--
-- The source is read with the rights of the caller, who may not write drafts
-- that exist; so what was read is handed on, in chunks, to a function that may.

-- One phone has one text in a campaign, so whose phone is another's stays where
-- it is, and so does, in turn, who wanted that one's.  Phones that change hands
-- all do so in one statement.
CREATE FUNCTION p2ptext.move_phones(campaign_id int, ids bigint[], phones text[], reasons text[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_variable
DECLARE
	movers bigint[];
	had text[];
	wanted text[];
	free int;
	stuck int;
	leads_to int[];
	before int[];
	n bigint;
BEGIN
	-- Statistics do not know what has just been launched: one by one, by key.
	SELECT array_agg(m.id), array_agg(m.had), array_agg(m.phone), count(*) + 1, count(*) + 2
	INTO movers, had, wanted, free, stuck
	FROM (SELECT DISTINCT ON (n.phone COLLATE "C") c.id, c.had, n.phone
		  FROM unnest(ids, phones, reasons) AS n(id, phone, reason)
		  CROSS JOIN LATERAL (
			SELECT v.id, v.phone AS had, v.voter_key
			FROM p2ptext.outbox o
			JOIN p2ptext.conversation v ON v.id = o.conversation_id AND v.campaign_id = o.campaign_id
			WHERE o.id = n.id AND o.campaign_id = campaign_id AND o.status IN ('draft', 'suppressed')
			AND v.message_status = 'needs_message' AND v.phone <> n.phone OFFSET 0) c
		  WHERE n.reason IS NULL
		  ORDER BY n.phone COLLATE "C", c.voter_key COLLATE "C") m;
	-- From each mover to the one who has the phone, and on, twice as far each
	-- time, until all have come to an end or go round in circles.
	leads_to := ARRAY(
		SELECT CASE WHEN h.id IS NULL THEN free ELSE coalesce(x.nth, stuck) END
		FROM unnest(wanted) WITH ORDINALITY AS w(phone, nth)
		LEFT JOIN p2ptext.conversation h ON h.phone = w.phone AND h.campaign_id = campaign_id
		LEFT JOIN unnest(movers) WITH ORDINALITY AS x(id, nth) ON x.id = h.id
		ORDER BY w.nth) || ARRAY[free, stuck];
	FOR round IN 1 .. 32 LOOP
		before := leads_to;
		leads_to := ARRAY(SELECT before[l.to] FROM unnest(before) WITH ORDINALITY AS l("to", nth) ORDER BY l.nth);
		EXIT WHEN leads_to = before;
	END LOOP;
	WITH moved AS (
		UPDATE p2ptext.conversation c SET phone = m.phone
		FROM unnest(movers, had, wanted, leads_to[:free - 1]) AS m(id, had, phone, leads_to)
		WHERE c.id = m.id AND c.campaign_id = campaign_id AND m.leads_to <> stuck
		RETURNING c.id, m.had)
	INSERT INTO p2ptext.conversation_change (campaign_id, conversation_id, from_status, to_status, why)
	SELECT campaign_id, m.id, 'needs_message', 'needs_message', 'phone was ' || m.had FROM moved m;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END
$$;
COMMENT ON FUNCTION p2ptext.move_phones(int, bigint[], text[], text[]) IS
'gives conversations whose first text has not left the phone their voter has now, where no other voter of the campaign has it; returns how many';

CREATE FUNCTION p2ptext.rewrite_drafts(campaign_id int, ids bigint[], variants text[], bodies text[],
	fields jsonb[], states text[], timezones text[], phones text[], reasons text[], OUT changed bigint, OUT suppressed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	first_back bigint;
BEGIN
	PERFORM p2ptext.require_member('manager');
	-- What is being approved just now stays as it was shown.
	PERFORM FROM p2ptext.outbox o
	WHERE o.id = ANY (ids) AND o.campaign_id = campaign_id ORDER BY o.id FOR NO KEY UPDATE;
	PERFORM p2ptext.move_phones(campaign_id, ids, phones, reasons);
	UPDATE p2ptext.outbox o SET status = 'suppressed', reason = coalesce(n.reason, 'duplicate_phone'), position = NULL
	FROM unnest(ids, phones, reasons) AS n(id, phone, reason)
	WHERE o.id = n.id AND o.campaign_id = campaign_id AND o.position = 0
	AND (n.reason IS NOT NULL OR n.phone <> (
		SELECT c.phone FROM p2ptext.conversation c WHERE c.id = o.conversation_id AND c.campaign_id = o.campaign_id));
	GET DIAGNOSTICS suppressed = ROW_COUNT;
	-- A texter sends what they have been shown; what had been suppressed is
	-- nobody's.
	WITH drafts AS (
		UPDATE p2ptext.outbox o
		SET status = 'draft', reason = NULL, position = 0, approved_by = NULL, approved_at = NULL,
			texter = d.texter, phone = n.phone, timezones = n.timezones::text[],
			variant = CASE WHEN d.texter IS NULL THEN n.variant ELSE o.variant END,
			body = CASE WHEN d.texter IS NULL THEN n.body ELSE o.body END
		FROM unnest(ids, variants, bodies, states, timezones, phones, reasons, fields)
			AS n(id, variant, body, state, timezones, phone, reason, fields)
		CROSS JOIN LATERAL (
			SELECT w.status, CASE w.status WHEN 'draft' THEN w.texter END AS texter
			FROM p2ptext.outbox w
			JOIN p2ptext.conversation c ON c.id = w.conversation_id AND c.campaign_id = w.campaign_id
			WHERE w.id = n.id AND w.campaign_id = campaign_id AND c.phone = n.phone AND c.message_status = 'needs_message'
			AND (w.position = 0 AND (w.texter IS NULL OR w.phone <> n.phone) OR w.status = 'suppressed') OFFSET 0) d
		WHERE n.reason IS NULL AND o.id = n.id AND o.campaign_id = campaign_id
		RETURNING o.id, o.conversation_id, o.texter, o.timezones, n.fields, n.state, d.status),
	conversations AS (
		UPDATE p2ptext.conversation c
		SET state = d.state, timezones = d.timezones, texter = d.texter, fields = CASE WHEN d.texter IS NULL THEN d.fields ELSE c.fields END
		FROM drafts d
		WHERE c.id = d.conversation_id AND c.campaign_id = campaign_id)
	SELECT count(*), min(d.id) FILTER (WHERE d.status = 'suppressed') INTO changed, first_back FROM drafts d;
	IF first_back IS NOT NULL THEN
		PERFORM p2ptext.drafts_came_back(campaign_id, first_back);
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.rewrite_drafts(int, bigint[], text[], text[], jsonb[], text[], text[], text[], text[]) IS
'gives drafts that nobody holds a new text, new fields and the voter''s phone, held ones just the phone, and suppresses those with a reason, and those whose new phone another voter has; what was suppressed before and has no reason now is a draft again; returns how many of each';

CREATE FUNCTION p2ptext.refresh(campaign text)
RETURNS TABLE (changed bigint, suppressed bigint, unchanged bigint)
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign;
	chunk record;
	done record;
BEGIN
	PERFORM p2ptext.require_member('manager');
	camp := p2ptext.lock_campaign(campaign);
	PERFORM p2ptext.check_audience(camp);
	-- Who was contacted meanwhile is a matter of contact_gap.
	camp.not_contacted_within := NULL;
	changed := 0;
	suppressed := 0;
	unchanged := 0;
	BEGIN
		FOR chunk IN EXECUTE format($sql$
			SELECT array_agg(r.id) AS ids, array_agg(r.variant) AS variants, array_agg(r.body) AS bodies, array_agg(r.fields) AS fields,
				   array_agg(r.state) AS states, array_agg(r.timezones) AS timezones, array_agg(r.phone) AS phones, array_agg(r.reason) AS reasons
			FROM (
				SELECT o.id, a.variant, CASE WHEN NOT $2 THEN a.body END AS body, a.fields, a.state, a.timezones::text AS timezones, a.phone,
					   CASE WHEN a.voter_key IS NULL THEN 'left_segment' ELSE a.reason END AS reason, a.phone <> c.phone AS moves,
					   -- Phones that change hands are looked at together.
					   (row_number() OVER (PARTITION BY a.phone <> c.phone) - 1) / CASE WHEN a.phone <> c.phone THEN 100000 ELSE 10000 END AS part
				FROM p2ptext.outbox o
				JOIN p2ptext.conversation c ON c.id = o.conversation_id AND c.campaign_id = o.campaign_id
				LEFT JOIN (%s) a ON a.voter_key = c.voter_key
				WHERE o.campaign_id = $1 AND o.kind = 'initial'
				AND (o.position = 0
					 AND (a.voter_key IS NULL OR a.reason IS NOT NULL OR a.phone <> o.phone
						  OR (o.texter IS NULL
							  AND (a.fields <> c.fields OR a.state IS DISTINCT FROM c.state OR a.variant IS DISTINCT FROM o.variant OR a.timezones <> o.timezones
								   OR CASE WHEN NOT $2 THEN a.body END IS DISTINCT FROM o.body)))
					 OR o.position IS NULL AND o.not_before IS NULL AND o.status = 'suppressed' AND o.reason <> 'opted_out'
					 AND c.message_status = 'needs_message' AND a.voter_key IS NOT NULL AND a.reason IS NULL)) r
			GROUP BY r.moves, r.part$sql$, p2ptext.audience_query(camp))
			USING camp.id, p2ptext.in_own_name(camp)
		LOOP
			done := p2ptext.rewrite_drafts(camp.id, chunk.ids, chunk.variants, chunk.bodies, chunk.fields,
										   chunk.states, chunk.timezones, chunk.phones, chunk.reasons);
			changed := changed + done.changed;
			suppressed := suppressed + done.suppressed;
		END LOOP;
	EXCEPTION WHEN data_exception OR raise_exception THEN
		PERFORM p2ptext.blame_audience(camp, SQLSTATE, SQLERRM);
	END;
	unchanged := (SELECT count(*) FROM p2ptext.outbox o
				  WHERE o.campaign_id = camp.id AND o.position = 0 AND o.kind = 'initial') - changed;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION p2ptext.refresh(text) IS
'writes the drafts of a campaign anew from the voter file as it is now; a corrected phone is used at once; those of voters who left the segment, could not be texted any more, or now have the phone of another voter of the campaign are suppressed, and are drafts again when that is over; what a texter has been shown stays as it is';
