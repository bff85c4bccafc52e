-- result.sql
--	  How a contact ended, in our words and the vendors'.
--
-- The built-in results and VAN's names for them are those of state parties'
-- canvass guides and of public clients of VAN's API.  Names and ids differ
-- from committee to committee: result_name overrides them.

CREATE TABLE p2ptext.contact_result (
	code text PRIMARY KEY CHECK (code ~ '^[a-z][a-z0-9_]*$'),
	van_name text,
	van_id int,
	channels text[] NOT NULL DEFAULT '{text}' CHECK
		(cardinality(channels) > 0 AND channels <@ '{text,phone,door,mail,email}'),
	terminal boolean NOT NULL DEFAULT true,
	effect text CHECK (effect IN ('opt_out', 'wrong_number', 'bad_number', 'deceased')),
	meaning text NOT NULL,
	built_in boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE p2ptext.contact_result IS 'how a contact can end; own results are rows beside the built-in ones';
COMMENT ON COLUMN p2ptext.contact_result.van_id IS 'where one has been seen in public; committees have their own';
COMMENT ON COLUMN p2ptext.contact_result.channels IS 'where it can be the result';
COMMENT ON COLUMN p2ptext.contact_result.terminal IS 'no further contact is needed';
COMMENT ON COLUMN p2ptext.contact_result.effect IS 'what close() with this result does: the phone opts out, is not this voter''s, or reaches nobody; deceased: no campaign over the source texts the voter again';
COMMENT ON COLUMN p2ptext.contact_result.built_in IS 'comes with the extension: not in a dump, not to be changed';
SELECT pg_extension_config_dump('p2ptext.contact_result', 'WHERE NOT built_in');
INSERT INTO p2ptext.contact_result (code, van_name, van_id, channels, terminal, effect, meaning, built_in) VALUES
	('canvassed', 'Canvassed', 14, '{text,phone,door}', true, NULL, 'reached and at least one survey answer recorded', true),
	('opted_out', 'Do Not Text', 130, '{text}', true, 'opt_out', 'said stop, in a text or to a texter', true),
	('texted', 'Texted', NULL, '{text}', false, NULL, 'initial text sent, no answer needed; at most one per person per day in VAN; becomes Canvassed when a survey answer is recorded that day', true),
	('not_home', 'Not Home', NULL, '{phone,door}', false, NULL, 'no contact; dialers also map no answer, busy and answering machine to it', true),
	('refused', 'Refused', NULL, '{text,phone,door}', true, NULL, 'hostile or will not talk', true),
	('moved', 'Moved', NULL, '{text,phone,door}', true, NULL, 'no longer lives in the district', true),
	('deceased', 'Deceased', 4, '{text,phone,door,mail}', true, 'deceased', 'person has died', true),
	('wrong_number', 'Wrong Number', NULL, '{text,phone}', true, 'wrong_number', 'somebody else has this number', true),
	('disconnected', 'Disconnected', 25, '{phone}', true, 'bad_number', 'number out of service', true),
	('bad_number', 'Deliverability Error', NULL, '{text,phone}', true, 'bad_number', 'carrier error, landline, unreachable; staff/API only in VAN', true),
	('left_message', 'Left Message', NULL, '{phone,door}', false, NULL, 'voicemail or literature left', true),
	('busy', 'Busy', 18, '{phone}', false, NULL, 'line busy', true),
	('call_back', 'Call Back', 17, '{text,phone}', false, NULL, 'asked for later contact', true),
	('come_back', 'Come Back', 13, '{door}', false, NULL, 'asked for a later visit', true),
	('inaccessible', 'Inaccessible', NULL, '{door}', true, NULL, 'gate, dog, locked building', true),
	('language_barrier', 'Language Barrier', NULL, '{text,phone,door}', true, NULL, 'another language needed', true),
	('do_not_text', 'Do Not Text', 130, '{text}', true, 'opt_out', 'opted out of texts', true),
	('do_not_call', 'Do Not Call', 22, '{phone}', true, NULL, 'asked not to be called', true),
	('do_not_walk', 'Do Not Walk', 23, '{door}', true, NULL, 'asked not to be visited', true),
	('do_not_email', 'Do Not Email', 131, '{email}', true, NULL, 'email opt-out', true),
	('mailed', 'Mailed', NULL, '{mail}', false, NULL, 'piece sent (name at VAN not confirmed)', true),
	('returned_mail', 'Bad Address', NULL, '{mail}', true, NULL, 'piece came back (name at VAN not confirmed)', true);

CREATE FUNCTION p2ptext.guard_results() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF TG_OP <> 'INSERT' AND OLD.built_in OR TG_OP <> 'DELETE' AND NEW.built_in THEN
		RAISE EXCEPTION 'contact result "%" is built in', CASE TG_OP WHEN 'DELETE' THEN OLD.code ELSE NEW.code END
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Give it another name in p2ptext.result_name, or add a result of your own, with built_in false.';
	ELSIF TG_OP <> 'INSERT' AND EXISTS (SELECT FROM p2ptext.conversation c WHERE c.result = OLD.code)
		AND (TG_OP = 'DELETE' OR NEW.code <> OLD.code) THEN
		RAISE EXCEPTION 'contact result "%" is in use', OLD.code
			USING ERRCODE = 'foreign_key_violation',
			DETAIL = 'Conversations have ended so.';
	END IF;
	RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION p2ptext.guard_results() IS 'trigger: built-in results stay as they are, and used ones keep their code';
CREATE TRIGGER guard_results BEFORE INSERT OR UPDATE OR DELETE ON p2ptext.contact_result
	FOR EACH ROW EXECUTE FUNCTION p2ptext.guard_results();

CREATE TABLE p2ptext.result_name (
	code text NOT NULL REFERENCES p2ptext.contact_result ON UPDATE CASCADE,
	format text NOT NULL CHECK (format IN ('van', 'rnc')),
	name text NOT NULL CHECK (name <> ''),
	PRIMARY KEY (code, format)
);
COMMENT ON TABLE p2ptext.result_name IS 'what a vendor''s committee calls a result, where export_results() should say other than it does';
SELECT pg_extension_config_dump('p2ptext.result_name', '');

CREATE FUNCTION p2ptext.check_result(result text, channel text) RETURNS p2ptext.contact_result
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	found_row p2ptext.contact_result;
BEGIN
	SELECT * INTO found_row FROM p2ptext.contact_result r WHERE r.code = result AND channel = ANY (r.channels);
	IF NOT FOUND THEN
		RAISE EXCEPTION 'contact result "%" is not known for channel %', result, channel
			USING ERRCODE = 'invalid_parameter_value',
			HINT = format('Results are: %s. More can be inserted into p2ptext.contact_result.',
				(SELECT string_agg(r.code, ', ' ORDER BY r.code) FROM p2ptext.contact_result r
				 WHERE channel = ANY (r.channels)));
	END IF;
	RETURN found_row;
END
$$;
COMMENT ON FUNCTION p2ptext.check_result(text, text) IS 'a contact result that a channel can have, or a clear error';
