-- home.sql
--	  Where this data may send from.
--
-- A restored or copied database holds approved texts that its original has
-- sent since, or will.  So each database that may send is named here by what
-- no copy shares: a copy waits until somebody says that it has taken over.

CREATE TABLE p2ptext.home (
	system_identifier bigint NOT NULL,
	database oid NOT NULL,
	told_by name NOT NULL DEFAULT p2ptext.caller(),
	told_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (system_identifier, database)
);
COMMENT ON TABLE p2ptext.home IS 'databases that may send: those where a campaign was launched first, or start_sending() was called';
SELECT pg_extension_config_dump('p2ptext.home', '');

CREATE FUNCTION p2ptext.this_home() RETURNS p2ptext.home
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.system_identifier, d.oid, p2ptext.caller(), now()
	FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()
$$;
COMMENT ON FUNCTION p2ptext.this_home() IS 'this database, as home would name it';

CREATE FUNCTION p2ptext.is_home() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM p2ptext.home h, p2ptext.this_home() t
				   WHERE h.system_identifier = t.system_identifier AND h.database = t.database)
$$;
COMMENT ON FUNCTION p2ptext.is_home() IS 'whether texts may leave from here; false in a copy';

-- The first launch ever is at home.
CREATE FUNCTION p2ptext.note_home() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	LOCK TABLE p2ptext.home IN SHARE ROW EXCLUSIVE MODE;
	IF NOT EXISTS (SELECT FROM p2ptext.home) THEN
		INSERT INTO p2ptext.home SELECT * FROM p2ptext.this_home();
	ELSIF NOT p2ptext.is_home() THEN
		RAISE WARNING 'no text leaves from this copy of the database'
			USING HINT = 'Once its original sends no more, SELECT p2ptext.start_sending();';
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.note_home() IS 'lets a database send that is no copy';

CREATE FUNCTION p2ptext.start_sending() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	n bigint;
BEGIN
	PERFORM p2ptext.require_member();
	-- What the original had claimed when it was copied may have left there.
	UPDATE p2ptext.outbox o
	SET status = 'unknown', reason = 'sender_stopped', position = NULL,
		not_before = p2ptext.next_find(c.gateway_id, o.claimed_at)
	FROM p2ptext.campaign c
	WHERE c.id = o.campaign_id AND o.status = 'sending' AND NOT p2ptext.is_home();
	GET DIAGNOSTICS n = ROW_COUNT;
	INSERT INTO p2ptext.home SELECT * FROM p2ptext.this_home() ON CONFLICT DO NOTHING;
	RETURN n;
END
$$;
COMMENT ON FUNCTION p2ptext.start_sending() IS
'lets a restored or copied database send, once its original does not any more; texts being sent when it was copied become unknown, and their number is returned';
