-- Who may do what.  The tables are made from the catalog, so that a new
-- function or relation shows up here and has to be decided on.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA access_test;
GRANT USAGE, CREATE ON SCHEMA access_test TO PUBLIC;
SELECT setval('p2ptext.message_id', 7000000), setval('p2ptext.conversation_id_seq', 7000000);
CREATE ROLE access_manager;
CREATE ROLE access_texter;
CREATE ROLE access_reader;
CREATE ROLE access_outsider;
SELECT role, kind, first_name, last_name, granted_by FROM p2ptext.grant_role('access_manager', 'manager', 'Mo');
SELECT role, kind, first_name, last_name, granted_by FROM p2ptext.grant_role('access_texter', 'texter', 'Tex', 'Ter');
SELECT role, kind, first_name, last_name, granted_by FROM p2ptext.grant_role('access_reader', 'reader');

-- functions: m, t, r and p for manager, texter, reader and PUBLIC; x where it runs as the owner
\pset format unaligned
\pset footer off
SELECT p.oid::regprocedure AS function,
	CASE WHEN has_function_privilege('access_manager', p.oid, 'EXECUTE') THEN 'm' ELSE '-' END
	|| CASE WHEN has_function_privilege('access_texter', p.oid, 'EXECUTE') THEN 't' ELSE '-' END
	|| CASE WHEN has_function_privilege('access_reader', p.oid, 'EXECUTE') THEN 'r' ELSE '-' END
	|| CASE WHEN has_function_privilege('access_outsider', p.oid, 'EXECUTE') THEN 'p' ELSE '-' END AS may_call,
	CASE WHEN p.prosecdef THEN 'x' ELSE '' END AS as_owner
FROM pg_proc p WHERE p.pronamespace = 'p2ptext'::regnamespace ORDER BY p.proname COLLATE "C", p.oid::regprocedure::text COLLATE "C";
-- relations: s, i, u and d for SELECT, INSERT, UPDATE and DELETE; capitals for some columns only
SELECT c.relname AS relation, substr(r.rolname, 8) AS role, string_agg(CASE WHEN has_table_privilege(r.oid, c.oid, p.name) THEN p.sign
	WHEN p.sign <> 'd' AND has_any_column_privilege(r.oid, c.oid, p.name) THEN upper(p.sign) ELSE '-' END, '' ORDER BY p.nth) AS may
FROM pg_class c, pg_roles r, (VALUES (1, 'SELECT', 's'), (2, 'INSERT', 'i'), (3, 'UPDATE', 'u'), (4, 'DELETE', 'd')) p(nth, name, sign)
WHERE c.relnamespace = 'p2ptext'::regnamespace AND c.relkind IN ('r', 'v', 'p', 'm') AND r.rolname LIKE 'access\_%'
GROUP BY 1, 2 ORDER BY c.relname COLLATE "C", 2 \crosstabview relation role may
\pset footer on
\pset format aligned
SELECT c.relname, r.rolname FROM pg_class c, pg_roles r WHERE c.relnamespace = 'p2ptext'::regnamespace AND c.relkind IN ('r', 'v', 'p', 'm')
AND r.rolname LIKE 'access\_%' AND has_table_privilege(r.oid, c.oid, 'TRUNCATE, TRIGGER, REFERENCES');
SELECT c.relname, r.rolname FROM pg_class c, pg_roles r WHERE c.relnamespace = 'p2ptext'::regnamespace AND c.relkind = 'S'
AND r.rolname LIKE 'access\_%' AND has_sequence_privilege(r.oid, c.oid, 'USAGE, SELECT, UPDATE') ORDER BY 1, 2;
SELECT r.rolname, has_schema_privilege(r.oid, 'p2ptext', 'USAGE') AS usage, has_schema_privilege(r.oid, 'p2ptext', 'CREATE') AS "create"
FROM pg_roles r WHERE r.rolname LIKE 'access\_%' ORDER BY 1;
-- the columns that a manager may write without owning the table: none that approves or sends
SELECT table_name, string_agg(column_name, ', ' ORDER BY ordinal_position) AS columns
FROM information_schema.columns c WHERE table_schema = 'p2ptext' AND table_name IN ('outbox', 'conversation', 'message', 'opt_out', 'inbound', 'question_response', 'member', 'gateway')
AND has_column_privilege('access_manager', 'p2ptext.' || table_name, column_name, 'INSERT, UPDATE') GROUP BY 1 ORDER BY 1;

-- a manager runs a campaign from end to end, over a table of their own
SET ROLE access_manager;
CREATE TABLE access_test.voters (id int PRIMARY KEY, cell text);
INSERT INTO access_test.voters VALUES (1, '919-555-7001'), (2, '919-555-7002'), (3, 'none');
SELECT name, created_by FROM p2ptext.add_source('access voters', 'access_test.voters', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('access all', 'access voters', 'true');
SELECT name FROM p2ptext.add_gateway('access-test', 'loopback');
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'access-test';
SELECT name, texter FROM p2ptext.create_campaign('access', 'access all', 'access-test', 'Hi, it''s {{texter.first_name}}', mode => 'broadcast');
SELECT name, texter FROM p2ptext.create_campaign('access p2p', 'access all', 'access-test', 'Hi, it''s {{texter.first_name}}');
SELECT count(*) FROM p2ptext.add_question('access', 'Well?', '{"yes": []}');
SELECT phone, body, problem FROM p2ptext.preview('access') ORDER BY 1;
SELECT * FROM p2ptext.launch('access');
SELECT * FROM p2ptext.launch('access');
SELECT drafted FROM p2ptext.launch('access p2p');
SELECT p2ptext.approve_batch('access', 1);
SELECT drafts, approved FROM p2ptext.progress WHERE campaign = 'access';
SELECT body FROM p2ptext.next_text('access p2p');
SELECT status FROM p2ptext.pause('access');
SELECT status FROM p2ptext.resume('access');
-- but makes no text that nobody approved, and rewrites nothing
INSERT INTO p2ptext.outbox (campaign_id, conversation_id, kind, sender, phone, timezones, body, status)
SELECT campaign_id, conversation_id, kind, sender, phone, timezones, body, 'approved' FROM p2ptext.outbox LIMIT 1;
INSERT INTO p2ptext.outbox (campaign_id, conversation_id, kind, sender, phone, timezones, body, approved_by, approved_at, position)
SELECT campaign_id, conversation_id, kind, sender, phone, timezones, body, 'somebody', now(), 1 FROM p2ptext.outbox LIMIT 1;
UPDATE p2ptext.outbox SET status = 'approved';
UPDATE p2ptext.outbox SET body = 'something else' WHERE status = 'approved';
UPDATE p2ptext.message SET body = 'something else';
INSERT INTO p2ptext.message (campaign_id, conversation_id, direction, kind, status, sender, phone, body, gateway_id)
SELECT campaign_id, conversation_id, 'in', 'reply', 'received', sender, phone, 'I agree', 1 FROM p2ptext.outbox LIMIT 1;
DELETE FROM p2ptext.message;
DELETE FROM p2ptext.opt_out;
UPDATE p2ptext.opt_out SET ended_at = now();
INSERT INTO p2ptext.question_response (campaign_id, conversation_id, step_id, value, how) VALUES (1, 1, 1, 'yes', 'auto');
INSERT INTO p2ptext.member (role, kind) VALUES ('access_manager', 'manager');
SELECT p2ptext.grant_role('access_outsider', 'manager');
SELECT p2ptext.revoke_role('access_texter');
SELECT p2ptext.claim(0, '{1}', '{initial}', '{+12025550100}', '{0}', '{1}', NULL);
SELECT p2ptext.finish('{1}', '{1}', '{sent}', '{x}', '{x}', '{x}', '{0}', '{0}');
SELECT p2ptext.apply_inbound();
-- nor learns a gateway's secret by having it sent elsewhere, or lifts what protects voters
UPDATE p2ptext.gateway SET base_url = 'https://evil.example' WHERE name = 'access-test';
UPDATE p2ptext.gateway SET verify_webhooks = false WHERE name = 'access-test';
UPDATE p2ptext.gateway SET name = 'another' WHERE name = 'access-test';
SELECT p2ptext.add_gateway('access-evil', 'twilio', account => 'AC1', base_url => 'https://evil.example');
\set VERBOSITY terse
INSERT INTO p2ptext.gateway (name, provider, account, keep_texting_hours) VALUES ('access-evil', 'twilio', 'AC1', false);
\set VERBOSITY default
-- what a manager writes runs with a manager's rights
RESET ROLE;
CREATE TABLE access_test.secret (id int PRIMARY KEY, cell text);
SET ROLE access_manager;
SELECT p2ptext.add_source('secret', 'access_test.secret', 'id', 'cell');
RESET ROLE;
GRANT SELECT ON access_test.secret TO access_manager;
SET ROLE access_manager;
SELECT name FROM p2ptext.add_source('secret', 'access_test.secret', 'id', 'cell');
SELECT name FROM p2ptext.add_segment('secret', 'secret', 'true');
RESET ROLE;
REVOKE SELECT ON access_test.secret FROM access_manager;
SET ROLE access_manager;
SELECT p2ptext.count_segment('secret');

-- a texter
SET ROLE access_texter;
SELECT p2ptext.caller();
SELECT body FROM p2ptext.next_text('access p2p');
SELECT outbox_id AS mine FROM p2ptext.next_text('access p2p') \gset
SELECT status, approved_by FROM p2ptext.approve(:mine);
SELECT count(*) FROM p2ptext.inbox WHERE campaign LIKE 'access%';
SELECT count(*) FROM p2ptext.outbox;
SELECT count(*) FROM p2ptext.message;
SELECT * FROM p2ptext.conversation;
SELECT * FROM p2ptext.opt_out;
SELECT p2ptext.approve_batch('access');
SELECT p2ptext.launch('access');
SELECT p2ptext.pause('access');
SELECT p2ptext.resolve_unknown(1, 'sent');
UPDATE p2ptext.campaign SET mode = 'broadcast';
-- a reader
SET ROLE access_reader;
SELECT count(*) FROM p2ptext.outbox JOIN p2ptext.campaign c ON c.id = campaign_id WHERE c.name = 'access';
SELECT count(*) >= 0 AS seen FROM p2ptext.stat_worker;
SELECT p2ptext.next_text('access p2p');
SELECT p2ptext.reply(7000001, 'x');
SELECT p2ptext.opt_out('919-555-7001');
INSERT INTO p2ptext.segment (name, source_id, predicate) VALUES ('x', 1, 'true');
-- and anybody else: the text tools and no more
SET ROLE access_outsider;
SELECT p2ptext.sms_segments('Hello'), p2ptext.phone('(919) 555-7001'), p2ptext.classify_reply('stop'), p2ptext.render('Hi {{x}}', '{"x": 1}'::jsonb);
SELECT p2ptext.caller();
SELECT p2ptext.launch('access');
SELECT * FROM p2ptext.progress;
SELECT * FROM p2ptext.inbox;
RESET ROLE;

-- a privilege that somebody granted by hand is not enough
GRANT EXECUTE ON FUNCTION p2ptext.next_text(text), p2ptext.approve(bigint, text), p2ptext.approve_batch(text, int), p2ptext.cancel(text),
	p2ptext.resolve_unknown(bigint, text), p2ptext.opt_out(text, text, text), p2ptext.reply(bigint, text, text[], text, bigint) TO access_outsider;
SET ROLE access_outsider;
SELECT p2ptext.next_text('access p2p');
SELECT p2ptext.approve(7000001);
SELECT p2ptext.approve_batch('access');
SELECT p2ptext.cancel('access');
SELECT p2ptext.resolve_unknown(7000001, 'sent');
SELECT p2ptext.opt_out('919-555-7001');
SELECT p2ptext.reply(7000001, 'x');
RESET ROLE;
-- a function that runs as another does not make its caller that other
CREATE FUNCTION access_test.borrow() RETURNS text SECURITY DEFINER LANGUAGE sql AS $$ SELECT p2ptext.approve_batch('access')::text $$;
GRANT EXECUTE ON FUNCTION access_test.borrow() TO PUBLIC;
SET ROLE access_outsider;
SELECT access_test.borrow();
RESET ROLE;
-- who is a member through a group is one; a group that must be set first is not
CREATE ROLE access_group;
SELECT kind FROM p2ptext.grant_role('access_group', 'manager');
CREATE ROLE access_joiner IN ROLE access_group;
CREATE ROLE access_hermit NOINHERIT IN ROLE access_group;
SET ROLE access_joiner;
SELECT p2ptext.caller(), p2ptext.is_member('manager'), p2ptext.is_member('texter', 'reader'), p2ptext.approve_batch('access');
SET ROLE access_hermit;
SELECT p2ptext.approve_batch('access');
RESET ROLE;

-- one kind takes the place of another, and revoking leaves nothing
SELECT kind FROM p2ptext.grant_role('access_manager', 'reader');
SELECT has_table_privilege('access_manager', 'p2ptext.campaign', 'INSERT, UPDATE, DELETE') AS writes,
	has_any_column_privilege('access_manager', 'p2ptext.outbox', 'INSERT') AS drafts, has_function_privilege('access_manager', 'p2ptext.launch(text)', 'EXECUTE') AS launches;
SELECT p2ptext.revoke_role('access_manager'), p2ptext.revoke_role('access_manager');
SELECT p2ptext.grant_role('access_nobody', 'texter');
SELECT p2ptext.grant_role('access_texter', 'admin');
SELECT p2ptext.grant_role('access_texter', NULL);
SELECT p2ptext.revoke_role(role) FROM unnest('{access_texter,access_reader,access_outsider,access_group}'::name[]) role;
SELECT count(*) FROM p2ptext.member WHERE role LIKE 'access\_%';
DROP TABLE access_test.voters;
-- a role that is gone leaves a row that can be taken back, and a new one of its name has no rights by it
SELECT kind FROM p2ptext.grant_role('access_texter', 'texter');
DROP OWNED BY access_manager, access_texter, access_reader, access_outsider, access_group, access_joiner;
DROP ROLE access_texter;
CREATE ROLE access_texter;
SET ROLE access_texter;
SELECT p2ptext.next_text('access p2p');
RESET ROLE;
DROP ROLE access_texter;
SELECT p2ptext.revoke_role('access_texter');
DROP ROLE access_manager, access_reader, access_outsider, access_hermit, access_joiner, access_group;
