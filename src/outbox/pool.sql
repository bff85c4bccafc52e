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
-- it has not sent yet, and its conversations.
CREATE FUNCTION p2ptext.move_conversations() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	senders text[] := ARRAY(SELECT s.number FROM p2ptext.sender s
							WHERE s.gateway_id = OLD.gateway_id AND s.enabled ORDER BY s.number);
BEGIN
	IF senders = '{}' THEN
		RETURN NULL;
	END IF;
	UPDATE p2ptext.conversation c SET sender = p2ptext.pick_sender(c.phone, senders)
	FROM p2ptext.campaign k
	WHERE k.gateway_id = OLD.gateway_id AND k.status <> 'archived'
	AND c.campaign_id = k.id AND c.sender = OLD.number;
	UPDATE p2ptext.outbox o SET sender = p2ptext.pick_sender(o.phone, senders)
	FROM p2ptext.campaign k
	WHERE k.gateway_id = OLD.gateway_id
	AND o.campaign_id = k.id AND o.sender = OLD.number AND o.status IN ('draft', 'approved');
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION p2ptext.move_conversations() IS 'trigger: gives the conversations of a number that goes out of service to the others';
CREATE TRIGGER move_conversations AFTER UPDATE OF enabled ON p2ptext.sender
	FOR EACH ROW WHEN (OLD.enabled AND NOT NEW.enabled) EXECUTE FUNCTION p2ptext.move_conversations();
CREATE TRIGGER move_conversations_of_deleted AFTER DELETE ON p2ptext.sender
	FOR EACH ROW EXECUTE FUNCTION p2ptext.move_conversations();
