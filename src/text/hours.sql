/* src/text/hours.sql: texting hours in the recipient's own time zone */

/*
 * STABLE, although no setting matters: a new release of the time zone data
 * changes the answers.
 */
CREATE FUNCTION p2ptext.next_texting_time(
	zones text[], starts time, ends time, at timestamptz DEFAULT now())
	RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'p2ptext_next_texting_time'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.texting_window(
	zones text[], starts time, ends time, at timestamptz DEFAULT now(),
	OUT open boolean, OUT opens timestamptz, OUT closes timestamptz)
	AS 'MODULE_PATHNAME', 'p2ptext_texting_window'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION p2ptext.next_texting_time(text[], time, time, timestamptz) IS
	'the first time, from the given one on, within the hours in all zones; NULL when there is none';
COMMENT ON FUNCTION p2ptext.texting_window(text[], time, time, timestamptz) IS
	'whether it is within the hours in all zones, and the bounds of this or the next such window';
