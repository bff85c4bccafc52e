-- wrong_number.sql
--	  Phones that are somebody else's.
--
-- A wrong number ends just this pair of voter and phone: neither the voter nor
-- the phone has opted out.

CREATE TABLE p2ptext.wrong_number (
	source_id int NOT NULL REFERENCES p2ptext.source,
	voter_key text NOT NULL,
	phone text NOT NULL CHECK (p2ptext.is_e164(phone)),
	how text NOT NULL DEFAULT 'import' CHECK (how IN ('keyword', 'texter', 'import')),
	created_by name NOT NULL DEFAULT p2ptext.caller(),
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (source_id, voter_key, phone)
);
COMMENT ON TABLE p2ptext.wrong_number IS 'phones that are not the voter''s; no campaign texts the voter there';
COMMENT ON COLUMN p2ptext.wrong_number.how IS 'keyword: by a text from that phone; texter: by close(); import: by whoever inserted it';
SELECT pg_extension_config_dump('p2ptext.wrong_number', '');

-- Whoever holds one of these for long keeps nobody from saying so.
CREATE FUNCTION p2ptext.end_conversations(ids bigint[], result text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	UPDATE p2ptext.outbox o SET status = 'suppressed', reason = result, position = NULL, not_before = NULL
	FROM (SELECT d.id, d.campaign_id FROM p2ptext.outbox d
		  WHERE d.conversation_id = ANY (ids) AND d.status IN ('draft', 'review', 'approved')
		  FOR NO KEY UPDATE SKIP LOCKED) d
	WHERE o.id = d.id AND o.campaign_id = d.campaign_id;
	UPDATE p2ptext.conversation c
	SET message_status = 'closed', result = result, result_at = now(), waiting_since = NULL
	FROM (SELECT v.id, v.campaign_id FROM p2ptext.conversation v
		  WHERE v.id = ANY (ids) AND v.message_status <> 'closed'
		  FOR NO KEY UPDATE SKIP LOCKED) v
	WHERE c.id = v.id AND c.campaign_id = v.campaign_id;
END
$$;
COMMENT ON FUNCTION p2ptext.end_conversations(bigint[], text) IS 'closes conversations with a result, and suppresses what has not left in them';

CREATE FUNCTION p2ptext.suppress_wrong_number() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM p2ptext.end_conversations(ARRAY(
		SELECT v.id
		FROM new_rows n
		JOIN p2ptext.conversation v ON v.phone = n.phone AND v.voter_key = n.voter_key
		JOIN p2ptext.campaign c ON c.id = v.campaign_id
		JOIN p2ptext.segment s ON s.id = c.segment_id AND s.source_id = n.source_id), 'wrong_number');
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION p2ptext.suppress_wrong_number() IS 'trigger: ends the conversations of a voter with a phone that is somebody else''s, in all campaigns';
CREATE TRIGGER suppress AFTER INSERT ON p2ptext.wrong_number
	REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION p2ptext.suppress_wrong_number();

-- What a result asks for beyond the conversation that ended so.
CREATE FUNCTION p2ptext.apply_result(conv p2ptext.conversation, result text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign;
BEGIN
	PERFORM p2ptext.require_member('texter', 'manager');
	IF result IS NULL THEN
		RETURN;
	END IF;
	SELECT * INTO STRICT camp FROM p2ptext.campaign c WHERE c.id = conv.campaign_id;
	CASE (p2ptext.check_result(result, camp.channel)).effect
		WHEN 'opt_out' THEN
			PERFORM p2ptext.opt_out(conv.phone, result,
				(SELECT o.name FROM p2ptext.organisation o WHERE o.id = p2ptext.opt_out_scope(camp.gateway_id)));
		WHEN 'wrong_number' THEN
			INSERT INTO p2ptext.wrong_number (source_id, voter_key, phone, how)
			SELECT s.source_id, conv.voter_key, conv.phone, 'texter'
			FROM p2ptext.segment s WHERE s.id = camp.segment_id
			ON CONFLICT DO NOTHING;
		WHEN 'deceased' THEN
			INSERT INTO p2ptext.deceased (source_id, voter_key, how)
			SELECT s.source_id, conv.voter_key, 'texter' FROM p2ptext.segment s WHERE s.id = camp.segment_id
			ON CONFLICT DO NOTHING;
		WHEN 'bad_number' THEN
			INSERT INTO p2ptext.phone_line (phone, line_type, detail) VALUES (conv.phone, 'invalid', result)
			ON CONFLICT (phone) DO UPDATE SET line_type = 'invalid', detail = EXCLUDED.detail, checked_at = now();
		ELSE
			NULL;
	END CASE;
END
$$;
COMMENT ON FUNCTION p2ptext.apply_result(p2ptext.conversation, text) IS 'checks a result of a conversation, and has its effect';
