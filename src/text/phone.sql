/* src/text/phone.sql: phone numbers, and the time zones of places */

CREATE FUNCTION p2ptext.phone(text, region text DEFAULT 'US') RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_phone'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.phone_problem(text, region text DEFAULT 'US') RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_phone_problem'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.phone_details(
	text, region text DEFAULT 'US',
	OUT phone text, OUT country text, OUT problem text, OUT note text)
	AS 'MODULE_PATHNAME', 'p2ptext_phone_details'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION p2ptext.first_textable(phones text[], region text DEFAULT 'US') RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_first_textable'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION p2ptext.is_e164(text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'p2ptext_is_e164'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION p2ptext.phone_state(text) RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_phone_state'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.phone_timezones(text) RETURNS text[]
	AS 'MODULE_PATHNAME', 'p2ptext_phone_timezones'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.zip_timezones(text) RETURNS text[]
	AS 'MODULE_PATHNAME', 'p2ptext_zip_timezones'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.state_timezones(text) RETURNS text[]
	AS 'MODULE_PATHNAME', 'p2ptext_state_timezones'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION p2ptext.phone(text, text) IS
	'a phone number in E.164, or NULL when it is none';
COMMENT ON FUNCTION p2ptext.phone_problem(text, text) IS
	'why nobody can be texted there, or NULL';
COMMENT ON FUNCTION p2ptext.phone_details(text, text) IS
	'a phone number, its country, what is wrong with it, and what was dropped from the cell';
COMMENT ON FUNCTION p2ptext.first_textable(text[], text) IS
	'of several phones in order of preference, as the file has them, the first that can be texted, else the first that is not blank';
COMMENT ON FUNCTION p2ptext.is_e164(text) IS
	'whether a number has the form of E.164: a plus and 7 to 15 digits, the first not 0';
COMMENT ON FUNCTION p2ptext.phone_state(text) IS
	'the state or province of a number''s area code by its postal code, or NULL';
COMMENT ON FUNCTION p2ptext.phone_timezones(text) IS
	'the time zones a number may be in by its area code and exchange, or NULL';
COMMENT ON FUNCTION p2ptext.zip_timezones(text) IS 'the time zones of a ZIP code, or NULL';
COMMENT ON FUNCTION p2ptext.state_timezones(text) IS
	'the time zones of a state by its postal code, that of most people first, or NULL';
