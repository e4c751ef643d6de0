-- Recency, frequency, monetary value.

CREATE TYPE cdp.rfm AS (
    frequency bigint,
    recency double precision,
    age double precision,
    monetary numeric,
    unit interval
);
COMMENT ON TYPE cdp.rfm IS
    'a customer''s purchases in short, on which the models of customer value rest';
COMMENT ON COLUMN cdp.rfm.frequency IS 'periods with a purchase, less 1: the repeat purchases';
COMMENT ON COLUMN cdp.rfm.recency IS 'from the first purchase to the last, in units; 0 without a repeat purchase';
COMMENT ON COLUMN cdp.rfm.age IS 'from the first purchase to the day of observation, in units';
COMMENT ON COLUMN cdp.rfm.monetary IS 'mean amount per period with a repeat purchase; null where there is none';
COMMENT ON COLUMN cdp.rfm.unit IS 'the unit of recency and age, in whole days';

CREATE FUNCTION cdp.rfm(value cdp.ltv, as_of timestamptz, unit interval, currency text,
                        include_first boolean DEFAULT false, period interval DEFAULT '1 day')
    RETURNS cdp.rfm
    AS 'MODULE_PATHNAME', 'rfm_at_time'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.rfm(cdp.ltv, timestamptz, interval, text, boolean, interval) IS
    'recency, frequency and monetary value in one currency, observed on the day of as_of in the value''s time zone; later days do not count. A purchase day is one whose net is above zero; purchase days within one period (counted from the first purchase day; a day by default, as in the papers) are one purchase. unit is the unit of time of recency and age; unit and period are whole days, as ''7 days''. monetary is the mean per repeat period, or with include_first per period. Null without a purchase; errors: 22023 for other spans and unknown currencies, 22008 for an infinite time';

CREATE FUNCTION cdp.rfm(value cdp.ltv, as_of date, unit interval, currency text,
                        include_first boolean DEFAULT false, period interval DEFAULT '1 day')
    RETURNS cdp.rfm
    AS 'MODULE_PATHNAME', 'rfm_at_date'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.rfm(cdp.ltv, date, interval, text, boolean, interval) IS
    'recency, frequency and monetary value in one currency, observed at the end of a day: see cdp.rfm(ltv, timestamptz, interval, text)';

-- The same over the rows of a table.

CREATE TYPE cdp.rfm_state;

CREATE FUNCTION cdp.rfm_state_in(cstring) RETURNS cdp.rfm_state
    AS 'MODULE_PATHNAME', 'rfm_state_in'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.rfm_state_out(cdp.rfm_state) RETURNS cstring
    AS 'MODULE_PATHNAME', 'rfm_state_out'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.rfm_state_recv(internal) RETURNS cdp.rfm_state
    AS 'MODULE_PATHNAME', 'rfm_state_recv'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.rfm_state_send(cdp.rfm_state) RETURNS bytea
    AS 'MODULE_PATHNAME', 'rfm_state_send'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.rfm_state_in(cstring) IS 'I/O';
COMMENT ON FUNCTION cdp.rfm_state_out(cdp.rfm_state) IS 'I/O';
COMMENT ON FUNCTION cdp.rfm_state_recv(internal) IS 'I/O';
COMMENT ON FUNCTION cdp.rfm_state_send(cdp.rfm_state) IS 'I/O';

CREATE TYPE cdp.rfm_state (
    INPUT = cdp.rfm_state_in,
    OUTPUT = cdp.rfm_state_out,
    RECEIVE = cdp.rfm_state_recv,
    SEND = cdp.rfm_state_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = extended
);
COMMENT ON TYPE cdp.rfm_state IS
    'transition state of cdp.rfm_agg: what is asked for, and the net of each day; its text form is hexadecimal';

CREATE FUNCTION cdp.rfm_accum(state cdp.rfm_state, at timestamptz, amount numeric, as_of timestamptz, unit interval)
    RETURNS cdp.rfm_state
    AS 'MODULE_PATHNAME', 'rfm_accum_time'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION cdp.rfm_accum(state cdp.rfm_state, at timestamptz, amount numeric, as_of timestamptz, unit interval,
                              zone text)
    RETURNS cdp.rfm_state
    AS 'MODULE_PATHNAME', 'rfm_accum_time'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION cdp.rfm_accum(state cdp.rfm_state, at timestamptz, amount numeric, as_of timestamptz, unit interval,
                              zone text, include_first boolean, period interval)
    RETURNS cdp.rfm_state
    AS 'MODULE_PATHNAME', 'rfm_accum_time'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION cdp.rfm_accum(state cdp.rfm_state, day date, amount numeric, as_of date, unit interval)
    RETURNS cdp.rfm_state
    AS 'MODULE_PATHNAME', 'rfm_accum_date'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION cdp.rfm_accum(state cdp.rfm_state, day date, amount numeric, as_of date, unit interval,
                              include_first boolean, period interval)
    RETURNS cdp.rfm_state
    AS 'MODULE_PATHNAME', 'rfm_accum_date'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION cdp.rfm_combine(cdp.rfm_state, cdp.rfm_state) RETURNS cdp.rfm_state
    AS 'MODULE_PATHNAME', 'rfm_combine'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION cdp.rfm_final(cdp.rfm_state) RETURNS cdp.rfm
    AS 'MODULE_PATHNAME', 'rfm_final'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cdp.rfm_combine(cdp.rfm_state, cdp.rfm_state) IS 'combine function of cdp.rfm_agg';
COMMENT ON FUNCTION cdp.rfm_final(cdp.rfm_state) IS 'final function of cdp.rfm_agg';

CREATE AGGREGATE cdp.rfm_agg(at timestamptz, amount numeric, as_of timestamptz, unit interval) (
    SFUNC = cdp.rfm_accum,
    STYPE = cdp.rfm_state,
    SSPACE = 96,
    COMBINEFUNC = cdp.rfm_combine,
    FINALFUNC = cdp.rfm_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.rfm_agg(timestamptz, numeric, timestamptz, interval) IS
    'recency, frequency and monetary value (cdp.rfm) of a customer''s amounts, days in UTC: SELECT customer, (cdp.rfm_agg(at, amount, as_of, ''7 days'')).* … GROUP BY customer. Amounts are exact, refunds are negative; as_of and unit are the same on all rows; rows without an amount or after the day of as_of are skipped; null without a purchase; errors: 22004 for other nulls, 22023 for mixed units and times of observation';

CREATE AGGREGATE cdp.rfm_agg(at timestamptz, amount numeric, as_of timestamptz, unit interval, zone text) (
    SFUNC = cdp.rfm_accum,
    STYPE = cdp.rfm_state,
    SSPACE = 96,
    COMBINEFUNC = cdp.rfm_combine,
    FINALFUNC = cdp.rfm_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.rfm_agg(timestamptz, numeric, timestamptz, interval, text) IS
    'recency, frequency and monetary value of a customer''s amounts, days in a time zone: see cdp.rfm_agg(timestamptz, numeric, timestamptz, interval)';

CREATE AGGREGATE cdp.rfm_agg(at timestamptz, amount numeric, as_of timestamptz, unit interval, zone text,
                             include_first boolean, period interval) (
    SFUNC = cdp.rfm_accum,
    STYPE = cdp.rfm_state,
    SSPACE = 96,
    COMBINEFUNC = cdp.rfm_combine,
    FINALFUNC = cdp.rfm_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.rfm_agg(timestamptz, numeric, timestamptz, interval, text, boolean, interval) IS
    'recency, frequency and monetary value of a customer''s amounts, the first period in the mean where include_first is true, purchase days within one period as one purchase: see cdp.rfm';

CREATE AGGREGATE cdp.rfm_agg(day date, amount numeric, as_of date, unit interval) (
    SFUNC = cdp.rfm_accum,
    STYPE = cdp.rfm_state,
    SSPACE = 96,
    COMBINEFUNC = cdp.rfm_combine,
    FINALFUNC = cdp.rfm_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.rfm_agg(date, numeric, date, interval) IS
    'recency, frequency and monetary value of a customer''s amounts per day: see cdp.rfm_agg(timestamptz, numeric, timestamptz, interval)';

CREATE AGGREGATE cdp.rfm_agg(day date, amount numeric, as_of date, unit interval, include_first boolean,
                             period interval) (
    SFUNC = cdp.rfm_accum,
    STYPE = cdp.rfm_state,
    SSPACE = 96,
    COMBINEFUNC = cdp.rfm_combine,
    FINALFUNC = cdp.rfm_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.rfm_agg(date, numeric, date, interval, boolean, interval) IS
    'recency, frequency and monetary value of a customer''s amounts per day, the first period in the mean where include_first is true, purchase days within one period as one purchase: see cdp.rfm';

-- How many come back.

CREATE FUNCTION cdp.repeat_rate_accum(bigint[], cdp.ltv) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'repeat_rate_accum'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.repeat_rate_accum(bigint[], cdp.ltv) IS 'transition function of cdp.repeat_rate';
CREATE FUNCTION cdp.repeat_rate_combine(bigint[], bigint[]) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'repeat_rate_combine'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.repeat_rate_combine(bigint[], bigint[]) IS 'combine function of cdp.repeat_rate';
CREATE FUNCTION cdp.repeat_rate_final(bigint[]) RETURNS numeric
    AS 'MODULE_PATHNAME', 'repeat_rate_final'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.repeat_rate_final(bigint[]) IS 'final function of cdp.repeat_rate';

CREATE AGGREGATE cdp.repeat_rate(cdp.ltv) (
    SFUNC = cdp.repeat_rate_accum,
    STYPE = bigint[],
    COMBINEFUNC = cdp.repeat_rate_combine,
    FINALFUNC = cdp.repeat_rate_final,
    INITCOND = '{0,0}',
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.repeat_rate(cdp.ltv) IS
    'repeat rate: of the customers with at least one purchase day (net above zero in any currency) the share that has a second one, whenever that was; null without customers. Not retention, which asks who is active in a given period (cdp.cohort_retention)';
