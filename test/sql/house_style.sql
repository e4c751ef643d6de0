-- Rules that every object of the extension keeps. Each query lists what breaks one: no rows.
CREATE TEMP VIEW member AS
SELECT d.classid, d.objid
FROM pg_depend d
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'cdp' AND d.deptype = 'e';

CREATE TEMP VIEW member_function AS
SELECT p.*
FROM member m
JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;

-- What serves a type, an aggregate or an index, and is not called by name.
CREATE TEMP VIEW support_function AS
SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze]::oid[]) AS oid
FROM pg_type
UNION SELECT unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn]::oid[])
FROM pg_aggregate
UNION SELECT amproc::oid FROM pg_amproc
UNION SELECT prosupport::oid FROM pg_proc
UNION SELECT unnest(ARRAY[oprrest, oprjoin]::oid[]) FROM pg_operator;

-- There is something to look at.
SELECT count(*) > 0 AS has_functions FROM member_function;

-- Without a comment: types, functions, aggregates, operators, casts, tables and views.
SELECT pg_describe_object(m.classid, m.objid, 0) AS without_comment
FROM member m
WHERE m.classid IN ('pg_type'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass,
                    'pg_cast'::regclass, 'pg_class'::regclass)
  AND NOT EXISTS (SELECT FROM pg_description d
                  WHERE d.classoid = m.classid AND d.objoid = m.objid AND d.objsubid = 0
                    AND length(d.description) >= 4)
  AND NOT (m.classid = 'pg_proc'::regclass AND m.objid IN (SELECT oid FROM support_function))
ORDER BY 1;

-- Functions whose body a caller's search_path could bend.
SELECT p.oid::regprocedure AS open_search_path
FROM member_function p
JOIN pg_language l ON l.oid = p.prolang
WHERE l.lanname NOT IN ('c', 'internal')
  AND p.prokind IN ('f', 'p', 'w')
  AND p.prosqlbody IS NULL
  AND NOT coalesce(p.proconfig::text ~ 'search_path=pg_catalog,([a-z_, ]*,)? ?pg_temp"', false)
ORDER BY 1;

-- Objects outside schema cdp; operators on cdp's types live in pg_catalog, and min and max beside those
-- of every other ordered type.
SELECT pg_describe_object(m.classid, m.objid, 0) AS misplaced
FROM member m, LATERAL pg_identify_object(m.classid, m.objid, 0) i
WHERE i.schema IS NOT NULL
  AND i.schema <> CASE WHEN m.classid = 'pg_operator'::regclass THEN 'pg_catalog' ELSE 'cdp' END
  AND i.identity !~ '^pg_catalog\.(min|max)\(cdp\.'
ORDER BY 1;

-- Operators none of whose arguments is a type of cdp's.
SELECT o.oid::regoperator AS foreign_operator
FROM member m
JOIN pg_operator o ON m.classid = 'pg_operator'::regclass AND m.objid = o.oid
WHERE NOT EXISTS (SELECT FROM pg_type t
                  WHERE t.oid IN (o.oprleft, o.oprright) AND t.typnamespace = 'cdp'::regnamespace)
ORDER BY 1;

-- Operators without a function in cdp that does the same by name.
SELECT o.oid::regoperator AS operator_without_name
FROM member m
JOIN pg_operator o ON m.classid = 'pg_operator'::regclass AND m.objid = o.oid
JOIN pg_proc p ON p.oid = o.oprcode
WHERE p.pronamespace <> 'cdp'::regnamespace
ORDER BY 1;

-- Implicit casts from a type of cdp's would make operators ambiguous.
SELECT pg_describe_object(m.classid, m.objid, 0) AS implicit_cast
FROM member m
JOIN pg_cast c ON m.classid = 'pg_cast'::regclass AND m.objid = c.oid
JOIN pg_type t ON t.oid = c.castsource
WHERE t.typnamespace = 'cdp'::regnamespace AND c.castcontext = 'i'
ORDER BY 1;

-- Aggregates that cannot be computed in parts, here or on another machine; one is a step of a definition.
SELECT p.oid::regprocedure AS no_partial_aggregation
FROM member_function p
JOIN pg_aggregate a ON a.aggfnoid = p.oid
WHERE a.aggkind = 'n'
  AND p.proname <> 'computed_agg'
  AND (a.aggcombinefn = 0 OR a.aggtranstype = 'internal'::regtype OR p.proparallel <> 's')
ORDER BY 1;

-- Base types without a binary form.
SELECT t.oid::regtype AS no_binary_form
FROM member m
JOIN pg_type t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
WHERE t.typtype = 'b' AND t.typelem = 0 AND (t.typreceive = 0 OR t.typsend = 0)
ORDER BY 1;

-- Functions that run with their owner's rights.
SELECT p.oid::regprocedure AS security_definer
FROM member_function p
WHERE p.prosecdef
ORDER BY 1;

-- Functions in plpgsql that name a workspace's tables, and do not ask first whether they are what they seem.
-- Those that make, guard or detach a workspace run no code of its owner's.
SELECT p.oid::regprocedure AS uses_tables_unasked
FROM member_function p
JOIN pg_language l ON l.oid = p.prolang
WHERE l.lanname = 'plpgsql' AND p.proargtypes[0] = 'name'::regtype
  AND p.prosrc ~ 'EXECUTE' AND p.prosrc ~ '%(\d\$)?I\.[a-z%]'
  AND p.prosrc !~ 'PERFORM cdp\.(use_tables|require_step)\(workspace'
  AND p.proname !~ '^(create|attach|detach)_'
ORDER BY 1;

-- Entrances whose body has other results, or is not as volatile.
SELECT p.oid::regprocedure AS entrance, b.oid::regprocedure AS body
FROM member_function p
LEFT JOIN member_function b ON b.proname = p.proname || '_body' AND b.proargtypes = p.proargtypes
WHERE p.prosrc IN ('cdp_enter', 'cdp_enter_as_owner', 'cdp_enter_to_detach', 'cdp_enter_to_judge', 'cdp_fit', 'cdp_score')
  AND (b.oid IS NULL OR b.provolatile <> p.provolatile OR b.proparallel <> p.proparallel
       OR b.prorettype <> p.prorettype OR b.proretset <> p.proretset OR b.proisstrict <> p.proisstrict
       OR b.proallargtypes IS DISTINCT FROM p.proallargtypes OR b.proargnames IS DISTINCT FROM p.proargnames)
ORDER BY 1;

-- Settings without a description (the module's first call makes them known).
SELECT cdp.now() IS NOT NULL AS loaded;
SELECT count(*) > 0 AS has_settings FROM pg_settings WHERE name LIKE 'cdp.%';
SELECT name AS undescribed_setting
FROM pg_settings
WHERE name LIKE 'cdp.%' AND coalesce(short_desc, '') = '';

-- A workspace: its tables, views and columns without a comment.
BEGIN;
SELECT cdp.create_workspace('style_test');
SELECT c.relname, a.attname AS without_comment
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'style_test'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
  AND (obj_description(c.oid, 'pg_class') IS NULL OR col_description(c.oid, a.attnum) IS NULL)
ORDER BY c.relname, a.attnum;

-- What would not survive a dump, or an upgrade of the server: OIDs in columns, members of the extension.
SELECT c.relname, a.attname, a.atttypid::regtype AS holds_an_oid
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace = 'style_test'::regnamespace AND c.relkind IN ('r', 'p')
  AND (t.typname ~ '^_?reg' OR t.typname ~ '^_?(oid|xid|cid|tid|xid8)$')
ORDER BY c.relname, a.attnum;
SELECT c.relname AS member_of_the_extension
FROM pg_depend d
JOIN pg_class c ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
WHERE d.deptype = 'e' AND c.relnamespace = 'style_test'::regnamespace
ORDER BY 1;

-- Tables without a key: logical replication finds their rows by all their columns.
SELECT c.relname AS without_key, c.relreplident
FROM pg_class c
WHERE c.relnamespace = 'style_test'::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
ORDER BY 1;
ROLLBACK;
