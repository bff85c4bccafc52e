-- A key's share never changes, and is what anybody can compute.
SELECT p2ptext.hash_share('1', 'gotv'), p2ptext.hash_share('1', 'persuasion'), p2ptext.hash_share('', '');
-- the first 53 bits of SHA-256
SELECT count(*) AS wrong FROM generate_series(1, 1000) n, (VALUES (''), ('gotv'), (U&'\043F\00F1 ''"%')) s(seed)
WHERE p2ptext.hash_share(n::text, seed) * 2::double precision ^ 53 <> ('x' || encode(substr(sha256(convert_to(seed, 'UTF8') || '\x00' || convert_to(n::text, 'UTF8')), 1, 7), 'hex'))::bit(56)::bigint >> 3;
-- neither runs into the other
SELECT p2ptext.hash_share('ab', 'c') = p2ptext.hash_share('b', 'ca') AS same;
SELECT p2ptext.hash_share(NULL, 'gotv'), p2ptext.hash_share('1', NULL);
-- tenths are tenths, and one seed says nothing about another
SELECT count(*) FILTER (WHERE abs(n - 10000) > 400) AS uneven FROM (
	SELECT count(*) AS n FROM generate_series(1, 100000) k GROUP BY width_bucket(p2ptext.hash_share(k::text, 'gotv'), 0, 1, 10)) buckets;
SELECT abs(corr(p2ptext.hash_share(k::text, 'gotv'), p2ptext.hash_share(k::text, 'next'))) < 0.01 AS independent FROM generate_series(1, 100000) k;
SELECT provolatile, proparallel FROM pg_proc WHERE proname = 'hash_share';
