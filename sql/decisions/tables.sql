-- Decisions: that two identifiers are one person, or never are. People make them by cdp.link and
-- cdp.separate; they count before all evidence.

CREATE FUNCTION cdp.create_decisions(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
CREATE TABLE %1$I.identity_decisions (
    identifier_a cdp.identifier,
    identifier_b cdp.identifier,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('link', 'separate')),
    decided_at timestamptz NOT NULL,
    decided_by text NOT NULL,
    PRIMARY KEY (identifier_a, identifier_b),
    CHECK (identifier_a < identifier_b)
);
CREATE INDEX identity_decisions_identifier_b_idx ON %1$I.identity_decisions (identifier_b);

COMMENT ON TABLE %1$I.identity_decisions IS 'what people have decided: cdp.link and cdp.separate write it';
COMMENT ON COLUMN %1$I.identity_decisions.identifier_a IS 'the smaller of the two identifiers';
COMMENT ON COLUMN %1$I.identity_decisions.identifier_b IS 'the larger one';
COMMENT ON COLUMN %1$I.identity_decisions.kind IS 'link: they are one person, whatever the limits say; separate: they are never one';
COMMENT ON COLUMN %1$I.identity_decisions.decided_at IS 'instant of the decision, by the engine''s clock';
COMMENT ON COLUMN %1$I.identity_decisions.decided_by IS 'role that decided';
$ddl$, workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_decisions(name) IS
    'makes the table of decisions; cdp.create_workspace calls it';
