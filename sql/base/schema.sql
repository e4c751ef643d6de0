-- Schema cdp is the extension's: what others put there is neither called nor in its way.

CREATE FUNCTION cdp.is_member(class regclass, object oid) RETURNS boolean
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    RETURN EXISTS (
        SELECT
        FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid AND x.extname = 'cdp'
        WHERE d.classid = class AND d.objid = object
          AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e');
COMMENT ON FUNCTION cdp.is_member(regclass, oid) IS
    'does an object, by its catalog and oid, belong to the extension?';

-- A function beside the extension's with arguments that fit a call better would be called in place of
-- it, by whoever calls cdp. So a right to create objects in the schema, which only a superuser can
-- give, lets nobody do it. This is in everybody's DDL, so it asks for no right to schema cdp.
CREATE FUNCTION cdp.guard_schema() RETURNS event_trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $guard$
DECLARE
    identity text;
BEGIN
    FOR identity IN
        SELECT c.object_type || ' ' || c.object_identity
        FROM pg_event_trigger_ddl_commands() c
        LEFT JOIN pg_extension x ON c.classid = 'pg_extension'::regclass AND x.oid = c.objid
        LEFT JOIN pg_namespace n ON n.oid = x.extnamespace
        WHERE NOT c.in_extension
          AND (c.schema_name = 'cdp'
               AND NOT EXISTS (SELECT
                               FROM pg_depend d
                               JOIN pg_extension m ON m.oid = d.refobjid AND m.extname = 'cdp'
                               WHERE d.classid = c.classid AND d.objid = c.objid
                                 AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
               OR n.nspname = 'cdp' AND x.extname <> 'cdp')
    LOOP
        IF NOT (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user) THEN
            RAISE EXCEPTION '% cannot be in schema "cdp"', identity
                USING ERRCODE = 'insufficient_privilege',
                      DETAIL = 'The schema is for extension cdp alone.',
                      HINT = 'Use a schema of your own.';
        END IF;
        RAISE WARNING '% is in schema "cdp", and not of extension cdp', identity
            USING DETAIL = 'Definitions cannot use it, and where its name is one of cdp''s it may be taken for that.';
    END LOOP;
END
$guard$;
COMMENT ON FUNCTION cdp.guard_schema() IS
    'event trigger: refuses (42501) what others than superusers put into schema cdp, warns of what superusers put there';

CREATE EVENT TRIGGER cdp_schema ON ddl_command_end
    WHEN TAG IN (
        'CREATE AGGREGATE', 'CREATE FUNCTION', 'CREATE PROCEDURE', 'CREATE OPERATOR', 'CREATE OPERATOR CLASS',
        'CREATE OPERATOR FAMILY', 'CREATE TYPE', 'CREATE DOMAIN', 'CREATE COLLATION', 'CREATE CONVERSION',
        'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE VIEW', 'CREATE MATERIALIZED VIEW',
        'CREATE SEQUENCE', 'CREATE FOREIGN TABLE', 'IMPORT FOREIGN SCHEMA', 'CREATE STATISTICS',
        'CREATE TEXT SEARCH CONFIGURATION', 'CREATE TEXT SEARCH DICTIONARY', 'CREATE TEXT SEARCH PARSER',
        'CREATE TEXT SEARCH TEMPLATE', 'CREATE EXTENSION', 'ALTER EXTENSION', 'ALTER AGGREGATE',
        'ALTER FUNCTION', 'ALTER PROCEDURE', 'ALTER ROUTINE', 'ALTER OPERATOR', 'ALTER OPERATOR CLASS',
        'ALTER OPERATOR FAMILY', 'ALTER TYPE', 'ALTER DOMAIN', 'ALTER COLLATION', 'ALTER CONVERSION',
        'ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER SEQUENCE', 'ALTER FOREIGN TABLE',
        'ALTER STATISTICS', 'ALTER TEXT SEARCH CONFIGURATION', 'ALTER TEXT SEARCH DICTIONARY',
        'ALTER TEXT SEARCH PARSER', 'ALTER TEXT SEARCH TEMPLATE')
    EXECUTE FUNCTION cdp.guard_schema();
COMMENT ON EVENT TRIGGER cdp_schema IS 'keeps schema cdp for the extension';
