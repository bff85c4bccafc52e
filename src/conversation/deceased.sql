-- deceased.sql
--	  Voters who have died.
--
-- Whoever says so of a voter in one campaign, or by another channel, says it
-- for all campaigns over the same source, whatever the phone.

CREATE TABLE p2ptext.deceased (
	source_id int NOT NULL REFERENCES p2ptext.source,
	voter_key text NOT NULL,
	how text NOT NULL DEFAULT 'import' CHECK (how IN ('texter', 'contact', 'import')),
	created_by name NOT NULL DEFAULT p2ptext.caller(),
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (source_id, voter_key)
);
COMMENT ON TABLE p2ptext.deceased IS 'voters who have died; no campaign over the source texts them; to be deleted where it was an error';
COMMENT ON COLUMN p2ptext.deceased.how IS 'texter: by close(); contact: by a row of that table; import: by whoever inserted it';
SELECT pg_extension_config_dump('p2ptext.deceased', '');

CREATE FUNCTION p2ptext.suppress_deceased() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM p2ptext.end_conversations(ARRAY(
		SELECT v.id
		FROM new_rows n
		JOIN p2ptext.segment s ON s.source_id = n.source_id
		JOIN p2ptext.campaign c ON c.segment_id = s.id
		JOIN p2ptext.conversation v ON v.campaign_id = c.id AND v.voter_key = n.voter_key), 'deceased');
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION p2ptext.suppress_deceased() IS 'trigger: ends the conversations of a voter who has died, in all campaigns over the source';
CREATE TRIGGER suppress AFTER INSERT ON p2ptext.deceased
	REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION p2ptext.suppress_deceased();

-- Others say it in our words or in VAN's.
CREATE FUNCTION p2ptext.note_deceased() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO p2ptext.deceased (source_id, voter_key, how)
	SELECT n.source_id, n.voter_key, 'contact'
	FROM new_rows n
	WHERE lower(btrim(n.result)) IN (
		SELECT lower(w.word) FROM p2ptext.contact_result r, unnest(ARRAY[r.code, r.van_name]) AS w(word)
		WHERE r.effect = 'deceased' AND w.word IS NOT NULL)
	AND octet_length(n.voter_key) <= 2000
	ON CONFLICT DO NOTHING;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION p2ptext.note_deceased() IS 'trigger: what contact tells of the dead';
CREATE TRIGGER note_deceased AFTER INSERT ON p2ptext.contact
	REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION p2ptext.note_deceased();
