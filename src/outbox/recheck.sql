-- recheck.sql
--	  Is the voter still in the segment?
--
-- Somebody who has voted at noon is not reminded at one.  The segment is read
-- with the rights of whoever launched the campaign, never the worker's.

CREATE FUNCTION p2ptext.voters_in_segment(reader name, search_path text, relation regclass, key text, condition text, keys text[])
RETURNS boolean[]
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'p2ptext_voters_in_segment';
COMMENT ON FUNCTION p2ptext.voters_in_segment(name, text, regclass, text, text, text[]) IS
'for which of these voters a segment''s condition holds now, as a role sees it; all of them where it depends on chance';

-- Locks what claim() is about to take from lanes whose segment is to be read
-- again, suppresses what is not wanted any more, and returns the rest.
CREATE FUNCTION p2ptext.recheck(campaigns int[], senders text[], marks bigint[], quotas int[],
	OUT checked bigint[], OUT put_aside bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	camp record;
	wanted boolean[];
	n bigint;
BEGIN
	checked := '{}';
	put_aside := 0;
	FOR camp IN
		SELECT c.id, c.name, coalesce(c.launched_by, c.created_by) AS launched_by, c.launched_path,
			   array_agg(o.id) AS ids, array_agg(o.voter_key) AS keys,
			   seg.id AS segment_id, src.key, src.relation
		FROM unnest(campaigns, senders, marks, quotas) AS lane(campaign_id, sender, mark, quota)
		JOIN p2ptext.campaign c ON c.id = lane.campaign_id AND c.status = 'active'
		JOIN p2ptext.segment seg ON seg.id = c.segment_id
		JOIN p2ptext.source src ON src.id = seg.source_id
		CROSS JOIN LATERAL (
			SELECT q.id, v.voter_key
			FROM (SELECT q.id, q.campaign_id, q.conversation_id
				  FROM p2ptext.outbox q
				  WHERE q.campaign_id = lane.campaign_id AND q.kind = 'initial' AND q.sender = lane.sender
				  AND q.status = 'approved' AND q.not_before IS NULL
				  AND q.position > 0 AND q.position > lane.mark
				  ORDER BY q.position LIMIT lane.quota
				  FOR UPDATE SKIP LOCKED) q
			JOIN p2ptext.conversation v ON v.id = q.conversation_id AND v.campaign_id = q.campaign_id) o
		GROUP BY c.id, seg.id, src.id
	LOOP
		BEGIN
			wanted := p2ptext.voters_in_segment(camp.launched_by, camp.launched_path,
				camp.relation::regclass, camp.key, p2ptext.segment_condition(seg), camp.keys)
			FROM p2ptext.segment seg WHERE seg.id = camp.segment_id;
		EXCEPTION WHEN OTHERS THEN
			IF SQLSTATE ~ '^(40|53|55|57|58)' THEN
				RAISE;
			END IF;
			-- Better late than to somebody who should not get it.
			RAISE WARNING 'texts of campaign "%" wait, since its segment cannot be read: %', camp.name, SQLERRM;
			UPDATE p2ptext.outbox o
			SET position = NULL, not_before = now() + interval '1 min', reason = 'segment: ' || SQLERRM
			WHERE o.id = ANY (camp.ids) AND o.campaign_id = camp.id;
			put_aside := put_aside + cardinality(camp.ids);
			CONTINUE;
		END;
		UPDATE p2ptext.outbox o
		SET status = 'suppressed', reason = 'left_segment', position = NULL
		FROM unnest(camp.ids, wanted) AS u(id, wanted)
		WHERE o.id = u.id AND o.campaign_id = camp.id AND NOT u.wanted;
		GET DIAGNOSTICS n = ROW_COUNT;
		put_aside := put_aside + n;
		checked := checked || ARRAY(SELECT u.id FROM unnest(camp.ids, wanted) AS u(id, wanted) WHERE u.wanted);
	END LOOP;
	checked := ARRAY(SELECT id FROM unnest(checked) AS id ORDER BY id);
END
$$;
COMMENT ON FUNCTION p2ptext.recheck(int[], text[], bigint[], int[]) IS
'reads segments again for the texts that claim() would take, suppresses those of voters who left, and returns the others, sorted, and how many it put aside';
