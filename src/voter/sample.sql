-- sample.sql
--	  Random samples, holdouts and arms that are the same whenever drawn.

-- What it gives never changes: samples are drawn again years later.
CREATE FUNCTION p2ptext.hash_share(key text, seed text) RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'p2ptext_hash_share';
COMMENT ON FUNCTION p2ptext.hash_share(text, text) IS
'a number in [0, 1) that a key always gets with a seed: hash_share(id::text, ''gotv'') < 0.1 is a tenth of the voters; the first 53 bits of the SHA-256 of seed, a zero byte and key in UTF-8, over 2^53';
