-- receive.sql
--	  Webhooks that somebody else received, and those that are kept already.
--
-- Both go through take_apart(), which has a courier do it: receive() for an
-- application that serves the provider, replay_inbound() once an adapter, a
-- setting or a table has been mended.

CREATE FUNCTION p2ptext.take_apart(gateway_id int, method text, url text, remote text, headers text,
	raw_body bytea, received_at timestamptz, verify boolean,
	OUT status int, OUT content_type text, OUT body text,
	OUT gateways int[], OUT kinds text[], OUT keys text[], OUT provider_ids text[], OUT refs text[],
	OUT phones text[], OUT senders text[], OUT bodies text[], OUT statuses text[], OUT codes text[],
	OUT details text[], OUT media text[], OUT kept_headers text[], OUT raws bytea[])
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'p2ptext_take_apart';
COMMENT ON FUNCTION p2ptext.take_apart(int, text, text, text, text, bytea, timestamptz, boolean) IS
'what to answer to a webhook, and its events as store_inbound() takes them, NULL when it is refused';

CREATE FUNCTION p2ptext.receive(gateway text, headers jsonb, raw_body bytea, url text,
	method text DEFAULT NULL, remote inet DEFAULT NULL,
	OUT status int, OUT content_type text, OUT body text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	gw p2ptext.gateway;
	hook record;
BEGIN
	IF headers IS NULL OR jsonb_typeof(headers) <> 'object' THEN
		RAISE EXCEPTION 'headers are not a JSON object'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Pass the request''s headers as {"name": "value", ...}.';
	ELSIF EXISTS (SELECT FROM jsonb_each(headers) h WHERE jsonb_typeof(h.value) <> 'string') THEN
		RAISE EXCEPTION 'headers have a value that is not a text'
			USING ERRCODE = 'invalid_parameter_value',
			DETAIL = format('That of "%s" is none.', (SELECT h.key FROM jsonb_each(headers) h
													  WHERE jsonb_typeof(h.value) <> 'string' LIMIT 1)),
			HINT = 'Join the values of a header that came more than once by commas.';
	ELSIF EXISTS (SELECT FROM jsonb_object_keys(headers) k GROUP BY lower(k COLLATE "C") HAVING count(*) > 1) THEN
		RAISE EXCEPTION 'headers have the same name twice'
			USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'Upper and lower case are the same in names of headers.',
			HINT = 'Refuse such a request: one of the two may be forged.';
	ELSIF url IS NULL OR url !~ '^(https?://[^/?#[:space:]]+)?/[^[:space:]]*$' THEN
		RAISE EXCEPTION 'url is not the URL of a request'
			USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'Where the provider went to is part of what it signs.',
			HINT = 'Pass https://... as the provider knows it, or path and query only where p2ptext.public_url comes before them.';
	END IF;

	SELECT * INTO gw FROM p2ptext.gateway g WHERE g.name = gateway;
	IF NOT FOUND THEN
		status := 404;
		content_type := 'text/plain';
		body := E'no such gateway here\n';
		RETURN;
	END IF;
	raw_body := coalesce(raw_body, '');
	method := coalesce(method, CASE WHEN raw_body = '' THEN 'GET' ELSE 'POST' END);
	SELECT * INTO hook
	FROM p2ptext.take_apart(gw.id, method, url, coalesce(host(remote), ''), headers::text, raw_body,
							clock_timestamp(), true);
	IF hook.keys <> '{}' THEN
		PERFORM p2ptext.store_inbound(hook.gateways, hook.kinds, hook.keys, hook.provider_ids, hook.refs,
			hook.phones, hook.senders, hook.bodies, hook.statuses, hook.codes, hook.details, hook.media,
			hook.kept_headers, hook.raws);
	END IF;
	status := hook.status;
	content_type := nullif(hook.content_type, '');
	body := hook.body;
END
$$;
COMMENT ON FUNCTION p2ptext.receive(text, jsonb, bytea, text, text, inet) IS
'takes a webhook that an application received, and returns what to answer once the caller has committed; granted to nobody, since who may call it may try signatures: GRANT EXECUTE to the role of that application';

-- By its key; or, when its adapter makes other keys today, by its place among
-- the events of the same webhook, which were stored together.
CREATE FUNCTION p2ptext.taken_again(kept p2ptext.inbound) RETURNS p2ptext.inbound
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	hook record;
	n int;
	twin bigint;
BEGIN
	SELECT * INTO hook
	FROM p2ptext.take_apart(kept.gateway_id, kept.headers->>':method', kept.headers->>':target', '',
							kept.headers::text, kept.raw, kept.received_at, false);
	n := array_position(hook.keys, kept.dedupe_key);
	IF n IS NULL THEN
		SELECT s.nth INTO n
		FROM (SELECT i.id, row_number() OVER (ORDER BY i.id) AS nth, count(*) OVER () AS events
			  FROM p2ptext.inbound i
			  WHERE i.id BETWEEN kept.id - 1000 AND kept.id + 1000 AND i.gateway_id = kept.gateway_id
			  AND i.raw = kept.raw AND i.headers = kept.headers) s
		WHERE s.id = kept.id AND s.events = cardinality(hook.keys);
	END IF;
	IF n IS NULL THEN
		RAISE EXCEPTION 'event % is not found in its webhook any more', kept.id
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = CASE WHEN hook.status < 400
				THEN format('The webhook has %s events today, and none with the key "%s".',
							cardinality(hook.keys), kept.dedupe_key)
				ELSE format('The webhook would be refused today: %s, %s.', hook.status, rtrim(hook.body, E'\n')) END,
			HINT = 'The event stays as it was kept; look at the settings of its gateway.';
	END IF;
	SELECT i.id INTO twin FROM p2ptext.inbound i
	WHERE i.gateway_id = kept.gateway_id AND i.dedupe_key = hook.keys[n] AND i.id <> kept.id;
	IF FOUND THEN
		RAISE EXCEPTION 'event % is kept a second time', kept.id
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = format('Its key is "%s" today, which event %s has.', hook.keys[n], twin),
			HINT = 'Replay that one, if it has not been applied.';
	END IF;
	kept.kind := hook.kinds[n];
	kept.dedupe_key := hook.keys[n];
	kept.provider_id := nullif(hook.provider_ids[n], '');
	kept.ref := nullif(hook.refs[n], '');
	kept.phone := coalesce(p2ptext.phone(hook.phones[n]), hook.phones[n]);
	kept.sender := coalesce(p2ptext.phone(hook.senders[n]), hook.senders[n]);
	kept.status := nullif(hook.statuses[n], '');
	kept.code := nullif(hook.codes[n], '');
	IF kept.kind = 'receipt' THEN
		kept.detail := nullif(hook.details[n], '');
	ELSIF hook.details[n] !~ '^.+/[0-9]{1,3}/[0-9]{1,3}$' THEN
		-- One that came in parts is whole already.
		kept.body := hook.bodies[n];
	END IF;
	kept.media := nullif(hook.media[n], '')::jsonb;
	RETURN kept;
END
$$;
COMMENT ON FUNCTION p2ptext.taken_again(p2ptext.inbound) IS 'an event as its webhook says today';

CREATE FUNCTION p2ptext.replay_inbound(id bigint) RETURNS p2ptext.inbound
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	kept p2ptext.inbound;
	fresh p2ptext.inbound;
BEGIN
	PERFORM p2ptext.require_member('manager');
	SELECT * INTO kept FROM p2ptext.inbound i WHERE i.id = id FOR UPDATE;
	IF kept.id IS NULL THEN
		RAISE EXCEPTION 'event % does not exist', id
			USING ERRCODE = 'undefined_object',
			HINT = 'SELECT id FROM p2ptext.inbound WHERE outcome IN (''error'', ''unmatched'') lists those that can be replayed.';
	ELSIF kept.outcome IS NULL THEN
		RAISE EXCEPTION 'event % is about to be applied', id
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'It has no outcome yet.',
			HINT = 'Wait for the receiver; p2ptext.stat_worker shows how it does.';
	ELSIF kept.outcome NOT IN ('error', 'unmatched') THEN
		RAISE EXCEPTION 'event % has been applied', id
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = format('Its outcome is "%s", and it would be applied twice.', kept.outcome),
			HINT = 'Only events with the outcome error or unmatched can be replayed.';
	END IF;
	fresh := kept;
	-- Simulated events have no webhook.
	IF kept.raw IS NOT NULL AND kept.headers ? ':target' THEN
		fresh := p2ptext.taken_again(kept);
	END IF;
	UPDATE p2ptext.inbound i
	SET kind = fresh.kind, dedupe_key = fresh.dedupe_key, provider_id = fresh.provider_id, ref = fresh.ref,
		phone = fresh.phone, sender = fresh.sender, body = fresh.body, status = fresh.status,
		code = fresh.code, detail = fresh.detail, media = fresh.media,
		applied_at = NULL, outcome = NULL, error = NULL, handled_by = NULL, handled_at = NULL
	WHERE i.id = id
	RETURNING * INTO fresh;
	-- A stop that was not seen as one; a start of long ago ends nothing.
	IF fresh.kind = 'text' AND p2ptext.text_meaning(fresh.status, fresh.body) = 'opt_out'
		AND (fresh.phone, 'opt_out') IS DISTINCT FROM (kept.phone, p2ptext.text_meaning(kept.status, kept.body))
	THEN
		INSERT INTO p2ptext.opt_out (phone, how, detail, organisation_id)
		VALUES (fresh.phone, 'keyword', fresh.body, p2ptext.opt_out_scope(fresh.gateway_id))
		ON CONFLICT DO NOTHING;
	END IF;
	RETURN fresh;
END
$$;
COMMENT ON FUNCTION p2ptext.replay_inbound(bigint) IS
'takes an event that could not be applied apart again, by today''s adapter and settings, and has the receiver apply it';
