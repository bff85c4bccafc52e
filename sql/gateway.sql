-- Gateways and senders, and what they refuse.
\set SHOW_CONTEXT never
SELECT name, provider, account, base_url, settings, enabled, verify_webhooks, keep_texting_hours
FROM p2ptext.add_gateway('gateway-loop', 'loopback', settings => '{"seed": 7}');
SELECT name, provider, account, base_url, keep_texting_hours
FROM p2ptext.add_gateway('gateway-tw', 'twilio', account => 'AC0123', senders => '{(202) 555-0101,+12025550102,54321}',
	base_url => 'https://api.example.org/');
SELECT g.name, number, s.enabled FROM p2ptext.sender s JOIN p2ptext.gateway g ON g.id = s.gateway_id
WHERE g.name LIKE 'gateway-%' ORDER BY 1, 2;
SELECT number FROM p2ptext.add_sender('gateway-tw', '+44 7700 900123');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'gateway-loop';

SELECT p2ptext.add_gateway('bad', 'twillio');
SELECT p2ptext.add_gateway('bad', 'twilio');
SELECT p2ptext.add_gateway('no spaces', 'loopback');
SELECT p2ptext.add_gateway('bad/../worse', 'loopback');
SELECT p2ptext.add_gateway('gateway-loop', 'loopback');
\set VERBOSITY terse
SELECT p2ptext.add_gateway('bad', 'loopback', base_url => 'file:///etc/passwd');
SELECT p2ptext.add_gateway('bad', 'loopback', settings => '[]');
\set VERBOSITY default
SELECT p2ptext.add_gateway('bad', 'loopback', senders => '{12}');
SELECT p2ptext.add_sender('gateway-tw', '555-0101');
\set VERBOSITY terse
SELECT p2ptext.add_sender('gateway-tw', '202-555-0101');
\set VERBOSITY default
SELECT p2ptext.add_sender('nowhere', '202-555-0101');
SELECT p2ptext.find_gateway('gateway-twilio');
-- nothing is half made
SELECT name FROM p2ptext.gateway WHERE name LIKE 'bad%';

-- without a secret nothing is launched through it; without a number neither
CREATE SCHEMA gateway_test;
CREATE TABLE gateway_test.voters (id int PRIMARY KEY, cell text);
SELECT name FROM p2ptext.add_source('gateway voters', 'gateway_test.voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('gateway voters', 'gateway voters', 'true');
SELECT name FROM p2ptext.create_campaign('gateway tw', 'gateway voters', 'gateway-tw', 'Hello');
SELECT * FROM p2ptext.launch('gateway tw');
SELECT p2ptext.has_secret('gateway-tw');
SELECT name FROM p2ptext.create_campaign('gateway loop', 'gateway voters', 'gateway-loop', 'Hello');
UPDATE p2ptext.sender s SET enabled = false FROM p2ptext.gateway g WHERE g.id = s.gateway_id AND g.name = 'gateway-loop';
SELECT * FROM p2ptext.launch('gateway loop');
-- an empty segment is no error
UPDATE p2ptext.sender s SET enabled = true FROM p2ptext.gateway g WHERE g.id = s.gateway_id AND g.name = 'gateway-loop';
SELECT * FROM p2ptext.launch('gateway loop');

-- what the providers' codes mean: known, and for each place where it may be told only once
SELECT p.provider, count(c.code) AS codes, count(DISTINCT c.class) AS classes FROM p2ptext.provider p
LEFT JOIN p2ptext.provider_code c USING (provider) GROUP BY 1 ORDER BY p.provider COLLATE "C";
SELECT provider, code, told_by FROM p2ptext.provider_code WHERE class = 'recipient_opted_out' ORDER BY provider COLLATE "C", code;
SELECT a.* FROM p2ptext.provider_code a JOIN p2ptext.provider_code b USING (provider, code) WHERE a.told_by = 'both' AND b.told_by <> 'both';
SELECT told_by, class, meaning FROM p2ptext.provider_code WHERE provider = 'vonage' AND code = '9' ORDER BY 1;
SELECT provider, code, class FROM p2ptext.provider_code WHERE code = '21606' ORDER BY provider COLLATE "C";
-- the script fills it, so a dump does not
SELECT 'p2ptext.provider_code'::regclass = ANY (extconfig) AS dumped FROM pg_extension WHERE extname = 'p2ptext';
