-- The parts of a workspace, and how the functions on workspaces find what each part brings.
--
-- A part is a capability that has something in a workspace: tables, a column of profiles, or a share
-- of what cdp.check and cdp.status tell. Its room is sql/<part>/. The parts, their tables and the
-- engine's columns of profiles are listed in C (src/parts.c) and come from the first three functions
-- below.
--
-- For a table, its kind says how it is guarded (cdp.attach_triggers) and locked (cdp.lock_workspace):
--
--   events       applications insert; rows never change
--   profiles     the engine writes rows, users write columns of their own
--   derived      only the engine writes
--   definition   users write; a trigger function of schema cdp (define) checks it and acts on it
--   settings     users update its one row; define acts on it
--   own          the users' table, without a guard
--
-- A part brings the functions below where it needs them. Their names are fixed: the part's name
-- follows the verb. Loops call them in the order of parts.
--
--   cdp.create_<part>(workspace name) RETURNS void
--       cdp.create_workspace: makes its tables, with start rows, indexes, comments, views and the
--       triggers that no other part has; comments its columns of profiles. Guards come later. For the
--       part workspace cdp.create_workspace itself is that function, which then empties the tables
--       again where it is told so, and prepares them for logical replication.
--   cdp.views_<part>(workspace name) RETURNS SETOF text
--       cdp.drop_workspace, cdp.detach: names of its views, qualified and quoted.
--   cdp.check_<part>(workspace name) RETURNS TABLE (kind text, key text, stored text, expected text)
--       cdp.check: a row per fault. STABLE, plain SQL, and nothing of the engine's code. It runs as the
--       owner (cdp.require_step).
--   cdp.status_<part>(workspace name) RETURNS TABLE (place integer, topic text, item text, value text)
--       cdp.status: a row per figure; cdp.use_tables first. place is the place among the rows of all parts, see status.sql.
--   cdp.detach_<part>(workspace name) RETURNS void
--       cdp.detach: what is to be done beside the general steps, such as another default or comment.
--   cdp.promote_<part>(workspace name) RETURNS SETOF text
--       cdp.promote: moves sequences beyond what its tables have of their values; a row per definition
--       that does not compile: which, and why.
--   cdp.rebuild_begin_<part>(workspace name, partial boolean) RETURNS void
--       cdp.rebuild_begin: deletes what is derived again. pg_temp.cdp_old_identifiers and
--       cdp_old_profiles have the old rows; partial: only they, and those of cdp_scope, are concerned.
--       At the end of such names stands cdp.rebuild_suffix().
--   cdp.rebuild_finish_<part>(workspace name, cause text) RETURNS void
--       cdp.rebuild_finish: gives what it stores the profiles' final ids, see rebuild.sql.
--   cdp.column_changed_<part>(workspace name, former name, now name) RETURNS void
--       cdp.watch_ddl: a column of profiles, the users', has another name, or (former = now) another type
--       or labels of it. What the part has kept under its name follows.
--
-- To come, with the parts that need them; nothing calls them yet:
--
--   cdp.export_<part>   what is stored of one person, for the person
--   cdp.erase_<part>    deletes that
--   cdp.expire_<part>   deletes what is older than the workspace keeps it
--
-- A part with a column of profiles also brings, for a column that is not of the part profiles,
--
--   cdp.empty_<column>(workspace name) RETURNS <its type>
--       the value of a profile without events
--
-- and, where the column is folded, cdp.merge(a, b) and the aggregate cdp.merge_agg of the type. A type
-- that becomes something else than its text form in a detached workspace has an overload of
-- cdp.detached(value), see detach.sql.

CREATE FUNCTION cdp.parts() RETURNS TABLE (part text, place integer)
    AS 'MODULE_PATHNAME', 'cdp_parts'
    LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION cdp.parts() IS
    'the parts of a workspace, in the order in which they are made';

CREATE FUNCTION cdp.part_tables()
    RETURNS TABLE (part text, tab text, kind text, define text, place integer)
    AS 'MODULE_PATHNAME', 'cdp_part_tables'
    LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 40;
COMMENT ON FUNCTION cdp.part_tables() IS
    'the tables of a workspace, in the order of parts: kind is events, profiles, derived, definition, settings or own; define is the trigger function on a definition, null for another table';

CREATE FUNCTION cdp.profile_columns()
    RETURNS TABLE (part text, name text, type text, nullable boolean, folded boolean, place integer)
    AS 'MODULE_PATHNAME', 'cdp_profile_columns'
    LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 15;
COMMENT ON FUNCTION cdp.profile_columns() IS
    'the engine''s columns of profiles, in the order of the table; a folded one is a column of opening_balances, too';

CREATE FUNCTION cdp.part_functions(verb text, further text DEFAULT '') RETURNS SETOF name
    LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 10
    SET search_path = pg_catalog, pg_temp
AS $functions$
    SELECT f.name
    FROM cdp.parts() p
    CROSS JOIN LATERAL (SELECT (verb || '_' || p.part)::name AS name) f
    WHERE cdp.is_member('pg_proc'::regclass, to_regprocedure(format('cdp.%I(name%s)', f.name, further)))
    ORDER BY p.place
$functions$;
COMMENT ON FUNCTION cdp.part_functions(text, text) IS
    'names of the functions cdp.<verb>_<part>(name …) that there are, in the order of parts; further are the types of the arguments after the workspace, each after a comma';
