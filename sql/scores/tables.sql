-- Scores: models of customer value (value_models) and their fits (value_model_fits), by which cdp.score
-- fills the column scores of profiles. To the engine that column, like these tables, is the users' own.

CREATE FUNCTION cdp.create_scores(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
CREATE TABLE %1$I.value_models (
    name text COLLATE "C" PRIMARY KEY,
    model text NOT NULL DEFAULT 'bgnbd',
    unit interval NOT NULL DEFAULT '7 days',
    currency text,
    calibration_start date,
    calibration_end date,
    amounts boolean NOT NULL DEFAULT true,
    horizon interval NOT NULL DEFAULT '1 year',
    margin numeric NOT NULL DEFAULT 1,
    discount_rate numeric NOT NULL DEFAULT 0.1,
    discount_period interval NOT NULL DEFAULT '1 year',
    scoring boolean NOT NULL DEFAULT true
);
-- One at a time. The trigger says it better, but does not see what another session is about to commit.
CREATE UNIQUE INDEX value_models_scoring_idx ON %1$I.value_models (scoring) WHERE scoring;

CREATE TABLE %1$I.value_model_fits (
    fit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    value_model text COLLATE "C" NOT NULL,
    fitted_at timestamptz NOT NULL,
    model text NOT NULL,
    currency text NOT NULL,
    calibration_start date,
    calibration_end date NOT NULL,
    purchases jsonb NOT NULL,
    amounts jsonb
);
CREATE INDEX value_model_fits_value_model_fit_id_idx ON %1$I.value_model_fits (value_model, fit_id);

CREATE TRIGGER cdp_check BEFORE INSERT OR UPDATE ON %1$I.value_models
    FOR EACH ROW EXECUTE FUNCTION cdp.check_value_model();

COMMENT ON TABLE %1$I.value_models IS 'models of customer value: what cdp.fit fits and cdp.score predicts with';
COMMENT ON COLUMN %1$I.value_models.name IS 'name of the model';
COMMENT ON COLUMN %1$I.value_models.model IS 'bgnbd or paretonbd: which model of purchases';
COMMENT ON COLUMN %1$I.value_models.unit IS 'unit of time, in whole days';
COMMENT ON COLUMN %1$I.value_models.currency IS 'ISO 4217 code of the currency that it counts in; null: the workspace''s';
COMMENT ON COLUMN %1$I.value_models.calibration_start IS 'customers whose first purchase is earlier are left out of the fit; null: nobody is';
COMMENT ON COLUMN %1$I.value_models.calibration_end IS 'last day that the fit looks at; null: the day of the fit';
COMMENT ON COLUMN %1$I.value_models.amounts IS 'whether to fit Gamma-Gamma to the amounts, which value needs';
COMMENT ON COLUMN %1$I.value_models.horizon IS 'how far ahead scores look; a month counts 30.4375 days, a year 365.25';
COMMENT ON COLUMN %1$I.value_models.margin IS 'part of an amount that is earned';
COMMENT ON COLUMN %1$I.value_models.discount_rate IS 'by what part later money is worth less, per discount_period';
COMMENT ON COLUMN %1$I.value_models.discount_period IS 'the period of discount_rate';
COMMENT ON COLUMN %1$I.value_models.scoring IS 'whether cdp.score uses it: at most one does';

COMMENT ON TABLE %1$I.value_model_fits IS 'parameters of the value models, fit by fit; the last of a model is in use';
COMMENT ON COLUMN %1$I.value_model_fits.fit_id IS 'ascends with time';
COMMENT ON COLUMN %1$I.value_model_fits.value_model IS 'the row of value_models';
COMMENT ON COLUMN %1$I.value_model_fits.fitted_at IS 'when, by the engine''s clock';
COMMENT ON COLUMN %1$I.value_model_fits.model IS 'bgnbd or paretonbd';
COMMENT ON COLUMN %1$I.value_model_fits.currency IS 'currency of the amounts';
COMMENT ON COLUMN %1$I.value_model_fits.calibration_start IS 'first day of the customers that counted; null: all did';
COMMENT ON COLUMN %1$I.value_model_fits.calibration_end IS 'last day that counted';
COMMENT ON COLUMN %1$I.value_model_fits.purchases IS 'the model of purchases: jsonb_populate_record(NULL::cdp.bgnbd_model, purchases)';
COMMENT ON COLUMN %1$I.value_model_fits.amounts IS 'the model of amounts: jsonb_populate_record(NULL::cdp.gamma_gamma_model, amounts); null: not fitted';

ALTER TABLE %1$I.profiles ADD COLUMN scores jsonb;
COMMENT ON COLUMN %1$I.profiles.scores IS 'what cdp.score expects of the customer: scores->>''p_alive''; null: not scored, or no purchase';
$ddl$, workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_scores(name) IS
    'makes the tables of value models and adds the column scores to profiles; cdp.create_workspace calls it';

CREATE FUNCTION cdp.check_value_model() RETURNS trigger
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    SET intervalstyle = 'postgres'
    SET datestyle = 'ISO, MDY'
AS $check$
DECLARE
    other text;
    fault text;
    hint text;
BEGIN
    CASE
        WHEN NEW.name IS NULL OR NEW.name = '' THEN
            fault := 'it has no name';
        WHEN NEW.model IS NULL OR NEW.model NOT IN ('bgnbd', 'paretonbd') THEN
            fault := format('there is no model "%s"', NEW.model);
            hint := 'Models are bgnbd and paretonbd.';
        WHEN NEW.unit IS NULL OR NEW.unit < interval '1 day' OR NEW.unit::text !~ '^\d+ days?$' THEN
            fault := format('the unit %s is not a number of whole days', NEW.unit);
            hint := 'Give it in days or weeks, such as 7 days.';
        WHEN NOT cdp.is_currency(NEW.currency) THEN
            fault := format('"%s" is not an ISO 4217 currency', NEW.currency);
            hint := 'A currency is three upper-case letters, such as USD, EUR or VND.';
        WHEN NOT isfinite(NEW.calibration_start) OR NOT isfinite(NEW.calibration_end)
                OR NEW.calibration_end < NEW.calibration_start THEN
            fault := format('its calibration from %s to %s is no span of days',
                            NEW.calibration_start, NEW.calibration_end);
        WHEN NEW.horizon IS NULL OR NEW.horizon <= interval '0 days' THEN
            fault := format('the horizon %s is not above zero', NEW.horizon);
        WHEN NEW.margin IS NULL OR NEW.margin IN ('NaN', 'Infinity', '-Infinity') THEN
            fault := format('the margin %s is not finite', NEW.margin);
        WHEN NEW.discount_rate IS NULL OR NEW.discount_rate < 0 OR NEW.discount_rate IN ('NaN', 'Infinity') THEN
            fault := format('the discount rate %s is not a finite number of zero or more', NEW.discount_rate);
        WHEN NEW.discount_period IS NULL OR NEW.discount_period <= interval '0 days' THEN
            fault := format('the discount period %s is not above zero', NEW.discount_period);
        ELSE
            NULL;
    END CASE;
    IF fault IS NULL AND NEW.scoring THEN
        EXECUTE format('SELECT m.name FROM %I.value_models m WHERE m.scoring AND m.name <> $1 AND m.name <> $2',
                       TG_TABLE_SCHEMA)
            INTO other USING NEW.name, CASE TG_OP WHEN 'UPDATE' THEN OLD.name ELSE NEW.name END;
        IF other IS NOT NULL THEN
            fault := format('"%s" is scoring already', other);
            hint := format('UPDATE %I.value_models SET scoring = false WHERE name = %L, or set it to false here.',
                           TG_TABLE_SCHEMA, other);
        END IF;
    END IF;
    IF hint IS NOT NULL THEN
        RAISE EXCEPTION 'value model "%" is not valid: %', NEW.name, fault
            USING ERRCODE = 'check_violation', HINT = hint;
    ELSIF fault IS NOT NULL THEN
        RAISE EXCEPTION 'value model "%" is not valid: %', NEW.name, fault
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$check$;
COMMENT ON FUNCTION cdp.check_value_model() IS
    'trigger on value_models: refuses (23514) what cdp.fit and cdp.score could not work with';
