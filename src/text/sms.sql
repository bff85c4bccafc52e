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
