/* src/text/reply.sql: what a reply asks for */

/* A reply in plain spelling, as keywords are compared. */
CREATE FUNCTION p2ptext.reply_words(text) RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_reply_words'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TABLE p2ptext.reply_keyword (
	word text PRIMARY KEY CHECK (p2ptext.reply_words(word) <> ''),
	meaning text NOT NULL
		CHECK (meaning IN ('opt_out', 'opt_in', 'help', 'wrong_number'))
);
SELECT pg_catalog.pg_extension_config_dump('p2ptext.reply_keyword', '');

/* Anyone may ask what a reply means. */
GRANT SELECT ON p2ptext.reply_keyword TO PUBLIC;

CREATE FUNCTION p2ptext.classify_reply(text) RETURNS text
	AS 'MODULE_PATHNAME', 'p2ptext_classify_reply'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION p2ptext.reply_words(text) IS
	'a reply in plain spelling without courtesies, as keywords are compared';
COMMENT ON TABLE p2ptext.reply_keyword IS
	'replies to be understood beyond those built in';
COMMENT ON COLUMN p2ptext.reply_keyword.word IS 'the whole reply, but for case, accents, punctuation and courtesies';
COMMENT ON COLUMN p2ptext.reply_keyword.meaning IS 'opt_out, opt_in, help or wrong_number';
COMMENT ON FUNCTION p2ptext.classify_reply(text) IS
	'opt_out, opt_in, help, wrong_number, or NULL for what a person must read';
