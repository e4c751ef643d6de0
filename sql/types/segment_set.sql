-- cdp.segment_set: the segments that a profile is in, each with its time of entry.

CREATE TYPE cdp.segment_set;

CREATE FUNCTION cdp.segment_set_in(cstring) RETURNS cdp.segment_set
    AS 'MODULE_PATHNAME', 'segment_set_in'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_out(cdp.segment_set) RETURNS cstring
    AS 'MODULE_PATHNAME', 'segment_set_out'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_recv(internal) RETURNS cdp.segment_set
    AS 'MODULE_PATHNAME', 'segment_set_recv'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_send(cdp.segment_set) RETURNS bytea
    AS 'MODULE_PATHNAME', 'segment_set_send'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION cdp.segment_set_typanalyze(internal) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_typanalyze'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE TYPE cdp.segment_set (
    INPUT = cdp.segment_set_in,
    OUTPUT = cdp.segment_set_out,
    RECEIVE = cdp.segment_set_recv,
    SEND = cdp.segment_set_send,
    ANALYZE = cdp.segment_set_typanalyze,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = extended
);

COMMENT ON TYPE cdp.segment_set IS
    'set of segment names (1 to 255 bytes each, at most 65535), each with its time of entry, as in {vip@2011-12-09T12:50:00Z,"big spender"}; names are quoted as in an array, and where they hold an @; a time is ISO 8601 with its offset from UTC, no time is -infinity; equality, order and hash see the names only';
COMMENT ON FUNCTION cdp.segment_set_in(cstring) IS 'I/O';
COMMENT ON FUNCTION cdp.segment_set_out(cdp.segment_set) IS 'I/O';
COMMENT ON FUNCTION cdp.segment_set_recv(internal) IS 'I/O';
COMMENT ON FUNCTION cdp.segment_set_send(cdp.segment_set) IS 'I/O';
COMMENT ON FUNCTION cdp.segment_set_typanalyze(internal) IS
    'statistics of segment_set for ANALYZE: the most common segments with their frequencies (pg_stats.most_common_elems), and a sample of which go together';

-- Membership

CREATE FUNCTION cdp.has_segment(segments cdp.segment_set, segment text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_has'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.has_segment(cdp.segment_set, text) IS
    'is this segment in the set? The function of operator ?';

CREATE FUNCTION cdp.has_any_segment(segments cdp.segment_set, any_of text[]) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_has_any'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.has_any_segment(cdp.segment_set, text[]) IS
    'is at least one of these segments in the set? False for an empty array; nulls in it do not count. The function of operator ?|';

CREATE FUNCTION cdp.has_all_segments(segments cdp.segment_set, all_of text[]) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_has_all'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.has_all_segments(cdp.segment_set, text[]) IS
    'are all these segments in the set? True for an empty array; nulls in it do not count. The function of operator ?&';

CREATE FUNCTION cdp.has_any_segment(segments cdp.segment_set, any_of cdp.segment_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_has_any_of_set'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.has_any_segment(cdp.segment_set, cdp.segment_set) IS
    'have the two sets a segment in common? The function of operator &&';

CREATE FUNCTION cdp.has_all_segments(segments cdp.segment_set, all_of cdp.segment_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_has_all_of_set'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.has_all_segments(cdp.segment_set, cdp.segment_set) IS
    'are all segments of the second set in the first? The function of operator @>';

CREATE FUNCTION cdp.has_only_segments(segments cdp.segment_set, allowed cdp.segment_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_within'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.has_only_segments(cdp.segment_set, cdp.segment_set) IS
    'are all segments of the first set in the second? The function of operator <@';

-- Selectivity, from the statistics of the most common segments

CREATE FUNCTION cdp.segment_set_has_any_sel(internal, oid, internal, integer) RETURNS double precision
    AS 'MODULE_PATHNAME', 'segment_set_has_any_sel'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_has_all_sel(internal, oid, internal, integer) RETURNS double precision
    AS 'MODULE_PATHNAME', 'segment_set_has_all_sel'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_has_only_sel(internal, oid, internal, integer) RETURNS double precision
    AS 'MODULE_PATHNAME', 'segment_set_has_only_sel'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.segment_set_has_any_sel(internal, oid, internal, integer) IS
    'restriction selectivity of ?, ?| and && on segment_set';
COMMENT ON FUNCTION cdp.segment_set_has_all_sel(internal, oid, internal, integer) IS
    'restriction selectivity of ?& and @> on segment_set';
COMMENT ON FUNCTION cdp.segment_set_has_only_sel(internal, oid, internal, integer) IS
    'restriction selectivity of <@ on segment_set';

CREATE OPERATOR pg_catalog.? (
    LEFTARG = cdp.segment_set, RIGHTARG = text, FUNCTION = cdp.has_segment,
    RESTRICT = cdp.segment_set_has_any_sel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR pg_catalog.? (cdp.segment_set, text) IS 'is this segment in the set?';

CREATE OPERATOR pg_catalog.?| (
    LEFTARG = cdp.segment_set, RIGHTARG = text[], FUNCTION = cdp.has_any_segment,
    RESTRICT = cdp.segment_set_has_any_sel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR pg_catalog.?| (cdp.segment_set, text[]) IS
    'is at least one of these segments in the set?';

CREATE OPERATOR pg_catalog.?& (
    LEFTARG = cdp.segment_set, RIGHTARG = text[], FUNCTION = cdp.has_all_segments,
    RESTRICT = cdp.segment_set_has_all_sel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR pg_catalog.?& (cdp.segment_set, text[]) IS
    'are all these segments in the set?';

CREATE OPERATOR pg_catalog.@> (
    LEFTARG = cdp.segment_set, RIGHTARG = cdp.segment_set, FUNCTION = cdp.has_all_segments,
    COMMUTATOR = OPERATOR(pg_catalog.<@), RESTRICT = cdp.segment_set_has_all_sel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR pg_catalog.@> (cdp.segment_set, cdp.segment_set) IS
    'are all segments of the right set in the left?';

CREATE OPERATOR pg_catalog.<@ (
    LEFTARG = cdp.segment_set, RIGHTARG = cdp.segment_set, FUNCTION = cdp.has_only_segments,
    COMMUTATOR = OPERATOR(pg_catalog.@>), RESTRICT = cdp.segment_set_has_only_sel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR pg_catalog.<@ (cdp.segment_set, cdp.segment_set) IS
    'are all segments of the left set in the right?';

CREATE OPERATOR pg_catalog.&& (
    LEFTARG = cdp.segment_set, RIGHTARG = cdp.segment_set, FUNCTION = cdp.has_any_segment,
    COMMUTATOR = OPERATOR(pg_catalog.&&), RESTRICT = cdp.segment_set_has_any_sel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR pg_catalog.&& (cdp.segment_set, cdp.segment_set) IS
    'have the two sets a segment in common?';

-- What is in a set

CREATE FUNCTION cdp.segment_count(segments cdp.segment_set) RETURNS integer
    AS 'MODULE_PATHNAME', 'segment_set_count_sql'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.segment_count(cdp.segment_set) IS 'how many segments are in the set';

CREATE FUNCTION cdp.entered_at(segments cdp.segment_set, segment text) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'segment_set_entered'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.entered_at(cdp.segment_set, text) IS
    'when the profile entered this segment; -infinity when that is not known, null when it is not in it';

CREATE FUNCTION cdp.segment_entries(segments cdp.segment_set,
                                    OUT segment text, OUT entered_at timestamptz)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'segment_set_entries'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 5;
COMMENT ON FUNCTION cdp.segment_entries(cdp.segment_set) IS
    'a row per segment in the set, in the order of the names'' bytes: its name and the time of entry';

-- Merge

CREATE FUNCTION cdp.merge(cdp.segment_set, cdp.segment_set) RETURNS cdp.segment_set
    AS 'MODULE_PATHNAME', 'segment_set_merge_sql'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.merge(cdp.segment_set, cdp.segment_set) IS
    'the union of two sets; a segment of both keeps the earlier time of entry. The function of operator ||';

CREATE OPERATOR pg_catalog.|| (
    LEFTARG = cdp.segment_set, RIGHTARG = cdp.segment_set, FUNCTION = cdp.merge,
    COMMUTATOR = OPERATOR(pg_catalog.||)
);
COMMENT ON OPERATOR pg_catalog.|| (cdp.segment_set, cdp.segment_set) IS
    'the union of two sets; a segment of both keeps the earlier time of entry';

CREATE FUNCTION cdp.segment_set_accum(cdp.segment_set, cdp.segment_set) RETURNS cdp.segment_set
    AS 'MODULE_PATHNAME', 'segment_set_accum'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.segment_set_accum(cdp.segment_set, cdp.segment_set) IS
    'transition and combine function of cdp.merge_agg(segment_set)';

CREATE AGGREGATE cdp.merge_agg(cdp.segment_set) (
    SFUNC = cdp.segment_set_accum,
    STYPE = cdp.segment_set,
    COMBINEFUNC = cdp.segment_set_accum,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.merge_agg(cdp.segment_set) IS
    'the union of the sets, each segment with its earliest time of entry; null when there is none';

-- Casts

CREATE FUNCTION cdp.segment_set(names text[]) RETURNS cdp.segment_set
    AS 'MODULE_PATHNAME', 'segment_set_from_array'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.segment_set(text[]) IS
    'the set of these segments, entered at no known time (-infinity); repeats do not count, a null is an error';

CREATE FUNCTION cdp.segment_names(segments cdp.segment_set) RETURNS text[]
    AS 'MODULE_PATHNAME', 'segment_set_to_array'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.segment_names(cdp.segment_set) IS
    'the names of the segments in the set, in the order of their bytes';

CREATE CAST (text[] AS cdp.segment_set) WITH FUNCTION cdp.segment_set(text[]) AS ASSIGNMENT;
COMMENT ON CAST (text[] AS cdp.segment_set) IS
    'the set of these segments, entered at no known time (-infinity)';
CREATE CAST (cdp.segment_set AS text[]) WITH FUNCTION cdp.segment_names(cdp.segment_set) AS ASSIGNMENT;
COMMENT ON CAST (cdp.segment_set AS text[]) IS
    'the names of the segments in the set, in the order of their bytes, without the times';

-- Equality, order and hash: by names only

CREATE FUNCTION cdp.segment_set_eq(cdp.segment_set, cdp.segment_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_eq'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_ne(cdp.segment_set, cdp.segment_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_ne'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_lt(cdp.segment_set, cdp.segment_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_lt'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_le(cdp.segment_set, cdp.segment_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_le'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_gt(cdp.segment_set, cdp.segment_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_gt'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_ge(cdp.segment_set, cdp.segment_set) RETURNS boolean
    AS 'MODULE_PATHNAME', 'segment_set_ge'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_cmp(cdp.segment_set, cdp.segment_set) RETURNS integer
    AS 'MODULE_PATHNAME', 'segment_set_cmp'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_hash(cdp.segment_set) RETURNS integer
    AS 'MODULE_PATHNAME', 'segment_set_hash'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION cdp.segment_set_hash_extended(cdp.segment_set, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'segment_set_hash_extended'
    LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION cdp.segment_set_eq(cdp.segment_set, cdp.segment_set) IS 'implementation of = operator';
COMMENT ON FUNCTION cdp.segment_set_ne(cdp.segment_set, cdp.segment_set) IS 'implementation of <> operator';
COMMENT ON FUNCTION cdp.segment_set_lt(cdp.segment_set, cdp.segment_set) IS 'implementation of < operator';
COMMENT ON FUNCTION cdp.segment_set_le(cdp.segment_set, cdp.segment_set) IS 'implementation of <= operator';
COMMENT ON FUNCTION cdp.segment_set_gt(cdp.segment_set, cdp.segment_set) IS 'implementation of > operator';
COMMENT ON FUNCTION cdp.segment_set_ge(cdp.segment_set, cdp.segment_set) IS 'implementation of >= operator';
COMMENT ON FUNCTION cdp.segment_set_cmp(cdp.segment_set, cdp.segment_set) IS 'less-equal-greater: -, 0 or +';
COMMENT ON FUNCTION cdp.segment_set_hash(cdp.segment_set) IS 'hash of the names';
COMMENT ON FUNCTION cdp.segment_set_hash_extended(cdp.segment_set, bigint) IS 'hash of the names, with a seed';

CREATE OPERATOR pg_catalog.= (
    LEFTARG = cdp.segment_set, RIGHTARG = cdp.segment_set, FUNCTION = cdp.segment_set_eq,
    COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR pg_catalog.<> (
    LEFTARG = cdp.segment_set, RIGHTARG = cdp.segment_set, FUNCTION = cdp.segment_set_ne,
    COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR pg_catalog.< (
    LEFTARG = cdp.segment_set, RIGHTARG = cdp.segment_set, FUNCTION = cdp.segment_set_lt,
    COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR pg_catalog.<= (
    LEFTARG = cdp.segment_set, RIGHTARG = cdp.segment_set, FUNCTION = cdp.segment_set_le,
    COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR pg_catalog.> (
    LEFTARG = cdp.segment_set, RIGHTARG = cdp.segment_set, FUNCTION = cdp.segment_set_gt,
    COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR pg_catalog.>= (
    LEFTARG = cdp.segment_set, RIGHTARG = cdp.segment_set, FUNCTION = cdp.segment_set_ge,
    COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR pg_catalog.= (cdp.segment_set, cdp.segment_set) IS
    'the same segments, whatever the times of entry';
COMMENT ON OPERATOR pg_catalog.<> (cdp.segment_set, cdp.segment_set) IS
    'not the same segments';
COMMENT ON OPERATOR pg_catalog.< (cdp.segment_set, cdp.segment_set) IS
    'before, by the sorted names one after the other';
COMMENT ON OPERATOR pg_catalog.<= (cdp.segment_set, cdp.segment_set) IS
    'before or equal, by the sorted names one after the other';
COMMENT ON OPERATOR pg_catalog.> (cdp.segment_set, cdp.segment_set) IS
    'after, by the sorted names one after the other';
COMMENT ON OPERATOR pg_catalog.>= (cdp.segment_set, cdp.segment_set) IS
    'after or equal, by the sorted names one after the other';

CREATE OPERATOR CLASS cdp.segment_set_ops DEFAULT FOR TYPE cdp.segment_set USING btree AS
    OPERATOR 1 pg_catalog.<,
    OPERATOR 2 pg_catalog.<=,
    OPERATOR 3 pg_catalog.=,
    OPERATOR 4 pg_catalog.>=,
    OPERATOR 5 pg_catalog.>,
    FUNCTION 1 cdp.segment_set_cmp(cdp.segment_set, cdp.segment_set);
COMMENT ON OPERATOR CLASS cdp.segment_set_ops USING btree IS 'order of the sorted names';

CREATE OPERATOR CLASS cdp.segment_set_ops DEFAULT FOR TYPE cdp.segment_set USING hash AS
    OPERATOR 1 pg_catalog.=,
    FUNCTION 1 cdp.segment_set_hash(cdp.segment_set),
    FUNCTION 2 cdp.segment_set_hash_extended(cdp.segment_set, bigint);
COMMENT ON OPERATOR CLASS cdp.segment_set_ops USING hash IS 'hash of the names';
