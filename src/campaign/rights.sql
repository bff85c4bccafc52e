-- rights.sql
--	  In whose name things happen, and with whose rights what is stored runs.
--
-- Managers change sources, segments and campaigns by UPDATE, and these are read
-- later by others: by who launches, and by the sender, which reads a segment
-- again with the rights of who launched.  So what is stored must be one
-- expression each, nobody can name another role for it, and who changes what a
-- segment asks lends it their own rights.

CREATE FUNCTION p2ptext.guard_source() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM p2ptext.check_expression(NEW.key), p2ptext.check_expression(NEW.phone), p2ptext.check_expression(NEW.timezone);
	PERFORM p2ptext.check_expression(f.value) FROM jsonb_each_text(NEW.fields) f;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION p2ptext.guard_source() IS 'trigger: what a source stores as expressions are expressions';
CREATE TRIGGER guard_source BEFORE INSERT OR UPDATE OF key, phone, timezone, fields ON p2ptext.source
	FOR EACH ROW EXECUTE FUNCTION p2ptext.guard_source();

CREATE FUNCTION p2ptext.guard_segment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM p2ptext.check_expression(NEW.predicate);
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION p2ptext.guard_segment() IS 'trigger: the predicate of a segment is one expression';
CREATE TRIGGER guard_segment BEFORE INSERT OR UPDATE OF predicate ON p2ptext.segment
	FOR EACH ROW EXECUTE FUNCTION p2ptext.guard_segment();

CREATE FUNCTION p2ptext.guard_campaign() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	self name[] := ARRAY[current_user, p2ptext.caller()];
	forged text;
BEGIN
	-- The owner may, as a dump that is restored does.
	IF p2ptext.is_member() THEN
		RETURN NEW;
	END IF;
	forged := CASE
		WHEN NEW.created_by IS DISTINCT FROM OLD.created_by AND NEW.created_by <> ALL (self) THEN 'created_by'
		WHEN NEW.launched_by IS DISTINCT FROM OLD.launched_by AND (NEW.launched_by = ANY (self)) IS NOT TRUE
			AND (TG_OP = 'UPDATE' OR NEW.launched_by IS NOT NULL) THEN 'launched_by'
		WHEN NEW.launched_path <> OLD.launched_path AND (NEW.launched_by = ANY (self)) IS NOT TRUE THEN 'launched_path'
		WHEN NEW.auto_reply_by IS DISTINCT FROM OLD.auto_reply_by AND NEW.auto_reply_by <> ALL (self) THEN 'auto_reply_by' END;
	IF forged IS NOT NULL THEN
		RAISE EXCEPTION 'campaign.% cannot be another role''s', forged
			USING ERRCODE = 'insufficient_privilege',
			DETAIL = 'It says who approves texts, or with whose rights the segment is read.',
			HINT = 'launch() and set_auto_reply() set it.';
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION p2ptext.guard_campaign() IS 'trigger: nobody makes a campaign act in the name or with the rights of another';
CREATE TRIGGER guard_campaign BEFORE INSERT OR UPDATE OF created_by, launched_by, launched_path, auto_reply_by
	ON p2ptext.campaign FOR EACH ROW EXECUTE FUNCTION p2ptext.guard_campaign();

CREATE FUNCTION p2ptext.lend_rights(segments int[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE whole(id) AS (
		SELECT unnest(segments)
		UNION
		SELECT p.segment_id FROM whole w JOIN p2ptext.segment_part p ON p.part_id = w.id)
	UPDATE p2ptext.campaign c SET launched_by = current_user
	FROM whole w
	WHERE c.segment_id = w.id AND EXISTS (
		SELECT FROM pg_roles r
		WHERE r.rolname = coalesce(c.launched_by, c.created_by) AND NOT pg_has_role(r.oid, 'USAGE'))
$$;
COMMENT ON FUNCTION p2ptext.lend_rights(int[]) IS
'has campaigns over these segments read with the rights of the current role, unless it has those of whoever launched them';

CREATE FUNCTION p2ptext.lend_rights_to_source() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM p2ptext.lend_rights(ARRAY(SELECT s.id FROM p2ptext.segment s WHERE s.source_id = NEW.id));
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION p2ptext.lend_rights_to_source() IS 'trigger: who changes what is read of a source has it read with their own rights';
CREATE TRIGGER lend_rights AFTER UPDATE OF relation, key ON p2ptext.source
	FOR EACH ROW EXECUTE FUNCTION p2ptext.lend_rights_to_source();

CREATE FUNCTION p2ptext.lend_rights_to_segment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF TG_TABLE_NAME = 'segment' THEN
		PERFORM p2ptext.lend_rights(ARRAY[NEW.id]);
	ELSE
		PERFORM p2ptext.lend_rights(ARRAY[OLD.segment_id, NEW.segment_id]);
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION p2ptext.lend_rights_to_segment() IS 'trigger: who changes what a segment asks has it read with their own rights';
CREATE TRIGGER lend_rights AFTER UPDATE OF source_id, predicate, parameters, allow_volatile, contacted, not_contacted, operation
	ON p2ptext.segment FOR EACH ROW EXECUTE FUNCTION p2ptext.lend_rights_to_segment();
CREATE TRIGGER lend_rights AFTER INSERT OR UPDATE OR DELETE ON p2ptext.segment_part
	FOR EACH ROW EXECUTE FUNCTION p2ptext.lend_rights_to_segment();
-- Another segment is another question, too.
CREATE FUNCTION p2ptext.lend_rights_to_campaign() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM p2ptext.lend_rights(ARRAY[NEW.segment_id]);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION p2ptext.lend_rights_to_campaign() IS 'trigger: who gives a campaign another segment has it read with their own rights';
CREATE TRIGGER lend_rights AFTER UPDATE OF segment_id ON p2ptext.campaign
	FOR EACH ROW WHEN (OLD.segment_id <> NEW.segment_id) EXECUTE FUNCTION p2ptext.lend_rights_to_campaign();
