-- What voter files hold, against libphonenumber
\set phones `cat test/data/phones.json`
CREATE TEMP TABLE phone AS
SELECT c->>'id' AS id, c->>'raw' AS raw, c->>'region' AS region, c->>'e164' AS e164,
       coalesce((c->>'metadata_sensitive')::boolean, false) AS metadata_sensitive,
       c->>'note' AS note
FROM jsonb_array_elements(:'phones'::jsonb->'cases') c;
SELECT count(*), count(e164) AS valid FROM phone;
/*
 * Where we differ:
 *  pd059  only the shape of foreign numbers is checked, and Mexico's changed
 *  pd066  "(cell)" is a label, not vanity digits
 *  pd070, pd071  what a spreadsheet does to a number can be undone
 *  pd074, pd075  letters in a cell are no number: nobody registers a slogan
 */
SELECT id, raw, e164 AS libphonenumber, p2ptext.phone(raw, region) AS ours, metadata_sensitive
FROM phone
WHERE e164 IS DISTINCT FROM p2ptext.phone(raw, region) ORDER BY id;
SELECT id, raw, d.* FROM phone, p2ptext.phone_details(raw, region) d
WHERE d.problem IS NOT NULL OR d.note IS NOT NULL ORDER BY id;
-- More of them
SELECT left(raw, 40) AS raw, d.* FROM unnest(ARRAY[
	'202-456-1414 or 202-456-1111', '2024561414;2024561111', '202-456-1414/202-456-1111',
	'202-456-1414 202-456-1111', '2024561414,2024561111', 'Home 202-456-1414 Cell 202-456-1111',
	'202.456.1414 ext. 204', '2024561414,12', '202-456-1414 #3', '(202) 456-1414 (cell)',
	'cell 2024561414', '=2024561414', '202_456_1414', '(202)456-1414.', '++12024561414',
	'12024561414.00', '2.02456E+09', '2.024561414e+09', '1.2024561414E10',
	'O2024561414', '2O24561414', 'l2024561414', '0112024561414', '011442071838750',
	'112024561414', '1 1 2024561414', '+1 202 456 141', '+12024561414999',
	E'\u202a+1\u00a0(202)\u00a0456\u20111414\u202c', E'\uff12\uff10\uff12\uff14\uff15\uff16\uff11\uff14\uff11\uff14',
	E'\u0662\u0660\u0662\u0664\u0665\u0666\u0661\u0664\u0661\u0664', E'202\u200b4561414',
	'8888888888', '2222222222', '4571234567', '2129110000', '6002345678', '+0 123 456 7890',
	'+999999999999', '+44 20 7183 8750', '   ', '???', '12/25/1980', repeat('2', 200)]) raw,
	p2ptext.phone_details(raw) d;
SELECT p2ptext.phone('020 7183 8750', 'GB'), p2ptext.phone('0044 20 7183 8750', 'gb'),
       p2ptext.phone_problem('020 7183 8750', 'GB'), p2ptext.phone('4165551234', 'CA');
SELECT p2ptext.phone('2024561414', 'USA');
-- What is textable: 30 area codes that old tables lack, and others
SELECT count(*), count(*) FILTER (WHERE p2ptext.phone_problem(code || '2345678') IS NULL) AS textable
FROM unnest(string_to_array('227 235 257 273 274 324 327 329 350 353 354 363 369 382 428 472 557 645 683 686 728 730 738 748 821 835 879 942 975 983', ' ')) code;
-- Time zones: a split area code, an overlay of one, none at all
SELECT p, p2ptext.phone_timezones(p) FROM unnest(ARRAY[
	'2024561414', '+18504342345', '850-245-2345', '4482345678', '9862345678', '2082345678',
	'3642345678', '9302345678', '4582345678', '8085551234', '8005551212', '5002345678',
	'+442071838750', 'nonsense', '9072345678', '6712345678']) p;
SELECT z, p2ptext.zip_timezones(z) FROM unnest(ARRAY[
	'27601', '32501', '32301', '2139', '02139-1234', '21391234', '79901', '96799', '99546',
	'47905', '00501', '601', '1', '123456', 'K1A 0B1', '']) z;
SELECT s, p2ptext.state_timezones(s) FROM unnest(ARRAY['NC', 'tx', ' FL ', 'AZ', 'PR', 'ZZ', 'Texas']) s;
SELECT count(*) AS unknown_zones FROM (
	SELECT unnest(p2ptext.phone_timezones(a || '2345678')) FROM generate_series(200, 999) a
	UNION SELECT unnest(p2ptext.zip_timezones(lpad(z::text, 5, '0'))) FROM generate_series(0, 99999) z) u (zone)
WHERE zone NOT IN (SELECT name FROM pg_timezone_names);
