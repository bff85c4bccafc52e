-- access.sql
--	  Who may do what.  The last part of the extension script, since it speaks
--	  of everything before it.
--
-- Nothing is granted to PUBLIC but the text tools.  A manager's privileges on
-- the large tables reach just as far as launch() needs: drafts may be made,
-- nothing may be approved or sent but through the functions that record who.

CREATE FUNCTION p2ptext.grant_role(role name, kind text, first_name text DEFAULT NULL,
	last_name text DEFAULT NULL)
RETURNS p2ptext.member
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	made p2ptext.member;
	item text;
BEGIN
	IF kind NOT IN ('manager', 'texter', 'reader') THEN
		RAISE EXCEPTION 'kind "%" is not known', kind
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Kinds are: manager, texter, reader.';
	ELSIF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role) THEN
		RAISE EXCEPTION 'role "%" does not exist', role
			USING ERRCODE = 'undefined_object',
			HINT = format('CREATE ROLE %I LOGIN;', role);
	END IF;
	PERFORM p2ptext.revoke_role(role);

	EXECUTE format('GRANT USAGE ON SCHEMA p2ptext TO %I', role);
	EXECUTE format('GRANT SELECT ON p2ptext.inbox, p2ptext.answer_option, p2ptext.interaction_step,'
				   ' p2ptext.campaign TO %I', role);
	EXECUTE format('GRANT EXECUTE ON FUNCTION p2ptext.is_member(text[]), p2ptext.require_member(text[]),'
				   ' p2ptext.caller(), p2ptext.texter(name), p2ptext.find_campaign(text) TO %I', role);
	IF kind IN ('texter', 'manager') THEN
		EXECUTE format('GRANT EXECUTE ON FUNCTION p2ptext.next_text(text), p2ptext.approve(bigint),'
					   ' p2ptext.reply(bigint, text), p2ptext.close(bigint, text),'
					   ' p2ptext.record_answer(bigint, text, text), p2ptext.opt_out(text, text) TO %I', role);
	END IF;
	IF kind IN ('reader', 'manager') THEN
		EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA p2ptext TO %I', role);
		EXECUTE format('GRANT EXECUTE ON FUNCTION p2ptext.stat_get_workers() TO %I', role);
	END IF;
	IF kind = 'manager' THEN
		EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA p2ptext TO %I', role);
		-- The sender's and receiver's own; and roles are the owner's to give.
		EXECUTE format('REVOKE EXECUTE ON FUNCTION p2ptext.grant_role(name, text, text, text),'
					   ' p2ptext.revoke_role(name), p2ptext.announce() FROM %I', role);
		EXECUTE format('GRANT INSERT, UPDATE, DELETE ON p2ptext.source, p2ptext.segment, p2ptext.campaign,'
					   ' p2ptext.gateway, p2ptext.sender, p2ptext.interaction_step, p2ptext.answer_option,'
					   ' p2ptext.snippet, p2ptext.reply_keyword TO %I', role);
		EXECUTE format('GRANT INSERT, UPDATE ON p2ptext.dropped TO %I', role);
		EXECUTE format('GRANT INSERT (campaign_id, voter_key, phone, sender, timezones, fields)'
					   ' ON p2ptext.conversation TO %I', role);
		EXECUTE format('GRANT INSERT (campaign_id, conversation_id, kind, sender, phone, timezones, body)'
					   ' ON p2ptext.outbox TO %I', role);
		EXECUTE format('GRANT USAGE ON SEQUENCE p2ptext.message_id TO %I', role);
	END IF;
	INSERT INTO p2ptext.member (role, kind, first_name, last_name)
	VALUES (role, kind, first_name, last_name)
	RETURNING * INTO made;
	RETURN made;
END
$$;
COMMENT ON FUNCTION p2ptext.grant_role(name, text, text, text) IS
'lets a database role be a manager (runs campaigns), a texter (holds conversations, known to voters by first_name and last_name) or a reader (sees all, writes nothing)';

CREATE FUNCTION p2ptext.revoke_role(role name) RETURNS boolean
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
BEGIN
	EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA p2ptext FROM %I', role);
	EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA p2ptext FROM %I', role);
	EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA p2ptext FROM %I', role);
	EXECUTE format('REVOKE ALL ON SCHEMA p2ptext FROM %I', role);
	DELETE FROM p2ptext.member m WHERE m.role = role;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION p2ptext.revoke_role(name) IS 'takes back what grant_role() gave; returns whether there was anything';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA p2ptext FROM PUBLIC;
GRANT USAGE ON SCHEMA p2ptext TO PUBLIC;
