-- access.sql
--	  Who may do what.  The last part of the extension script, since it speaks
--	  of everything before it.
--
-- Nothing is granted to PUBLIC but the text tools.  A manager's privileges on
-- the large tables reach just as far as launch() needs: drafts may be made,
-- nothing may be approved or sent but through the functions that record who.

CREATE FUNCTION p2ptext.take_privileges(role name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	IF EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role) THEN
		EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA p2ptext FROM %I', role);
		EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA p2ptext FROM %I', role);
		EXECUTE format('REVOKE ALL ON ALL ROUTINES IN SCHEMA p2ptext FROM %I', role);
		EXECUTE format('REVOKE ALL ON SCHEMA p2ptext FROM %I', role);
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.take_privileges(name) IS 'takes back every privilege that grant_role() gave';

-- Who made a row, and whether it came with the extension, nobody says.
CREATE FUNCTION p2ptext.grant_changes(role name, VARIADIC tables text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	statement text;
BEGIN
	FOR statement IN
		SELECT format('GRANT INSERT (%1$s), UPDATE (%1$s), DELETE ON p2ptext.%2$I TO %3$I',
					  string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), t.name, role)
		FROM unnest(tables) AS t(name)
		JOIN pg_attribute a ON a.attrelid = format('p2ptext.%I', t.name)::regclass AND a.attnum > 0 AND NOT a.attisdropped
		WHERE a.attname NOT IN ('created_by', 'started_by', 'built_in')
		GROUP BY t.name
	LOOP
		EXECUTE statement;
	END LOOP;
END
$$;
COMMENT ON FUNCTION p2ptext.grant_changes(name, text[]) IS
'lets a role insert, change and delete rows of tables, but not say who made them or that they are built in';

CREATE FUNCTION p2ptext.grant_role(role name, kind text, first_name text DEFAULT NULL,
	last_name text DEFAULT NULL)
RETURNS p2ptext.member
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	made p2ptext.member;
BEGIN
	IF kind IS NULL OR kind NOT IN ('manager', 'texter', 'reader') THEN
		RAISE EXCEPTION 'kind "%" is not known', kind
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Kinds are: manager, texter, reader.';
	ELSIF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role) THEN
		RAISE EXCEPTION 'role "%" does not exist', role
			USING ERRCODE = 'undefined_object',
			HINT = 'CREATE ROLE makes one.';
	END IF;
	PERFORM p2ptext.take_privileges(role);
	DELETE FROM p2ptext.member m WHERE m.role = role;

	EXECUTE format('GRANT USAGE ON SCHEMA p2ptext TO %I', role);
	EXECUTE format('GRANT SELECT ON p2ptext.inbox, p2ptext.answer_option, p2ptext.interaction_step,'
				   ' p2ptext.campaign, p2ptext.tag, p2ptext.contact_result TO %I', role);
	EXECUTE format('GRANT EXECUTE ON FUNCTION p2ptext.is_member(text[]), p2ptext.is_suspended(), p2ptext.require_member(text[]),'
				   ' p2ptext.caller(), p2ptext.texter(name), p2ptext.find_campaign(text),'
				   ' p2ptext.seen_texters(), p2ptext.thread(bigint), p2ptext.canned_responses(bigint), p2ptext.leaderboard(text) TO %I', role);
	IF kind = 'texter' THEN
		-- Of the conversations they hold, and without fields: see voter_card.
		EXECUTE format('GRANT SELECT ON p2ptext.message, p2ptext.outbox, p2ptext.question_response,'
					   ' p2ptext.conversation_note, p2ptext.conversation_tag,'
					   ' p2ptext.voter_card TO %I', role);
		EXECUTE (SELECT format('GRANT SELECT (%s) ON p2ptext.conversation TO %I',
							   string_agg(quote_ident(a.attname), ', '), role)
				 FROM pg_attribute a WHERE a.attrelid = 'p2ptext.conversation'::regclass
				 AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT IN ('fields', 'state'));
	END IF;
	IF kind IN ('texter', 'manager') THEN
		EXECUTE format('GRANT EXECUTE ON FUNCTION p2ptext.next_text(text), p2ptext.approve(bigint, text),'
					   ' p2ptext.take_batch(text, int, text), p2ptext.request_texts(text, int),'
					   ' p2ptext.reply(bigint, text, text[], text, bigint), p2ptext.close(bigint, text, bigint),'
					   ' p2ptext.reopen(bigint), p2ptext.snooze(bigint, timestamptz), p2ptext.tag(bigint, text),'
					   ' p2ptext.untag(bigint, text), p2ptext.add_note(bigint, text),'
					   ' p2ptext.record_answer(bigint, text), p2ptext.record_answer(bigint, text, text),'
					   ' p2ptext.record_answers(bigint, text[], text), p2ptext.withdraw_answer(bigint, text, text),'
					   ' p2ptext.next_step(bigint), p2ptext.suggest_answers(bigint, text), p2ptext.opt_out(text, text, text),'
					   ' p2ptext.opt_in(text, text, text) TO %I', role);
	END IF;
	IF kind IN ('reader', 'manager') THEN
		EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA p2ptext TO %I', role);
		EXECUTE format('GRANT EXECUTE ON FUNCTION p2ptext.stat_get_workers(), p2ptext.stat_get_limits(),'
					   ' p2ptext.metrics(), p2ptext.metric_label(text), p2ptext.stat_get_launches(),'
					   ' p2ptext.audience_as_of(text, timestamptz),'
					   ' p2ptext.export_results(text, text, timestamptz), p2ptext.export_results(text[], text, timestamptz),'
					   ' p2ptext.create_results_view, p2ptext.question_columns, p2ptext.question_headings,'
					   ' p2ptext.question_steps, p2ptext.survey_crosstab, p2ptext.create_survey_view,'
					   ' p2ptext.source_relation, p2ptext.try_expression, p2ptext.check_expression, p2ptext.untrusted_object TO %I', role);
	END IF;
	IF kind = 'manager' THEN
		EXECUTE format('GRANT EXECUTE ON ALL ROUTINES IN SCHEMA p2ptext TO %I', role);
		-- Roles are the owner's to give, and the workers' work is theirs.
		EXECUTE format('REVOKE EXECUTE ON FUNCTION p2ptext.grant_role, p2ptext.revoke_role, p2ptext.take_privileges, p2ptext.grant_changes, p2ptext.secure_rows,'
					   ' p2ptext.announce, p2ptext.claim, p2ptext.finish, p2ptext.settle,'
					   ' p2ptext.recover, p2ptext.requeue, p2ptext.recheck, p2ptext.voters_in_segment,'
					   ' p2ptext.last_contact, p2ptext.to_recall, p2ptext.to_find, p2ptext.found,'
					   ' p2ptext.start_sending, p2ptext.store_inbound,'
					   ' p2ptext.apply_inbound, p2ptext.apply_receipts, p2ptext.apply_texts, p2ptext.auto_code, p2ptext.draft_steps,'
					   ' p2ptext.join_parts, p2ptext.keep_wishes, p2ptext.tell_applied, p2ptext.prune_inbound,'
					   ' p2ptext.receive, p2ptext.take_apart, p2ptext.taken_again,'
					   ' p2ptext.set_answered, p2ptext.cancel_drafts, p2ptext.keep_change'
					   ' FROM %I', role);
		EXECUTE format('GRANT INSERT, UPDATE, DELETE ON p2ptext.segment_part, p2ptext.campaign,'
					   ' p2ptext.sender, p2ptext.brand, p2ptext.interaction_step, p2ptext.script_variant, p2ptext.answer_option,'
					   ' p2ptext.snippet, p2ptext.listed_word, p2ptext.reply_keyword, p2ptext.contact_result, p2ptext.result_name,'
					   ' p2ptext.canned_response, p2ptext.tag TO %I', role);
		EXECUTE format('GRANT INSERT, UPDATE, DELETE ON p2ptext.required_text TO %I', role);
		PERFORM p2ptext.grant_changes(role, 'source', 'segment', 'contact', 'organisation', 'state_hours', 'layout', 'import');
		EXECUTE format('GRANT INSERT (source_id, voter_key, phone), DELETE ON p2ptext.wrong_number TO %I', role);
		EXECUTE format('GRANT INSERT (source_id, voter_key), DELETE ON p2ptext.deceased TO %I', role);
		EXECUTE format('GRANT INSERT, UPDATE, DELETE ON p2ptext.layout_column,'
					   ' p2ptext.layout_field TO %I', role);
		EXECUTE format('GRANT INSERT, UPDATE, DELETE ON p2ptext.import_reject TO %I', role);
		EXECUTE format('GRANT INSERT (name, provider, account, settings, keep_texting_hours),'
					   ' UPDATE (organisation_id, account, settings, enabled, keep_texting_hours, max_per_second, max_per_day,'
					   ' max_attempts, timezone), DELETE'
					   ' ON p2ptext.gateway TO %I', role);
		EXECUTE format('GRANT INSERT ON p2ptext.audience_drop TO %I', role);
		EXECUTE format('GRANT INSERT (campaign_id, predicate, holdout, seed, exclude, not_contacted_within),'
					   ' UPDATE (drafted, dropped, finished_at) ON p2ptext.launch TO %I', role);
		EXECUTE format('GRANT UPDATE (until_launch) ON p2ptext.audience_drop TO %I', role);
		EXECUTE format('GRANT INSERT, UPDATE, DELETE ON p2ptext.phone_line, p2ptext.campaign_exclude, p2ptext.rate_card TO %I', role);
		EXECUTE format('GRANT INSERT (id, campaign_id, launch_id, voter_key, phone, state, sender, timezones, fields)'
					   ' ON p2ptext.conversation TO %I', role);
		EXECUTE format('GRANT INSERT (campaign_id, conversation_id, kind, variant, sender, phone, timezones, body, media)'
					   ' ON p2ptext.outbox TO %I', role);
		EXECUTE format('GRANT USAGE ON SEQUENCE p2ptext.message_id, p2ptext.conversation_id_seq, p2ptext.launch_id_seq,'
					   ' p2ptext.rate_card_id_seq TO %I', role);
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
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	PERFORM p2ptext.take_privileges(role);
	DELETE FROM p2ptext.member m WHERE m.role = role;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM p2ptext.release_texter(role, 'revoke');
	RETURN true;
END
$$;
COMMENT ON FUNCTION p2ptext.revoke_role(name) IS 'takes back what grant_role() gave, and returns to the pool what the role held; returns whether it was a member';

REVOKE ALL ON ALL ROUTINES IN SCHEMA p2ptext FROM PUBLIC;
GRANT USAGE ON SCHEMA p2ptext TO PUBLIC;
GRANT EXECUTE ON FUNCTION
	p2ptext.sms_encoding, p2ptext.sms_units, p2ptext.sms_segments, p2ptext.sms_split,
	p2ptext.sms_gsm, p2ptext.sms_problem, p2ptext.sms_why,
	p2ptext.phone, p2ptext.first_textable, p2ptext.is_e164, p2ptext.file_date, p2ptext.phone_problem, p2ptext.phone_details,
	p2ptext.phone_state, p2ptext.phone_timezones, p2ptext.zip_timezones, p2ptext.state_timezones,
	p2ptext.next_texting_time, p2ptext.texting_window,
	p2ptext.proper_name, p2ptext.nearest_name, p2ptext.pick_variant, p2ptext.hash_share,
	p2ptext.reply_words, p2ptext.classify_reply,
	p2ptext.script_in, p2ptext.script_out, p2ptext.script_recv, p2ptext.script_send,
	p2ptext.script, p2ptext.script_text, p2ptext.script_eq, p2ptext.script_ne, p2ptext.script_hash,
	p2ptext.script_fields, p2ptext.script_snippets,
	p2ptext.render(p2ptext.script, anyelement), p2ptext.render(p2ptext.script, jsonb),
	p2ptext.render_strict(p2ptext.script, anyelement), p2ptext.render_strict(p2ptext.script, jsonb),
	p2ptext.missing_fields(p2ptext.script, anyelement), p2ptext.missing_fields(p2ptext.script, jsonb)
TO PUBLIC;
