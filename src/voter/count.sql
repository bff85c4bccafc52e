-- count.sql
--	  How many voters a segment holds, how they are found, and who makes its
--	  predicate fail.

-- The voters of a segment, as a query.
CREATE FUNCTION p2ptext.segment_query(segment p2ptext.segment, target text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_variable
DECLARE
	src p2ptext.source;
BEGIN
	SELECT * INTO STRICT src FROM p2ptext.source s WHERE s.id = segment.source_id;
	PERFORM p2ptext.check_segment(segment, src);
	RETURN format(E'SELECT %s FROM %s AS v WHERE (%s\n)', target, p2ptext.source_relation(src),
				  p2ptext.segment_condition(segment));
END
$$;
COMMENT ON FUNCTION p2ptext.segment_query(p2ptext.segment, text) IS
'the SQL that reads the voters of a segment, which has been checked';

CREATE FUNCTION p2ptext.note_voter(key text) RETURNS boolean
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'p2ptext_note_voter';
COMMENT ON FUNCTION p2ptext.note_voter(text) IS 'notes whose row is being read; always true';

CREATE FUNCTION p2ptext.noted_voter() RETURNS text
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'p2ptext_noted_voter';
COMMENT ON FUNCTION p2ptext.noted_voter() IS 'the voter whose row was read last, and forgets it; NULL: no row was';

-- Reads the rows once more, noting each, until one fails.
CREATE FUNCTION p2ptext.failing_voter(segment p2ptext.segment) RETURNS text
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	src p2ptext.source;
BEGIN
	SELECT * INTO STRICT src FROM p2ptext.source s WHERE s.id = segment.source_id;
	PERFORM p2ptext.try_expression(p2ptext.source_relation(src), 'key', src.key);
	PERFORM p2ptext.noted_voter();
	EXECUTE format(E'SELECT count(*) FROM %s AS v WHERE CASE WHEN p2ptext.note_voter(coalesce((%s\n)::text, '''')) THEN (%s\n) END',
				   p2ptext.source_relation(src), src.key, p2ptext.segment_condition(segment));
	RETURN NULL;
EXCEPTION WHEN data_exception OR raise_exception THEN
	RETURN p2ptext.noted_voter();
END
$$;
COMMENT ON FUNCTION p2ptext.failing_voter(p2ptext.segment) IS
'the key of a voter whose row makes the segment''s predicate fail, or NULL';

CREATE FUNCTION p2ptext.blame_segment(segment p2ptext.segment, state text, message text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
	voter text := p2ptext.failing_voter(segment);
BEGIN
	IF voter IS NOT NULL THEN
		RAISE EXCEPTION 'segment "%" cannot be read: %', segment.name, message
			USING ERRCODE = state,
			DETAIL = format('It fails for the voter with the key "%s".', voter),
			HINT = 'Let the predicate cope with such rows, as by nullif(n, 0) or CASE.';
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.blame_segment(p2ptext.segment, text, text) IS
'raises an error again, naming the segment and the voter, when it comes from the predicate';

CREATE FUNCTION p2ptext.explain_segment(name text, run boolean DEFAULT false) RETURNS SETOF text
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	seg p2ptext.segment := p2ptext.find_segment(name);
	src p2ptext.source;
BEGIN
	SELECT * INTO STRICT src FROM p2ptext.source s WHERE s.id = seg.source_id;
	PERFORM p2ptext.try_expression(p2ptext.source_relation(src), 'key', src.key);
	RETURN QUERY EXECUTE format('EXPLAIN (%s) %s', CASE WHEN run THEN 'ANALYZE' ELSE 'COSTS' END,
		p2ptext.segment_query(seg, format(E'(%s\n)', src.key)));
END
$$;
COMMENT ON FUNCTION p2ptext.explain_segment(text, boolean) IS
'how the voters of a segment are found, as by EXPLAIN; run: as by EXPLAIN ANALYZE';

CREATE FUNCTION p2ptext.count_segment(name text, estimate boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	seg p2ptext.segment := p2ptext.find_segment(name);
	query text := p2ptext.segment_query(seg, CASE WHEN estimate THEN '' ELSE 'count(*)' END);
	plan json;
	n bigint;
BEGIN
	IF estimate THEN
		EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
		RETURN (plan #>> '{0,Plan,Plan Rows}')::bigint;
	END IF;
	BEGIN
		EXECUTE query INTO n;
	EXCEPTION WHEN data_exception OR raise_exception THEN
		PERFORM p2ptext.blame_segment(seg, SQLSTATE, SQLERRM);
		RAISE;
	END;
	RETURN n;
END
$$;
COMMENT ON FUNCTION p2ptext.count_segment(text, boolean) IS
'how many voters a segment holds now; estimate: about how many, by the statistics of the relation, in no time';
