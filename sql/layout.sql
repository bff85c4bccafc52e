-- What states and vendors call their columns: known again under other
-- spellings, and put to use.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA layout_test;
SET search_path = layout_test;
SELECT name, kind, aliases, delimiter, quote, has_header, encoding, signature, built_in FROM p2ptext.layout ORDER BY name;
-- each knows itself, and everything it says is about columns that it has
SELECT l.name, cardinality(c), p2ptext.detect_layout(c) FROM p2ptext.layout l, p2ptext.layout_columns(l.name) c
WHERE p2ptext.detect_layout(c) IS DISTINCT FROM l.name;
SELECT f.layout, f.field, r FROM p2ptext.layout_field f,
	unnest(p2ptext.layout_references(concat_ws(' ', f.expression, f.unless, f.only_when))) r
WHERE NOT EXISTS (SELECT FROM p2ptext.layout_column c WHERE c.layout = f.layout AND c.names[1] = r);
SELECT l.layout, p2ptext.layout_columns(l.layout) = p2ptext.layout_columns(l.name) AS same
FROM (VALUES ('nc', 'nc_ncvoter'), ('OH', 'oh_swvf'), ('fl', 'fl_extract'), ('rnc', 'rnc_datatrust_2026'), ('L2', 'l2_vm2uniform'),
	('targetsmart', 'targetsmart_voterbase'), ('van', 'van_myvoters_ui_export'), ('spoke', 'spoke_csv')) l(layout, name);

-- names that mean the same column
SELECT name, p2ptext.plain_column(name) FROM unnest('{vb.voterbase_id,vb_voterbase_id,Voter File VANID,voter_file_vanid,VOTER-FILE/VANID,"\"ncid\"",---,"",Größe}'::text[]) name;
SELECT p2ptext.plain_column(U&'\FEFFncid\00A0');
SELECT what, d FROM (VALUES
	('upper case', upper(p2ptext.layout_columns('rnc')::text)::text[]),
	('a column renamed', array_replace(p2ptext.layout_columns('rnc'), 'statelegsupperdistrict', 'statelegupperdistrict')),
	('of 2021', array_replace(p2ptext.layout_columns('nc'), 'age_at_year_end', 'birth_age')),
	('in a warehouse', '{vb_voterbase_id,vb_tsmart_first_name,vb_voterbase_phone_wireless}'),
	('without the table', '{voterbase_id,tsmart_first_name,voterbase_phone}'),
	('some columns of VAN', '{"Voter File VANID",LastName,FirstName,"Preferred Phone"}'),
	('VAN in another spelling', '{voter_file_vanid,first_name,cell_phone,m_zip5}'),
	('My Campaign', '{VANID,FirstName,LastName,"Cell Phone",PreferredEmail}'),
	('both numbers of VAN', '{VANID,"Voter File VANID",FirstName,LastName,"Cell Phone",PreferredEmail}'),
	('Georgia since 2023', '{County,"Voter Registration Number",Status,"Last Name","First Name","Birth Year","County Precinct","Residence City"}'),
	('L2 of old', '{LALVOTERID,Voters_FirstName,VoterTelephones_Phone10,General_2020}'),
	('Spoke', '{external_id,first_name,last_name,cell,zip,favorite_color}'),
	('anything', '{ID,"First Name",Mobile,"Zip Code",favorite_color}'),
	('by position', ARRAY(SELECT 'col' || i FROM generate_series(1, 38) i)),
	('by position from 0', ARRAY(SELECT '_' || i FROM generate_series(0, 37) i)),
	('by position, one too few', ARRAY(SELECT 'col' || i FROM generate_series(1, 37) i)),
	('a first line of Florida', string_to_array('DAD,900000000,HERNANDEZ,,AHMED,MARIE,N,1 ELM ST,,MIAMI,,33130,,,,,,,,U,6,04/24/1977,10/01/2012,NPA,20,,,,ACT,1,87,4,1,1,850,5550100,,', ',')),
	('a first line of another', string_to_array('DAD,900000000,HERNANDEZ,,AHMED,MARIE,N,1 ELM ST,,MIAMI,,33130,,,,,,,,U,6,born in 1977,10/01/2012,NPA,20,,,,ACT,1,87,4,1,1,850,5550100,,', ',')),
	('Colorado', '{VOTER_ID,COUNTY_CODE,COUNTY,LAST_NAME,FIRST_NAME,RESIDENTIAL_CITY,PHONE_NUM}'),
	('like Florida', '{VoterID,NameLast,NameFirst,Res_Zip5,PhoneNum}'),
	('HubSpot', '{"Record ID - Contact","First Name","Last Name","Phone Number","Mobile Phone Number",Email}'),
	('no phone', '{id,first_name,zip}'),
	('nothing', '{a,b}'), ('no column', '{}'), ('null', NULL), ('nulls', '{NULL,NULL}')) AS f(what, columns),
	LATERAL p2ptext.detect_layout(f.columns) d;

-- beside a relation; of two columns that could be one, the likelier is taken
CREATE TABLE van (cell_phone text, "Cell Phone" text, "VOTER FILE VANID" int, "voter file vanid" int, "Party" char(1), "first""name" varchar, "Größe" text);
SELECT * FROM p2ptext.detect_layout('van');
SELECT * FROM p2ptext.match_layout('van') WHERE status <> 'not found';
SELECT field, preference, expression, note FROM p2ptext.match_layout('van', 'van') WHERE status = 'not found' AND field IN ('age', 'phone');
CREATE TABLE spare (vanid text, streetaddress text, address text, zip_or_postal text, homephone text, workphone text, isworkphoneacellexchange text);
SELECT * FROM p2ptext.match_layout('spare', 'van_api') WHERE field IN ('street', 'phone', 'zip');
CREATE TABLE nothing (a int, voterid int, mobil_phone text);
SET client_min_messages = notice;
SELECT * FROM p2ptext.detect_layout('nothing');
SET client_min_messages = warning;
SELECT * FROM p2ptext.match_layout('nothing');
SELECT * FROM p2ptext.match_layout('nothing', 'nc_ncvotr');
SELECT * FROM p2ptext.match_layout('nothing', NULL);
SELECT * FROM p2ptext.match_layout(NULL);
SELECT p2ptext.add_source('bad', 'nothing', layout => 'auto');
SELECT p2ptext.add_source('bad', 'nothing', layout => 'nc');
SELECT p2ptext.add_source('bad', 'nothing', key => 'voterid', layout => 'nc');
SELECT p2ptext.add_source('bad', 'nothing', layout => 'i360');
DO $$ BEGIN EXECUTE 'CREATE TABLE wide (ncid text, res_city_desc text, ' || (SELECT string_agg('c' || i || ' bool', ',') FROM generate_series(3, 1600) i) || ')'; END $$;
SELECT layout, matched, unknown FROM p2ptext.detect_layout('wide'::regclass);

-- one's own
SELECT name, title, built_in FROM p2ptext.add_layout('Acme', '{Acme No|AcmeNo,Given,Mob,Land,DNC,Town}',
	'{"key": "Acme No", "phone": ["Mob", {"phone": "Land", "unless": "{DNC} = ''Y''"}], "first_name": "Given", "greeting": "''Dear '' || {Given}"}',
	aliases => '{acme}', signature => '{Acme No}');
CREATE TABLE acme (acmeno int PRIMARY KEY, given text, mob bigint, land text, dnc text, town text, extra text);
INSERT INTO acme VALUES (1, 'ANN', 9195560001, '919-556-0002', 'Y'), (2, 'BO', NULL, '919-556-0003', ''), (3, 'CY', 911, '919-556-0004', 'Y'),
	(4, 'DI', 911, '919-556-0005', NULL), (5, 'ED', NULL, '919-556-0006', 'Y'), (6, '{GIVEN}', 123, '456', 'N');
SET client_min_messages = notice;
SELECT key, phone, timezone, fields, layout FROM p2ptext.add_source('acme', 'acme', layout => 'auto');
SET client_min_messages = warning;
SELECT * FROM p2ptext.source_report('acme');
SELECT name FROM p2ptext.add_segment('acme', 'acme', 'true');
SELECT name FROM p2ptext.add_gateway('layout-test', 'loopback', senders => '{+12025560401}');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'layout-test';
SELECT name FROM p2ptext.create_campaign('acme', 'acme', 'layout-test', '{{greeting}} {{first_name}} {{given}}', mode => 'broadcast');
SELECT voter_key, phone, body, problem FROM p2ptext.preview('acme') ORDER BY 1;
-- what is said comes before what the layout knows
SELECT key, phone, timezone, fields FROM p2ptext.add_source('acme said', 'acme', key => 'acmeno + 1', phone => 'land', timezone => $$'America/Denver'$$,
	fields => '{"first_name": "town"}', layout => 'acme', proper_names => false);
SELECT field, status FROM p2ptext.source_report('acme said');
DELETE FROM p2ptext.layout WHERE name = 'Acme';
SELECT layout FROM p2ptext.source WHERE name = 'acme';
SELECT field, status FROM p2ptext.source_report('acme');
SELECT p2ptext.add_layout('bad', '{a,b}', '{"key": "c"}');
SELECT p2ptext.add_layout('i360', '{a,b}', '{"key": "a"}');
SELECT p2ptext.add_layout('bad', '{a,b}', '{"key": "a", "phone": {"phone": "b", "unless": "{dnc}"}}');
SELECT p2ptext.add_layout('bad', '{a,b}', '{"key": "a"}', signature => '{z}');
SELECT p2ptext.add_layout('bad', '{a,b}', '{"key": "a"}', patterns => '{"z": "."}');
SELECT p2ptext.add_layout('bad', '{a,b}', '{"key": {"phone": "a"}}');
SELECT p2ptext.add_layout('bad', '{a,b}', '{"phone": {"phone": "a", "until": "b"}}');
SELECT p2ptext.add_layout('bad', '{a,b}', '{"phone": [1]}');
SELECT p2ptext.add_layout('bad', '{a,b}', '{"key": "a"}', kind => 'sort');
SELECT p2ptext.add_layout('bad', '{a,b}', '{"key": "a"}', encoding => 'EBCDIC');
SELECT p2ptext.add_layout('bad', '{a,b}', '{"key": "a"}', delimiter => '||');
SELECT p2ptext.add_layout('', '{a,b}', '{"key": "a"}');
SELECT p2ptext.add_layout('nc_ncvoter', '{a,b}', '{"key": "a"}');

-- phones in order of preference
SELECT phone FROM p2ptext.add_source('phones', 'acme', 'acmeno',
	phones => '["mob", {"phone": "land", "unless": "dnc = ''Y'' -- called off", "when": "given <> ''BO''"}, "''+1919556'' || lpad(acmeno::text, 4, ''0'')"]');
SELECT name FROM p2ptext.add_segment('phones', 'phones', 'true');
SELECT name FROM p2ptext.create_campaign('phones', 'phones', 'layout-test', 'Hello', mode => 'broadcast');
SELECT voter_key, phone, problem FROM p2ptext.preview('phones') ORDER BY 1;
SELECT p2ptext.first_textable(ARRAY[NULL, ' ', '911', '800-556-0001', '919-556-0001', '919-556-0002']), p2ptext.first_textable(ARRAY[NULL, ' ', 'N/A', '911']),
	p2ptext.first_textable('{}'), p2ptext.first_textable('{NULL}'), p2ptext.first_textable('{020 7946 0001}', 'GB');
SELECT p2ptext.first_textable('{1}', 'USA');
SELECT p2ptext.add_source('bad', 'acme', 'acmeno', phone => 'mob', phones => '["land"]');
SELECT p2ptext.add_source('bad', 'acme', 'acmeno', phones => '[]');
SELECT p2ptext.add_source('bad', 'acme', 'acmeno', phones => '["nowhere"]');
SELECT p2ptext.add_source('bad', 'acme', 'acmeno', phones => '["mob)::text, (land"]');
SELECT p2ptext.add_source('bad', 'acme', 'acmeno', phones => '["mob", {"phone": "land", "unless": "dnc"}]');
SELECT p2ptext.add_source('bad', 'acme', 'acmeno', phones => '["mob", {"phone": "land", "when": "EXISTS (SELECT)"}]');
SELECT p2ptext.add_source('bad', 'acme', 'acmeno', phones => '{"cell": "mob"}');
SELECT p2ptext.add_source('bad', 'acme', 'acmeno', phones => 'null');

-- dates as files have them
SELECT d, p2ptext.file_date(d) FROM unnest('{2024-02-29,2023-02-29,20240229,02/29/2024,2/9/2024,02-29-2024,2024-2-9," 2024-02-29 10:00:00",2024-02-29T10:00,
	202402,2024,2024-02,24-02-29,2/9/24,**/**/1977,00/00/0000,1900-01-01,13/01/2024,2024/13/01,2024-02-29x,"",x}'::text[]) d;

-- the five samples: detected, adopted, launched
CREATE FUNCTION make(rel text, columns text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE %I (%s)', rel, (SELECT string_agg(format('%I text', c), ', ') FROM unnest(columns) c));
END
$$;
SELECT make('nc', p2ptext.layout_columns('nc')), make('fl', p2ptext.layout_columns('fl')),
	make('oh', p2ptext.layout_columns('oh') || '{GENERAL-11/05/2024,PRIMARY-03/19/2024,GENERAL-11/08/2022}'::text[]),
	make('rnc', '{rncid,rnc_regid,state,jurisname,countyfips,countyname,mediamarket,precinctcode,precinctname,congressionaldistrict,statelegsupperdistrict,stateleglowerdistrict,nameprefix,firstname,middlename,lastname,namesuffix,sex,birthyear,birthmonth,birthday,age,registeredparty,calcparty,statevoterid,jurisdictionvoterid,registrationdate,voterstatus,householdid,registrationaddr1,registrationaddr2,regcity,regsta,regzip5,regzip4,cell,cellsourcecode,cellreliabilitycode,cellftcdonotcall,landline,landlineftcdonotcall,vh24g,vh24p,vh22g,vh20g}'),
	make('van_list', '{Voter File VANID,LastName,FirstName,MiddleName,Suffix,Sex,Age,Party,Cell Phone,Pref Phone,mAddress,mCity,mState,mZip5,PrecinctName,CountyName,CD,SD,HD}');
\copy nc FROM 'test/data/sample-nc-ncvoter-synthetic.txt' (FORMAT csv, DELIMITER E'\t', HEADER, ENCODING 'LATIN1')
\copy oh FROM 'test/data/sample-oh-swvf-synthetic.csv' (FORMAT csv, HEADER)
\copy fl FROM 'test/data/sample-fl-extract-synthetic.txt' (FORMAT csv, DELIMITER E'\t', QUOTE E'\b', ENCODING 'LATIN1')
\copy rnc FROM 'test/data/sample-rnc-datatrust-subset-synthetic.csv' (FORMAT csv, HEADER)
\copy van_list FROM 'test/data/sample-van-myvoters-synthetic.txt' (FORMAT csv, DELIMITER E'\t', HEADER)
SELECT rel, d.layout, matched, missing, unknown, share FROM unnest('{nc,oh,fl,rnc,van_list}'::text[]) rel,
	LATERAL (SELECT * FROM p2ptext.detect_layout(rel) LIMIT 1) d;
-- Ohio has no phones: its voters get them from another table
SELECT p2ptext.add_source('oh', 'oh', layout => 'auto');
CREATE TABLE oh_cells AS SELECT "SOS_VOTERID" AS id, '614555' || lpad((row_number() OVER (ORDER BY "SOS_VOTERID") + 100)::text, 4, '0') AS cell FROM oh;
CREATE VIEW oh_with_cells AS SELECT oh.*, c.cell FROM oh LEFT JOIN oh_cells c ON c.id = oh."SOS_VOTERID" AND c.cell < '6145550121';
SELECT t.name, s.key, s.phone, s.timezone, s.fields ->> 'first_name' AS first_name, s.fields ->> 'city' AS city, s.layout
FROM (VALUES ('nc', 'nc', 'auto', NULL), ('oh', 'oh_with_cells', 'auto', 'cell'), ('fl', 'fl', 'auto', NULL), ('rnc', 'rnc', 'auto', NULL),
	('van', 'van_list', 'auto', NULL)) AS t(name, rel, layout, phone),
	p2ptext.add_source(t.name, t.rel::regclass, layout => t.layout, phone => t.phone) s;
SELECT * FROM p2ptext.source_report('rnc') WHERE field IN ('key', 'phone', 'timezone', 'sd', 'ward', 'birth_date') OR field IS NULL;
SELECT g.name FROM unnest('{nc,oh,fl,rnc,van}'::text[]) s, p2ptext.add_segment(s, s, 'true') g;
-- one script for all of them
SELECT c.name FROM unnest('{nc,oh,fl,rnc,van}'::text[]) s, p2ptext.create_campaign(s, s, 'layout-test',
	'Hi {{first_name}} {{last_name}} of {{city}} {{zip}}, {{party|no party}}, CD {{cd|?}}, SD {{sd|?}}, HD {{hd|?}}.', mode => 'broadcast') c;
SELECT s, l.drafted, l.dropped FROM unnest('{nc,oh,fl,rnc,van}'::text[]) s, p2ptext.launch(s) l;
SELECT c.name, d.reason, count(*) FROM p2ptext.dropped d JOIN p2ptext.campaign c ON c.id = d.campaign_id
WHERE c.name IN ('nc', 'oh', 'fl', 'rnc', 'van') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT DISTINCT ON (c.name, o.timezones) c.name, o.timezones, v.voter_key, o.phone, o.body
FROM p2ptext.campaign c JOIN p2ptext.outbox o ON o.campaign_id = c.id
JOIN p2ptext.conversation v ON v.id = o.conversation_id AND v.campaign_id = c.id
WHERE c.name IN ('nc', 'oh', 'fl', 'rnc', 'van') ORDER BY c.name, o.timezones, v.voter_key;
-- a cell that is flagged gives way to the landline, or to nothing
SELECT cell, cellftcdonotcall, landline, count(o.id) AS drafts, count(d.reason) AS dropped FROM rnc
LEFT JOIN p2ptext.conversation v ON v.voter_key = rnc_regid LEFT JOIN p2ptext.outbox o ON o.conversation_id = v.id
LEFT JOIN p2ptext.dropped d ON d.voter_key = rnc_regid
WHERE cellftcdonotcall = 'Y' AND cell <> '' AND o.phone IS DISTINCT FROM '+1' || landline GROUP BY 1, 2, 3 ORDER BY 1;
