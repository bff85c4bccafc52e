/* src/text/name.sql: names of people, of fields, of script variants */

CREATE FUNCTION p2ptext.proper_name(text) RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_proper_name'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.nearest_name(name text, names text[]) RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_nearest_name'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.pick_variant(key text, weights integer[]) RETURNS integer
	AS 'MODULE_PATHNAME', 'p2ptext_pick_variant'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION p2ptext.proper_name(text) IS
	'a name in capitals or small letters as people write it; mixed case is kept';
COMMENT ON FUNCTION p2ptext.nearest_name(text, text[]) IS
	'which of the names may have been meant, or NULL';
COMMENT ON FUNCTION p2ptext.pick_variant(text, integer[]) IS
	'the number, from 1, of the variant this key always gets, in proportion to the weights';
