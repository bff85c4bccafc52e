-- survey.sql
--	  Answers for people and BI: one by one, counted, crossed, and as columns.

CREATE VIEW p2ptext.survey_results AS
SELECT r.campaign_id, c.name AS campaign, r.conversation_id, v.voter_key, v.phone, r.step_id, s.question, s.type,
	   r.value AS answer, o.label, r.how, r.message_id, r.recorded_by, r.recorded_at
FROM p2ptext.question_response r
JOIN p2ptext.campaign c ON c.id = r.campaign_id
JOIN p2ptext.interaction_step s ON s.id = r.step_id AND s.campaign_id = r.campaign_id
JOIN p2ptext.conversation v ON v.id = r.conversation_id AND v.campaign_id = r.campaign_id
JOIN p2ptext.answer_option o ON o.step_id = r.step_id AND o.campaign_id = r.campaign_id AND o.value = r.option
WHERE r.superseded_at IS NULL;
COMMENT ON VIEW p2ptext.survey_results IS
'every answer that counts: whose it is, to what, and by which text or person it is known; of a multiple choice a row for each';

CREATE VIEW p2ptext.survey_summary AS
SELECT c.id AS campaign_id, c.name AS campaign, s.id AS step_id, s.question, a.answer, a.label, a.answers, a.auto,
	   round(100.0 * a.answers / nullif(CASE s.type
			WHEN 'multiple' THEN (SELECT count(DISTINCT q.conversation_id) FROM p2ptext.question_response q
								  WHERE q.step_id = s.id AND q.campaign_id = s.campaign_id AND q.superseded_at IS NULL)
			ELSE sum(a.answers) OVER (PARTITION BY s.id) END, 0), 1) AS percent
FROM p2ptext.campaign c
JOIN p2ptext.interaction_step s ON s.campaign_id = c.id AND s.question IS NOT NULL
CROSS JOIN LATERAL (
	SELECT coalesce(o.value, r.value) AS answer, o.label, o.position,
		   coalesce(r.answers, 0) AS answers, coalesce(r.auto, 0) AS auto, o.retired_at
	FROM (SELECT * FROM p2ptext.answer_option o
		  WHERE o.step_id = s.id AND o.campaign_id = s.campaign_id AND o.value <> '*') o
	FULL JOIN (SELECT CASE s.type WHEN 'text' THEN NULL ELSE q.value END AS value, count(*) AS answers,
					  count(*) FILTER (WHERE q.how = 'auto') AS auto
			   FROM p2ptext.question_response q
			   WHERE q.step_id = s.id AND q.campaign_id = s.campaign_id AND q.superseded_at IS NULL
			   GROUP BY 1) r ON r.value = o.value) a
WHERE a.answers > 0 OR (a.retired_at IS NULL AND s.retired_at IS NULL)
ORDER BY c.id, s.id, a.position, length(a.answer), a.answer;
COMMENT ON VIEW p2ptext.survey_summary IS
'how often each answer was given, in per cent of the voters who answered; auto: recorded from the reply itself; free texts are counted, not listed';

CREATE FUNCTION p2ptext.question_steps(campaign text, question text) RETURNS int[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	steps int[] := ARRAY(SELECT s.id FROM p2ptext.interaction_step s
						 WHERE s.campaign_id = camp.id AND s.question = question);
	known text[];
BEGIN
	IF steps = '{}' THEN
		known := ARRAY(SELECT DISTINCT s.question FROM p2ptext.interaction_step s
					   WHERE s.campaign_id = camp.id AND s.question IS NOT NULL ORDER BY 1);
		RAISE EXCEPTION 'campaign "%" does not ask "%"', campaign, question
			USING ERRCODE = 'undefined_object',
			HINT = CASE WHEN known = '{}' THEN 'add_question() or set_script_tree() gives it a question.'
						ELSE format('It asks: %s', array_to_string(known, ', ')) END;
	END IF;
	RETURN steps;
END
$$;
COMMENT ON FUNCTION p2ptext.question_steps(text, text) IS 'the steps of a campaign that ask a question, retired ones too, or a clear error';

CREATE FUNCTION p2ptext.survey_crosstab(campaign text, row_question text DEFAULT NULL, column_question text DEFAULT NULL)
RETURNS TABLE (row_answer text, column_answer text, n bigint, percent numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	asked text[] := ARRAY(SELECT s.question FROM p2ptext.interaction_step s
						  WHERE s.campaign_id = camp.id AND s.question IS NOT NULL
						  GROUP BY s.question
						  ORDER BY bool_and(s.retired_at IS NOT NULL), bool_and(s.parent_id IS NOT NULL), min(s.id));
	rows int[];
	columns int[];
BEGIN
	row_question := coalesce(row_question, (SELECT q FROM unnest(asked) WITH ORDINALITY AS a(q, nth)
											WHERE q IS DISTINCT FROM column_question ORDER BY nth LIMIT 1));
	column_question := coalesce(column_question, (SELECT q FROM unnest(asked) WITH ORDINALITY AS a(q, nth)
												  WHERE q <> row_question ORDER BY nth LIMIT 1));
	IF row_question IS NULL OR column_question IS NULL THEN
		RAISE EXCEPTION 'campaign "%" asks fewer than two questions', campaign
			USING ERRCODE = 'undefined_object',
			HINT = 'SELECT * FROM p2ptext.survey_summary counts the answers to one.';
	END IF;
	rows := p2ptext.question_steps(campaign, row_question);
	columns := p2ptext.question_steps(campaign, column_question);
	RETURN QUERY
		SELECT t.row_answer, t.column_answer, t.n,
			   round(100.0 * t.n / (SELECT count(DISTINCT q.conversation_id) FROM p2ptext.question_response q
									WHERE q.step_id = ANY (rows) AND q.campaign_id = camp.id
									AND q.superseded_at IS NULL AND q.value = t.row_answer), 1)
		FROM (SELECT r.value AS row_answer, k.value AS column_answer, count(DISTINCT r.conversation_id) AS n
			  FROM p2ptext.question_response r
			  LEFT JOIN p2ptext.question_response k ON k.conversation_id = r.conversation_id AND k.campaign_id = r.campaign_id
				AND k.step_id = ANY (columns) AND k.superseded_at IS NULL
			  WHERE r.step_id = ANY (rows) AND r.campaign_id = camp.id AND r.superseded_at IS NULL
			  GROUP BY 1, 2) t
		ORDER BY (SELECT min(o.position) FROM p2ptext.answer_option o
				  WHERE o.step_id = ANY (rows) AND o.campaign_id = camp.id AND o.value = t.row_answer),
			length(t.row_answer), t.row_answer,
			(SELECT min(o.position) FROM p2ptext.answer_option o
			 WHERE o.step_id = ANY (columns) AND o.campaign_id = camp.id AND o.value = t.column_answer),
			length(t.column_answer), t.column_answer;
END
$$;
COMMENT ON FUNCTION p2ptext.survey_crosstab(text, text, text) IS
'how many voters gave each pair of answers to two questions, the first two unless named; column_answer is NULL for those who answered the row''s question only; percent is of the voters with that row_answer';

-- A heading has 63 bytes at most, and no two are the same, whatever their
-- case; taken are those in use, in lower case.
CREATE FUNCTION p2ptext.question_headings(campaign_id int, taken text[])
RETURNS TABLE (question text, heading text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	n int;
BEGIN
	FOR question IN
		SELECT s.question FROM p2ptext.interaction_step s
		WHERE s.campaign_id = campaign_id AND s.question IS NOT NULL
		GROUP BY s.question ORDER BY min(s.id)
	LOOP
		n := 1;
		LOOP
			heading := question::name || CASE WHEN n > 1 THEN ' ' || n ELSE '' END;
			IF octet_length(heading) > 63 THEN
				heading := left(question, greatest(length(question::name::text) - 4, 1)) || ' ' || n;
			END IF;
			EXIT WHEN lower(heading) <> ALL (taken);
			n := n + 1;
		END LOOP;
		taken := taken || lower(heading);
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION p2ptext.question_headings(int, text[]) IS 'the questions of a campaign, in the order they were made, with a heading for a column each';

CREATE FUNCTION p2ptext.create_survey_view(campaign text, view_name text DEFAULT NULL) RETURNS regclass
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	camp p2ptext.campaign := p2ptext.find_campaign(campaign);
	parts text[] := parse_ident(coalesce(view_name, quote_ident('survey_' || campaign)));
	target text;
	answers text;
	columns text;
BEGIN
	IF cardinality(parts) > 2 OR octet_length(parts[cardinality(parts)]) > 63 THEN
		RAISE EXCEPTION 'view name "%" is not one', view_name
			USING ERRCODE = 'invalid_name', HINT = 'Pass a name, or schema.name, of at most 63 bytes each.';
	END IF;
	target := (SELECT string_agg(quote_ident(p), '.' ORDER BY nth) FROM unnest(parts) WITH ORDINALITY AS u(p, nth));
	SELECT string_agg(format(', %s AS %I', CASE q.type
				WHEN 'multiple' THEN format('array_agg(r.value ORDER BY r.value) FILTER (WHERE r.step_id = ANY (%L::int[]))', q.steps)
				ELSE format('(array_agg(r.value ORDER BY r.id DESC) FILTER (WHERE r.step_id = ANY (%L::int[])))[1]%s', q.steps,
							CASE q.type WHEN 'number' THEN '::numeric' WHEN 'date' THEN '::date' ELSE '' END) END, h.heading), '' ORDER BY q.first),
		   string_agg(format(', a.%I', h.heading), '' ORDER BY q.first)
	INTO answers, columns
	FROM p2ptext.question_headings(camp.id, '{conversation_id,voter_key,phone,message_status,result}') h
	JOIN (SELECT s.question, min(s.id) AS first, array_agg(s.id ORDER BY s.id) AS steps,
				 CASE WHEN count(DISTINCT s.type) = 1 THEN min(s.type) END AS type
		  FROM p2ptext.interaction_step s WHERE s.campaign_id = camp.id GROUP BY s.question) q ON q.question = h.question;
	IF columns IS NULL THEN
		RAISE EXCEPTION 'campaign "%" asks no question', campaign
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'add_question() or set_script_tree() gives it one.';
	END IF;
	EXECUTE format($sql$
		CREATE OR REPLACE VIEW %1$s AS
		SELECT c.id AS conversation_id, c.voter_key, c.phone, c.message_status, c.result%2$s
		FROM p2ptext.conversation c
		LEFT JOIN (SELECT r.conversation_id%3$s
				   FROM p2ptext.question_response r
				   WHERE r.campaign_id = %4$s AND r.superseded_at IS NULL
				   GROUP BY r.conversation_id) a ON a.conversation_id = c.id
		WHERE c.campaign_id = %4$s$sql$, target, columns, answers, camp.id);
	EXECUTE format('COMMENT ON VIEW %s IS %L', target, format('answers of campaign "%s", a row for each conversation', campaign));
	RETURN target::regclass;
END
$$;
COMMENT ON FUNCTION p2ptext.create_survey_view(text, text) IS
'makes a view with a row for each conversation of a campaign and a column for each question, numbers and dates as such, a multiple choice as an array; once more adds new questions at its end; view_name may have a schema, else it lies in the first of search_path';
