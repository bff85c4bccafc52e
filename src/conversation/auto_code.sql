-- auto_code.sql
--	  Replies that are just an answer, and what follows on one.
--
-- A reply is coded by itself only where no reader could take it for anything
-- else; all others wait for a person, who is shown what it may mean.

-- The texts that follow on answers, as drafts.  Where the campaign has it so
-- and no person was there, they are approved already, by whoever set it so.
-- Its plans may be older than most rows, so they go along the indexes.
CREATE FUNCTION p2ptext.draft_steps(conversations bigint[], campaigns int[], steps int[], speaker name)
RETURNS TABLE (conversation_id bigint, outbox_id bigint, body text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
	names jsonb := (
		SELECT jsonb_object_agg(t.role, to_jsonb(p2ptext.texter(t.role)))
		FROM (SELECT DISTINCT coalesce(c.texter, speaker, CASE k.mode WHEN 'broadcast' THEN k.texter END) AS role
			  FROM unnest(conversations, campaigns) AS a(conversation_id, campaign_id)
			  JOIN p2ptext.conversation c ON c.id = a.conversation_id AND c.campaign_id = a.campaign_id
			  JOIN p2ptext.campaign k ON k.id = c.campaign_id) t
		WHERE t.role IS NOT NULL);
BEGIN
	RETURN QUERY
	WITH next AS MATERIALIZED (
		SELECT DISTINCT ON (a.conversation_id, a.campaign_id)
			   a.conversation_id, a.campaign_id, n.id AS step_id, n.script
		FROM unnest(conversations, campaigns, steps) AS a(conversation_id, campaign_id, step_id)
		-- By the conversation: a step may have been answered by everybody.
		JOIN p2ptext.question_response r ON r.conversation_id = a.conversation_id AND r.campaign_id = a.campaign_id
			AND r.step_id + 0 = a.step_id AND r.superseded_at IS NULL
		JOIN p2ptext.interaction_step n ON n.parent_id = a.step_id AND n.campaign_id = a.campaign_id
			AND n.parent_answer IN (r.option, '*') AND n.retired_at IS NULL
		LEFT JOIN p2ptext.answer_option o ON o.step_id = a.step_id AND o.campaign_id = a.campaign_id AND o.value = n.parent_answer
		ORDER BY a.conversation_id, a.campaign_id, n.parent_answer = '*', o.position),
	text AS MATERIALIZED (
		SELECT c.*, n.step_id AS next_id, k.auto_reply_by,
			   p2ptext.render_strict(n.script, c.fields || jsonb_build_object('texter',
				   names -> coalesce(c.texter, speaker, CASE k.mode WHEN 'broadcast' THEN k.texter END))) AS body
		FROM next n
		JOIN p2ptext.conversation c ON c.id = n.conversation_id AND c.campaign_id = n.campaign_id
		JOIN p2ptext.campaign k ON k.id = c.campaign_id
		WHERE c.message_status NOT IN ('needs_message', 'closed') AND k.status IN ('active', 'paused')
		-- No text is sent twice.
		AND NOT EXISTS (SELECT FROM p2ptext.message m
						WHERE m.conversation_id = c.id AND m.campaign_id = c.campaign_id AND m.step_id = n.step_id)
		AND NOT EXISTS (SELECT FROM p2ptext.outbox o
						WHERE o.conversation_id = c.id AND o.campaign_id = c.campaign_id AND o.step_id = n.step_id
						AND o.status IN ('draft', 'review', 'approved', 'sending', 'unknown'))),
	made AS (
		INSERT INTO p2ptext.outbox (campaign_id, conversation_id, kind, step_id, sender, phone, timezones, body, texter,
									status, position, approved_by, approved_at)
		SELECT t.campaign_id, t.id, 'reply', t.next_id, t.sender, t.phone, t.timezones, t.body, coalesce(t.texter, speaker),
			   CASE WHEN a.by IS NULL THEN 'draft' ELSE 'approved' END,
			   CASE WHEN a.by IS NULL THEN 0 ELSE nextval('p2ptext.outbox_position') END,
			   a.by, CASE WHEN a.by IS NOT NULL THEN clock_timestamp() END
		FROM text t
		CROSS JOIN LATERAL (SELECT CASE WHEN speaker IS NULL THEN t.auto_reply_by END) AS a(by)
		WHERE p2ptext.sms_problem(t.body) IS NULL AND t.body IS NOT NULL
		RETURNING id, campaign_id, conversation_id, status, body),
	-- Who has been answered waits no longer.
	answered AS (
		UPDATE p2ptext.conversation c SET message_status = 'convo', waiting_since = NULL
		FROM made m WHERE m.status = 'approved' AND c.id = m.conversation_id AND c.campaign_id = m.campaign_id)
	SELECT m.conversation_id, m.id, m.body FROM made m;
END
$$;
COMMENT ON FUNCTION p2ptext.draft_steps(bigint[], int[], int[], name) IS
'drafts the texts that follow on the live answers to some steps, in the name of the texter of each conversation, or else of speaker; a text that lacks a field, or has been sent, is not drafted';

CREATE FUNCTION p2ptext.drop_drafts(conv p2ptext.conversation, after_step int, but bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	-- One that is being approved right now is past changing.
	UPDATE p2ptext.outbox o SET status = 'cancelled', reason = 'answer_changed', position = NULL
	FROM (SELECT d.id, d.campaign_id
		  FROM p2ptext.outbox d
		  JOIN p2ptext.interaction_step n ON n.id = d.step_id AND n.campaign_id = d.campaign_id
		  WHERE d.conversation_id = conv.id AND d.campaign_id = conv.campaign_id AND d.status = 'draft'
		  AND n.parent_id = coalesce(after_step, n.parent_id) AND d.id IS DISTINCT FROM but
		  FOR NO KEY UPDATE OF d SKIP LOCKED) d
	WHERE o.id = d.id AND o.campaign_id = d.campaign_id
$$;
COMMENT ON FUNCTION p2ptext.drop_drafts(p2ptext.conversation, int, bigint) IS
'cancels drafts of a conversation that followed on an answer to some step, or to any, but for one of them';

-- A reply that lists options, as "1, 3" or "jobs and schools", and nothing else.
CREATE FUNCTION p2ptext.read_choices(step_id int, campaign_id int, body text) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	pieces text[] := ARRAY(
		SELECT p2ptext.plain_words(piece)
		FROM regexp_split_to_table(body, '\s*(?:[,;/&+\n]|\mand\M|\my\M)\s*', 'i') AS piece
		WHERE p2ptext.plain_words(piece) <> '');
	found_values text[];
BEGIN
	IF cardinality(pieces) NOT BETWEEN 2 AND 20 THEN
		RETURN;
	END IF;
	found_values := ARRAY(
		SELECT (SELECT o.value FROM p2ptext.answer_option o
				WHERE o.step_id = step_id AND o.campaign_id = campaign_id AND o.retired_at IS NULL
				AND p2ptext.is_option(o, p) ORDER BY o.position LIMIT 1)
		FROM unnest(pieces) AS p);
	IF array_position(found_values, NULL) IS NULL THEN
		RETURN QUERY SELECT DISTINCT v FROM unnest(found_values) AS v;
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.read_choices(int, int, text) IS 'the options of a step that a reply lists, if it has nothing else in it';

CREATE FUNCTION p2ptext.is_option(option p2ptext.answer_option, words text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN words = ANY (option.keywords) OR words = p2ptext.plain_words(option.value) OR words = option.number::text;
COMMENT ON FUNCTION p2ptext.is_option(p2ptext.answer_option, text) IS 'whether words in plain spelling are just this option, its number or a keyword of it';

CREATE FUNCTION p2ptext.auto_code(ids bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
	conversations bigint[];
	campaigns int[];
	steps int[];
BEGIN
	-- What was drafted before the voter wrote again may fit no more.
	UPDATE p2ptext.outbox o SET status = 'cancelled', reason = 'voter_wrote_again', position = NULL
	FROM (SELECT d.id, d.campaign_id
		  FROM p2ptext.inbound i
		  JOIN p2ptext.outbox d ON d.conversation_id = i.conversation_id AND d.campaign_id = i.campaign_id
		  WHERE i.id = ANY (ids) AND i.kind = 'text' AND i.outcome = 'applied'
		  AND d.step_id IS NOT NULL AND d.status = 'draft'
		  FOR NO KEY UPDATE OF d SKIP LOCKED) d
	WHERE o.id = d.id AND o.campaign_id = d.campaign_id;

	WITH said AS MATERIALIZED (
		SELECT i.id, i.message_id, i.campaign_id, i.conversation_id, i.body, p2ptext.plain_words(i.body) AS words,
			   s.id AS step_id, s.type, s.min_value, s.max_value
		FROM p2ptext.inbound i
		JOIN p2ptext.conversation c ON c.id = i.conversation_id AND c.campaign_id = i.campaign_id
		JOIN p2ptext.campaign k ON k.id = c.campaign_id AND k.auto_code
		JOIN p2ptext.interaction_step s ON s.campaign_id = c.campaign_id AND s.question IS NOT NULL
			AND s.id = coalesce(c.step_id, (SELECT r.id FROM p2ptext.interaction_step r
											WHERE r.campaign_id = c.campaign_id AND r.parent_id IS NULL AND r.retired_at IS NULL))
		WHERE i.id = ANY (ids) AND i.kind = 'text' AND i.outcome = 'applied'
		AND p2ptext.text_meaning(i.status, i.body) IS NULL),
	meant AS (
		SELECT n.*, v.value
		FROM said n
		LEFT JOIN LATERAL (
			SELECT a.value FROM p2ptext.answer_option a
			WHERE a.step_id = n.step_id AND a.campaign_id = n.campaign_id AND a.retired_at IS NULL
			AND p2ptext.has_options(n.type) AND p2ptext.is_option(a, n.words)
			ORDER BY a.position LIMIT 1) a ON n.words <> ''
		CROSS JOIN LATERAL (SELECT CASE n.type WHEN 'number' THEN p2ptext.as_number(n.body) END AS number OFFSET 0) AS f
		CROSS JOIN LATERAL (
			SELECT CASE n.type
				WHEN 'number' THEN CASE WHEN f.number BETWEEN coalesce(n.min_value, f.number) AND coalesce(n.max_value, f.number)
										THEN f.number::text END
				WHEN 'date' THEN to_char(p2ptext.as_date(n.body), 'YYYY-MM-DD')
				ELSE a.value END
			UNION ALL
			SELECT c FROM p2ptext.read_choices(n.step_id, n.campaign_id, n.body) AS c
			WHERE n.type = 'multiple' AND a.value IS NULL) AS v(value)
		WHERE v.value IS NOT NULL),
	-- The first one to an open question.
	coded AS (
		INSERT INTO p2ptext.question_response (campaign_id, conversation_id, step_id, type, value, how, message_id)
		SELECT DISTINCT ON (m.conversation_id, m.step_id, CASE m.type WHEN 'multiple' THEN m.value END)
			   m.campaign_id, m.conversation_id, m.step_id, m.type, m.value, 'auto', m.message_id
		FROM meant m
		ORDER BY m.conversation_id, m.step_id, CASE m.type WHEN 'multiple' THEN m.value END, m.id
		ON CONFLICT DO NOTHING
		RETURNING conversation_id, campaign_id, step_id)
	SELECT array_agg(c.conversation_id), array_agg(c.campaign_id), array_agg(c.step_id)
	INTO conversations, campaigns, steps
	FROM (SELECT DISTINCT conversation_id, campaign_id, step_id FROM coded) c;
	IF conversations IS NOT NULL THEN
		PERFORM p2ptext.draft_steps(conversations, campaigns, steps, NULL);
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.auto_code(bigint[]) IS
'records the answers in texts that are just that, and drafts what follows on them';

CREATE FUNCTION p2ptext.set_auto_reply(campaign text, enabled boolean DEFAULT true) RETURNS p2ptext.campaign
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
BEGIN
	PERFORM p2ptext.require_member('manager');
	IF enabled AND camp.mode <> 'broadcast' THEN
		RAISE EXCEPTION 'campaign "%" is in mode %', campaign, camp.mode
			USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'In this mode each text is approved by itself.',
			HINT = 'What follows on an answer is drafted; the texter approves it with approve().';
	END IF;
	UPDATE p2ptext.campaign c SET auto_reply_by = CASE WHEN enabled THEN p2ptext.caller() END
	WHERE c.id = camp.id
	RETURNING * INTO camp;
	RETURN camp;
END
$$;
COMMENT ON FUNCTION p2ptext.set_auto_reply(text, boolean) IS
'approves beforehand, in the caller''s name, what follows on answers that are recorded by themselves in a broadcast campaign; false: each such text waits for its approval';

CREATE FUNCTION p2ptext.next_step(conversation bigint)
RETURNS TABLE (answer text, step_id int, question text, body text, sms_segments int, outbox_id bigint, problem text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	conv p2ptext.conversation := p2ptext.hold_conversation(conversation);
	step p2ptext.interaction_step := p2ptext.asked_step(conv);
	fields jsonb := p2ptext.merge_fields(conv, coalesce(conv.texter, p2ptext.caller()));
BEGIN
	RETURN QUERY
		SELECT n.parent_answer, n.id, n.question, coalesce(d.body, t.body), p2ptext.sms_segments(coalesce(d.body, t.body)), d.id,
			   CASE WHEN t.body IS NULL THEN 'missing_field: ' || array_to_string(p2ptext.missing_fields(n.script, fields), ', ')
					ELSE p2ptext.sms_problem(t.body) END
		FROM p2ptext.interaction_step n
		LEFT JOIN p2ptext.answer_option o ON o.step_id = n.parent_id AND o.campaign_id = n.campaign_id AND o.value = n.parent_answer
		CROSS JOIN LATERAL (SELECT p2ptext.render_strict(n.script, fields) AS body OFFSET 0) t
		LEFT JOIN p2ptext.outbox d ON d.conversation_id = conv.id AND d.campaign_id = conv.campaign_id
			AND d.step_id = n.id AND d.status = 'draft'
		WHERE n.parent_id = step.id AND n.campaign_id = conv.campaign_id AND n.retired_at IS NULL
		ORDER BY o.position NULLS LAST, n.id;
END
$$;
COMMENT ON FUNCTION p2ptext.next_step(bigint) IS
'what the script says after each answer to what was asked last, to this voter; outbox_id: it is drafted, for approve(); record_answer() drafts it';

-- Ranked by what the reply has of each option: all, a keyword, or a word that
-- is nearly one.
CREATE FUNCTION p2ptext.suggest_answers(conversation bigint, question text DEFAULT NULL)
RETURNS TABLE (question_asked text, answer text, label text, number int, score real, why text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	conv p2ptext.conversation := p2ptext.hold_conversation(conversation);
	step p2ptext.interaction_step := p2ptext.find_question(conv, question);
	body text := (SELECT m.body FROM p2ptext.message m
				  WHERE m.conversation_id = conv.id AND m.campaign_id = conv.campaign_id AND m.direction = 'in'
				  ORDER BY m.id DESC LIMIT 1);
	plain text := p2ptext.plain_words(body);
	words text[] := string_to_array(btrim(regexp_replace(lower(body), '[^[:alnum:]]+', ' ', 'g')), ' ');
BEGIN
	IF NOT p2ptext.has_options(step.type) THEN
		RETURN QUERY SELECT step.question, f.value, NULL::text, NULL::int, f.score::real, f.why
			FROM p2ptext.read_free(step, body) f;
		RETURN;
	END IF;
	RETURN QUERY
		SELECT step.question, o.value, o.label, o.number, coalesce(h.score, 0)::real, h.why
		FROM p2ptext.answer_option o
		LEFT JOIN LATERAL (
			SELECT s.score, s.why
			FROM unnest(o.keywords || p2ptext.plain_words(o.value) || p2ptext.plain_words(o.label) || o.number::text) AS k(word)
			CROSS JOIN LATERAL (
				SELECT 1.0, format('is "%s"', k.word) WHERE k.word = plain
				UNION ALL
				SELECT 0.5 + 0.4 * cardinality(string_to_array(k.word, ' ')) / greatest(cardinality(words), 1), format('has "%s"', k.word)
				WHERE position(' ' || k.word || ' ' IN ' ' || array_to_string(words, ' ') || ' ') > 0
				UNION ALL
				SELECT 0.3, format('has "%s", like "%s"', w.word, k.word)
				FROM unnest(words) AS w(word)
				WHERE length(w.word) > 2 AND w.word <> k.word AND p2ptext.nearest_name(w.word, ARRAY[k.word]) IS NOT NULL) AS s(score, why)
			ORDER BY s.score DESC, s.why LIMIT 1) h ON true
		WHERE o.step_id = step.id AND o.campaign_id = step.campaign_id AND o.retired_at IS NULL
		ORDER BY coalesce(h.score, 0) DESC, o.position;
END
$$;
COMMENT ON FUNCTION p2ptext.suggest_answers(bigint, text) IS
'what the voter''s last text may answer, the likeliest first, and why; without question, to what was asked last; score is 1 where it is just that, 0 where nothing speaks for it';

CREATE FUNCTION p2ptext.read_free(step p2ptext.interaction_step, body text)
RETURNS TABLE (value text, score double precision, why text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT DISTINCT ON (f.value) f.value, f.score, f.why
	FROM (SELECT p2ptext.as_number(m[1]), CASE WHEN p2ptext.as_number(body) IS NOT NULL THEN 1.0 ELSE 0.5 END, format('has "%s"', m[1])
		  FROM regexp_matches(body, '(?:^|[^[:alnum:].,-])(-?[0-9][0-9,]*(?:\.[0-9]+)?)(?=$|[^[:alnum:]])', 'g') AS m
		  WHERE step.type = 'number') AS n(number, score, why)
	CROSS JOIN LATERAL (SELECT n.number::text, n.score, n.why) AS f(value, score, why)
	WHERE n.number BETWEEN coalesce(step.min_value, n.number) AND coalesce(step.max_value, n.number)
	UNION ALL
	SELECT DISTINCT to_char(p2ptext.as_date(m[1]), 'YYYY-MM-DD'), CASE WHEN p2ptext.as_date(body) IS NOT NULL THEN 1.0 ELSE 0.5 END,
		   format('has "%s"', m[1])
	FROM regexp_matches(body, '([0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4})', 'g') AS m
	WHERE step.type = 'date' AND p2ptext.as_date(m[1]) IS NOT NULL
	UNION ALL
	SELECT body, 0.5, 'is the text itself' WHERE step.type = 'text' AND btrim(body) <> ''
$$;
COMMENT ON FUNCTION p2ptext.read_free(p2ptext.interaction_step, text) IS
'the numbers, dates or the text in a reply that may answer a question without options';
