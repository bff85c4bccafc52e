-- rows.sql
--	  Row-level security: who sees which voters' data, with whichever client.
--
-- A texter sees the conversations they hold and what belongs to these; managers
-- and readers see all.  The workers and the functions that check their caller
-- run as the owner, whom no policy stops.
--
-- pg_dump leaves out the policies of an extension's tables, so the script of
-- the extension makes them.

-- The tables with data of voters are known by their columns.
CREATE VIEW p2ptext.voter_table AS
SELECT c.oid::regclass AS relation, c.relrowsecurity AS secured,
	   bool_or(a.attname = 'conversation_id') AND bool_or(a.attname = 'campaign_id') AND c.relname <> 'inbound' AS of_conversation
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'p2ptext'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'source'
GROUP BY c.oid, c.relname, c.relrowsecurity
HAVING bool_or(a.attname IN ('phone', 'voter_key', 'conversation_id', 'outbox_id', 'raw', 'line'));
COMMENT ON VIEW p2ptext.voter_table IS 'tables that hold voters'' data, whether row-level security is on, and whether rows belong to a conversation and so to its texter';

CREATE FUNCTION p2ptext.secure_rows() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record;
	own text;
BEGIN
	FOR t IN SELECT * FROM p2ptext.voter_table v ORDER BY v.relation = 'p2ptext.conversation'::regclass DESC, v.relation::text LOOP
		IF NOT t.secured THEN
			EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.relation);
		END IF;
		CONTINUE WHEN EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.relation);
		-- Each (SELECT ...) is asked once for a query, not for each row.
		EXECUTE format($sql$CREATE POLICY manager ON %s USING ((SELECT p2ptext.is_member('manager')))$sql$, t.relation);
		own := CASE
			WHEN t.relation = 'p2ptext.conversation'::regclass
				THEN 'texter = (SELECT p2ptext.caller()) AND (SELECT p2ptext.is_member(''texter''))'
			WHEN t.of_conversation
				THEN format('EXISTS (SELECT FROM p2ptext.conversation c'
							' WHERE c.id = %1$s.conversation_id AND c.campaign_id = %1$s.campaign_id)', t.relation)
			ELSE 'false' END;
		EXECUTE format($sql$CREATE POLICY member ON %s FOR SELECT USING ((SELECT p2ptext.is_member('manager', 'reader')) OR %s)$sql$,
					   t.relation, own);
	END LOOP;
END
$$;
COMMENT ON FUNCTION p2ptext.secure_rows() IS 'lets each member see the rows of voter_table that are theirs to see, and nobody else any; changes nothing that is so already';
SELECT p2ptext.secure_rows();

-- Of the merge fields a texter sees those that the campaign lets them.  Only
-- one half is run; together they would read everybody's conversations.
CREATE VIEW p2ptext.voter_card WITH (security_barrier) AS
SELECT v.id AS conversation_id, k.name AS campaign, v.voter_key, v.phone, v.texter, v.message_status, v.result,
	   CASE WHEN k.texter_fields IS NULL THEN v.fields
			ELSE coalesce((SELECT jsonb_object_agg(f.key, f.value) FROM jsonb_each(v.fields) f
						   WHERE f.key = ANY (k.texter_fields)), '{}') END AS fields
FROM p2ptext.conversation v
JOIN p2ptext.campaign k ON k.id = v.campaign_id
WHERE v.texter = p2ptext.caller() AND (SELECT p2ptext.is_member('texter') AND NOT p2ptext.is_member('manager', 'reader'))
UNION ALL
SELECT v.id, k.name, v.voter_key, v.phone, v.texter, v.message_status, v.result, v.fields
FROM p2ptext.conversation v
JOIN p2ptext.campaign k ON k.id = v.campaign_id
WHERE (SELECT p2ptext.is_member('manager', 'reader'));
COMMENT ON VIEW p2ptext.voter_card IS 'what a texter may know of the voters they hold: of the script''s fields those in campaign.texter_fields';
