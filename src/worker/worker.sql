-- worker.sql
--	  What the workers show, and what wakes them.

CREATE FUNCTION p2ptext.stat_get_workers(
	OUT datid oid, OUT kind text, OUT number int, OUT pid int, OUT courier_pid int, OUT state text,
	OUT state_since timestamptz, OUT claimed bigint, OUT sent bigint, OUT failed bigint,
	OUT retried bigint, OUT unknown bigint, OUT in_flight int, OUT received bigint,
	OUT rejected bigint, OUT applied bigint, OUT starts int, OUT last_error text,
	OUT last_error_at timestamptz)
RETURNS SETOF record
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'p2ptext_stat_get_workers';
COMMENT ON FUNCTION p2ptext.stat_get_workers() IS 'the workers of all databases, from shared memory';

CREATE VIEW p2ptext.stat_worker AS
SELECT d.datname, w.*
FROM p2ptext.stat_get_workers() w
LEFT JOIN pg_database d ON d.oid = w.datid
ORDER BY d.datname, w.kind, w.number;
COMMENT ON VIEW p2ptext.stat_worker IS
'each worker''s state (starting, idle, busy, backoff, stopped), counters since the server started, and last error';

CREATE FUNCTION p2ptext.wake() RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'p2ptext_wake';
COMMENT ON FUNCTION p2ptext.wake() IS 'trigger: wakes this database''s sender, receiver or both when the transaction commits';

CREATE TRIGGER wake AFTER INSERT OR UPDATE OF status ON p2ptext.outbox
	FOR EACH STATEMENT EXECUTE FUNCTION p2ptext.wake('sender');
CREATE TRIGGER wake_deferred AFTER UPDATE OF not_before ON p2ptext.outbox
	FOR EACH STATEMENT EXECUTE FUNCTION p2ptext.wake('settings');
CREATE TRIGGER wake AFTER INSERT OR UPDATE OF applied_at ON p2ptext.inbound
	FOR EACH ROW WHEN (NEW.applied_at IS NULL) EXECUTE FUNCTION p2ptext.wake('receiver');
CREATE TRIGGER wake AFTER INSERT OR UPDATE OR DELETE ON p2ptext.campaign
	FOR EACH STATEMENT EXECUTE FUNCTION p2ptext.wake('settings');
CREATE TRIGGER wake AFTER INSERT OR UPDATE OR DELETE ON p2ptext.gateway
	FOR EACH STATEMENT EXECUTE FUNCTION p2ptext.wake('settings');
CREATE TRIGGER wake AFTER INSERT OR UPDATE OR DELETE ON p2ptext.sender
	FOR EACH STATEMENT EXECUTE FUNCTION p2ptext.wake('settings');
CREATE TRIGGER wake AFTER INSERT OR UPDATE OR DELETE ON p2ptext.brand
	FOR EACH STATEMENT EXECUTE FUNCTION p2ptext.wake('settings');
CREATE TRIGGER wake AFTER INSERT OR DELETE ON p2ptext.home
	FOR EACH STATEMENT EXECUTE FUNCTION p2ptext.wake('settings');
-- An opt-out calls back what is claimed and has not begun to leave.
CREATE TRIGGER wake AFTER INSERT ON p2ptext.opt_out
	FOR EACH ROW WHEN (NEW.ended_at IS NULL) EXECUTE FUNCTION p2ptext.wake('recall');

-- Tells the launcher that this database wants workers once this commits.
CREATE FUNCTION p2ptext.announce() RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'p2ptext_announce';
COMMENT ON FUNCTION p2ptext.announce() IS 'asks the launcher to run workers in this database';
SELECT p2ptext.announce();
