-- p2ptext.sql
--	  The schema, who the caller is, and the people who may do what.
--
-- Roles of the database are the people: a member row says what one of them
-- may do, grant_role() gives the privileges to match (src/access.sql).

-- Made here, not named in the control file, so that it goes with the extension.
CREATE SCHEMA p2ptext;
COMMENT ON SCHEMA p2ptext IS 'peer-to-peer texting from the database that holds the voter file';

CREATE FUNCTION p2ptext.caller() RETURNS name
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'p2ptext_caller';
COMMENT ON FUNCTION p2ptext.caller() IS
'the role on whose behalf the session acts, also inside a SECURITY DEFINER function';

CREATE FUNCTION p2ptext.one_action() RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'p2ptext_one_action';
COMMENT ON FUNCTION p2ptext.one_action() IS
'errors when called twice within one statement: a p2p approval is one human action for one message';

CREATE FUNCTION p2ptext.commit_without_flush() RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'p2ptext_commit_without_flush';
COMMENT ON FUNCTION p2ptext.commit_without_flush() IS
'does not wait for the disk when the transaction commits, if it is no larger than the statement';

CREATE TABLE p2ptext.member (
	role name PRIMARY KEY,
	kind text NOT NULL CHECK (kind IN ('manager', 'texter', 'reader')),
	first_name text,
	last_name text,
	granted_by name NOT NULL DEFAULT p2ptext.caller(),
	granted_at timestamptz NOT NULL DEFAULT now(),
	suspended_at timestamptz,
	suspended_by name
) WITH (fillfactor = 10); -- many lock their rows at once: require_active()
COMMENT ON COLUMN p2ptext.member.suspended_at IS 'since when the role may do nothing; NULL: it may';
COMMENT ON TABLE p2ptext.member IS 'database roles that may use p2ptext, and the names by which voters know them';
SELECT pg_extension_config_dump('p2ptext.member', '');

-- A member by its own row, which is most of them; as the owner; or through a
-- group.  Who is suspended is none, by whichever way.
CREATE FUNCTION p2ptext.has_kind(role name, VARIADIC kinds text[] DEFAULT '{}') RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	member p2ptext.member;
BEGIN
	SELECT * INTO member FROM p2ptext.member m WHERE m.role = role;
	IF member.suspended_at IS NOT NULL THEN
		RETURN false;
	ELSIF member.kind = ANY (kinds) THEN
		RETURN true;
	END IF;
	RETURN EXISTS (SELECT FROM pg_extension e
				   WHERE e.extname = 'p2ptext' AND pg_has_role(role, e.extowner, 'USAGE'))
		OR EXISTS (SELECT
				   FROM p2ptext.member m
				   JOIN pg_roles r ON r.rolname = m.role
				   WHERE m.kind = ANY (kinds) AND m.suspended_at IS NULL
				   AND pg_has_role(role, r.oid, 'USAGE'));
END
$$;
COMMENT ON FUNCTION p2ptext.has_kind(name, text[]) IS
'whether a role is a member of one of these kinds and not suspended, or has the rights of the extension''s owner';

CREATE FUNCTION p2ptext.is_suspended() RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- Nor does it help to have set another role.
	RETURN EXISTS (SELECT FROM p2ptext.member m
				   WHERE m.role IN (p2ptext.caller(), session_user) AND m.suspended_at IS NOT NULL);
END
$$;
COMMENT ON FUNCTION p2ptext.is_suspended() IS 'whether the caller, or the role that logged in, is suspended';

CREATE FUNCTION p2ptext.is_member(VARIADIC kinds text[] DEFAULT '{}') RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN p2ptext.has_kind(p2ptext.caller(), VARIADIC kinds) AND NOT p2ptext.is_suspended();
END
$$;
COMMENT ON FUNCTION p2ptext.is_member(text[]) IS
'whether the caller is a member of one of these kinds, or has the rights of the extension''s owner';

CREATE FUNCTION p2ptext.require_member(VARIADIC kinds text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF p2ptext.is_member(VARIADIC kinds) THEN
		RETURN;
	ELSIF p2ptext.is_suspended() THEN
		RAISE EXCEPTION 'permission denied: role "%" is suspended', p2ptext.caller()
			USING ERRCODE = 'insufficient_privilege', HINT = 'A manager can resume_texter().';
	END IF;
	RAISE EXCEPTION 'permission denied: role "%" is not % of p2ptext',
			p2ptext.caller(), coalesce('a ' || nullif(array_to_string(kinds, ' or '), ''), 'the owner')
			USING ERRCODE = 'insufficient_privilege',
			HINT = coalesce(format('The owner can allow it: SELECT p2ptext.grant_role(%L, ', p2ptext.caller())
								|| quote_literal(kinds[1]) || ');',
							'Ask the owner of the extension to do it.');
END
$$;
COMMENT ON FUNCTION p2ptext.require_member(text[]) IS 'errors unless is_member() holds; without kinds, unless the caller has the owner''s rights';

-- For what sends: suspend() waits for whoever has come here, and nobody comes
-- here once it has begun.  Most are members by their own rows.
CREATE FUNCTION p2ptext.require_active(VARIADIC kinds text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me p2ptext.member;
BEGIN
	SELECT * INTO me FROM p2ptext.member m WHERE m.role = p2ptext.caller() FOR SHARE;
	IF (me.kind = ANY (kinds) AND me.suspended_at IS NULL
		AND (me.role = session_user OR NOT p2ptext.is_suspended())) IS NOT TRUE THEN
		PERFORM p2ptext.require_member(VARIADIC kinds);
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.require_active(text[]) IS 'as require_member(), and keeps the caller from being suspended until the transaction ends';

CREATE FUNCTION p2ptext.check_name(kind text, name text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NULL OR btrim(name) = '' THEN
		RAISE EXCEPTION 'a % needs a name', kind
			USING ERRCODE = 'invalid_name';
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.check_name(text, text) IS 'errors when a name is blank';

-- The kind is that of a table whose rows have names.
CREATE FUNCTION p2ptext.check_new_name(kind text, name text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	taken boolean;
BEGIN
	PERFORM p2ptext.check_name(kind, name);
	EXECUTE format('SELECT EXISTS (SELECT FROM p2ptext.%I t WHERE t.name = $1)', kind) INTO taken USING name;
	IF taken THEN
		RAISE EXCEPTION '% "%" exists already', kind, name
			USING ERRCODE = 'duplicate_object',
			HINT = format('Give this one another name, or change that one: UPDATE p2ptext.%I SET ... WHERE name = %L;', kind, name);
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.check_new_name(text, text) IS 'errors when a name is blank, or another source, segment, campaign or gateway has it';

-- What {{texter.first_name}} and {{texter.last_name}} stand for.  A role
-- that never told its name goes by the role's own.
CREATE TYPE p2ptext.texter_name AS (first_name text, last_name text);
COMMENT ON TYPE p2ptext.texter_name IS 'how scripts name a texter';

CREATE FUNCTION p2ptext.texter(role name) RETURNS p2ptext.texter_name
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	member p2ptext.member;
BEGIN
	SELECT * INTO member FROM p2ptext.member m WHERE m.role = role;
	RETURN ROW(coalesce(member.first_name, initcap(role)), member.last_name)::p2ptext.texter_name;
END
$$;
COMMENT ON FUNCTION p2ptext.texter(name) IS 'the name of a texter as scripts show it';
