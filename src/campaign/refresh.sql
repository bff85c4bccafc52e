-- refresh.sql
--	  Drafts that follow the voter file.
--
-- The source is read with the rights of the caller, who may not write drafts
-- that exist; so what was read is handed on, in chunks, to a function that may.

CREATE FUNCTION p2ptext.rewrite_drafts(campaign_id int, ids bigint[], variants text[], bodies text[],
	fields jsonb[], timezones text[], reasons text[], OUT changed bigint, OUT suppressed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	PERFORM p2ptext.require_member('manager');
	UPDATE p2ptext.outbox o SET status = 'suppressed', reason = n.reason, position = NULL
	FROM unnest(ids, reasons) AS n(id, reason)
	WHERE n.reason IS NOT NULL AND o.id = n.id AND o.campaign_id = campaign_id AND o.position = 0;
	GET DIAGNOSTICS suppressed = ROW_COUNT;
	-- A texter sends what they have been shown.
	WITH drafts AS (
		UPDATE p2ptext.outbox o SET variant = n.variant, body = n.body, timezones = n.timezones::text[]
		FROM unnest(ids, variants, bodies, timezones, reasons, fields)
			AS n(id, variant, body, timezones, reason, fields)
		WHERE n.reason IS NULL AND o.id = n.id AND o.campaign_id = campaign_id
		AND o.position = 0 AND o.texter IS NULL
		RETURNING o.conversation_id, o.timezones, n.fields)
	UPDATE p2ptext.conversation c SET fields = d.fields, timezones = d.timezones
	FROM drafts d
	WHERE c.id = d.conversation_id AND c.campaign_id = campaign_id;
	GET DIAGNOSTICS changed = ROW_COUNT;
END
$$;
COMMENT ON FUNCTION p2ptext.rewrite_drafts(int, bigint[], text[], text[], jsonb[], text[], text[]) IS
'gives drafts that nobody holds a new text and new fields, and suppresses those with a reason; returns how many of each';

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
			SELECT array_agg(r.id) AS ids, array_agg(r.variant) AS variants, array_agg(r.body) AS bodies,
				   array_agg(r.fields) AS fields, array_agg(r.timezones) AS timezones, array_agg(r.reason) AS reasons
			FROM (
				SELECT o.id, a.variant, CASE WHEN NOT $2 THEN a.body END AS body, a.fields, a.timezones::text AS timezones,
					   CASE WHEN a.voter_key IS NULL THEN 'left_segment' WHEN a.reason IS NOT NULL THEN a.reason
							WHEN a.phone <> o.phone THEN 'phone_changed' END AS reason,
					   (row_number() OVER () - 1) / 10000 AS part
				FROM p2ptext.outbox o
				JOIN p2ptext.conversation c ON c.id = o.conversation_id AND c.campaign_id = o.campaign_id
				LEFT JOIN (%s) a ON a.voter_key = c.voter_key
				WHERE o.campaign_id = $1 AND o.position = 0 AND o.kind = 'initial'
				AND (a.voter_key IS NULL OR a.reason IS NOT NULL OR a.phone <> o.phone
					 OR (o.texter IS NULL
						 AND (a.fields <> c.fields OR a.variant IS DISTINCT FROM o.variant OR a.timezones <> o.timezones
							  OR CASE WHEN NOT $2 THEN a.body END IS DISTINCT FROM o.body)))) r
			GROUP BY r.part$sql$, p2ptext.audience_query(camp))
			USING camp.id, p2ptext.in_own_name(camp)
		LOOP
			done := p2ptext.rewrite_drafts(camp.id, chunk.ids, chunk.variants, chunk.bodies, chunk.fields,
										   chunk.timezones, chunk.reasons);
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
'writes the drafts of a campaign anew from the voter file as it is now; those of voters who left the segment, have another phone or could not be texted any more are suppressed; what a texter has been shown stays as it is';
