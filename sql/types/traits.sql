-- The type cdp.traits: key -> (value, observed_at, event_id, source), last writer wins.

CREATE TYPE cdp.traits;

CREATE FUNCTION cdp.traits_in(cstring) RETURNS cdp.traits
    AS 'MODULE_PATHNAME', 'traits_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_in(cstring) IS
    'input of type cdp.traits: a JSON object of {"value" or "unset", "at", "event", "source"} per key';

CREATE FUNCTION cdp.traits_out(cdp.traits) RETURNS cstring
    AS 'MODULE_PATHNAME', 'traits_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_out(cdp.traits) IS 'output of type cdp.traits: its whole state as JSON text';

CREATE FUNCTION cdp.traits_recv(internal) RETURNS cdp.traits
    AS 'MODULE_PATHNAME', 'traits_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_recv(internal) IS 'binary input of type cdp.traits';

CREATE FUNCTION cdp.traits_send(cdp.traits) RETURNS bytea
    AS 'MODULE_PATHNAME', 'traits_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_send(cdp.traits) IS 'binary output of type cdp.traits';

CREATE TYPE cdp.traits (
    INPUT = cdp.traits_in,
    OUTPUT = cdp.traits_out,
    RECEIVE = cdp.traits_recv,
    SEND = cdp.traits_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = extended
);
COMMENT ON TYPE cdp.traits IS
    'what is known of a customer: per key a JSON value, or that it was unset, with the instant, the event and the source that said so; the last writer wins per key, by (observed_at, event_id)';

-- Making and merging values

CREATE FUNCTION cdp.traits(object jsonb, observed_at timestamptz, event_id uuid, source text) RETURNS cdp.traits
    AS 'MODULE_PATHNAME', 'traits_make' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits(jsonb, timestamptz, uuid, text) IS
    'the traits that one event says: each key of the JSON object set to its value, or unset by a JSON null; source may be null; null when the object is null, an error when it is no object or only observed_at or event_id is null';

CREATE FUNCTION cdp.traits(object jsonb) RETURNS cdp.traits
    AS 'MODULE_PATHNAME', 'traits_from_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits(jsonb) IS
    'traits of unknown origin: each key observed at -infinity in the event with the nil uuid, so that any dated event wins over it';

CREATE FUNCTION cdp.merge(a cdp.traits, b cdp.traits) RETURNS cdp.traits
    AS 'MODULE_PATHNAME', 'traits_merge_pair' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.merge(cdp.traits, cdp.traits) IS
    'both together: per key the entry with the later (observed_at, event_id), unset keys included; associative, commutative, idempotent, with ''{}'' as identity';

CREATE FUNCTION cdp.traits_accum(state cdp.traits, object jsonb, observed_at timestamptz, event_id uuid, source text)
    RETURNS cdp.traits
    AS 'MODULE_PATHNAME', 'traits_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_accum(cdp.traits, jsonb, timestamptz, uuid, text) IS
    'transition function of cdp.traits_agg: the state with one more event; an event whose object is null is passed over';

CREATE AGGREGATE cdp.merge_agg(cdp.traits) (
    SFUNC = cdp.merge,
    STYPE = cdp.traits,
    COMBINEFUNC = cdp.merge,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.merge_agg(cdp.traits) IS
    'the merge of all values, in any order; nulls are passed over, null when there is none';

CREATE AGGREGATE cdp.traits_agg(object jsonb, observed_at timestamptz, event_id uuid, source text) (
    SFUNC = cdp.traits_accum,
    STYPE = cdp.traits,
    COMBINEFUNC = cdp.merge,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.traits_agg(jsonb, timestamptz, uuid, text) IS
    'the traits that events say together, in any order: the merge of cdp.traits(object, observed_at, event_id, source); events without an object are passed over, null when there is none';

-- Reading values

CREATE FUNCTION cdp.trait(traits cdp.traits, key text) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'traits_trait' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.trait(cdp.traits, text) IS 'value of a key as jsonb; null when it is not set; operator ->';

CREATE FUNCTION cdp.trait_text(traits cdp.traits, key text) RETURNS text
    AS 'MODULE_PATHNAME', 'traits_trait_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.trait_text(cdp.traits, text) IS
    'value of a key as text, a string as it is, anything else as JSON; null when it is not set; operator ->>';

CREATE FUNCTION cdp.has_trait(traits cdp.traits, key text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'traits_has_trait' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.has_trait(cdp.traits, text) IS
    'whether a key is set; false when it was unset or never seen; operator ?';

CREATE FUNCTION cdp.traits_contains(traits cdp.traits, object jsonb) RETURNS boolean
    AS 'MODULE_PATHNAME', 'traits_contains' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_contains(cdp.traits, jsonb) IS
    'whether the set keys and their values contain a JSON object, as jsonb @> jsonb has it; operator @>';

CREATE FUNCTION cdp.traits_contained(object jsonb, traits cdp.traits) RETURNS boolean
    AS 'MODULE_PATHNAME', 'traits_contained' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_contained(jsonb, cdp.traits) IS
    'whether a JSON object is contained in the set keys and their values; operator <@';

CREATE FUNCTION cdp.trait_observed_at(traits cdp.traits, key text) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'traits_observed_at' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.trait_observed_at(cdp.traits, text) IS
    'instant at which a key was set, or unset; null when nothing is known of it; -infinity when its origin is unknown';

CREATE FUNCTION cdp.trait_source(traits cdp.traits, key text) RETURNS text
    AS 'MODULE_PATHNAME', 'traits_trait_source' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.trait_source(cdp.traits, text) IS
    'source of the event that set a key, or unset it; null when nothing is known of it, or the event had none';

CREATE FUNCTION cdp.trait_entries(traits cdp.traits)
    RETURNS TABLE (key text, value jsonb, observed_at timestamptz, event_id uuid, source text, is_set boolean)
    AS 'MODULE_PATHNAME', 'traits_entries' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION cdp.trait_entries(cdp.traits) IS
    'the whole state, a row per key in the order of their bytes; an unset key has is_set false and the value null';

CREATE FUNCTION cdp.traits_to_jsonb(traits cdp.traits) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'traits_to_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_to_jsonb(cdp.traits) IS 'the set keys and their values as a JSON object';

CREATE CAST (cdp.traits AS jsonb) WITH FUNCTION cdp.traits_to_jsonb(cdp.traits) AS ASSIGNMENT;
COMMENT ON CAST (cdp.traits AS jsonb) IS 'the set keys and their values as a JSON object';

CREATE CAST (jsonb AS cdp.traits) WITH FUNCTION cdp.traits(jsonb);
COMMENT ON CAST (jsonb AS cdp.traits) IS
    'traits of unknown origin: each key observed at -infinity in the event with the nil uuid; a JSON null unsets';

CREATE OPERATOR pg_catalog.-> (
    LEFTARG = cdp.traits, RIGHTARG = text, FUNCTION = cdp.trait
);
COMMENT ON OPERATOR pg_catalog.-> (cdp.traits, text) IS 'value of a key as jsonb; null when it is not set';

CREATE OPERATOR pg_catalog.->> (
    LEFTARG = cdp.traits, RIGHTARG = text, FUNCTION = cdp.trait_text
);
COMMENT ON OPERATOR pg_catalog.->> (cdp.traits, text) IS 'value of a key as text; null when it is not set';

CREATE OPERATOR pg_catalog.? (
    LEFTARG = cdp.traits, RIGHTARG = text, FUNCTION = cdp.has_trait,
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR pg_catalog.? (cdp.traits, text) IS 'whether a key is set';

CREATE OPERATOR pg_catalog.@> (
    LEFTARG = cdp.traits, RIGHTARG = jsonb, FUNCTION = cdp.traits_contains,
    COMMUTATOR = OPERATOR(pg_catalog.<@),
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR pg_catalog.@> (cdp.traits, jsonb) IS 'whether the set keys and their values contain a JSON object';

CREATE OPERATOR pg_catalog.<@ (
    LEFTARG = jsonb, RIGHTARG = cdp.traits, FUNCTION = cdp.traits_contained,
    COMMUTATOR = OPERATOR(pg_catalog.@>),
    RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR pg_catalog.<@ (jsonb, cdp.traits) IS
    'whether a JSON object is contained in the set keys and their values';

CREATE OPERATOR pg_catalog.|| (
    LEFTARG = cdp.traits, RIGHTARG = cdp.traits, FUNCTION = cdp.merge,
    COMMUTATOR = OPERATOR(pg_catalog.||)
);
COMMENT ON OPERATOR pg_catalog.|| (cdp.traits, cdp.traits) IS 'merge: per key the entry with the later (observed_at, event_id)';

-- Comparing whole states

CREATE FUNCTION cdp.traits_eq(cdp.traits, cdp.traits) RETURNS boolean
    AS 'MODULE_PATHNAME', 'traits_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_eq(cdp.traits, cdp.traits) IS 'the same state: keys, values, instants, events and sources; operator =';
CREATE FUNCTION cdp.traits_ne(cdp.traits, cdp.traits) RETURNS boolean
    AS 'MODULE_PATHNAME', 'traits_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_ne(cdp.traits, cdp.traits) IS 'different states; operator <>';
CREATE FUNCTION cdp.traits_lt(cdp.traits, cdp.traits) RETURNS boolean
    AS 'MODULE_PATHNAME', 'traits_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_lt(cdp.traits, cdp.traits) IS 'an order of states for sorting, without further meaning; operator <';
CREATE FUNCTION cdp.traits_le(cdp.traits, cdp.traits) RETURNS boolean
    AS 'MODULE_PATHNAME', 'traits_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_le(cdp.traits, cdp.traits) IS 'an order of states for sorting, without further meaning; operator <=';
CREATE FUNCTION cdp.traits_gt(cdp.traits, cdp.traits) RETURNS boolean
    AS 'MODULE_PATHNAME', 'traits_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_gt(cdp.traits, cdp.traits) IS 'an order of states for sorting, without further meaning; operator >';
CREATE FUNCTION cdp.traits_ge(cdp.traits, cdp.traits) RETURNS boolean
    AS 'MODULE_PATHNAME', 'traits_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_ge(cdp.traits, cdp.traits) IS 'an order of states for sorting, without further meaning; operator >=';
CREATE FUNCTION cdp.traits_cmp(cdp.traits, cdp.traits) RETURNS integer
    AS 'MODULE_PATHNAME', 'traits_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_cmp(cdp.traits, cdp.traits) IS '-1, 0 or 1: less, equal, greater, in the order of operator <';
CREATE FUNCTION cdp.traits_hash(cdp.traits) RETURNS integer
    AS 'MODULE_PATHNAME', 'traits_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_hash(cdp.traits) IS 'hash of the state, for joins and grouping; differs between machines of different byte order';
CREATE FUNCTION cdp.traits_hash_extended(cdp.traits, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'traits_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.traits_hash_extended(cdp.traits, bigint) IS 'hash of the state with a seed; differs between machines of different byte order';

CREATE OPERATOR pg_catalog.= (
    LEFTARG = cdp.traits, RIGHTARG = cdp.traits, FUNCTION = cdp.traits_eq,
    COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR pg_catalog.= (cdp.traits, cdp.traits) IS 'the same state: keys, values, instants, events and sources';
CREATE OPERATOR pg_catalog.<> (
    LEFTARG = cdp.traits, RIGHTARG = cdp.traits, FUNCTION = cdp.traits_ne,
    COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (cdp.traits, cdp.traits) IS 'different states';
CREATE OPERATOR pg_catalog.< (
    LEFTARG = cdp.traits, RIGHTARG = cdp.traits, FUNCTION = cdp.traits_lt,
    COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR pg_catalog.< (cdp.traits, cdp.traits) IS 'an order of states for sorting, without further meaning';
CREATE OPERATOR pg_catalog.<= (
    LEFTARG = cdp.traits, RIGHTARG = cdp.traits, FUNCTION = cdp.traits_le,
    COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR pg_catalog.<= (cdp.traits, cdp.traits) IS 'an order of states for sorting, without further meaning';
CREATE OPERATOR pg_catalog.> (
    LEFTARG = cdp.traits, RIGHTARG = cdp.traits, FUNCTION = cdp.traits_gt,
    COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR pg_catalog.> (cdp.traits, cdp.traits) IS 'an order of states for sorting, without further meaning';
CREATE OPERATOR pg_catalog.>= (
    LEFTARG = cdp.traits, RIGHTARG = cdp.traits, FUNCTION = cdp.traits_ge,
    COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR pg_catalog.>= (cdp.traits, cdp.traits) IS 'an order of states for sorting, without further meaning';

CREATE OPERATOR CLASS cdp.traits_btree_ops DEFAULT FOR TYPE cdp.traits USING btree AS
    OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=,
    OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>,
    FUNCTION 1 cdp.traits_cmp(cdp.traits, cdp.traits);
COMMENT ON OPERATOR CLASS cdp.traits_btree_ops USING btree IS 'sorts whole states of cdp.traits, for DISTINCT and the like';

CREATE OPERATOR CLASS cdp.traits_hash_ops DEFAULT FOR TYPE cdp.traits USING hash AS
    OPERATOR 1 pg_catalog.=,
    FUNCTION 1 cdp.traits_hash(cdp.traits),
    FUNCTION 2 cdp.traits_hash_extended(cdp.traits, bigint);
COMMENT ON OPERATOR CLASS cdp.traits_hash_ops USING hash IS 'hashes whole states of cdp.traits, for joins and grouping';
