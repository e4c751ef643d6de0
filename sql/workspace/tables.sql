-- The settings of a workspace: one row.

CREATE FUNCTION cdp.create_settings(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
CREATE TABLE %1$I.settings (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    time_zone text NOT NULL DEFAULT 'UTC',
    default_currency text NOT NULL DEFAULT 'USD' CHECK (cdp.is_currency(default_currency)),
    default_region text CHECK (default_region ~ '^[A-Z]{2}$'),
    vietnam_2018 boolean NOT NULL DEFAULT true,
    earliest_event timestamptz NOT NULL DEFAULT '1995-01-01 00:00+00',
    max_identifiers integer NOT NULL DEFAULT 1000 CHECK (max_identifiers >= 1)
);

COMMENT ON TABLE %1$I.settings IS 'the workspace''s settings, one row';
COMMENT ON COLUMN %1$I.settings.singleton IS 'always true: there is one row';
COMMENT ON COLUMN %1$I.settings.time_zone IS 'IANA time zone in which days are counted; changing it rebuilds the profiles';
COMMENT ON COLUMN %1$I.settings.default_currency IS 'ISO 4217 code that an amount without a currency takes';
COMMENT ON COLUMN %1$I.settings.default_region IS 'ISO 3166 region that completes national phone numbers; null: only international ones are valid';
COMMENT ON COLUMN %1$I.settings.vietnam_2018 IS 'whether Vietnam''s 11-digit mobile numbers of before 2018 become today''s';
COMMENT ON COLUMN %1$I.settings.earliest_event IS 'an event with an earlier occurred_at, as of a device whose clock was never set, counts as of its received_at; -infinity: none does; changing it rebuilds the profiles';
COMMENT ON COLUMN %1$I.settings.max_identifiers IS 'how many usable identifiers of one event count: the first ones, its anchor among them; changing it rebuilds the profiles';

INSERT INTO %1$I.settings DEFAULT VALUES;
$ddl$, workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_settings(name) IS
    'makes the table of settings with its row; cdp.create_workspace calls it';
