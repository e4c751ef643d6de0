-- Entrances and bodies. A function in SQL that uses a workspace's tables is two functions: users call
-- the entrance, in C; the body has its name and "_body". For whoever may act as the owner the body works as
-- the owner, in a security-restricted operation: no code that the owner has put behind a table runs with
-- the rights of a superuser. Others have the body work with their own rights.
--
--   cdp_enter            for functions that read
--   cdp_enter_as_owner   for the owner alone
--   cdp_enter_to_detach  of cdp.detach: as the owner of the schema, whatever else is left of the workspace
--   cdp_enter_to_judge   of cdp.check: as the owner, for whoever may read every table
--
-- A room's own entrance in C, such as that of cdp.score, works as the owner for whoever has the rights
-- that it asks for. A body begins with cdp.use_tables; a step of the engine, with cdp.require_step.

CREATE FUNCTION cdp.use_tables(workspace name, VARIADIC tables text[]) RETURNS void
    AS 'MODULE_PATHNAME', 'cdp_use_tables'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.use_tables(name, text[]) IS
    'called before these tables of the workspace are used: locks them (ACCESS SHARE) and gives an error unless each is an ordinary table of the workspace''s owner with its columns of their types; 42501 without the right to read it, 3F000 for no workspace, 55000 for who could act as the owner and has come past the entrance';

CREATE FUNCTION cdp.require_step(workspace name) RETURNS void
    AS 'MODULE_PATHNAME', 'cdp_require_step'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.require_step(name) IS
    'nothing within an operation of the engine, which works as the owner of the workspace; else error 55000; 3F000 for no workspace';
