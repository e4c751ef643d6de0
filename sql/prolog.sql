-- cdp: install script. Built from the files named in sql/manifest.
\echo Use "CREATE EXTENSION cdp" to load this file. \quit

-- A schema cdp that was there before is taken only if nobody but superusers has had a say in it: its
-- owner, and who has CREATE on it, could put functions beside the extension's at any time. An empty one
-- of a superuser passes: pg_dump makes the schema before the extension, and DROP EXTENSION leaves it.
-- Default privileges give CREATE on a schema that CREATE EXTENSION has just made, too. As the schema
-- may have operators, each is named with its schema here.
DO $prolog$
DECLARE
    fault text;
BEGIN
    SELECT coalesce(
            (SELECT pg_catalog.format('It belongs to role "%s", which is no superuser.', r.rolname)
             FROM pg_catalog.pg_roles r
             WHERE r.oid OPERATOR(pg_catalog.=) n.nspowner AND NOT r.rolsuper),
            (SELECT pg_catalog.format('%s may create objects in it.',
                                      coalesce('Role ' OPERATOR(pg_catalog.||) pg_catalog.quote_ident(r.rolname), 'PUBLIC'))
             FROM pg_catalog.aclexplode(n.nspacl) a
             LEFT JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) a.grantee
             WHERE a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
               AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner
             LIMIT 1),
            (SELECT pg_catalog.format('It contains %s.',
                                      pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid))
             FROM pg_catalog.pg_depend d
             WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
               AND d.refobjid OPERATOR(pg_catalog.=) n.oid
               AND NOT (d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
                        AND d.objid OPERATOR(pg_catalog.=) x.oid)
             LIMIT 1))
        INTO fault
        FROM pg_catalog.pg_namespace n
        JOIN pg_catalog.pg_extension x ON x.extname OPERATOR(pg_catalog.=) 'cdp'
        WHERE n.nspname OPERATOR(pg_catalog.=) 'cdp';
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'schema "cdp" is not for the extension alone'
            USING ERRCODE = 'insufficient_privilege', DETAIL = fault,
                  HINT = 'Drop the schema: CREATE EXTENSION makes it. Or let it be empty, of a superuser, and revoke CREATE on it and on schemas by default.';
    END IF;
END
$prolog$;

-- Types, operators and functions are everybody's; data is in the workspaces.
GRANT USAGE ON SCHEMA cdp TO PUBLIC;
