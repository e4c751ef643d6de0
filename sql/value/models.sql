-- Models of customer value: fits, and what they predict.

-- Customers, equal ones once: the state of the fits.

CREATE TYPE cdp.btyd_state;

CREATE FUNCTION cdp.btyd_state_in(cstring) RETURNS cdp.btyd_state
    AS 'MODULE_PATHNAME', 'btyd_state_in'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.btyd_state_out(cdp.btyd_state) RETURNS cstring
    AS 'MODULE_PATHNAME', 'btyd_state_out'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.btyd_state_recv(internal) RETURNS cdp.btyd_state
    AS 'MODULE_PATHNAME', 'btyd_state_recv'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.btyd_state_send(cdp.btyd_state) RETURNS bytea
    AS 'MODULE_PATHNAME', 'btyd_state_send'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.btyd_state_in(cstring) IS 'I/O';
COMMENT ON FUNCTION cdp.btyd_state_out(cdp.btyd_state) IS 'I/O';
COMMENT ON FUNCTION cdp.btyd_state_recv(internal) IS 'I/O';
COMMENT ON FUNCTION cdp.btyd_state_send(cdp.btyd_state) IS 'I/O';

CREATE TYPE cdp.btyd_state (
    INPUT = cdp.btyd_state_in,
    OUTPUT = cdp.btyd_state_out,
    RECEIVE = cdp.btyd_state_recv,
    SEND = cdp.btyd_state_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = double,
    STORAGE = extended
);
COMMENT ON TYPE cdp.btyd_state IS
    'customers for a fit, each with frequency, recency and age, or with frequency and mean amount, equal ones counted once; the same bytes for any order and split of them; its text form is hexadecimal';

CREATE FUNCTION cdp.merge(a cdp.btyd_state, b cdp.btyd_state) RETURNS cdp.btyd_state
    AS 'MODULE_PATHNAME', 'btyd_merge'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.merge(cdp.btyd_state, cdp.btyd_state) IS
    'the customers of both; associative and commutative; error 22023 where their units of time differ, or one has purchases and the other amounts';

CREATE FUNCTION cdp.btyd_accum(state cdp.btyd_state, frequency double precision, recency double precision,
                               age double precision)
    RETURNS cdp.btyd_state
    AS 'MODULE_PATHNAME', 'btyd_accum'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION cdp.btyd_accum(state cdp.btyd_state, frequency double precision, recency double precision,
                               age double precision, unit interval)
    RETURNS cdp.btyd_state
    AS 'MODULE_PATHNAME', 'btyd_accum'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION cdp.gamma_gamma_accum(state cdp.btyd_state, frequency double precision, monetary double precision)
    RETURNS cdp.btyd_state
    AS 'MODULE_PATHNAME', 'gamma_gamma_accum'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION cdp.btyd_finish(cdp.btyd_state) RETURNS cdp.btyd_state
    AS 'MODULE_PATHNAME', 'btyd_finish'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.btyd_finish(cdp.btyd_state) IS 'final function of cdp.btyd_agg';

CREATE FUNCTION cdp.customers(state cdp.btyd_state) RETURNS bigint
    AS 'MODULE_PATHNAME', 'btyd_customers'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.customers(cdp.btyd_state) IS 'number of customers in the state';

CREATE AGGREGATE cdp.merge_agg(cdp.btyd_state) (
    SFUNC = cdp.merge,
    STYPE = cdp.btyd_state,
    COMBINEFUNC = cdp.merge,
    FINALFUNC = cdp.btyd_finish,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.merge_agg(cdp.btyd_state) IS 'the customers of all states together (cdp.merge); null where there are none';

CREATE AGGREGATE cdp.btyd_agg(frequency double precision, recency double precision, age double precision) (
    SFUNC = cdp.btyd_accum,
    STYPE = cdp.btyd_state,
    COMBINEFUNC = cdp.merge,
    FINALFUNC = cdp.btyd_finish,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.btyd_agg(double precision, double precision, double precision) IS
    'customers for cdp.bgnbd_fit and cdp.paretonbd_fit, to store, merge or send before the fit';

CREATE AGGREGATE cdp.btyd_agg(frequency double precision, recency double precision, age double precision, unit interval) (
    SFUNC = cdp.btyd_accum,
    STYPE = cdp.btyd_state,
    COMBINEFUNC = cdp.merge,
    FINALFUNC = cdp.btyd_finish,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.btyd_agg(double precision, double precision, double precision, interval) IS
    'customers for cdp.bgnbd_fit and cdp.paretonbd_fit, to store, merge or send before the fit';

-- The models.

CREATE TYPE cdp.bgnbd_model AS (
    r double precision,
    alpha double precision,
    a double precision,
    b double precision,
    r_se double precision,
    alpha_se double precision,
    a_se double precision,
    b_se double precision,
    log_likelihood double precision,
    customers bigint,
    unit interval,
    converged boolean,
    iterations integer
);
COMMENT ON TYPE cdp.bgnbd_model IS
    'BG/NBD model: parameters, their standard errors (_se; from the observed information), and how it was fitted; cdp.bgnbd_model(…) makes one of known parameters';
COMMENT ON COLUMN cdp.bgnbd_model.r IS 'shape of the purchase rate over customers';
COMMENT ON COLUMN cdp.bgnbd_model.alpha IS 'rate of the purchase rate over customers, in units of time';
COMMENT ON COLUMN cdp.bgnbd_model.a IS 'first parameter of the probability of leaving after a purchase';
COMMENT ON COLUMN cdp.bgnbd_model.b IS 'second parameter of that probability';
COMMENT ON COLUMN cdp.bgnbd_model.r_se IS 'standard error of r';
COMMENT ON COLUMN cdp.bgnbd_model.alpha_se IS 'standard error of alpha';
COMMENT ON COLUMN cdp.bgnbd_model.a_se IS 'standard error of a';
COMMENT ON COLUMN cdp.bgnbd_model.b_se IS 'standard error of b';
COMMENT ON COLUMN cdp.bgnbd_model.log_likelihood IS 'log-likelihood of the customers at the parameters';
COMMENT ON COLUMN cdp.bgnbd_model.customers IS 'number of customers it was fitted to';
COMMENT ON COLUMN cdp.bgnbd_model.unit IS 'unit of all times, in whole days; null: not given';
COMMENT ON COLUMN cdp.bgnbd_model.converged IS 'always true: a fit that does not converge is an error; null for known parameters';
COMMENT ON COLUMN cdp.bgnbd_model.iterations IS 'passes over the customers';

CREATE FUNCTION cdp.bgnbd_model(r double precision, alpha double precision, a double precision, b double precision, unit interval DEFAULT NULL)
    RETURNS cdp.bgnbd_model
    AS 'MODULE_PATHNAME', 'bgnbd_model_make'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cdp.bgnbd_model(double precision, double precision, double precision, double precision, interval) IS
    'BG/NBD model of known parameters; error 22023 unless they are finite and above zero; the unit of time is whole days, as 7 days, or null';

CREATE FUNCTION cdp.bgnbd_fit(state cdp.btyd_state) RETURNS cdp.bgnbd_model
    AS 'MODULE_PATHNAME', 'bgnbd_fit_state'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION cdp.bgnbd_fit(cdp.btyd_state) IS
    'fits BG/NBD to the customers of a state: see the aggregate cdp.bgnbd_fit';

CREATE TYPE cdp.paretonbd_model AS (
    r double precision,
    alpha double precision,
    s double precision,
    beta double precision,
    r_se double precision,
    alpha_se double precision,
    s_se double precision,
    beta_se double precision,
    log_likelihood double precision,
    customers bigint,
    unit interval,
    converged boolean,
    iterations integer
);
COMMENT ON TYPE cdp.paretonbd_model IS
    'Pareto/NBD model: parameters, their standard errors (_se; from the observed information), and how it was fitted; cdp.paretonbd_model(…) makes one of known parameters';
COMMENT ON COLUMN cdp.paretonbd_model.r IS 'shape of the purchase rate over customers';
COMMENT ON COLUMN cdp.paretonbd_model.alpha IS 'rate of the purchase rate over customers, in units of time';
COMMENT ON COLUMN cdp.paretonbd_model.s IS 'shape of the rate of leaving over customers';
COMMENT ON COLUMN cdp.paretonbd_model.beta IS 'rate of the rate of leaving over customers, in units of time';
COMMENT ON COLUMN cdp.paretonbd_model.r_se IS 'standard error of r';
COMMENT ON COLUMN cdp.paretonbd_model.alpha_se IS 'standard error of alpha';
COMMENT ON COLUMN cdp.paretonbd_model.s_se IS 'standard error of s';
COMMENT ON COLUMN cdp.paretonbd_model.beta_se IS 'standard error of beta';
COMMENT ON COLUMN cdp.paretonbd_model.log_likelihood IS 'log-likelihood of the customers at the parameters';
COMMENT ON COLUMN cdp.paretonbd_model.customers IS 'number of customers it was fitted to';
COMMENT ON COLUMN cdp.paretonbd_model.unit IS 'unit of all times, in whole days; null: not given';
COMMENT ON COLUMN cdp.paretonbd_model.converged IS 'always true: a fit that does not converge is an error; null for known parameters';
COMMENT ON COLUMN cdp.paretonbd_model.iterations IS 'passes over the customers';

CREATE FUNCTION cdp.paretonbd_model(r double precision, alpha double precision, s double precision, beta double precision, unit interval DEFAULT NULL)
    RETURNS cdp.paretonbd_model
    AS 'MODULE_PATHNAME', 'paretonbd_model_make'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cdp.paretonbd_model(double precision, double precision, double precision, double precision, interval) IS
    'Pareto/NBD model of known parameters; error 22023 unless they are finite and above zero; the unit of time is whole days, as 7 days, or null';

CREATE FUNCTION cdp.paretonbd_fit(state cdp.btyd_state) RETURNS cdp.paretonbd_model
    AS 'MODULE_PATHNAME', 'paretonbd_fit_state'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION cdp.paretonbd_fit(cdp.btyd_state) IS
    'fits Pareto/NBD to the customers of a state: see the aggregate cdp.paretonbd_fit';

CREATE TYPE cdp.gamma_gamma_model AS (
    p double precision,
    q double precision,
    gamma double precision,
    p_se double precision,
    q_se double precision,
    gamma_se double precision,
    log_likelihood double precision,
    customers bigint,
    converged boolean,
    iterations integer
);
COMMENT ON TYPE cdp.gamma_gamma_model IS
    'Gamma-Gamma model: parameters, their standard errors (_se; from the observed information), and how it was fitted; cdp.gamma_gamma_model(…) makes one of known parameters';
COMMENT ON COLUMN cdp.gamma_gamma_model.p IS 'shape of a customer''s amounts';
COMMENT ON COLUMN cdp.gamma_gamma_model.q IS 'shape of their rate over customers';
COMMENT ON COLUMN cdp.gamma_gamma_model.gamma IS 'rate of their rate over customers, in units of money';
COMMENT ON COLUMN cdp.gamma_gamma_model.p_se IS 'standard error of p';
COMMENT ON COLUMN cdp.gamma_gamma_model.q_se IS 'standard error of q';
COMMENT ON COLUMN cdp.gamma_gamma_model.gamma_se IS 'standard error of gamma';
COMMENT ON COLUMN cdp.gamma_gamma_model.log_likelihood IS 'log-likelihood of the customers at the parameters';
COMMENT ON COLUMN cdp.gamma_gamma_model.customers IS 'number of customers it was fitted to';
COMMENT ON COLUMN cdp.gamma_gamma_model.converged IS 'always true: a fit that does not converge is an error; null for known parameters';
COMMENT ON COLUMN cdp.gamma_gamma_model.iterations IS 'passes over the customers';

CREATE FUNCTION cdp.gamma_gamma_model(p double precision, q double precision, gamma double precision)
    RETURNS cdp.gamma_gamma_model
    AS 'MODULE_PATHNAME', 'gamma_gamma_model_make'
    LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cdp.gamma_gamma_model(double precision, double precision, double precision) IS
    'Gamma-Gamma model of known parameters; error 22023 unless they are finite and above zero';

CREATE FUNCTION cdp.gamma_gamma_fit(state cdp.btyd_state) RETURNS cdp.gamma_gamma_model
    AS 'MODULE_PATHNAME', 'gamma_gamma_fit_state'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000000;
COMMENT ON FUNCTION cdp.gamma_gamma_fit(cdp.btyd_state) IS
    'fits Gamma-Gamma to the customers of a state: see the aggregate cdp.gamma_gamma_fit';

CREATE AGGREGATE cdp.bgnbd_fit(frequency double precision, recency double precision, age double precision) (
    SFUNC = cdp.btyd_accum,
    STYPE = cdp.btyd_state,
    COMBINEFUNC = cdp.merge,
    FINALFUNC = cdp.bgnbd_fit,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.bgnbd_fit(double precision, double precision, double precision) IS
    'fits the BG/NBD model (Fader, Hardie and Lee 2005) by maximum likelihood, one row per customer: frequency (repeat purchases), recency (from the first purchase to the last) and age (from the first purchase to the end of observation) in one unit of time, as cdp.rfm and cdp.rfm_agg give them. Rows without a frequency are skipped; errors: 22023 for a negative or fractional frequency, NaN, recency above age, 22000 where no customer has a repeat purchase, there is one customer, all are identical, or the fit does not converge, with what to do';

CREATE AGGREGATE cdp.bgnbd_fit(frequency double precision, recency double precision, age double precision, unit interval) (
    SFUNC = cdp.btyd_accum,
    STYPE = cdp.btyd_state,
    COMBINEFUNC = cdp.merge,
    FINALFUNC = cdp.bgnbd_fit,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.bgnbd_fit(double precision, double precision, double precision, interval) IS
    'fits the BG/NBD model (Fader, Hardie and Lee 2005) by maximum likelihood, one row per customer: frequency (repeat purchases), recency (from the first purchase to the last) and age (from the first purchase to the end of observation) in one unit of time, as cdp.rfm and cdp.rfm_agg give them. Rows without a frequency are skipped. unit is the unit of time in whole days, which cdp.clv needs; it goes into the model; errors: 22023 for a negative or fractional frequency, NaN, recency above age and mixed units, 22000 where no customer has a repeat purchase, there is one customer, all are identical, or the fit does not converge, with what to do';

CREATE AGGREGATE cdp.paretonbd_fit(frequency double precision, recency double precision, age double precision) (
    SFUNC = cdp.btyd_accum,
    STYPE = cdp.btyd_state,
    COMBINEFUNC = cdp.merge,
    FINALFUNC = cdp.paretonbd_fit,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.paretonbd_fit(double precision, double precision, double precision) IS
    'fits the Pareto/NBD model (Schmittlein, Morrison and Colombo 1987) by maximum likelihood, one row per customer, as cdp.bgnbd_fit; it takes about ten times as long, and knows customers who leave before their first repeat purchase; errors: 22023 for a negative or fractional frequency, NaN, recency above age, 22000 where no customer has a repeat purchase, there is one customer, all are identical, or the fit does not converge, with what to do';

CREATE AGGREGATE cdp.paretonbd_fit(frequency double precision, recency double precision, age double precision, unit interval) (
    SFUNC = cdp.btyd_accum,
    STYPE = cdp.btyd_state,
    COMBINEFUNC = cdp.merge,
    FINALFUNC = cdp.paretonbd_fit,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.paretonbd_fit(double precision, double precision, double precision, interval) IS
    'fits the Pareto/NBD model (Schmittlein, Morrison and Colombo 1987) by maximum likelihood, one row per customer, as cdp.bgnbd_fit; it takes about ten times as long, and knows customers who leave before their first repeat purchase. unit is the unit of time in whole days, which cdp.clv needs; it goes into the model; errors: 22023 for a negative or fractional frequency, NaN, recency above age and mixed units, 22000 where no customer has a repeat purchase, there is one customer, all are identical, or the fit does not converge, with what to do';

CREATE AGGREGATE cdp.gamma_gamma_fit(frequency double precision, monetary double precision) (
    SFUNC = cdp.gamma_gamma_accum,
    STYPE = cdp.btyd_state,
    COMBINEFUNC = cdp.merge,
    FINALFUNC = cdp.gamma_gamma_fit,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.gamma_gamma_fit(double precision, double precision) IS
    'fits the Gamma-Gamma model of amounts (Fader, Hardie and Lee 2005) by maximum likelihood, one row per customer: the number of purchases and their mean amount, as frequency and monetary of cdp.rfm; rows without a frequency or with one of zero are skipped. The model takes amounts to be independent of frequency; errors: 22023 for a negative or fractional frequency, NaN, recency above age and amounts of zero or less, 22000 where no customer has a repeat purchase, there is one customer, all are identical, or the fit does not converge, with what to do';

-- What they predict. Customers are given as to the fits, times in the model's unit. Without a repeat
-- purchase recency is 0.

CREATE FUNCTION cdp.p_alive(model cdp.bgnbd_model, frequency double precision, recency double precision, age double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_bgnbd_p_alive'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION cdp.p_alive(cdp.bgnbd_model, double precision, double precision, double precision) IS
    'probability that a customer is still active at the end of observation, by BG/NBD. In this model customers leave only right after a repeat purchase, so without one it is always 1: ask Pareto/NBD where that matters; error 22023 for customers that cannot be';

CREATE FUNCTION cdp.p_alive(model cdp.paretonbd_model, frequency double precision, recency double precision, age double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_paretonbd_p_alive'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION cdp.p_alive(cdp.paretonbd_model, double precision, double precision, double precision) IS
    'probability that a customer is still alive at the end of observation, by Pareto/NBD, in which customers may leave at any time; error 22023 for customers that cannot be';

CREATE FUNCTION cdp.expected_purchases(model cdp.bgnbd_model, frequency double precision, recency double precision, age double precision, t double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_bgnbd_expected'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION cdp.expected_purchases(cdp.bgnbd_model, double precision, double precision, double precision, double precision) IS
    'purchases expected of a customer in the t units after the end of observation, by BG/NBD';

CREATE FUNCTION cdp.expected_purchases_new(model cdp.bgnbd_model, t double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_bgnbd_expected_new'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION cdp.expected_purchases_new(cdp.bgnbd_model, double precision) IS
    'repeat purchases expected of a new customer in the t units after the first purchase, by BG/NBD';

CREATE FUNCTION cdp.dert(model cdp.bgnbd_model, frequency double precision, recency double precision, age double precision, discount_rate double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_bgnbd_dert'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION cdp.dert(cdp.bgnbd_model, double precision, double precision, double precision, double precision) IS
    'discounted expected residual transactions: purchases expected after the end of observation, without an end, each discounted to it continuously at the rate per unit (0.0027 a week is 15 percent a year), by BG/NBD; error 22023 unless the rate is above 0';

CREATE FUNCTION cdp.log_likelihood(model cdp.bgnbd_model, frequency double precision, recency double precision, age double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_bgnbd_log_likelihood'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION cdp.log_likelihood(cdp.bgnbd_model, double precision, double precision, double precision) IS
    'log-likelihood of a customer, by BG/NBD';

CREATE FUNCTION cdp.expected_purchases(model cdp.paretonbd_model, frequency double precision, recency double precision, age double precision, t double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_paretonbd_expected'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION cdp.expected_purchases(cdp.paretonbd_model, double precision, double precision, double precision, double precision) IS
    'purchases expected of a customer in the t units after the end of observation, by Pareto/NBD';

CREATE FUNCTION cdp.expected_purchases_new(model cdp.paretonbd_model, t double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_paretonbd_expected_new'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION cdp.expected_purchases_new(cdp.paretonbd_model, double precision) IS
    'repeat purchases expected of a new customer in the t units after the first purchase, by Pareto/NBD';

CREATE FUNCTION cdp.dert(model cdp.paretonbd_model, frequency double precision, recency double precision, age double precision, discount_rate double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_paretonbd_dert'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION cdp.dert(cdp.paretonbd_model, double precision, double precision, double precision, double precision) IS
    'discounted expected residual transactions: purchases expected after the end of observation, without an end, each discounted to it continuously at the rate per unit (0.0027 a week is 15 percent a year), by Pareto/NBD; error 22023 unless the rate is above 0';

CREATE FUNCTION cdp.log_likelihood(model cdp.paretonbd_model, frequency double precision, recency double precision, age double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_paretonbd_log_likelihood'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION cdp.log_likelihood(cdp.paretonbd_model, double precision, double precision, double precision) IS
    'log-likelihood of a customer, by Pareto/NBD';

CREATE FUNCTION cdp.expected_average(model cdp.gamma_gamma_model, frequency double precision, monetary double precision)
    RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_expected_average'
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION cdp.expected_average(cdp.gamma_gamma_model, double precision, double precision) IS
    'mean amount expected of a customer''s purchases to come, given the number of purchases so far and their mean amount: between that mean and the mean of all customers. Without purchases monetary may be null; errors: 22023 for an amount of zero or less, 22003 without purchases where the model''s q is not above 1';

CREATE FUNCTION cdp.log_likelihood(model cdp.gamma_gamma_model, frequency double precision, monetary double precision)
    RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_gamma_gamma_log_likelihood'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION cdp.log_likelihood(cdp.gamma_gamma_model, double precision, double precision) IS
    'log-likelihood of a customer''s mean amount, by Gamma-Gamma; 0 without purchases';

CREATE FUNCTION cdp.clv(model cdp.bgnbd_model, amounts cdp.gamma_gamma_model, frequency double precision,
                        recency double precision, age double precision, monetary double precision,
                        horizon interval DEFAULT NULL, margin double precision DEFAULT 1,
                        discount_rate double precision DEFAULT 0.1, discount_period interval DEFAULT '1 year')
    RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_bgnbd_clv'
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION cdp.clv(cdp.bgnbd_model, cdp.gamma_gamma_model, double precision, double precision, double precision, double precision, interval, double precision, double precision, interval) IS
    'customer lifetime value to come: margin × expected mean amount × purchases expected until the horizon (null: without an end), each discounted to the end of observation at discount_rate per discount_period, compounded continuously: 0.1 per 1 year is 10 percent a year. BG/NBD for purchases, Gamma-Gamma for amounts. A month counts 30.4375 days, a year 365.25. monetary is null without a repeat purchase; error 22023 for a model without a unit of time, and for no horizon with a rate of zero';

CREATE FUNCTION cdp.clv(model cdp.paretonbd_model, amounts cdp.gamma_gamma_model, frequency double precision,
                        recency double precision, age double precision, monetary double precision,
                        horizon interval DEFAULT NULL, margin double precision DEFAULT 1,
                        discount_rate double precision DEFAULT 0.1, discount_period interval DEFAULT '1 year')
    RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_paretonbd_clv'
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION cdp.clv(cdp.paretonbd_model, cdp.gamma_gamma_model, double precision, double precision, double precision, double precision, interval, double precision, double precision, interval) IS
    'customer lifetime value to come: margin × expected mean amount × purchases expected until the horizon (null: without an end), each discounted to the end of observation at discount_rate per discount_period, compounded continuously: 0.1 per 1 year is 10 percent a year. Pareto/NBD for purchases, Gamma-Gamma for amounts. A month counts 30.4375 days, a year 365.25. monetary is null without a repeat purchase; error 22023 for a model without a unit of time, and for no horizon with a rate of zero';

CREATE FUNCTION cdp.days(span interval) RETURNS double precision
    AS 'MODULE_PATHNAME', 'value_days'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.days(interval) IS
    'length of an interval in days, as horizons and discount periods count: a month has 30.4375, a year 365.25';
