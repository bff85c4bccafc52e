-- tree.sql
--	  Script trees as documents: written in one call, read back, and checked.

-- Everything a campaign may say, for the fields it keeps of each voter: of the
-- canned responses for all campaigns, those that its source can fill.
CREATE FUNCTION p2ptext.campaign_scripts(campaign_id int) RETURNS SETOF p2ptext.script
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	known text[];
BEGIN
	RETURN QUERY
		SELECT s.script FROM p2ptext.interaction_step s WHERE s.campaign_id = campaign_id AND s.retired_at IS NULL
		UNION ALL
		SELECT v.script FROM p2ptext.script_variant v WHERE v.campaign_id = campaign_id
		UNION ALL
		SELECT r.body FROM p2ptext.canned_response r WHERE r.campaign_id = campaign_id;
	IF EXISTS (SELECT FROM p2ptext.canned_response r WHERE r.campaign_id IS NULL) THEN
		SELECT p2ptext.source_fields(src) || 'texter'::text INTO STRICT known
		FROM p2ptext.campaign c
		JOIN p2ptext.segment seg ON seg.id = c.segment_id
		JOIN p2ptext.source src ON src.id = seg.source_id
		WHERE c.id = campaign_id;
		RETURN QUERY
			SELECT r.body FROM p2ptext.canned_response r
			WHERE r.campaign_id IS NULL
			AND known @> ARRAY(SELECT split_part(f, '.', 1) FROM unnest(p2ptext.script_fields_all(r.body)) AS f);
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.campaign_scripts(int) IS 'the scripts of a campaign: first texts, those of its tree, and canned responses';

CREATE FUNCTION p2ptext.campaign_source(camp p2ptext.campaign) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT src.name FROM p2ptext.segment seg JOIN p2ptext.source src ON src.id = seg.source_id
	WHERE seg.id = camp.segment_id
$$;
COMMENT ON FUNCTION p2ptext.campaign_source(p2ptext.campaign) IS 'the name of the source a campaign''s voters are from';

-- Whoever has been sent a root's text was asked its question, whatever comes
-- in its place.  A text that nobody has written yet will be the new one.
CREATE FUNCTION p2ptext.keep_asked(root p2ptext.interaction_step) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM p2ptext.require_member('manager');
	UPDATE p2ptext.conversation c SET step_id = root.id
	WHERE c.campaign_id = root.campaign_id AND c.step_id IS NULL
	AND NOT EXISTS (SELECT FROM p2ptext.outbox o
					WHERE o.conversation_id = c.id AND o.campaign_id = c.campaign_id
					AND o.kind = 'initial' AND o.body IS NULL);
END
$$;
COMMENT ON FUNCTION p2ptext.keep_asked(p2ptext.interaction_step) IS
'notes in the conversations of a campaign which first step they had, before another takes its place';

CREATE FUNCTION p2ptext.remove_step(step int) RETURNS SETOF p2ptext.interaction_step
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	top p2ptext.interaction_step;
	launched boolean;
BEGIN
	PERFORM p2ptext.require_member('manager');
	SELECT * INTO top FROM p2ptext.interaction_step s WHERE s.id = step;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'step % does not exist', step
			USING ERRCODE = 'undefined_object',
			HINT = 'SELECT * FROM p2ptext.script_outline(...) lists the steps of a campaign.';
	END IF;
	SELECT c.launched_at IS NOT NULL INTO launched FROM p2ptext.campaign c
	WHERE c.id = top.campaign_id FOR NO KEY UPDATE;
	IF top.parent_id IS NULL AND top.retired_at IS NULL THEN
		RAISE EXCEPTION 'step % is the first text of its campaign', step
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'set_script_tree() puts another tree in its place.';
	END IF;
	RETURN QUERY SELECT * FROM p2ptext.retire_step(top, launched);
END
$$;
COMMENT ON FUNCTION p2ptext.remove_step(int) IS
'takes a step, and those that follow on it, out of the script tree; returns them; once the campaign is launched they are kept as retired';

CREATE FUNCTION p2ptext.retire_step(top p2ptext.interaction_step, launched boolean) RETURNS SETOF p2ptext.interaction_step
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	gone int[] := ARRAY(
		WITH RECURSIVE below(id) AS (
			SELECT top.id
			UNION
			SELECT s.id FROM below b
			JOIN p2ptext.interaction_step s ON s.parent_id = b.id AND s.campaign_id = top.campaign_id)
		SELECT b.id FROM below b);
BEGIN
	IF launched THEN
		RETURN QUERY
			UPDATE p2ptext.interaction_step s SET retired_at = now()
			WHERE s.id = ANY (gone) AND s.campaign_id = top.campaign_id AND s.retired_at IS NULL
			RETURNING *;
	ELSE
		DELETE FROM p2ptext.answer_option o WHERE o.step_id = ANY (gone) AND o.campaign_id = top.campaign_id;
		RETURN QUERY
			DELETE FROM p2ptext.interaction_step s
			WHERE s.id = ANY (gone) AND s.campaign_id = top.campaign_id
			RETURNING *;
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.retire_step(p2ptext.interaction_step, boolean) IS 'removes a step and what is below it, or retires them in a launched campaign';

-- A branch leads from an answer that can be given, or from any other.
CREATE FUNCTION p2ptext.check_branch(parent p2ptext.interaction_step, answer text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF parent.question IS NULL THEN
		RAISE EXCEPTION 'step % asks no question', parent.id
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'A step follows on the answer to a question.';
	ELSIF answer <> '*' AND NOT EXISTS (
		SELECT FROM p2ptext.answer_option o
		WHERE o.step_id = parent.id AND o.campaign_id = parent.campaign_id AND o.value = answer AND o.retired_at IS NULL) THEN
		RAISE EXCEPTION '"%" is not an answer to "%"', answer, parent.question
			USING ERRCODE = 'invalid_parameter_value',
			HINT = format('Answers are: %s.',
				(SELECT string_agg(o.value, ', ' ORDER BY o.position) FROM p2ptext.answer_option o
				 WHERE o.step_id = parent.id AND o.campaign_id = parent.campaign_id AND o.retired_at IS NULL));
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.check_branch(p2ptext.interaction_step, text) IS 'errors unless a step may follow on this answer';

CREATE FUNCTION p2ptext.add_step(campaign text, script p2ptext.script, parent int, answer text DEFAULT '*',
	question text DEFAULT NULL, answers jsonb DEFAULT NULL, type text DEFAULT 'single',
	min_value numeric DEFAULT NULL, max_value numeric DEFAULT NULL)
RETURNS p2ptext.interaction_step
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	above p2ptext.interaction_step;
	made p2ptext.interaction_step;
BEGIN
	PERFORM p2ptext.require_member('manager');
	PERFORM p2ptext.require_open(camp);
	PERFORM p2ptext.check_type(type);
	PERFORM p2ptext.check_range(type, min_value, max_value);
	PERFORM p2ptext.check_script(script, p2ptext.campaign_source(camp));
	PERFORM FROM p2ptext.campaign c WHERE c.id = camp.id FOR NO KEY UPDATE;
	SELECT * INTO above FROM p2ptext.interaction_step s
	WHERE s.id = parent AND s.campaign_id = camp.id AND s.retired_at IS NULL;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'campaign "%" has no step %', campaign, coalesce(parent::text, 'NULL')
			USING ERRCODE = 'undefined_object',
			HINT = format('SELECT * FROM p2ptext.script_outline(%L) lists its steps.', campaign);
	END IF;
	PERFORM p2ptext.check_branch(above, coalesce(answer, '*'));
	IF EXISTS (SELECT FROM p2ptext.interaction_step s
			   WHERE s.parent_id = above.id AND s.campaign_id = camp.id
			   AND s.parent_answer = coalesce(answer, '*') AND s.retired_at IS NULL) THEN
		RAISE EXCEPTION 'a step follows on answer "%" of step % already', coalesce(answer, '*'), parent
			USING ERRCODE = 'duplicate_object',
			HINT = 'Update it, or take it away with remove_step().';
	END IF;
	INSERT INTO p2ptext.interaction_step (campaign_id, parent_id, parent_answer, script, question, type, min_value, max_value)
	VALUES (camp.id, above.id, coalesce(answer, '*'), script, question, type, min_value, max_value)
	RETURNING * INTO made;
	PERFORM p2ptext.put_answers(made, answers);
	RETURN made;
END
$$;
COMMENT ON FUNCTION p2ptext.add_step(text, p2ptext.script, int, text, text, jsonb, text, numeric, numeric) IS
'adds a step to a script tree, to follow on an answer of step parent, or on any that leads nowhere else; question, answers and type as in add_question()';

-- One node of a document and what is below it.  A step that asks the same in
-- the same place stays itself, with its answers.
CREATE FUNCTION p2ptext.put_step(camp p2ptext.campaign, parent p2ptext.interaction_step, answer text, node jsonb, place text)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	wanted p2ptext.interaction_step;
	step p2ptext.interaction_step;
	list jsonb;
	child record;
BEGIN
	wanted := p2ptext.read_step(camp, node);
	IF wanted.question IS NOT NULL THEN
		list := p2ptext.list_answers(wanted.type, node -> 'answers');
	END IF;
	SELECT * INTO step FROM p2ptext.interaction_step s
	WHERE s.campaign_id = camp.id AND s.retired_at IS NULL
	AND s.parent_id IS NOT DISTINCT FROM parent.id AND s.parent_answer IS NOT DISTINCT FROM answer;
	IF FOUND AND camp.launched_at IS NOT NULL AND step.question IS NOT NULL
		AND (step.question, step.type) IS DISTINCT FROM (wanted.question, wanted.type) THEN
		IF parent.id IS NULL THEN
			PERFORM p2ptext.keep_asked(step);
		END IF;
		PERFORM p2ptext.retire_step(step, true);
		wanted.weight := step.weight;
		step := NULL;
	END IF;
	IF step.id IS NULL THEN
		INSERT INTO p2ptext.interaction_step (campaign_id, parent_id, parent_answer, script, question, type, min_value, max_value, weight)
		VALUES (camp.id, parent.id, answer, wanted.script, wanted.question, wanted.type,
				wanted.min_value, wanted.max_value, coalesce(wanted.weight, 1))
		RETURNING * INTO step;
	ELSE
		UPDATE p2ptext.interaction_step s
		SET script = wanted.script, question = wanted.question, type = wanted.type,
			min_value = wanted.min_value, max_value = wanted.max_value
		WHERE s.id = step.id AND s.campaign_id = camp.id
		RETURNING * INTO step;
	END IF;
	PERFORM p2ptext.put_answers(step, node -> 'answers');
	PERFORM p2ptext.retire_step(s, camp.launched_at IS NOT NULL)
	FROM p2ptext.interaction_step s
	WHERE s.parent_id = step.id AND s.campaign_id = camp.id AND s.retired_at IS NULL
	AND NOT EXISTS (SELECT FROM jsonb_array_elements(list) a
					WHERE a ->> 'value' = s.parent_answer AND jsonb_typeof(a -> 'next') = 'object')
	AND NOT (s.parent_answer = '*' AND coalesce(jsonb_typeof(node -> 'next'), 'null') = 'object');
	FOR child IN
		SELECT a ->> 'value' AS answer, a -> 'next' AS node FROM jsonb_array_elements(list) a
		WHERE coalesce(jsonb_typeof(a -> 'next'), 'null') <> 'null'
		UNION ALL
		SELECT '*', node -> 'next' WHERE coalesce(jsonb_typeof(node -> 'next'), 'null') <> 'null'
	LOOP
		PERFORM p2ptext.put_step(camp, step, child.answer, child.node, concat_ws(' > ', place, child.answer));
	END LOOP;
EXCEPTION
	-- Which of them is bad; the innermost knows.
	WHEN syntax_error_or_access_rule_violation OR data_exception OR undefined_object OR reserved_name THEN
		DECLARE
			code text; message text; detail text; hint text;
		BEGIN
			GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
				detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
			RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message,
				HINT = coalesce(nullif(hint, ''), 'Nothing of the document was taken.'),
				DETAIL = CASE WHEN detail ~ 'In the step ' THEN detail
							  ELSE concat_ws(' ', rtrim(nullif(detail, ''), '.') || '.',
											 'In the step ' || coalesce('after ' || place, 'at the root') || '.') END;
		END;
END
$$;
COMMENT ON FUNCTION p2ptext.put_step(p2ptext.campaign, p2ptext.interaction_step, text, jsonb, text) IS
'makes a document the part of the script tree below an answer, errors telling its place';

CREATE FUNCTION p2ptext.read_step(camp p2ptext.campaign, node jsonb) RETURNS p2ptext.interaction_step
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	keys constant text[] := '{script,question,type,answers,min,max,next}';
	strange text;
	step p2ptext.interaction_step;
BEGIN
	IF jsonb_typeof(node) IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION 'a step must be an object'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Such as {"script": "Great! Do you need a ride?", "question": "Needs a ride?", "answers": ["yes", "no"]}.';
	END IF;
	SELECT k INTO strange FROM jsonb_object_keys(node) k WHERE k <> ALL (keys) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'a step has no "%"', strange
			USING ERRCODE = 'invalid_parameter_value',
			HINT = coalesce('Perhaps you meant "' || p2ptext.nearest_name(strange, keys) || '".',
							format('It has: %s.', array_to_string(keys, ', ')));
	END IF;
	SELECT k INTO strange FROM unnest('{script,question,type}'::text[]) k
	WHERE coalesce(jsonb_typeof(node -> k), 'null') NOT IN ('string', 'null') LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'the % of a step must be a text', strange
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It is: %s', node -> strange);
	END IF;
	SELECT k INTO strange FROM unnest('{min,max}'::text[]) k
	WHERE coalesce(jsonb_typeof(node -> k), 'null') NOT IN ('number', 'null') LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'the % of a step must be a number', strange
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It is: %s', node -> strange);
	END IF;
	step.script := (node ->> 'script')::p2ptext.script;
	PERFORM p2ptext.check_script(step.script, p2ptext.campaign_source(camp));
	step.question := node ->> 'question';
	step.type := coalesce(node ->> 'type', 'single');
	step.min_value := (node ->> 'min')::numeric;
	step.max_value := (node ->> 'max')::numeric;
	PERFORM p2ptext.check_type(step.type);
	PERFORM p2ptext.check_range(step.type, step.min_value, step.max_value);
	IF btrim(step.question) = '' THEN
		RAISE EXCEPTION 'a question needs some text'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF step.question IS NULL AND (node - '{script,question}'::text[]) <> '{}' THEN
		RAISE EXCEPTION 'a step without a question has just a script'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Name what it asks: "question": "...".';
	END IF;
	RETURN step;
END
$$;
COMMENT ON FUNCTION p2ptext.read_step(p2ptext.campaign, jsonb) IS 'a node of a document as a step, or a clear error';

CREATE FUNCTION p2ptext.set_script_tree(campaign text, tree jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
BEGIN
	PERFORM p2ptext.require_member('manager');
	-- As launches do, which read it.
	SELECT * INTO camp FROM p2ptext.campaign c WHERE c.id = camp.id FOR NO KEY UPDATE;
	PERFORM p2ptext.require_open(camp);
	IF pg_column_size(tree) > 1000000 THEN
		RAISE EXCEPTION 'a script tree has at most a million bytes'
			USING ERRCODE = 'program_limit_exceeded';
	END IF;
	PERFORM p2ptext.put_step(camp, NULL, NULL, tree, NULL);
	RETURN p2ptext.script_tree(campaign);
END
$$;
COMMENT ON FUNCTION p2ptext.set_script_tree(text, jsonb) IS
'makes a document the script tree of a campaign: {"script", "question", "type", "answers": [{"value", "label", "keywords", "number", "next": {...}}], "min", "max", "next": {...}}; the root''s script is the first text; a step that asks the same in the same place stays itself, others are retired once the campaign is launched; returns the tree';

-- Only here, not further down as jsonb_strip_nulls does.
CREATE FUNCTION p2ptext.without_nulls(document jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each($1) AS e WHERE e.value <> 'null');
COMMENT ON FUNCTION p2ptext.without_nulls(jsonb) IS 'a document without its keys that are null';

CREATE FUNCTION p2ptext.step_document(step p2ptext.interaction_step) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	answers jsonb;
	after jsonb;
BEGIN
	SELECT jsonb_object_agg(s.parent_answer, p2ptext.step_document(s)) INTO after
	FROM p2ptext.interaction_step s
	WHERE s.parent_id = step.id AND s.campaign_id = step.campaign_id AND s.retired_at IS NULL;
	IF step.question IS NOT NULL THEN
		SELECT jsonb_agg(p2ptext.without_nulls(jsonb_build_object('value', o.value, 'label', o.label,
							'keywords', nullif(to_jsonb(o.keywords), '[]'), 'next', after -> o.value))
						 || jsonb_build_object('number', o.number) ORDER BY o.position)
		INTO answers
		FROM p2ptext.answer_option o
		WHERE o.step_id = step.id AND o.campaign_id = step.campaign_id AND o.retired_at IS NULL AND o.value <> '*';
	END IF;
	RETURN p2ptext.without_nulls(jsonb_build_object('script', p2ptext.script_text(step.script),
		'question', step.question, 'type', CASE WHEN step.question IS NOT NULL THEN step.type END,
		'min', step.min_value, 'max', step.max_value, 'answers', answers, 'next', after -> '*'));
END
$$;
COMMENT ON FUNCTION p2ptext.step_document(p2ptext.interaction_step) IS 'a step and what follows on it as set_script_tree() takes it';

CREATE FUNCTION p2ptext.script_tree(campaign text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p2ptext.step_document(s) FROM p2ptext.interaction_step s
	WHERE s.campaign_id = (p2ptext.find_campaign(campaign)).id AND s.parent_id IS NULL AND s.retired_at IS NULL
$$;
COMMENT ON FUNCTION p2ptext.script_tree(text) IS 'the script tree of a campaign, as set_script_tree() takes it';

CREATE FUNCTION p2ptext.script_outline(campaign text)
RETURNS TABLE (step_id int, depth int, answer text, script text, question text, type text, options text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE tree AS (
		SELECT s.*, 0 AS depth, ARRAY[0] AS place
		FROM p2ptext.interaction_step s
		WHERE s.campaign_id = (p2ptext.find_campaign(campaign)).id AND s.parent_id IS NULL AND s.retired_at IS NULL
		UNION ALL
		SELECT s.*, t.depth + 1, t.place || coalesce(o.position, 1000000) || s.id
		FROM tree t
		JOIN p2ptext.interaction_step s ON s.parent_id = t.id AND s.campaign_id = t.campaign_id AND s.retired_at IS NULL
		LEFT JOIN p2ptext.answer_option o ON o.step_id = t.id AND o.campaign_id = t.campaign_id AND o.value = s.parent_answer)
	SELECT t.id, t.depth, repeat('    ', t.depth - 1) || t.parent_answer, p2ptext.script_text(t.script), t.question,
		   CASE WHEN t.question IS NOT NULL THEN t.type END,
		   (SELECT string_agg(concat_ws('. ', o.number, o.value), ', ' ORDER BY o.position) FROM p2ptext.answer_option o
			WHERE o.step_id = t.id AND o.campaign_id = t.campaign_id AND o.retired_at IS NULL AND o.value <> '*')
	FROM tree t
	ORDER BY t.place
$$;
COMMENT ON FUNCTION p2ptext.script_outline(text) IS
'the script tree of a campaign, a row for each step, each under the answer that leads to it';

-- What set_script_tree() and add_step() refuse may come in by UPDATE.
CREATE FUNCTION p2ptext.check_script_tree(campaign text)
RETURNS TABLE (step_id int, severity text, problem text, detail text, fix text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	texter constant text[] := '{texter.first_name,texter.last_name}';
	known text[] := array_remove(p2ptext.source_fields(p2ptext.find_source(p2ptext.campaign_source(camp))), 'texter');
	-- All conversations of a launch keep the same fields.
	kept jsonb := (SELECT c.fields FROM p2ptext.conversation c WHERE c.campaign_id = camp.id LIMIT 1);
BEGIN
	RETURN QUERY
	WITH RECURSIVE live AS (
		SELECT s.* FROM p2ptext.interaction_step s WHERE s.campaign_id = camp.id AND s.retired_at IS NULL),
	reached(id) AS (
		SELECT l.id FROM live l WHERE l.parent_id IS NULL
		UNION
		SELECT l.id FROM reached r JOIN live l ON l.parent_id = r.id),
	option AS (
		SELECT o.*, l.type FROM live l
		JOIN p2ptext.answer_option o ON o.step_id = l.id AND o.campaign_id = l.campaign_id AND o.retired_at IS NULL
		WHERE l.question IS NOT NULL),
	word AS (
		SELECT DISTINCT o.step_id, o.value, w.word
		FROM option o
		CROSS JOIN LATERAL unnest(o.keywords || p2ptext.plain_words(o.value) || o.number::text) AS w(word)
		WHERE w.word IS NOT NULL),
	field AS (
		SELECT l.id, f.field, split_part(f.field, '.', 1) AS name
		FROM live l CROSS JOIN LATERAL unnest(p2ptext.script_fields_all(l.script)) AS f(field)
		WHERE f.field <> ALL (texter))
	SELECT NULL::int, 'error', 'no_root', 'The campaign has no first text.',
		   'Call set_script_tree().'
	WHERE NOT EXISTS (SELECT FROM live l WHERE l.parent_id IS NULL)
	UNION ALL
	SELECT l.id, 'error', 'orphan', format('It follows on step %s, which is no part of the tree.', l.parent_id),
		   format('SELECT p2ptext.remove_step(%s);', l.id)
	FROM live l WHERE l.id NOT IN (SELECT r.id FROM reached r)
	UNION ALL
	SELECT l.id, 'error', 'no_question', format('It follows on step %s, which asks nothing.', l.parent_id),
		   'Set the question of that step.'
	FROM live l JOIN live p ON p.id = l.parent_id WHERE p.question IS NULL
	UNION ALL
	SELECT l.id, 'error', 'no_such_answer', format('It follows on "%s", which is no answer to "%s".', l.parent_answer, p.question),
		   format('UPDATE p2ptext.interaction_step SET parent_answer = ... WHERE id = %s;', l.id)
	FROM live l JOIN live p ON p.id = l.parent_id
	WHERE p.question IS NOT NULL AND l.parent_answer <> '*'
	AND NOT EXISTS (SELECT FROM option o WHERE o.step_id = p.id AND o.value = l.parent_answer)
	UNION ALL
	SELECT l.id, 'error', 'no_answers', format('"%s" has no answer.', l.question),
		   CASE WHEN p2ptext.has_options(l.type) THEN 'Insert them into p2ptext.answer_option.'
				ELSE format('INSERT INTO p2ptext.answer_option (step_id, campaign_id, value, position) VALUES (%s, %s, ''*'', 1);', l.id, camp.id) END
	FROM live l
	WHERE l.question IS NOT NULL
	AND NOT EXISTS (SELECT FROM option o WHERE o.step_id = l.id AND (o.value = '*') <> p2ptext.has_options(l.type))
	UNION ALL
	SELECT o.step_id, 'error', 'not_an_answer', format('"%s" cannot answer a question of type %s.', o.value, o.type),
		   'Delete it from p2ptext.answer_option.'
	FROM option o
	WHERE (o.value = '*') = p2ptext.has_options(o.type)
	OR (o.type IN ('yes_no', 'support') AND NOT p2ptext.usual_answers(o.type)
		@> jsonb_build_array(jsonb_build_object('value', o.value)))
	UNION ALL
	SELECT w.step_id, 'error', 'ambiguous_reply', format('A reply "%s" would be "%s".', w.word,
		   string_agg(w.value, '" and "' ORDER BY w.value)), 'Give each keyword and number to one answer.'
	FROM word w GROUP BY w.step_id, w.word HAVING count(*) > 1
	UNION ALL
	SELECT w.step_id, 'warning', 'never_an_answer', format('A reply "%s" is taken as %s, not as "%s".', w.word,
		   p2ptext.classify_reply(w.word), w.value), 'Choose another word.'
	FROM word w WHERE w.word <> '*' AND p2ptext.classify_reply(w.word) IS NOT NULL
	UNION ALL
	SELECT f.id, 'error', 'unknown_field', format('Field "%s" is not known to source "%s".', f.field, p2ptext.campaign_source(camp)),
		   'Perhaps you meant "' || p2ptext.nearest_name(f.field, known || texter) || '".'
	FROM field f WHERE f.name <> ALL (known)
	UNION ALL
	SELECT f.id, 'warning', 'field_not_kept', format('Conversations launched before do not have field "%s".', f.field),
		   format('Give it a fallback, as {{%s|...}}.', f.field)
	FROM field f WHERE f.name = ANY (known) AND NOT kept ? f.name
	UNION ALL
	SELECT l.id, 'error', 'unknown_snippet', format('Snippet "%s" does not exist.', n.name), 'Insert it into p2ptext.snippet.'
	FROM live l
	CROSS JOIN LATERAL p2ptext.script_parts(l.script) AS part
	CROSS JOIN LATERAL unnest(p2ptext.script_snippets(part)) AS n(name)
	WHERE NOT EXISTS (SELECT FROM p2ptext.snippet s WHERE s.name = n.name)
	ORDER BY 1 NULLS FIRST, 2, 3, 4;
END
$$;
COMMENT ON FUNCTION p2ptext.check_script_tree(text) IS
'what is wrong with the script tree of a campaign, each with what would mend it; no rows when nothing is';
