-- Currencies.

CREATE FUNCTION cdp.is_currency(currency text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'currency_is_known'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.is_currency(text) IS
    'is this an ISO 4217 currency code in upper case, in force now or in the past? (by ICU)';

CREATE FUNCTION cdp.display_digits(currency text) RETURNS integer
    AS 'MODULE_PATHNAME', 'currency_digits'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.display_digits(text) IS
    'digits after the decimal point that a currency is shown with (USD 2, VND 0), by ICU; for display, sums are never rounded; error 22023 for what is no ISO 4217 currency';

-- ltv: the exact lifetime value of one customer.

CREATE TYPE cdp.ltv;

CREATE FUNCTION cdp.ltv_in(cstring) RETURNS cdp.ltv
    AS 'MODULE_PATHNAME', 'ltv_in'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.ltv_out(cdp.ltv) RETURNS cstring
    AS 'MODULE_PATHNAME', 'ltv_out'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.ltv_recv(internal) RETURNS cdp.ltv
    AS 'MODULE_PATHNAME', 'ltv_recv'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.ltv_send(cdp.ltv) RETURNS bytea
    AS 'MODULE_PATHNAME', 'ltv_send'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.ltv_in(cstring) IS 'I/O';
COMMENT ON FUNCTION cdp.ltv_out(cdp.ltv) IS 'I/O';
COMMENT ON FUNCTION cdp.ltv_recv(internal) IS 'I/O';
COMMENT ON FUNCTION cdp.ltv_send(cdp.ltv) IS 'I/O';

CREATE TYPE cdp.ltv (
    INPUT = cdp.ltv_in,
    OUTPUT = cdp.ltv_out,
    RECEIVE = cdp.ltv_recv,
    SEND = cdp.ltv_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = extended
);
COMMENT ON TYPE cdp.ltv IS
    'exact lifetime value of one customer: per currency the sums, counts, first and last times of purchases (amount > 0) and refunds (amount < 0), and the net of every day in a time zone; mergeable in any order';

-- Construction.

CREATE FUNCTION cdp.ltv() RETURNS cdp.ltv
    AS 'MODULE_PATHNAME', 'ltv_new'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.ltv() IS
    'the value without any amount, in UTC: the identity of merge';

CREATE FUNCTION cdp.ltv(amount numeric, currency text, at timestamptz, zone text DEFAULT 'UTC')
    RETURNS cdp.ltv
    AS 'MODULE_PATHNAME', 'ltv_make'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.ltv(numeric, text, timestamptz, text) IS
    'the value of one amount at one time; zone is the time zone that days are counted in, by its IANA name; a purchase is above zero, a refund below, zero is neither; errors: 22003 for NaN and infinity, 22023 for what is no ISO 4217 currency or time zone, 22008 for an infinite time';

-- Merge.

CREATE FUNCTION cdp.merge(a cdp.ltv, b cdp.ltv) RETURNS cdp.ltv
    AS 'MODULE_PATHNAME', 'ltv_merge_pair'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.merge(cdp.ltv, cdp.ltv) IS
    'the value of both histories together: associative and commutative, cdp.ltv() is the identity; error 22023 where both have amounts and count their days in different time zones';

CREATE OPERATOR pg_catalog.|| (
    LEFTARG = cdp.ltv,
    RIGHTARG = cdp.ltv,
    FUNCTION = cdp.merge,
    COMMUTATOR = OPERATOR(pg_catalog.||)
);
COMMENT ON OPERATOR pg_catalog.|| (cdp.ltv, cdp.ltv) IS 'both histories together: cdp.merge';

CREATE AGGREGATE cdp.merge_agg(cdp.ltv) (
    SFUNC = cdp.merge,
    STYPE = cdp.ltv,
    COMBINEFUNC = cdp.merge,
    INITCOND = '{"version": 1, "zone": "UTC", "currencies": {}}',
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.merge_agg(cdp.ltv) IS
    'the value of all histories together (cdp.merge); empty, not null, where there are none; nulls are skipped';

CREATE FUNCTION cdp.ltv_accum(state cdp.ltv, amount numeric, currency text, at timestamptz)
    RETURNS cdp.ltv
    AS 'MODULE_PATHNAME', 'ltv_accum'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cdp.ltv_accum(cdp.ltv, numeric, text, timestamptz) IS
    'transition function of cdp.ltv_agg';
CREATE FUNCTION cdp.ltv_accum(state cdp.ltv, amount numeric, currency text, at timestamptz, zone text)
    RETURNS cdp.ltv
    AS 'MODULE_PATHNAME', 'ltv_accum'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cdp.ltv_accum(cdp.ltv, numeric, text, timestamptz, text) IS
    'transition function of cdp.ltv_agg';

CREATE AGGREGATE cdp.ltv_agg(amount numeric, currency text, at timestamptz) (
    SFUNC = cdp.ltv_accum,
    STYPE = cdp.ltv,
    COMBINEFUNC = cdp.merge,
    INITCOND = '{"version": 1, "zone": "UTC", "currencies": {}}',
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.ltv_agg(numeric, text, timestamptz) IS
    'the value of all amounts, days in UTC: cdp.merge_agg(cdp.ltv(amount, currency, at)); rows with a null amount are skipped; error 22004 for an amount without currency or time';

CREATE AGGREGATE cdp.ltv_agg(amount numeric, currency text, at timestamptz, zone text) (
    SFUNC = cdp.ltv_accum,
    STYPE = cdp.ltv,
    COMBINEFUNC = cdp.merge,
    INITCOND = '{"version": 1, "zone": "UTC", "currencies": {}}',
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.ltv_agg(numeric, text, timestamptz, text) IS
    'the value of all amounts, days in the time zone: cdp.merge_agg(cdp.ltv(amount, currency, at, zone)); rows with a null amount are skipped; error 22004 for an amount without currency, time or zone, 22023 for amounts in different zones';

-- Readers.

CREATE FUNCTION cdp.total(value cdp.ltv, currency text) RETURNS numeric
    AS 'MODULE_PATHNAME', 'ltv_total'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.total(cdp.ltv, text) IS
    'exact lifetime value in a currency: purchases less refunds; 0 for a currency never seen, error 22023 for what is no ISO 4217 currency';

CREATE FUNCTION cdp.purchase_total(value cdp.ltv, currency text) RETURNS numeric
    AS 'MODULE_PATHNAME', 'ltv_purchase_total'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.purchase_total(cdp.ltv, text) IS
    'exact sum of the amounts above zero in a currency; 0 for a currency never seen';

CREATE FUNCTION cdp.refund_total(value cdp.ltv, currency text) RETURNS numeric
    AS 'MODULE_PATHNAME', 'ltv_refund_total'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.refund_total(cdp.ltv, text) IS
    'exact sum of the amounts below zero in a currency: zero or negative; 0 for a currency never seen';

CREATE FUNCTION cdp.average_purchase(value cdp.ltv, currency text) RETURNS numeric
    AS 'MODULE_PATHNAME', 'ltv_average_purchase'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.average_purchase(cdp.ltv, text) IS
    'mean amount of a purchase in a currency, refunds left out (cdp.purchase_total / cdp.purchases); null where there are none';

CREATE FUNCTION cdp.purchases(value cdp.ltv) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ltv_purchases'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.purchases(cdp.ltv) IS 'number of amounts above zero, in all currencies';
CREATE FUNCTION cdp.purchases(value cdp.ltv, currency text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ltv_purchases'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.purchases(cdp.ltv, text) IS 'number of amounts above zero in a currency';

CREATE FUNCTION cdp.refunds(value cdp.ltv) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ltv_refunds'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.refunds(cdp.ltv) IS 'number of amounts below zero, in all currencies';
CREATE FUNCTION cdp.refunds(value cdp.ltv, currency text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ltv_refunds'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.refunds(cdp.ltv, text) IS 'number of amounts below zero in a currency';

CREATE FUNCTION cdp.first_purchase_at(value cdp.ltv) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'ltv_first_purchase_at'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.first_purchase_at(cdp.ltv) IS
    'time of the earliest amount above zero in any currency; null without purchases';
CREATE FUNCTION cdp.first_purchase_at(value cdp.ltv, currency text) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'ltv_first_purchase_at'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.first_purchase_at(cdp.ltv, text) IS
    'time of the earliest amount above zero in a currency; null without purchases';

CREATE FUNCTION cdp.last_purchase_at(value cdp.ltv) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'ltv_last_purchase_at'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.last_purchase_at(cdp.ltv) IS
    'time of the latest amount above zero in any currency; null without purchases';
CREATE FUNCTION cdp.last_purchase_at(value cdp.ltv, currency text) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'ltv_last_purchase_at'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.last_purchase_at(cdp.ltv, text) IS
    'time of the latest amount above zero in a currency; null without purchases';

CREATE FUNCTION cdp.first_refund_at(value cdp.ltv) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'ltv_first_refund_at'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.first_refund_at(cdp.ltv) IS
    'time of the earliest amount below zero in any currency; null without refunds';
CREATE FUNCTION cdp.first_refund_at(value cdp.ltv, currency text) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'ltv_first_refund_at'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.first_refund_at(cdp.ltv, text) IS
    'time of the earliest amount below zero in a currency; null without refunds';

CREATE FUNCTION cdp.last_refund_at(value cdp.ltv) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'ltv_last_refund_at'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.last_refund_at(cdp.ltv) IS
    'time of the latest amount below zero in any currency; null without refunds';
CREATE FUNCTION cdp.last_refund_at(value cdp.ltv, currency text) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'ltv_last_refund_at'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.last_refund_at(cdp.ltv, text) IS
    'time of the latest amount below zero in a currency; null without refunds';

CREATE FUNCTION cdp.currencies(value cdp.ltv) RETURNS text[]
    AS 'MODULE_PATHNAME', 'ltv_currencies'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.currencies(cdp.ltv) IS
    'the currencies that the value has amounts in, ascending';

CREATE FUNCTION cdp.zone(value cdp.ltv) RETURNS text
    AS 'MODULE_PATHNAME', 'ltv_zone'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.zone(cdp.ltv) IS
    'the time zone that the value counts its days in, by its IANA name';

CREATE FUNCTION cdp.daily_net(value cdp.ltv)
    RETURNS TABLE (currency text, day date, net numeric)
    AS 'MODULE_PATHNAME', 'ltv_daily_net'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION cdp.daily_net(cdp.ltv) IS
    'one row per currency and day with amounts, ascending: the day in the value''s time zone, and the exact sum of its purchases and refunds, which may be zero or negative';

-- jsonb.

CREATE FUNCTION cdp.to_jsonb(value cdp.ltv) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'ltv_to_jsonb'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.to_jsonb(cdp.ltv) IS
    'the value in readable form: zone, and per currency net, purchases, refunds (count, total, first_at and last_at in UTC) and the net of each day';

CREATE CAST (cdp.ltv AS jsonb) WITH FUNCTION cdp.to_jsonb(cdp.ltv) AS ASSIGNMENT;
COMMENT ON CAST (cdp.ltv AS jsonb) IS 'the value in readable form: cdp.to_jsonb';

-- Equality. There is no order: ORDER BY cdp.total(value, currency).

CREATE FUNCTION cdp.ltv_eq(cdp.ltv, cdp.ltv) RETURNS boolean
    AS 'MODULE_PATHNAME', 'ltv_eq'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION cdp.ltv_eq(cdp.ltv, cdp.ltv) IS
    'do both have the same history, as far as it is kept, in the same time zone, with amounts to the same number of digits?';
CREATE FUNCTION cdp.ltv_ne(cdp.ltv, cdp.ltv) RETURNS boolean
    AS 'MODULE_PATHNAME', 'ltv_ne'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION cdp.ltv_ne(cdp.ltv, cdp.ltv) IS 'not cdp.ltv_eq';
CREATE FUNCTION cdp.ltv_hash(cdp.ltv) RETURNS integer
    AS 'MODULE_PATHNAME', 'ltv_hash'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.ltv_hash(cdp.ltv) IS 'hash';
CREATE FUNCTION cdp.ltv_hash_extended(cdp.ltv, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'ltv_hash_extended'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.ltv_hash_extended(cdp.ltv, bigint) IS 'hash with a seed';

CREATE OPERATOR pg_catalog.= (
    LEFTARG = cdp.ltv,
    RIGHTARG = cdp.ltv,
    FUNCTION = cdp.ltv_eq,
    COMMUTATOR = OPERATOR(pg_catalog.=),
    NEGATOR = OPERATOR(pg_catalog.<>),
    RESTRICT = eqsel,
    JOIN = eqjoinsel,
    HASHES
);
COMMENT ON OPERATOR pg_catalog.= (cdp.ltv, cdp.ltv) IS 'the same history: cdp.ltv_eq';
CREATE OPERATOR pg_catalog.<> (
    LEFTARG = cdp.ltv,
    RIGHTARG = cdp.ltv,
    FUNCTION = cdp.ltv_ne,
    COMMUTATOR = OPERATOR(pg_catalog.<>),
    NEGATOR = OPERATOR(pg_catalog.=),
    RESTRICT = neqsel,
    JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (cdp.ltv, cdp.ltv) IS 'not the same history: cdp.ltv_ne';

CREATE OPERATOR CLASS cdp.ltv_hash_ops DEFAULT FOR TYPE cdp.ltv USING hash AS
    OPERATOR 1 pg_catalog.= (cdp.ltv, cdp.ltv),
    FUNCTION 1 cdp.ltv_hash(cdp.ltv),
    FUNCTION 2 cdp.ltv_hash_extended(cdp.ltv, bigint);
COMMENT ON OPERATOR CLASS cdp.ltv_hash_ops USING hash IS 'equality of lifetime values';
