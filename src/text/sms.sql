/* src/text/sms.sql: how a text travels as SMS */

CREATE FUNCTION p2ptext.sms_encoding(text) RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_sms_encoding'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.sms_units(text) RETURNS integer
	AS 'MODULE_PATHNAME', 'p2ptext_sms_units'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.sms_segments(text) RETURNS integer
	AS 'MODULE_PATHNAME', 'p2ptext_sms_segments'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.sms_split(text) RETURNS text[]
	AS 'MODULE_PATHNAME', 'p2ptext_sms_split'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.sms_gsm(text, fold_accents boolean DEFAULT false)
	RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_sms_gsm'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.sms_problem(text) RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_sms_problem'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.sms_why(
	text, OUT symbol text, OUT code_point text, OUT occurrences integer,
	OUT replacement text, OUT saves integer)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'p2ptext_sms_why'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 5;

COMMENT ON FUNCTION p2ptext.sms_encoding(text) IS
	'GSM-7 when it has every character of the text, else UCS-2';
COMMENT ON FUNCTION p2ptext.sms_units(text) IS
	'septets of a GSM-7 text, UTF-16 units of any other';
COMMENT ON FUNCTION p2ptext.sms_segments(text) IS
	'how many segments carriers charge for the text';
COMMENT ON FUNCTION p2ptext.sms_split(text) IS 'the text as it is cut into segments';
COMMENT ON FUNCTION p2ptext.sms_gsm(text, boolean) IS
	'the text with typographic characters replaced by those of GSM-7; accents only on request';
COMMENT ON FUNCTION p2ptext.sms_problem(text) IS
	'empty, too_long (more than 1600 characters), or NULL';
COMMENT ON FUNCTION p2ptext.sms_why(text) IS
	'the characters that force UCS-2, what could replace them, and the segments saved without all of them';
