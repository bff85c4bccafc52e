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

CREATE FUNCTION p2ptext.phone_timezones(text) RETURNS text[]
	AS 'MODULE_PATHNAME', 'p2ptext_phone_timezones'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.zip_timezones(text) RETURNS text[]
	AS 'MODULE_PATHNAME', 'p2ptext_zip_timezones'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.state_timezones(text) RETURNS text[]
	AS 'MODULE_PATHNAME', 'p2ptext_state_timezones'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
