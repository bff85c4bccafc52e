-- What every object of the extension must have, asked of the catalog.
\set SHOW_CONTEXT never
CREATE VIEW pg_temp.member AS
SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS object FROM pg_depend d
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
WHERE e.extname = 'p2ptext';

-- nothing lies outside of the schema, and the schema has nothing that is not the extension's
SELECT object FROM pg_temp.member WHERE object !~ 'p2ptext' ORDER BY 1;
SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'p2ptext'::regnamespace AND c.relkind IN ('r', 'v', 'S', 'm', 'f', 'p', 'c')
AND c.oid NOT IN (SELECT objid FROM pg_temp.member WHERE classid = 'pg_class'::regclass)
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i');
-- all data are in a dump: every table, every sequence, but what the script itself fills
SELECT c.oid::regclass AS not_dumped FROM pg_class c, pg_extension e WHERE e.extname = 'p2ptext' AND c.relnamespace = 'p2ptext'::regnamespace
AND c.relkind IN ('r', 'p', 'S') AND c.oid <> ALL (e.extconfig) ORDER BY 1;
SELECT c.oid::regclass AS in_part FROM pg_extension e, unnest(e.extconfig, e.extcondition) x(oid, condition) JOIN pg_class c ON c.oid = x.oid
WHERE e.extname = 'p2ptext' AND x.condition <> '';
-- everything is commented
SELECT object AS no_comment FROM pg_temp.member m
WHERE classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass, 'pg_operator'::regclass)
AND obj_description(objid, classid::regclass::name) IS NULL
AND NOT EXISTS (SELECT FROM pg_class c WHERE classid = 'pg_class'::regclass AND c.oid = objid AND c.relkind = 'S'
				AND EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i'))
AND NOT EXISTS (SELECT FROM pg_type t WHERE classid = 'pg_type'::regclass AND t.oid = objid AND (t.typelem <> 0 OR t.typrelid <> 0 AND
				(SELECT relkind <> 'c' FROM pg_class c WHERE c.oid = t.typrelid)))
ORDER BY 1;
SELECT obj_description('p2ptext'::regnamespace, 'pg_namespace') IS NOT NULL AS schema_commented;
-- a comment is one line without a full stop at its end
SELECT object, c.comment FROM pg_temp.member, obj_description(objid, classid::regclass::name) AS c(comment)
WHERE c.comment ~ '\n|\.$|^\s|\s$';
-- every foreign key has an index that begins with its columns
SELECT k.conrelid::regclass, k.conname FROM pg_constraint k WHERE k.contype = 'f' AND k.connamespace = 'p2ptext'::regnamespace
AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indpred IS NULL
	AND (SELECT array_agg(a ORDER BY a) FROM unnest(k.conkey) a)
	  = (SELECT array_agg(a ORDER BY a) FROM unnest((i.indkey::int2[])[0:cardinality(k.conkey) - 1]) a));
-- large tables have the campaign in their primary key, so that they can be parted by it
SELECT i.indrelid::regclass FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = 'campaign_id'
WHERE i.indisprimary AND i.indrelid = ANY ('{p2ptext.conversation,p2ptext.outbox,p2ptext.message,p2ptext.question_response,
	p2ptext.audience_drop,p2ptext.launch,p2ptext.interaction_step,p2ptext.answer_option}'::regclass[]) AND a.attnum <> ALL (i.indkey);

-- who runs as another pins search_path, with the temporary schema last
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'p2ptext'::regnamespace AND p.prosecdef
AND NOT coalesce(p.proconfig @> '{"search_path=pg_catalog, pg_temp"}', false);
-- so does everybody who does not find names along the caller's on purpose, in the expressions of a source or segment
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'p2ptext'::regnamespace AND l.lanname IN ('sql', 'plpgsql') AND p.prosqlbody IS NULL
AND NOT coalesce(p.proconfig @> '{"search_path=pg_catalog, pg_temp"}', false) ORDER BY p.proname COLLATE "C";
-- PUBLIC may call the text tools, which are strict, read nothing but their arguments and the two small tables behind them
SELECT string_agg(p.proname, ' ' ORDER BY p.proname COLLATE "C") FROM (SELECT DISTINCT proname FROM pg_proc p
	WHERE p.pronamespace = 'p2ptext'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')) p;
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'p2ptext'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')
AND NOT (p.proisstrict AND p.provolatile <> 'v' AND p.proparallel = 's');
SELECT c.oid::regclass, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'p2ptext'::regnamespace AND a.grantee = 0 ORDER BY c.relname;
-- C functions say whether they can do with NULL
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'p2ptext'::regnamespace AND l.lanname = 'c' AND NOT p.proisstrict AND p.prorettype <> 'trigger'::regtype ORDER BY p.proname;

-- the extension goes without a trace, and comes again in the same session
CREATE DATABASE p2ptext_catalog;
\c p2ptext_catalog
\set VERBOSITY terse
CREATE TEMP TABLE before AS SELECT 'c' AS kind, oid FROM pg_class UNION ALL SELECT 'p', oid FROM pg_proc UNION ALL SELECT 't', oid FROM pg_type
UNION ALL SELECT 'n', oid FROM pg_namespace UNION ALL SELECT 'o', oid FROM pg_operator
UNION ALL SELECT 'a', oid FROM pg_default_acl;
INSERT INTO before SELECT kind, oid FROM (SELECT 'c' AS kind, oid FROM pg_class UNION ALL SELECT 't', oid FROM pg_type) x EXCEPT SELECT kind, oid FROM before;
CREATE EXTENSION p2ptext;
SELECT name FROM p2ptext.add_gateway('catalog', 'loopback');
CREATE EXTENSION p2ptext;
DROP EXTENSION p2ptext;
SELECT kind, count(*) FROM (SELECT 'c' AS kind, oid FROM pg_class UNION ALL SELECT 'p', oid FROM pg_proc UNION ALL SELECT 't', oid FROM pg_type
	UNION ALL SELECT 'n', oid FROM pg_namespace UNION ALL SELECT 'o', oid FROM pg_operator UNION ALL SELECT 'a', oid FROM pg_default_acl
	EXCEPT SELECT kind, oid FROM before) left_behind GROUP BY 1;
CREATE EXTENSION p2ptext;
SELECT name FROM p2ptext.add_gateway('catalog', 'loopback');
SELECT count(*) FROM p2ptext.gateway;
-- a schema of that name is not taken over from whoever made it
DROP EXTENSION p2ptext;
CREATE SCHEMA p2ptext;
CREATE EXTENSION p2ptext;
-- and it does not come in another
DROP SCHEMA p2ptext;
CREATE EXTENSION p2ptext SCHEMA public;
\c contrib_regression
DROP DATABASE p2ptext_catalog;
