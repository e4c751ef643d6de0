-- Fitting the value models of a workspace, and scoring its profiles.

-- A query for every profile's recency, frequency and monetary value: $1 the currency, $2 the day,
-- $3 the unit. Values in that currency alone, nearly all, need no exchange rates.
CREATE FUNCTION cdp.profile_rfm_query(workspace name) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.format($query$
SELECT p.profile_id,
       CASE WHEN cdp.currencies(p.ltv) OPERATOR(pg_catalog.<@) ARRAY[$1] THEN cdp.rfm(p.ltv, $2, $3, $1)
            ELSE cdp.rfm(%2$L, p.ltv, $2::timestamp AT TIME ZONE cdp.zone(p.ltv), $3, $1) END AS rfm
FROM %1$I.profiles p
$query$, workspace, workspace);
COMMENT ON FUNCTION cdp.profile_rfm_query(name) IS
    'text of a query that observes every profile; for cdp.fit and cdp.score';

-- The name stands in the names of functions and types.
CREATE FUNCTION cdp.require_value_model(name text, model text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $require$
BEGIN
    IF model IS NULL OR model NOT IN ('bgnbd', 'paretonbd') THEN
        RAISE EXCEPTION 'value model "%" is not valid: there is no model "%"', name, model
            USING ERRCODE = 'check_violation', HINT = 'Models are bgnbd and paretonbd.';
    END IF;
END
$require$;
COMMENT ON FUNCTION cdp.require_value_model(text, text) IS
    'nothing for a model that there is, else error 23514; name is of the row, for the message';

CREATE FUNCTION cdp.fit_body(workspace name, name text)
    RETURNS TABLE (value_model text, customers bigint, log_likelihood double precision, iterations integer)
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET intervalstyle = 'postgres'
    SET datestyle = 'ISO, MDY'
    SET extra_float_digits = 1
    SET jit = off
AS $fit$
DECLARE
    definition record;
    today date;
    money text;
    fitted record;
    found_any boolean := false;
    problem text;
    state text;
    detail text;
    hint text;
BEGIN
    PERFORM cdp.require_step(workspace);
    PERFORM cdp.use_tables(workspace, 'settings', 'value_models', 'value_model_fits', 'exchange_rates', 'profiles');
    money := cdp.reporting_currency(workspace, NULL);
    EXECUTE format('SELECT (cdp.now() AT TIME ZONE s.time_zone)::date FROM %I.settings s', workspace) INTO today;
    FOR definition IN EXECUTE format('SELECT m.* FROM %I.value_models m WHERE m.name = $1 OR $1 IS NULL '
                                     'ORDER BY m.name', workspace) USING fit_body.name
    LOOP
        found_any := true;
        PERFORM cdp.require_value_model(definition.name, definition.model);
        BEGIN
            EXECUTE format($query$
SELECT to_jsonb(cdp.%2$I((o.rfm).frequency, (o.rfm).recency, (o.rfm).age, (o.rfm).unit)) AS purchases,
       to_jsonb(cdp.gamma_gamma_fit((o.rfm).frequency, (o.rfm).monetary) FILTER (WHERE $4)) AS amounts
FROM (%1$s OFFSET 0) o
WHERE (o.rfm).frequency IS NOT NULL
  AND ($5 IS NULL OR $2 - round((o.rfm).age * extract(day FROM $3)::double precision)::integer >= $5)
                $query$, cdp.profile_rfm_query(workspace), definition.model || '_fit')
                INTO fitted
                USING coalesce(definition.currency, money), coalesce(definition.calibration_end, today),
                      definition.unit, definition.amounts, definition.calibration_start;
            IF fitted.purchases IS NULL THEN
                RAISE EXCEPTION 'no customer has a purchase'
                    USING ERRCODE = 'data_exception',
                          DETAIL = format('Currency %s, until %s.', coalesce(definition.currency, money),
                                          coalesce(definition.calibration_end, today)),
                          HINT = 'Look at the calibration window and the currency.';
            END IF;
        EXCEPTION WHEN data_exception THEN
            GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT, state = RETURNED_SQLSTATE,
                                    detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
            RAISE EXCEPTION 'value model "%": %', definition.name, problem
                USING ERRCODE = state, DETAIL = detail, HINT = hint;
        END;
        EXECUTE format('INSERT INTO %I.value_model_fits (value_model, fitted_at, model, currency, calibration_start, '
                       'calibration_end, purchases, amounts) VALUES ($1, cdp.now(), $2, $3, $4, $5, $6, $7)', workspace)
            USING definition.name, definition.model, coalesce(definition.currency, money),
                  definition.calibration_start, coalesce(definition.calibration_end, today), fitted.purchases,
                  fitted.amounts;
        value_model := definition.name;
        customers := (fitted.purchases ->> 'customers')::bigint;
        log_likelihood := (fitted.purchases ->> 'log_likelihood')::double precision;
        iterations := (fitted.purchases ->> 'iterations')::integer;
        RETURN NEXT;
    END LOOP;
    IF NOT found_any THEN
        RAISE EXCEPTION 'workspace "%" has no value model%', workspace,
                CASE WHEN fit_body.name IS NULL THEN '' ELSE format(' "%s"', fit_body.name) END
            USING ERRCODE = 'undefined_object',
                  HINT = format('INSERT INTO %I.value_models (name) VALUES (%L).', workspace,
                                coalesce(fit_body.name, 'customers'));
    END IF;
END
$fit$;
COMMENT ON FUNCTION cdp.fit_body(name, text) IS
    'body of cdp.fit, not to be called by itself';

CREATE FUNCTION cdp.fit(workspace name, name text DEFAULT NULL)
    RETURNS TABLE (value_model text, customers bigint, log_likelihood double precision, iterations integer)
    AS 'MODULE_PATHNAME', 'cdp_fit'
    LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1;
COMMENT ON FUNCTION cdp.fit(name, text) IS
    'fits the workspace''s value models (or the one named) to its customers as they are now, or were at the end of the calibration, and appends the parameters to value_model_fits; a row per model. Errors: 22000 where a fit does not converge, with what to do, P0002 for a missing exchange rate, 42704 where there is no model';

CREATE FUNCTION cdp.score_body(workspace name) RETURNS bigint
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
    SET intervalstyle = 'postgres'
    SET datestyle = 'ISO, MDY'
    SET extra_float_digits = 1
    SET jit = off
AS $score$
DECLARE
    definition record;
    latest record;
    changed bigint;
BEGIN
    PERFORM cdp.require_step(workspace);
    PERFORM cdp.use_tables(workspace, 'settings', 'value_models', 'value_model_fits', 'exchange_rates', 'profiles');
    EXECUTE format('SELECT m.* FROM %I.value_models m WHERE m.scoring', workspace) INTO definition;
    IF definition.name IS NULL THEN
        RAISE EXCEPTION 'workspace "%" has no value model that is scoring', workspace
            USING ERRCODE = 'undefined_object',
                  HINT = format('INSERT INTO %I.value_models (name) VALUES (%L), or set scoring to true.',
                                workspace, 'customers');
    END IF;
    PERFORM cdp.require_value_model(definition.name, definition.model);
    EXECUTE format('SELECT f.*, (cdp.now() AT TIME ZONE s.time_zone)::date AS today '
                   'FROM %1$I.value_model_fits f, %1$I.settings s '
                   'WHERE f.value_model = $1 ORDER BY f.fit_id DESC LIMIT 1', workspace)
        INTO latest USING definition.name;
    IF latest.fit_id IS NULL OR latest.model <> definition.model
       OR (latest.purchases ->> 'unit')::interval <> definition.unit THEN
        RAISE EXCEPTION 'value model "%" has not been fitted as it is defined now', definition.name
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = format('SELECT * FROM cdp.fit(%L).', workspace);
    END IF;
    -- Rows are locked in the order of everybody who locks several profiles, by id, and only those that
    -- change.
    EXECUTE format($query$
WITH model AS MATERIALIZED (
    SELECT jsonb_populate_record(NULL::cdp.%2$I, $4) AS purchases,
           jsonb_populate_record(NULL::cdp.gamma_gamma_model, $5) AS amounts,
           cdp.days($6) / cdp.days($3) AS t
), scored AS MATERIALIZED (
    SELECT o.profile_id,
           CASE WHEN (o.rfm).frequency IS NOT NULL THEN jsonb_build_object(
               'p_alive', cdp.p_alive(m.purchases, (o.rfm).frequency, (o.rfm).recency, (o.rfm).age),
               'expected_purchases',
                   cdp.expected_purchases(m.purchases, (o.rfm).frequency, (o.rfm).recency, (o.rfm).age, m.t),
               'value', CASE WHEN (o.rfm).frequency > 0 OR (m.amounts).q > 1 THEN
                            cdp.clv(m.purchases, m.amounts, (o.rfm).frequency, (o.rfm).recency, (o.rfm).age,
                                    (o.rfm).monetary, $6, $7, $8, $9) END,
               'currency', $1, 'horizon', $6, 'model', $10, 'as_of', $2) END AS scores
    FROM (%1$s OFFSET 0) o
    CROSS JOIN model m
), changes AS MATERIALIZED (
    SELECT p.profile_id, s.scores
    FROM scored s
    JOIN %3$I.profiles p ON p.profile_id = s.profile_id
    WHERE p.scores IS DISTINCT FROM s.scores
    ORDER BY p.profile_id
    FOR NO KEY UPDATE OF p
)
UPDATE %3$I.profiles p SET scores = c.scores FROM changes c WHERE p.profile_id = c.profile_id
        $query$, cdp.profile_rfm_query(workspace), definition.model || '_model', workspace)
        USING latest.currency, latest.today, definition.unit, latest.purchases, latest.amounts, definition.horizon,
              definition.margin::double precision, definition.discount_rate::double precision,
              definition.discount_period, definition.name;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END
$score$;
COMMENT ON FUNCTION cdp.score_body(name) IS
    'body of cdp.score, not to be called by itself';

CREATE FUNCTION cdp.score(workspace name) RETURNS bigint
    AS 'MODULE_PATHNAME', 'cdp_score'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION cdp.score(name) IS
    'writes into profiles.scores what the scoring value model, as last fitted, expects of every customer from today on: p_alive, expected_purchases and value (margin × expected amount × discounted purchases; null without a model of amounts) until the horizon, with currency, horizon, model and as_of; null for profiles without a purchase. Only rows that change are written; segments that read scores follow. Returns how many; errors: 42704 for no scoring model, 55000 for one that is not fitted, P0002 for a missing exchange rate';
