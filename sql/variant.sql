-- Variants of a campaign's first text, and names in capitals.
\set VERBOSITY terse
CREATE TABLE variant_voters (id int PRIMARY KEY, "First Name" text, lastname text, city text, cell text);
INSERT INTO variant_voters
SELECT n, 'MARY-ANN', CASE WHEN n % 50 = 0 THEN 'McDONALD' ELSE 'O''BRIEN' END, 'RALEIGH', '+1984556' || lpad(n::text, 4, '0')
FROM generate_series(1, 1000) n;

-- Names of persons are in ordinary spelling, unless told not to; a mapping wins.
SELECT fields FROM p2ptext.add_source('variant', 'variant_voters', key => 'id', phone => 'cell');
SELECT fields FROM p2ptext.add_source('variant as it is', 'variant_voters', key => 'id', phone => 'cell', proper_names => false);
SELECT fields FROM p2ptext.add_source('variant mapped', 'variant_voters', key => 'id', phone => 'cell',
	fields => '{"lastname": "city", "n": "id * 2"}');

SELECT name FROM p2ptext.add_segment('variant', source => 'variant', predicate => 'true');
SELECT name FROM p2ptext.add_gateway('variant', provider => 'loopback');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'variant';
SELECT name FROM p2ptext.create_campaign('variant', segment => 'variant', gateway => 'variant',
	script => 'Hi {{First Name}} {{lastname}}', mode => 'broadcast', recheck => false);

SELECT p2ptext.add_variant('variant', 'A', 'Hello');
SELECT p2ptext.add_variant('variant', 'B', 'Hello {{fist name}}');
SELECT p2ptext.add_variant('variant', 'B', 'Hello', weight => -1);
SELECT p2ptext.add_variant('nobody', 'B', 'Hello');
SELECT variant, script, weight FROM p2ptext.add_variant('variant', 'B', 'Hello from {{city}}', weight => 3);
SELECT * FROM p2ptext.launch('variant');

-- One quarter and three quarters, of which each voter's is decided by the key.
SELECT variant, min(body), max(body),
	   abs(count(*) - CASE variant WHEN 'A' THEN 250 ELSE 750 END) < 60 AS as_weighted
FROM p2ptext.outbox o
JOIN p2ptext.campaign c ON c.id = o.campaign_id AND c.name = 'variant'
GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM p2ptext.outbox o
JOIN p2ptext.conversation v ON v.id = o.conversation_id
JOIN p2ptext.campaign c ON c.id = o.campaign_id AND c.name = 'variant'
WHERE o.variant <> (ARRAY['A', 'B'])[p2ptext.pick_variant(c.id || ':' || v.voter_key, '{1,3}')];

-- The message keeps it.
SELECT p2ptext.approve_batch('variant', max_rows => 10);
WITH claimed AS (
	SELECT array_agg(t.id) AS ids, array_agg(t.campaign_id) AS campaigns
	FROM p2ptext.campaign c, p2ptext.claim(0, ARRAY[c.id], '{initial}', '{+12025550100}', '{0}', '{10}', NULL) t
	WHERE c.name = 'variant')
SELECT p2ptext.finish(ids, campaigns, array_fill('sent'::text, '{10}'), array_fill(''::text, '{10}'),
	array_fill(''::text, '{10}'), array_fill(''::text, '{10}'), array_fill(0, '{10}'), array_fill(0, '{10}'))
FROM claimed;
SELECT sum(texted) AS texted, bool_and(variant IN ('A', 'B')) AS known FROM p2ptext.variant_summary WHERE campaign = 'variant';

-- In p2p the texter's name comes into the variant that the voter has.
SELECT name FROM p2ptext.create_campaign('variant p2p', segment => 'variant', gateway => 'variant',
	script => 'never', mode => 'p2p');
UPDATE p2ptext.interaction_step SET weight = 0
WHERE campaign_id = (SELECT id FROM p2ptext.campaign WHERE name = 'variant p2p');
SELECT variant FROM p2ptext.add_variant('variant p2p', 'warm', 'Hi {{First Name}}, {{texter.first_name|Sam}} here');
SELECT * FROM p2ptext.launch('variant p2p');
SELECT count(*), count(body) FROM p2ptext.outbox o
JOIN p2ptext.campaign c ON c.id = o.campaign_id AND c.name = 'variant p2p';
SELECT body ~ '^Hi Mary-Ann, \w+ here$' AS body FROM p2ptext.next_text('variant p2p');
SELECT p2ptext.add_variant('variant p2p', 'warm', 'Hello again');
