-- computed: the computed traits of one customer.

CREATE TYPE cdp.computed;

CREATE FUNCTION cdp.computed_in(cstring) RETURNS cdp.computed
    AS 'MODULE_PATHNAME', 'computed_in'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.computed_out(cdp.computed) RETURNS cstring
    AS 'MODULE_PATHNAME', 'computed_out'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.computed_recv(internal) RETURNS cdp.computed
    AS 'MODULE_PATHNAME', 'computed_recv'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.computed_send(cdp.computed) RETURNS bytea
    AS 'MODULE_PATHNAME', 'computed_send'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_in(cstring) IS 'I/O';
COMMENT ON FUNCTION cdp.computed_out(cdp.computed) IS 'I/O';
COMMENT ON FUNCTION cdp.computed_recv(internal) IS 'I/O';
COMMENT ON FUNCTION cdp.computed_send(cdp.computed) IS 'I/O';

CREATE TYPE cdp.computed (
    INPUT = cdp.computed_in,
    OUTPUT = cdp.computed_out,
    RECEIVE = cdp.computed_recv,
    SEND = cdp.computed_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = extended
);
COMMENT ON TYPE cdp.computed IS
    'computed traits of one customer: per trait a state that merges in any order, with a window a state per day of a time zone, from which its value at any instant is read';

-- Merge.

CREATE FUNCTION cdp.merge(a cdp.computed, b cdp.computed) RETURNS cdp.computed
    AS 'MODULE_PATHNAME', 'computed_merge_pair'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.merge(cdp.computed, cdp.computed) IS
    'the state of both histories together: associative and commutative, ''{}'' is the identity; error 22023 where both have a trait and define it, or count their days, differently';

CREATE OPERATOR pg_catalog.|| (
    LEFTARG = cdp.computed,
    RIGHTARG = cdp.computed,
    FUNCTION = cdp.merge,
    COMMUTATOR = OPERATOR(pg_catalog.||)
);
COMMENT ON OPERATOR pg_catalog.|| (cdp.computed, cdp.computed) IS 'both histories together: cdp.merge';

CREATE AGGREGATE cdp.merge_agg(cdp.computed) (
    SFUNC = cdp.merge,
    STYPE = cdp.computed,
    COMBINEFUNC = cdp.merge,
    INITCOND = '{}',
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.merge_agg(cdp.computed) IS
    'the state of all histories together (cdp.merge); empty, not null, where there are none; nulls are skipped';

-- Readers: at the statement's time (cdp.clock where it is set), or at an instant.

CREATE FUNCTION cdp.computed_value(computed cdp.computed, name text) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'computed_value'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_value(cdp.computed, text) IS
    'the value of a computed trait, at the statement''s time; null where there is none, and for no such trait';

CREATE FUNCTION cdp.computed_value(computed cdp.computed, name text, at timestamptz) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'computed_value'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_value(cdp.computed, text, timestamptz) IS
    'the value of a computed trait, at an instant; null where there is none, and for no such trait';

CREATE FUNCTION cdp.computed_text(computed cdp.computed, name text) RETURNS text
    AS 'MODULE_PATHNAME', 'computed_text'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_text(cdp.computed, text) IS
    'the value of a computed trait as text, as jsonbs ->> has it, at the statement''s time; null where there is none, and for no such trait';

CREATE FUNCTION cdp.computed_text(computed cdp.computed, name text, at timestamptz) RETURNS text
    AS 'MODULE_PATHNAME', 'computed_text'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_text(cdp.computed, text, timestamptz) IS
    'the value of a computed trait as text, as jsonbs ->> has it, at an instant; null where there is none, and for no such trait';

CREATE FUNCTION cdp.computed_int(computed cdp.computed, name text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'computed_int'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_int(cdp.computed, text) IS
    'the value of a computed trait that is a number, rounded to a whole one, at the statement''s time; null where there is none, and for no such trait; error 42804 where it is no number, 22003 beyond bigint';

CREATE FUNCTION cdp.computed_int(computed cdp.computed, name text, at timestamptz) RETURNS bigint
    AS 'MODULE_PATHNAME', 'computed_int'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_int(cdp.computed, text, timestamptz) IS
    'the value of a computed trait that is a number, rounded to a whole one, at an instant; null where there is none, and for no such trait; error 42804 where it is no number, 22003 beyond bigint';

CREATE FUNCTION cdp.computed_numeric(computed cdp.computed, name text) RETURNS numeric
    AS 'MODULE_PATHNAME', 'computed_numeric'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_numeric(cdp.computed, text) IS
    'the value of a computed trait that is a number, at the statement''s time; null where there is none, and for no such trait; error 42804 where it is no number';

CREATE FUNCTION cdp.computed_numeric(computed cdp.computed, name text, at timestamptz) RETURNS numeric
    AS 'MODULE_PATHNAME', 'computed_numeric'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_numeric(cdp.computed, text, timestamptz) IS
    'the value of a computed trait that is a number, at an instant; null where there is none, and for no such trait; error 42804 where it is no number';

CREATE FUNCTION cdp.computed_timestamp(computed cdp.computed, name text) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'computed_timestamp'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_timestamp(cdp.computed, text) IS
    'the value of a computed trait that is a time, or a date, whose midnight in the time zone of its days it is, at the statement''s time; null where there is none, and for no such trait; error 42804 where it is neither';

CREATE FUNCTION cdp.computed_timestamp(computed cdp.computed, name text, at timestamptz) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'computed_timestamp'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_timestamp(cdp.computed, text, timestamptz) IS
    'the value of a computed trait that is a time, or a date, whose midnight in the time zone of its days it is, at an instant; null where there is none, and for no such trait; error 42804 where it is neither';

CREATE FUNCTION cdp.computed_days(computed cdp.computed, name text) RETURNS SETOF date
    AS 'MODULE_PATHNAME', 'computed_days'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 30;
COMMENT ON FUNCTION cdp.computed_days(cdp.computed, text) IS
    'the days of which a computed trait with a window has a state; none without a window, and for no such trait';

CREATE FUNCTION cdp.computed_event(computed cdp.computed, name text, at timestamptz) RETURNS uuid
    AS 'MODULE_PATHNAME', 'computed_event'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_event(cdp.computed, text, timestamptz) IS
    'the event that the value of a computed trait of kind first or last comes of, at an instant; null of other kinds';

CREATE OPERATOR pg_catalog.-> (
    LEFTARG = cdp.computed,
    RIGHTARG = text,
    FUNCTION = cdp.computed_value
);
COMMENT ON OPERATOR pg_catalog.-> (cdp.computed, text) IS
    'value of a computed trait as jsonb, at the statement''s time: cdp.computed_value';

CREATE OPERATOR pg_catalog.->> (
    LEFTARG = cdp.computed,
    RIGHTARG = text,
    FUNCTION = cdp.computed_text
);
COMMENT ON OPERATOR pg_catalog.->> (cdp.computed, text) IS
    'value of a computed trait as text, at the statement''s time: cdp.computed_text';

CREATE FUNCTION cdp.computed_entries(computed cdp.computed)
    RETURNS TABLE (name text, kind text, window_days integer, value jsonb, exact boolean, changes_at timestamptz)
    AS 'MODULE_PATHNAME', 'computed_entries'
    LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION cdp.computed_entries(cdp.computed) IS
    'a row per computed trait, as of the statement''s time: its value (null: none), whether it is exact (false: an estimate, of more distinct values than are kept), and the next instant at which the clock alone may change it (null: never)';

CREATE FUNCTION cdp.to_jsonb(computed cdp.computed) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'computed_to_jsonb'
    LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.to_jsonb(cdp.computed) IS
    'the values of all computed traits at the statement''s time, as an object';

CREATE FUNCTION cdp.computed_entries(computed cdp.computed, at timestamptz)
    RETURNS TABLE (name text, kind text, window_days integer, value jsonb, exact boolean, changes_at timestamptz)
    AS 'MODULE_PATHNAME', 'computed_entries'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION cdp.computed_entries(cdp.computed, timestamptz) IS
    'a row per computed trait, as of an instant: its value (null: none), whether it is exact (false: an estimate, of more distinct values than are kept), and the next instant at which the clock alone may change it (null: never)';

CREATE FUNCTION cdp.to_jsonb(computed cdp.computed, at timestamptz) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'computed_to_jsonb'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.to_jsonb(cdp.computed, timestamptz) IS
    'the values of all computed traits at an instant, as an object';

CREATE CAST (cdp.computed AS jsonb) WITH FUNCTION cdp.to_jsonb(cdp.computed);
COMMENT ON CAST (cdp.computed AS jsonb) IS
    'the values of all computed traits at the statement''s time: cdp.to_jsonb';

CREATE FUNCTION cdp.zone(computed cdp.computed) RETURNS text
    AS 'MODULE_PATHNAME', 'computed_zone_name'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.zone(cdp.computed) IS
    'the time zone that windows count their days in, by its IANA name; null where there are no traits';

-- Equality of states. There is no order.

CREATE FUNCTION cdp.computed_eq(cdp.computed, cdp.computed) RETURNS boolean
    AS 'MODULE_PATHNAME', 'computed_eq'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION cdp.computed_eq(cdp.computed, cdp.computed) IS
    'do both have the same states, day by day?';
CREATE FUNCTION cdp.computed_ne(cdp.computed, cdp.computed) RETURNS boolean
    AS 'MODULE_PATHNAME', 'computed_ne'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION cdp.computed_ne(cdp.computed, cdp.computed) IS 'not cdp.computed_eq';
CREATE FUNCTION cdp.computed_hash(cdp.computed) RETURNS integer
    AS 'MODULE_PATHNAME', 'computed_hash'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_hash(cdp.computed) IS 'hash';
CREATE FUNCTION cdp.computed_hash_extended(cdp.computed, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'computed_hash_extended'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.computed_hash_extended(cdp.computed, bigint) IS 'hash with a seed';

CREATE OPERATOR pg_catalog.= (
    LEFTARG = cdp.computed,
    RIGHTARG = cdp.computed,
    FUNCTION = cdp.computed_eq,
    COMMUTATOR = OPERATOR(pg_catalog.=),
    NEGATOR = OPERATOR(pg_catalog.<>),
    RESTRICT = eqsel,
    JOIN = eqjoinsel,
    HASHES
);
COMMENT ON OPERATOR pg_catalog.= (cdp.computed, cdp.computed) IS 'the same states: cdp.computed_eq';
CREATE OPERATOR pg_catalog.<> (
    LEFTARG = cdp.computed,
    RIGHTARG = cdp.computed,
    FUNCTION = cdp.computed_ne,
    COMMUTATOR = OPERATOR(pg_catalog.<>),
    NEGATOR = OPERATOR(pg_catalog.=),
    RESTRICT = neqsel,
    JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (cdp.computed, cdp.computed) IS 'not the same states: cdp.computed_ne';

CREATE OPERATOR CLASS cdp.computed_hash_ops DEFAULT FOR TYPE cdp.computed USING hash AS
    OPERATOR 1 pg_catalog.= (cdp.computed, cdp.computed),
    FUNCTION 1 cdp.computed_hash(cdp.computed),
    FUNCTION 2 cdp.computed_hash_extended(cdp.computed, bigint);
COMMENT ON OPERATOR CLASS cdp.computed_hash_ops USING hash IS 'equality of computed traits';
