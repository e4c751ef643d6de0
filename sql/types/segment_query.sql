-- cdp.segment_query: a boolean expression over segment names, and what it is asked of.

CREATE TYPE cdp.segment_query;

CREATE FUNCTION cdp.segment_query_in(cstring) RETURNS cdp.segment_query
    AS 'MODULE_PATHNAME', 'segment_query_in'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.segment_query_out(cdp.segment_query) RETURNS cstring
    AS 'MODULE_PATHNAME', 'segment_query_out'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.segment_query_recv(internal) RETURNS cdp.segment_query
    AS 'MODULE_PATHNAME', 'segment_query_recv'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.segment_query_send(cdp.segment_query) RETURNS bytea
    AS 'MODULE_PATHNAME', 'segment_query_send'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE TYPE cdp.segment_query (
    INPUT = cdp.segment_query_in,
    OUTPUT = cdp.segment_query_out,
    RECEIVE = cdp.segment_query_recv,
    SEND = cdp.segment_query_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = extended
);

COMMENT ON TYPE cdp.segment_query IS
    'boolean expression over segment names, as in vip & (gold | !churn_risk) & "big sp"*: ! binds tighter than &, & tighter than |; a name with blanks or any of & | ! ( ) * '' { } , @ " \ is in double quotes (or single ones, as in tsquery), with a backslash before a quote and \; name* is any segment whose name starts so, * any segment; at most 4096 names and 100 levels of parentheses. Asked of a set with segments @@ query';
COMMENT ON FUNCTION cdp.segment_query_in(cstring) IS 'I/O';
COMMENT ON FUNCTION cdp.segment_query_out(cdp.segment_query) IS 'I/O';
COMMENT ON FUNCTION cdp.segment_query_recv(internal) IS 'I/O';
COMMENT ON FUNCTION cdp.segment_query_send(cdp.segment_query) IS 'I/O';

-- Asking a set

CREATE FUNCTION cdp.segment_set_matches_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'segment_set_matches_support'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.segment_set_matches_support(internal) IS
    'planner support of cdp.matches: what an index scan asks for segments @@ query';

CREATE FUNCTION cdp.matches(segments cdp.segment_set, query cdp.segment_query) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_matches_query'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT cdp.segment_set_matches_support;
COMMENT ON FUNCTION cdp.matches(cdp.segment_set, cdp.segment_query) IS
    'does the query hold of the set? The function of operator segments @@ query';

CREATE FUNCTION cdp.matches(query cdp.segment_query, segments cdp.segment_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_query_matches_set'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT cdp.segment_set_matches_support;
COMMENT ON FUNCTION cdp.matches(cdp.segment_query, cdp.segment_set) IS
    'does the query hold of the set? The function of operator query @@ segments';

CREATE FUNCTION cdp.segment_set_matches_sel(internal, oid, internal, integer) RETURNS double precision
    AS 'MODULE_PATHNAME', 'segment_set_matches_sel'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.segment_set_matches_sel(internal, oid, internal, integer) IS
    'restriction selectivity of @@ on segment_set';

CREATE OPERATOR pg_catalog.@@ (
    LEFTARG = cdp.segment_set, RIGHTARG = cdp.segment_query, FUNCTION = cdp.matches,
    COMMUTATOR = OPERATOR(pg_catalog.@@),
    RESTRICT = cdp.segment_set_matches_sel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR pg_catalog.@@ (cdp.segment_set, cdp.segment_query) IS
    'does the query hold of the set?';

CREATE OPERATOR pg_catalog.@@ (
    LEFTARG = cdp.segment_query, RIGHTARG = cdp.segment_set, FUNCTION = cdp.matches,
    COMMUTATOR = OPERATOR(pg_catalog.@@),
    RESTRICT = cdp.segment_set_matches_sel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR pg_catalog.@@ (cdp.segment_query, cdp.segment_set) IS
    'does the query hold of the set?';

-- What index scans ask: @@ itself is not in the operator class, so that the planner asks its support
-- function, which may leave negations to the rows.
CREATE OPERATOR pg_catalog.@@@ (
    LEFTARG = cdp.segment_set, RIGHTARG = cdp.segment_query, FUNCTION = cdp.matches,
    RESTRICT = cdp.segment_set_matches_sel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR pg_catalog.@@@ (cdp.segment_set, cdp.segment_query) IS
    'the same as @@, which index scans ask by it';

-- Index: the names of the sets, as text in the order of their bytes. What stands for the query in the
-- support functions is declared as a set, as GIN wants it, and of the operator's right type.

CREATE FUNCTION cdp.segment_set_gin_extract_value(cdp.segment_set, internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'segment_set_gin_extract_value'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_gin_extract_query(cdp.segment_set, internal, smallint, internal, internal, internal, internal)
    RETURNS internal
    AS 'MODULE_PATHNAME', 'segment_set_gin_extract_query'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_gin_consistent(internal, smallint, cdp.segment_set, integer, internal, internal, internal, internal)
    RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_gin_consistent'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_gin_triconsistent(internal, smallint, cdp.segment_set, integer, internal, internal, internal)
    RETURNS "char"
    AS 'MODULE_PATHNAME', 'segment_set_gin_triconsistent'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_gin_compare_partial(text, text, smallint, internal) RETURNS integer
    AS 'MODULE_PATHNAME', 'segment_set_gin_compare_partial'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.segment_set_gin_extract_value(cdp.segment_set, internal) IS 'GIN support';
COMMENT ON FUNCTION cdp.segment_set_gin_extract_query(cdp.segment_set, internal, smallint, internal, internal, internal, internal) IS 'GIN support';
COMMENT ON FUNCTION cdp.segment_set_gin_consistent(internal, smallint, cdp.segment_set, integer, internal, internal, internal, internal) IS 'GIN support';
COMMENT ON FUNCTION cdp.segment_set_gin_triconsistent(internal, smallint, cdp.segment_set, integer, internal, internal, internal) IS 'GIN support';
COMMENT ON FUNCTION cdp.segment_set_gin_compare_partial(text, text, smallint, internal) IS 'GIN support';

CREATE OPERATOR CLASS cdp.segment_set_ops DEFAULT FOR TYPE cdp.segment_set USING gin AS
    OPERATOR 1 pg_catalog.@@@ (cdp.segment_set, cdp.segment_query),
    OPERATOR 2 pg_catalog.? (cdp.segment_set, text),
    OPERATOR 3 pg_catalog.?| (cdp.segment_set, text[]),
    OPERATOR 4 pg_catalog.?& (cdp.segment_set, text[]),
    OPERATOR 5 pg_catalog.@> (cdp.segment_set, cdp.segment_set),
    OPERATOR 6 pg_catalog.&& (cdp.segment_set, cdp.segment_set),
    FUNCTION 1 pg_catalog.bttext_pattern_cmp(text, text),
    FUNCTION 2 cdp.segment_set_gin_extract_value(cdp.segment_set, internal),
    FUNCTION 3 cdp.segment_set_gin_extract_query(cdp.segment_set, internal, smallint, internal, internal, internal, internal),
    FUNCTION 4 cdp.segment_set_gin_consistent(internal, smallint, cdp.segment_set, integer, internal, internal, internal, internal),
    FUNCTION 5 cdp.segment_set_gin_compare_partial(text, text, smallint, internal),
    FUNCTION 6 cdp.segment_set_gin_triconsistent(internal, smallint, cdp.segment_set, integer, internal, internal, internal),
    STORAGE text;
COMMENT ON OPERATOR CLASS cdp.segment_set_ops USING gin IS
    'the names of the segments, for @@, ?, ?|, ?&, @> and &&';

-- Equality, order and hash: by the text form

CREATE FUNCTION cdp.segment_query_eq(cdp.segment_query, cdp.segment_query) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_query_eq'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_query_ne(cdp.segment_query, cdp.segment_query) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_query_ne'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_query_lt(cdp.segment_query, cdp.segment_query) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_query_lt'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_query_le(cdp.segment_query, cdp.segment_query) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_query_le'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_query_gt(cdp.segment_query, cdp.segment_query) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_query_gt'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_query_ge(cdp.segment_query, cdp.segment_query) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_query_ge'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_query_cmp(cdp.segment_query, cdp.segment_query) RETURNS integer
    AS 'MODULE_PATHNAME', 'segment_query_cmp'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_query_hash(cdp.segment_query) RETURNS integer
    AS 'MODULE_PATHNAME', 'segment_query_hash'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_query_hash_extended(cdp.segment_query, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'segment_query_hash_extended'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION cdp.segment_query_eq(cdp.segment_query, cdp.segment_query) IS 'implementation of = operator';
COMMENT ON FUNCTION cdp.segment_query_ne(cdp.segment_query, cdp.segment_query) IS 'implementation of <> operator';
COMMENT ON FUNCTION cdp.segment_query_lt(cdp.segment_query, cdp.segment_query) IS 'implementation of < operator';
COMMENT ON FUNCTION cdp.segment_query_le(cdp.segment_query, cdp.segment_query) IS 'implementation of <= operator';
COMMENT ON FUNCTION cdp.segment_query_gt(cdp.segment_query, cdp.segment_query) IS 'implementation of > operator';
COMMENT ON FUNCTION cdp.segment_query_ge(cdp.segment_query, cdp.segment_query) IS 'implementation of >= operator';
COMMENT ON FUNCTION cdp.segment_query_cmp(cdp.segment_query, cdp.segment_query) IS 'less-equal-greater: -1, 0 or 1';
COMMENT ON FUNCTION cdp.segment_query_hash(cdp.segment_query) IS 'hash of the query';
COMMENT ON FUNCTION cdp.segment_query_hash_extended(cdp.segment_query, bigint) IS 'hash of the query, with a seed';

CREATE OPERATOR pg_catalog.= (
    LEFTARG = cdp.segment_query, RIGHTARG = cdp.segment_query, FUNCTION = cdp.segment_query_eq,
    COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR pg_catalog.<> (
    LEFTARG = cdp.segment_query, RIGHTARG = cdp.segment_query, FUNCTION = cdp.segment_query_ne,
    COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR pg_catalog.< (
    LEFTARG = cdp.segment_query, RIGHTARG = cdp.segment_query, FUNCTION = cdp.segment_query_lt,
    COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR pg_catalog.<= (
    LEFTARG = cdp.segment_query, RIGHTARG = cdp.segment_query, FUNCTION = cdp.segment_query_le,
    COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR pg_catalog.> (
    LEFTARG = cdp.segment_query, RIGHTARG = cdp.segment_query, FUNCTION = cdp.segment_query_gt,
    COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR pg_catalog.>= (
    LEFTARG = cdp.segment_query, RIGHTARG = cdp.segment_query, FUNCTION = cdp.segment_query_ge,
    COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR pg_catalog.= (cdp.segment_query, cdp.segment_query) IS
    'the same query, written with its operands in the same order';
COMMENT ON OPERATOR pg_catalog.<> (cdp.segment_query, cdp.segment_query) IS
    'not the same query';
COMMENT ON OPERATOR pg_catalog.< (cdp.segment_query, cdp.segment_query) IS
    'before, by the bytes of the text form';
COMMENT ON OPERATOR pg_catalog.<= (cdp.segment_query, cdp.segment_query) IS
    'before or equal, by the bytes of the text form';
COMMENT ON OPERATOR pg_catalog.> (cdp.segment_query, cdp.segment_query) IS
    'after, by the bytes of the text form';
COMMENT ON OPERATOR pg_catalog.>= (cdp.segment_query, cdp.segment_query) IS
    'after or equal, by the bytes of the text form';

CREATE OPERATOR CLASS cdp.segment_query_ops DEFAULT FOR TYPE cdp.segment_query USING btree AS
    OPERATOR 1 pg_catalog.<,
    OPERATOR 2 pg_catalog.<=,
    OPERATOR 3 pg_catalog.=,
    OPERATOR 4 pg_catalog.>=,
    OPERATOR 5 pg_catalog.>,
    FUNCTION 1 cdp.segment_query_cmp(cdp.segment_query, cdp.segment_query);
COMMENT ON OPERATOR CLASS cdp.segment_query_ops USING btree IS 'order of the text forms'' bytes';

CREATE OPERATOR CLASS cdp.segment_query_ops DEFAULT FOR TYPE cdp.segment_query USING hash AS
    OPERATOR 1 pg_catalog.=,
    FUNCTION 1 cdp.segment_query_hash(cdp.segment_query),
    FUNCTION 2 cdp.segment_query_hash_extended(cdp.segment_query, bigint);
COMMENT ON OPERATOR CLASS cdp.segment_query_ops USING hash IS 'hash of the query';
