-- history.sql
--	  Whom launches chose and whom they dropped, then and now.

CREATE FUNCTION p2ptext.audience_as_of(campaign text, at timestamptz DEFAULT now())
RETURNS TABLE (voter_key text, phone text, chosen boolean, reason text, detail text, predicate text, launched_at timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	latest p2ptext.launch;
BEGIN
	SELECT * INTO latest FROM p2ptext.launch l
	WHERE l.campaign_id = camp.id AND l.launched_at <= at AND l.finished_at IS NOT NULL
	ORDER BY l.id DESC LIMIT 1;
	RETURN QUERY
		SELECT c.voter_key, c.phone, true, NULL::text, NULL::text, l.predicate, l.launched_at
		FROM p2ptext.conversation c
		JOIN p2ptext.launch l ON l.campaign_id = camp.id AND l.id = c.launch_id
		WHERE c.campaign_id = camp.id AND l.id <= latest.id
		UNION ALL
		SELECT d.voter_key, d.phone, false, d.reason, d.detail, latest.predicate, latest.launched_at
		FROM p2ptext.audience_drop d
		WHERE d.campaign_id = camp.id AND d.from_launch <= latest.id
		AND (d.until_launch > latest.id OR d.until_launch IS NULL);
END
$$;
COMMENT ON FUNCTION p2ptext.audience_as_of(text, timestamptz) IS
'whom the launches of a campaign until then had chosen, and whom the latest of them dropped and why, each with the predicate of its launch; frozen at the launch, but for a phone that refresh() corrected, which conversation_event tells';

-- Reads the segment, so with the rights and names of the caller.
CREATE FUNCTION p2ptext.audience_diff(campaign text)
RETURNS TABLE (voter_key text, change text, chosen boolean, reason text, launched_at timestamptz)
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
BEGIN
	PERFORM p2ptext.check_audience(camp);
	BEGIN
		RETURN QUERY EXECUTE format($sql$
			SELECT coalesce(a.voter_key, f.key), CASE WHEN f.key IS NULL THEN 'left' ELSE 'joined' END,
				   a.chosen, a.reason, a.launched_at
			FROM p2ptext.audience_as_of(%L) a
			FULL JOIN (SELECT p2ptext.kept_key(v."{key}") AS key FROM (%s) v) f ON f.key = a.voter_key
			WHERE a.voter_key IS NULL OR f.key IS NULL$sql$,
			campaign, p2ptext.voter_query(camp, '{}'));
	EXCEPTION WHEN data_exception OR raise_exception THEN
		PERFORM p2ptext.blame_audience(camp, SQLSTATE, SQLERRM);
	END;
END
$$;
COMMENT ON FUNCTION p2ptext.audience_diff(text) IS
'voters who joined the segment of a campaign since its latest launch, or left it';
