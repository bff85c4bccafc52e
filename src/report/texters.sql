-- texters.sql
--	  What each texter has done, and how they compare.

-- Of each campaign only its own rows are read where one is asked for, since
-- campaign_id reaches into every part.
CREATE VIEW p2ptext.texter_stats AS
SELECT k.name AS campaign, t.texter, t.campaign_id,
	   sum(t.initials) AS initials, sum(t.replies) AS replies, sum(t.failed) AS failed,
	   sum(t.drafts) AS drafts, sum(t.conversations) AS conversations, sum(t.answered) AS answered,
	   sum(t.waiting) AS waiting, min(t.waiting_since) AS waiting_since, sum(t.opted_out) AS opted_out,
	   sum(t.answers) AS answers, min(t.first_at) AS first_sent_at, max(t.last_at) AS last_sent_at
FROM (SELECT m.campaign_id, m.approved_by::name AS texter,
			 count(*) FILTER (WHERE m.kind = 'initial' AND m.sent_at IS NOT NULL) AS initials,
			 count(*) FILTER (WHERE m.kind = 'reply' AND m.sent_at IS NOT NULL) AS replies,
			 count(*) FILTER (WHERE m.status IN ('failed', 'undelivered')) AS failed,
			 0 AS drafts, 0 AS conversations, 0 AS answered, 0 AS waiting, NULL::timestamptz AS waiting_since,
			 0 AS opted_out, 0 AS answers, min(m.sent_at) AS first_at, max(m.sent_at) AS last_at
	  FROM p2ptext.message m
	  WHERE m.direction = 'out' AND m.confirms IS NULL
	  GROUP BY 1, 2
	  UNION ALL
	  SELECT v.campaign_id, v.texter, 0, 0, 0, 0, count(*) FILTER (WHERE v.message_status <> 'needs_message'), count(v.last_in_at),
			 count(v.waiting_since), min(v.waiting_since), count(*) FILTER (WHERE v.result = 'opted_out'), 0, NULL, NULL
	  FROM p2ptext.conversation v
	  WHERE v.texter IS NOT NULL
	  GROUP BY 1, 2
	  UNION ALL
	  SELECT o.campaign_id, o.texter::name, 0, 0, 0, count(*), 0, 0, 0, NULL, 0, 0, NULL, NULL
	  FROM p2ptext.outbox o
	  WHERE o.position = 0 AND o.texter IS NOT NULL
	  GROUP BY 1, 2
	  UNION ALL
	  SELECT r.campaign_id, r.recorded_by, 0, 0, 0, 0, 0, 0, 0, NULL, 0, count(*), NULL, NULL
	  FROM p2ptext.question_response r
	  WHERE r.how = 'texter' AND r.superseded_at IS NULL
	  GROUP BY 1, 2) AS t
JOIN p2ptext.campaign k ON k.id = t.campaign_id
GROUP BY k.name, t.texter, t.campaign_id;
COMMENT ON VIEW p2ptext.texter_stats IS
'by campaign and texter: first texts and replies that left in their name, and how many of these failed; drafts and conversations they hold, how many of those voters ever answered, wait now (the longest since waiting_since) or opted out; and the answers they recorded';

-- Texters may look at it: it tells nothing of any voter.
CREATE FUNCTION p2ptext.leaderboard(campaign text)
RETURNS TABLE (place bigint, texter name, first_name text, sent bigint, initials bigint, replies bigint, answers bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	camp p2ptext.campaign;
BEGIN
	PERFORM p2ptext.require_member('texter', 'manager', 'reader');
	camp := p2ptext.find_campaign(leaderboard.campaign);
	RETURN QUERY
		SELECT rank() OVER (ORDER BY s.initials + s.replies DESC, s.answers DESC), s.texter, (p2ptext.texter(s.texter)).first_name,
			   (s.initials + s.replies)::bigint, s.initials::bigint, s.replies::bigint, s.answers::bigint
		FROM p2ptext.texter_stats s
		WHERE s.campaign_id = camp.id AND s.initials + s.replies + s.answers > 0
		ORDER BY 1, 2;
END
$$;
COMMENT ON FUNCTION p2ptext.leaderboard(text) IS
'who has sent most in a campaign: texts that left, and the answers recorded, which also decide between equals';
