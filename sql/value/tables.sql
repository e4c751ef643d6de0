-- Customer value: the exact lifetime value of each profile, a folded column of the type cdp.ltv
-- (sql/types/ltv.sql), and the exchange rates that bring many currencies into one. The models of
-- customer value (rfm.sql, models.sql) need no workspace.

CREATE FUNCTION cdp.create_value(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
CREATE TABLE %1$I.exchange_rates (
    currency text COLLATE "C" NOT NULL CHECK (cdp.is_currency(currency)),
    day date NOT NULL CHECK (isfinite(day)),
    rate numeric NOT NULL CHECK (rate > 0 AND rate < 'Infinity'),
    PRIMARY KEY (currency, day)
);

COMMENT ON TABLE %1$I.exchange_rates IS 'what a currency was worth on a day; amounts are converted by the rate of their own day';
COMMENT ON COLUMN %1$I.exchange_rates.currency IS 'ISO 4217 code';
COMMENT ON COLUMN %1$I.exchange_rates.day IS 'the day, in the workspace''s time zone';
COMMENT ON COLUMN %1$I.exchange_rates.rate IS 'one unit of the currency in units of the workspace''s default_currency (whose own rate is 1, without a row)';

COMMENT ON COLUMN %1$I.profiles.ltv IS 'exact lifetime value: cdp.total(ltv, ''USD''), cdp.purchases(ltv)';
COMMENT ON COLUMN %1$I.opening_balances.ltv IS 'their amounts, folded';
$ddl$, workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_value(name) IS
    'makes the table of exchange rates and comments the column ltv; cdp.create_workspace calls it';

CREATE FUNCTION cdp.empty_ltv(workspace name) RETURNS cdp.ltv
    AS 'MODULE_PATHNAME', 'cdp_empty_ltv'
    LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION cdp.empty_ltv(name) IS
    'the lifetime value of a profile without events: nothing, in days of the workspace''s time zone; error 3F000 for no workspace';

CREATE FUNCTION cdp.detach_value(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $detach$
BEGIN
    IF cdp.column_type(workspace, 'profiles', 'ltv') IS NOT NULL THEN
        EXECUTE format('COMMENT ON COLUMN %I.profiles.ltv IS ''lifetime value per currency''', workspace);
    END IF;
END
$detach$;
COMMENT ON FUNCTION cdp.detach_value(name) IS
    'comments the column ltv as a plain one; cdp.detach calls it';

CREATE FUNCTION cdp.detached(value cdp.ltv) RETURNS jsonb
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN cdp.to_jsonb(value);
COMMENT ON FUNCTION cdp.detached(cdp.ltv) IS
    'what a lifetime value becomes in a detached workspace: a JSON object, see cdp.to_jsonb';
