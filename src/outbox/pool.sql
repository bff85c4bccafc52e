-- pool.sql
--	  Our numbers as a pool: which one speaks to whom.
--
-- A conversation keeps its number for as long as that is in service.

CREATE FUNCTION p2ptext.pick_sender(phone text, senders text[]) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'p2ptext_pick_sender';
COMMENT ON FUNCTION p2ptext.pick_sender(text, text[]) IS
'which of some numbers is to text a phone: one with its area code, else of its country, else any, evenly and always the same';

-- When a number goes out of service, the rest of the gateway's take over what
-- it has not sent yet, and its conversations; the first to come into service
-- takes over all.
CREATE FUNCTION p2ptext.move_conversations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	changed p2ptext.sender := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
	senders text[] := ARRAY(SELECT s.number FROM p2ptext.sender s
							WHERE s.gateway_id = changed.gateway_id AND s.enabled ORDER BY s.number);
BEGIN
	IF senders = '{}' OR (TG_OP <> 'DELETE' AND NEW.enabled AND cardinality(senders) > 1) THEN
		RETURN NULL;
	END IF;
	-- A text that comes back from the courier meanwhile would stay behind.
	LOCK TABLE p2ptext.outbox IN SHARE ROW EXCLUSIVE MODE;
	UPDATE p2ptext.conversation c SET sender = p2ptext.pick_sender(c.phone, senders)
	FROM p2ptext.campaign k
	WHERE k.gateway_id = changed.gateway_id AND k.status <> 'archived'
	AND c.campaign_id = k.id AND c.sender <> ALL (senders);
	UPDATE p2ptext.outbox o SET sender = p2ptext.pick_sender(o.phone, senders)
	FROM p2ptext.campaign k
	WHERE k.gateway_id = changed.gateway_id
	AND o.campaign_id = k.id AND o.sender <> ALL (senders) AND o.status IN ('draft', 'review', 'approved');
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION p2ptext.move_conversations() IS 'trigger: gives the conversations of numbers out of service to those in service';
CREATE TRIGGER move_conversations AFTER INSERT OR UPDATE OF enabled OR DELETE ON p2ptext.sender
	FOR EACH ROW EXECUTE FUNCTION p2ptext.move_conversations();
