-- reconcile.sql
--	  What becomes of texts of unknown fate.
--
-- A receipt says that the gateway has the text; or the gateway is asked, where
-- it can be; or a person decides.  None is ever sent again by itself: a
-- gateway that does not know of a text may yet.

-- When to ask a gateway next, the later the longer the text is unknown; NULL
-- when it cannot be asked, or there is no more point in it.
CREATE FUNCTION p2ptext.next_find(gateway_id int, claimed_at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT min(claimed_at + after)
	FROM unnest('{1 min, 5 min, 1 h, 24 h}'::interval[]) AS after
	JOIN p2ptext.gateway g ON g.id = $1
	JOIN p2ptext.provider p ON p.provider = g.provider AND p.has_find
	WHERE claimed_at + after > now()
$$;
COMMENT ON FUNCTION p2ptext.next_find(int, timestamptz) IS 'when to ask a gateway next for a text of unknown fate';

CREATE FUNCTION p2ptext.to_find(gateways int[], max_rows int)
RETURNS TABLE (id bigint, campaign_id int, gateway_id int, ref text, sender text, phone text,
			   body text, claimed_at timestamptz)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	-- Should no answer come, it is asked again.
	UPDATE p2ptext.outbox o SET not_before = now() + interval '2 min'
	FROM (SELECT u.id, u.campaign_id, c.gateway_id
		  FROM p2ptext.outbox u JOIN p2ptext.campaign c ON c.id = u.campaign_id
		  WHERE u.status = 'unknown' AND u.not_before <= now() AND c.gateway_id = ANY (gateways)
		  ORDER BY u.not_before LIMIT max_rows FOR UPDATE OF u SKIP LOCKED) u
	WHERE o.id = u.id AND o.campaign_id = u.campaign_id
	RETURNING o.id, o.campaign_id, u.gateway_id, o.ref, o.sender, o.phone, o.body, o.claimed_at;
END
$$;
COMMENT ON FUNCTION p2ptext.to_find(int[], int) IS 'texts of unknown fate for which these gateways are to be asked now';

-- A text did leave, whatever was thought of it.
CREATE FUNCTION p2ptext.settle(ids bigint[], campaigns int[], provider_ids text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE p2ptext.outbox o
	SET status = 'sending', not_before = NULL, position = nextval('p2ptext.outbox_position')
	FROM unnest(ids, campaigns) AS u(id, campaign_id)
	WHERE o.id = u.id AND o.campaign_id = u.campaign_id AND o.ref IS NOT NULL;
	PERFORM p2ptext.finish(ids, campaigns, array_fill('sent'::text, ARRAY[cardinality(ids)]),
						   provider_ids, NULL, NULL, NULL, NULL);
END
$$;
COMMENT ON FUNCTION p2ptext.settle(bigint[], int[], text[]) IS 'records texts that did leave as sent';

-- What a gateway answered.  Each text that it has and that fits may be one
-- that we know already, such as the same words sent to the same voter before.
CREATE FUNCTION p2ptext.found(id bigint, campaign_id int, asked boolean, provider_ids text[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	item p2ptext.outbox;
	gateway int;
	provider_id text;
BEGIN
	SELECT * INTO item FROM p2ptext.outbox o
	WHERE o.id = found.id AND o.campaign_id = found.campaign_id AND o.status = 'unknown' FOR UPDATE;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	SELECT c.gateway_id INTO gateway FROM p2ptext.campaign c WHERE c.id = item.campaign_id;
	SELECT p INTO provider_id
	FROM unnest(provider_ids) WITH ORDINALITY AS u(p, nth)
	WHERE NOT EXISTS (
		SELECT FROM p2ptext.conversation c
		JOIN p2ptext.message m ON m.conversation_id = c.id AND m.campaign_id = c.campaign_id
		WHERE c.phone = item.phone AND m.gateway_id = gateway AND m.provider_id = u.p)
	ORDER BY nth LIMIT 1;
	IF FOUND THEN
		PERFORM p2ptext.settle(ARRAY[item.id], ARRAY[item.campaign_id], ARRAY[provider_id]);
		RETURN true;
	END IF;
	UPDATE p2ptext.outbox o
	SET not_before = p2ptext.next_find(gateway, o.claimed_at),
		reason = CASE WHEN asked THEN 'not_found' ELSE o.reason END
	WHERE o.id = item.id AND o.campaign_id = item.campaign_id;
	RETURN false;
END
$$;
COMMENT ON FUNCTION p2ptext.found(bigint, int, boolean, text[]) IS
'takes a gateway''s answer to the question for a text: the ids of those that it may be';

CREATE FUNCTION p2ptext.reconcile(campaign text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	n bigint;
BEGIN
	PERFORM p2ptext.require_member('manager');
	UPDATE p2ptext.outbox o SET not_before = now()
	FROM p2ptext.gateway g JOIN p2ptext.provider p ON p.provider = g.provider AND p.has_find
	WHERE g.id = camp.gateway_id AND o.campaign_id = camp.id AND o.status = 'unknown';
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END
$$;
COMMENT ON FUNCTION p2ptext.reconcile(text) IS
'asks the gateway at once for a campaign''s texts of unknown fate; returns for how many';

CREATE FUNCTION p2ptext.resolve_unknown(outbox_id bigint, verdict text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	item p2ptext.outbox;
BEGIN
	PERFORM p2ptext.require_member('manager');
	IF verdict IS NULL OR verdict NOT IN ('sent', 'retry') THEN
		RAISE EXCEPTION 'verdict "%" is not known', verdict
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Say ''sent'' when the gateway has it, or ''retry'' when it surely has not.';
	END IF;
	SELECT * INTO item FROM p2ptext.outbox o WHERE o.id = outbox_id AND o.status = 'unknown' FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'outbox has no text % whose fate is unknown', outbox_id
			USING ERRCODE = 'undefined_object',
			HINT = 'SELECT id FROM p2ptext.outbox WHERE status = ''unknown'' lists them.';
	END IF;
	IF verdict = 'sent' THEN
		PERFORM p2ptext.settle(ARRAY[item.id], ARRAY[item.campaign_id], NULL);
	ELSE
		-- The verdict is a person's approval of another attempt.
		UPDATE p2ptext.outbox o
		SET status = 'approved', reason = NULL, approved_by = p2ptext.caller(),
			approved_at = clock_timestamp(), position = nextval('p2ptext.outbox_position'),
			not_before = NULL, attempts = 0, sender = v.sender
		FROM p2ptext.conversation v
		WHERE v.id = item.conversation_id AND v.campaign_id = item.campaign_id AND o.id = item.id AND o.campaign_id = item.campaign_id;
	END IF;
	RETURN verdict;
END
$$;
COMMENT ON FUNCTION p2ptext.resolve_unknown(bigint, text) IS
'a person decides the fate of a text that may or may not have left: sent records it as sent, retry sends it again';
