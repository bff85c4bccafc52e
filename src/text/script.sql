/* src/text/script.sql: the type script, its snippets, and rendering */

CREATE TYPE p2ptext.script;

CREATE FUNCTION p2ptext.script_in(cstring) RETURNS p2ptext.script
	AS 'MODULE_PATHNAME', 'p2ptext_script_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.script_out(p2ptext.script) RETURNS cstring
	AS 'MODULE_PATHNAME', 'p2ptext_script_out'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.script_recv(internal) RETURNS p2ptext.script
	AS 'MODULE_PATHNAME', 'p2ptext_script_recv'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.script_send(p2ptext.script) RETURNS bytea
	AS 'MODULE_PATHNAME', 'p2ptext_script_send'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE p2ptext.script (
	INPUT = p2ptext.script_in,
	OUTPUT = p2ptext.script_out,
	RECEIVE = p2ptext.script_recv,
	SEND = p2ptext.script_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = extended
);

CREATE FUNCTION p2ptext.script(text) RETURNS p2ptext.script
	AS 'MODULE_PATHNAME', 'p2ptext_script_from_text'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.script_text(p2ptext.script) RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_script_to_text'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (text AS p2ptext.script)
	WITH FUNCTION p2ptext.script(text) AS IMPLICIT;
CREATE CAST (p2ptext.script AS text)
	WITH FUNCTION p2ptext.script_text(p2ptext.script) AS ASSIGNMENT;

CREATE FUNCTION p2ptext.script_eq(p2ptext.script, p2ptext.script) RETURNS boolean
	AS 'MODULE_PATHNAME', 'p2ptext_script_eq'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.script_ne(p2ptext.script, p2ptext.script) RETURNS boolean
	AS 'MODULE_PATHNAME', 'p2ptext_script_ne'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.script_hash(p2ptext.script) RETURNS integer
	AS 'MODULE_PATHNAME', 'p2ptext_script_hash'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR p2ptext.= (
	LEFTARG = p2ptext.script, RIGHTARG = p2ptext.script,
	FUNCTION = p2ptext.script_eq,
	COMMUTATOR = OPERATOR(p2ptext.=), NEGATOR = OPERATOR(p2ptext.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
CREATE OPERATOR p2ptext.<> (
	LEFTARG = p2ptext.script, RIGHTARG = p2ptext.script,
	FUNCTION = p2ptext.script_ne,
	COMMUTATOR = OPERATOR(p2ptext.<>), NEGATOR = OPERATOR(p2ptext.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR CLASS p2ptext.script_ops
	DEFAULT FOR TYPE p2ptext.script USING hash AS
	OPERATOR 1 p2ptext.= (p2ptext.script, p2ptext.script),
	FUNCTION 1 p2ptext.script_hash(p2ptext.script);

CREATE TABLE p2ptext.snippet (
	name text PRIMARY KEY,
	body p2ptext.script NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('p2ptext.snippet', '');

/* Anyone may render; a snippet says what voters are told anyway. */
GRANT SELECT ON p2ptext.snippet TO PUBLIC;

/*
 * Rendering is STABLE, not IMMUTABLE: dates print by DateStyle, and snippets
 * are rows.
 */
CREATE FUNCTION p2ptext.render(script p2ptext.script, "row" anyelement)
	RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_render'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.render(script p2ptext.script, document jsonb)
	RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_render'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.render_strict(script p2ptext.script, "row" anyelement)
	RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_render_strict'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.render_strict(script p2ptext.script, document jsonb)
	RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_render_strict'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.missing_fields(script p2ptext.script, "row" anyelement)
	RETURNS text[]
	AS 'MODULE_PATHNAME', 'p2ptext_missing_fields'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.missing_fields(script p2ptext.script, document jsonb)
	RETURNS text[]
	AS 'MODULE_PATHNAME', 'p2ptext_missing_fields'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION p2ptext.script_fields(script p2ptext.script) RETURNS text[]
	AS 'MODULE_PATHNAME', 'p2ptext_script_fields'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION p2ptext.script_snippets(script p2ptext.script) RETURNS text[]
	AS 'MODULE_PATHNAME', 'p2ptext_script_snippets'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON TYPE p2ptext.script IS
	'text with merge fields, such as Hi {{first_name|there}}; compiled when it is read';
COMMENT ON TABLE p2ptext.snippet IS
	'texts that scripts share: {{> name}} includes one';
COMMENT ON COLUMN p2ptext.snippet.name IS 'what scripts call it';
COMMENT ON COLUMN p2ptext.snippet.body IS 'its text, with merge fields of its own';
COMMENT ON FUNCTION p2ptext.script(text) IS 'compiles a text';
COMMENT ON FUNCTION p2ptext.script_text(p2ptext.script) IS 'the text a script was compiled from';
COMMENT ON FUNCTION p2ptext.script_in(cstring) IS 'I/O';
COMMENT ON FUNCTION p2ptext.script_out(p2ptext.script) IS 'I/O';
COMMENT ON FUNCTION p2ptext.script_recv(internal) IS 'I/O';
COMMENT ON FUNCTION p2ptext.script_send(p2ptext.script) IS 'I/O';
COMMENT ON FUNCTION p2ptext.script_eq(p2ptext.script, p2ptext.script) IS 'implementation of = operator';
COMMENT ON FUNCTION p2ptext.script_ne(p2ptext.script, p2ptext.script) IS 'implementation of <> operator';
COMMENT ON FUNCTION p2ptext.script_hash(p2ptext.script) IS 'hash';
COMMENT ON OPERATOR p2ptext.= (p2ptext.script, p2ptext.script) IS 'equal, byte for byte';
COMMENT ON OPERATOR p2ptext.<> (p2ptext.script, p2ptext.script) IS 'not equal';
COMMENT ON FUNCTION p2ptext.render(p2ptext.script, anyelement) IS
	'the script with the fields of a row; a missing field prints nothing';
COMMENT ON FUNCTION p2ptext.render(p2ptext.script, jsonb) IS
	'the script with the fields of a document; a missing field prints nothing';
COMMENT ON FUNCTION p2ptext.render_strict(p2ptext.script, anyelement) IS
	'as render, but NULL when a field without fallback is missing, NULL or blank';
COMMENT ON FUNCTION p2ptext.render_strict(p2ptext.script, jsonb) IS
	'as render, but NULL when a field without fallback is missing, null or blank';
COMMENT ON FUNCTION p2ptext.missing_fields(p2ptext.script, anyelement) IS
	'the fields for want of which render_strict gives NULL';
COMMENT ON FUNCTION p2ptext.missing_fields(p2ptext.script, jsonb) IS
	'the fields for want of which render_strict gives NULL';
COMMENT ON FUNCTION p2ptext.script_fields(p2ptext.script) IS
	'the fields a script names, each once, without those of its snippets';
COMMENT ON FUNCTION p2ptext.script_snippets(p2ptext.script) IS
	'the snippets a script includes, each once';
