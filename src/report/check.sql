-- check.sql
--	  What is wrong with a gateway before somebody finds out by sending.

CREATE FUNCTION p2ptext.check_gateway(name text)
RETURNS TABLE (level text, finding text, hint text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	gw p2ptext.gateway := p2ptext.find_gateway(name);
	kind p2ptext.provider;
	public_url text := rtrim(current_setting('p2ptext.public_url', true), '/');
	listens boolean := coalesce(current_setting('p2ptext.port', true), '0') <> '0';
	has_secret boolean := true;
	has_own boolean := true;
	why text;
BEGIN
	PERFORM p2ptext.require_member('manager');
	SELECT * INTO STRICT kind FROM p2ptext.provider p WHERE p.provider = gw.provider;
	BEGIN
		has_secret := p2ptext.has_secret(gw.name);
		has_own := p2ptext.has_secret(gw.name || '.webhook');
	EXCEPTION WHEN OTHERS THEN
		why := SQLERRM;
	END;
	RETURN QUERY SELECT f.level, f.finding, f.hint
	FROM (VALUES
		(why IS NOT NULL, 'error', why, 'See p2ptext.secrets_file.'),
		(kind.needs_secret AND NOT has_secret, 'error', 'there is no secret to send with',
		 format('Put the line "%s = <secret>" into the file named by p2ptext.secrets_file.', gw.name)),
		(gw.provider IN ('telnyx', 'vonage', 'signalwire') AND gw.verify_webhooks AND NOT has_own, 'error',
		 'every webhook is refused, since what signs them is not known',
		 format('Put the line "%s.webhook = <key>" there: the provider''s public or signing key.', gw.name)),
		(gw.provider IN ('kannel', 'generic', 'bandwidth') AND gw.verify_webhooks AND NOT has_own, 'warning',
		 'webhooks must bring the secret for sending',
		 format('Put the line "%s.webhook = <another secret>" there.', gw.name)),
		(NOT gw.verify_webhooks, 'warning', 'webhooks are believed that nobody signed: whoever reaches the URL can write texts and opt-outs',
		 format('UPDATE p2ptext.gateway SET verify_webhooks = true WHERE name = %L;', gw.name)),
		(NOT gw.verify_webhooks AND gw.webhook_addresses IS NULL, 'warning', '... from any address',
		 'Name the provider''s in webhook_addresses.'),
		(NOT gw.enabled, 'warning', 'it is not enabled: nothing leaves by it',
		 format('UPDATE p2ptext.gateway SET enabled = true WHERE name = %L;', gw.name)),
		(NOT EXISTS (SELECT FROM p2ptext.sender s WHERE s.gateway_id = gw.id AND s.enabled), 'warning',
		 'it has no number in service', format('SELECT p2ptext.add_sender(%L, ''+1...'');', gw.name)),
		(kind.provider <> 'loopback' AND coalesce(public_url, '') = '', 'warning',
		 'receipts are not asked for, and signed webhooks cannot be checked',
		 'Set p2ptext.public_url to where the provider reaches the listener.'),
		(kind.provider NOT IN ('loopback', 'kannel') AND public_url ~ '^http:', 'warning',
		 'what voters write comes in the clear', 'Put a proxy with TLS before the listener, and https:// into p2ptext.public_url.'),
		(kind.provider <> 'loopback' AND NOT listens, 'warning', 'no listener runs here',
		 'Set p2ptext.port, unless an application calls p2ptext.receive().'),
		(gw.plain_http AND gw.base_url ~ '^http:', 'warning', 'the secret goes to it in the clear', 'Use https:// in base_url.'),
		(NOT p2ptext.is_home() AND EXISTS (SELECT FROM p2ptext.home), 'warning', 'nothing leaves from this copy of the database',
		 'Once its original sends no more, SELECT p2ptext.start_sending();'),
		(current_setting('p2ptext.sending', true) = 'off', 'warning', 'all sending is stopped', 'Set p2ptext.sending to on.'),
		(EXISTS (SELECT FROM p2ptext.stat_limit l WHERE l.kind = 'gateway' AND l.name = gw.name AND l.state <> 'closed'),
		 'warning', 'it rests: ' || (SELECT l.why FROM p2ptext.stat_limit l WHERE l.kind = 'gateway' AND l.name = gw.name),
		 'It is tried again by itself; see p2ptext.stat_limit.'),
		(kind.provider <> 'loopback' AND public_url <> '', 'info', 'its webhooks go to ' || public_url || '/webhook/' || gw.name,
		 'Enter that at the provider for incoming texts.'),
		(true, 'info', coalesce('the last event came ' ||
		 (SELECT to_char(max(i.received_at), 'YYYY-MM-DD HH24:MI:SS TZ') FROM p2ptext.inbound i
				   WHERE i.gateway_id = gw.id AND i.id > (SELECT max(j.id) - 100000 FROM p2ptext.inbound j)),
		 CASE WHEN EXISTS (SELECT FROM p2ptext.inbound i WHERE i.gateway_id = gw.id)
			  THEN 'the last event is older than 100000 of others' ELSE 'no event has come yet' END), NULL)
	) AS f(holds, level, finding, hint)
	WHERE f.holds;
END
$$;
COMMENT ON FUNCTION p2ptext.check_gateway(text) IS
'what keeps a gateway from sending (error), what is risky or unusual about it (warning), and what to enter at the provider (info)';
