-- The bounds of what definitions cost. cdp.bounded stands in analysed definitions; nobody calls it.

CREATE FUNCTION cdp.bounded(shape integer, what oid, calls integer, VARIADIC arguments "any") RETURNS void
    AS 'MODULE_PATHNAME', 'cdp_bounded'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cdp.bounded(integer, oid, integer, "any") IS
    'stands in the expressions of definitions for a call whose result may be long, or that may take long; error 0A000 anywhere else';

CREATE FUNCTION cdp.function_bound(function oid) RETURNS text
    AS 'MODULE_PATHNAME', 'cdp_function_bound'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.function_bound(oid) IS
    'how a definition''s calls of a function are bounded, if it may call it at all: none (its result is not longer than its arguments, or of a type with a limit), result (that is measured), arguments (what they lead to is reckoned before), refused (its result can be of any size, as far as is known); null where there is no such function';
