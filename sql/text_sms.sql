-- Encodings, units and segments as split-sms has them (the code-point rule)
\set segments `cat test/data/segments.json`
CREATE TEMP TABLE sms AS
SELECT c->>'id' AS id, c->>'note' AS note, c->>'text' AS body,
       c->>'encoding' AS encoding, (c->>'units')::int AS units,
       (c->>'segments')::int AS segments, c->'segment_units' AS segment_units
FROM jsonb_array_elements(:'segments'::jsonb->'cases') c;
SELECT count(*) FROM sms;
SELECT id, note, encoding, units, segments,
       p2ptext.sms_encoding(body), p2ptext.sms_units(body), p2ptext.sms_segments(body)
FROM sms
WHERE (encoding, units, segments) IS DISTINCT FROM
      (p2ptext.sms_encoding(body), p2ptext.sms_units(body), p2ptext.sms_segments(body));
-- the parts: as many units each, and together the text
SELECT id, note FROM sms
WHERE array_to_string(p2ptext.sms_split(body), '') <> body
   OR segment_units <> (SELECT jsonb_agg(CASE encoding WHEN 'GSM-7'
                                THEN p2ptext.sms_units(part)
                                ELSE length(part) + (length(regexp_replace(part, '[^\U00010000-\U0010FFFF]', '', 'g'))) END
                                ORDER BY n)
                        FROM unnest(p2ptext.sms_split(body)) WITH ORDINALITY p (part, n));
-- Smart encoding: Twilio's, but for the deviations below
SELECT c->>'id' AS id, c->>'text' AS text, p2ptext.sms_gsm(c->>'text') AS ours,
       c->>'smart_text' AS twilio
FROM jsonb_array_elements(:'segments'::jsonb->'smart_encoding_cases'->'cases') c
WHERE p2ptext.sms_gsm(c->>'text') <> c->>'smart_text';
-- Where we deviate from Twilio, and why
SELECT note, p2ptext.sms_gsm(body) AS gsm, p2ptext.sms_encoding(p2ptext.sms_gsm(body))
FROM (VALUES
	('a no-break space is one space, not two', E'Vote\u00a0today'),
	('so is a tab, not seven', E'a\tb'),
	('and an ideographic space', E'a\u3000b'),
	('a decomposed letter is composed, not "man~ana"', E'man\u0303ana'),
	('a mark that cannot be composed stays', E'x\u0303'),
	('small fullwidth letters like the capitals', E'\uff36\uff4f\uff54\uff45'),
	('minus, hyphen and primes', E'\u22125 non\u2011stop 6\u2032 2\u2033'),
	('accents are never folded unasked', 'Votó María')) v (note, body);
SELECT p2ptext.sms_gsm('¿Votó María Peña? Françoise, Łukasz', fold_accents => true);
SELECT p2ptext.sms_gsm('plain [text] €5') = 'plain [text] €5' AS untouched;
-- What is to blame, and what it costs
SELECT * FROM p2ptext.sms_why(
	'Hi Dana, it’s Alex with Rivera for Senate. Polls are open until 8pm — can we count on your vote? It’s a close race 😀');
SELECT * FROM p2ptext.sms_why('nothing');
SELECT p2ptext.sms_problem(''), p2ptext.sms_problem(E' \n'), p2ptext.sms_problem('Hi'),
       p2ptext.sms_problem(repeat('é', 1600)), p2ptext.sms_problem(repeat('é', 1601));
SELECT p2ptext.sms_segments(repeat('x', 1000000)), p2ptext.sms_segments(repeat('😀', 100000)),
       cardinality(p2ptext.sms_split(repeat('€', 100000)));
SELECT p2ptext.sms_split('');
