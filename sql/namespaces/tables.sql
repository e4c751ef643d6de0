-- The rules of identifiers: which kinds there are and how strong each is (identifier_namespaces), and
-- which values identify nobody (blocked_identifiers). Their owner changes them; cdp.define_rules then
-- derives again what they concern (rebuild/rules.sql).

CREATE FUNCTION cdp.create_namespaces(workspace name) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $create$
BEGIN
    EXECUTE format($ddl$
CREATE TABLE %1$I.identifier_namespaces (
    namespace text COLLATE "C" PRIMARY KEY
        CHECK (namespace = '*' OR namespace ~ '^[a-z][a-z0-9_]{0,62}$'),
    priority integer NOT NULL,
    max_per_profile integer CHECK (max_per_profile >= 1),
    can_anchor boolean NOT NULL DEFAULT true,
    can_merge boolean NOT NULL DEFAULT true,
    pattern text COLLATE "C" CHECK (pattern <> ''),
    generic_after integer DEFAULT 10 CHECK (generic_after >= 2)
);

CREATE TABLE %1$I.blocked_identifiers (
    namespace text COLLATE "C" NOT NULL DEFAULT '*'
        CHECK (namespace = '*' OR namespace ~ '^[a-z][a-z0-9_]{0,62}$'),
    value text COLLATE "C" NOT NULL CHECK (value <> ''),
    enabled boolean NOT NULL DEFAULT true,
    kind text COLLATE "C" NOT NULL DEFAULT 'value' CHECK (kind IN ('value', 'pattern', 'repeated')),
    PRIMARY KEY (namespace, kind, value),
    CHECK (kind <> 'repeated' OR value ~ '^[1-9][0-9]{0,3}$')
);

COMMENT ON TABLE %1$I.identifier_namespaces IS 'rules per kind of identifier; the row * is for kinds not named';
COMMENT ON COLUMN %1$I.identifier_namespaces.namespace IS 'kind of identifier, as before the colon; * is the default';
COMMENT ON COLUMN %1$I.identifier_namespaces.priority IS 'a lower number is stronger; an event belongs to its strongest identifier';
COMMENT ON COLUMN %1$I.identifier_namespaces.max_per_profile IS 'how many values of it one profile may have; null: any number';
COMMENT ON COLUMN %1$I.identifier_namespaces.can_anchor IS 'whether an event can belong to it; false: it only joins what stronger or weaker ones anchor';
COMMENT ON COLUMN %1$I.identifier_namespaces.can_merge IS 'whether it can make two profiles one; false: it only joins identifiers that had no profile yet';
COMMENT ON COLUMN %1$I.identifier_namespaces.pattern IS 'regular expression that its canonical values must match (write ^ and $); others are refused as invalid; null: any';
COMMENT ON COLUMN %1$I.identifier_namespaces.generic_after IS 'a value that events show together with so many distinct values of a stronger, limited namespace joins nobody; null: never';

COMMENT ON TABLE %1$I.blocked_identifiers IS 'values that never identify anybody';
COMMENT ON COLUMN %1$I.blocked_identifiers.namespace IS 'kind of identifier it is blocked in; * is every kind';
COMMENT ON COLUMN %1$I.blocked_identifiers.value IS 'kind value: the canonical value, ASCII case ignored; pattern: a regular expression that it matches, case ignored; repeated: a number of characters';
COMMENT ON COLUMN %1$I.blocked_identifiers.kind IS 'value: that value; pattern: every value that matches; repeated: every value of so many characters or more that is one character over and over';
COMMENT ON COLUMN %1$I.blocked_identifiers.enabled IS 'false switches the entry off';

INSERT INTO %1$I.identifier_namespaces (namespace, priority, max_per_profile, generic_after) VALUES
    ('user_id', 10, 1, NULL),
    ('email', 20, 5, 10),
    ('phone', 30, 5, 10),
    ('*', 50, NULL, 10),
    ('device', 80, NULL, 10),
    ('cookie', 90, NULL, 10);
INSERT INTO %1$I.blocked_identifiers (value) VALUES
    ('null'), ('none'), ('nil'), ('undefined'), ('nan'), ('anonymous'), ('unknown'), ('n/a'), ('na'),
    ('guest'), ('test'), ('[object object]'), ('(null)'), ('true'), ('false'), ('-'), ('0'),
    ('00000000-0000-0000-0000-000000000000'), ('test@test.com'), ('test@example.com'),
    ('noreply@example.com'), ('example@example.com');
INSERT INTO %1$I.blocked_identifiers (namespace, value) VALUES
    ('email', 'test@test.net'), ('email', 'test@test.org'), ('email', 'test@example.org'),
    ('email', 'test@example.net'), ('email', 'test@mail.com'), ('email', 'test@email.com'),
    ('email', 'test@gmail.com'), ('email', 'test@test.test'), ('email', 'email@email.com'),
    ('email', 'email@example.com'), ('email', 'user@example.com'), ('email', 'none@none.com'),
    ('email', 'none@none.none'), ('email', 'null@null.com'), ('email', 'noemail@noemail.com'),
    ('email', 'no@email.com'), ('email', 'noreply@noreply.com'), ('email', 'na@na.com'),
    ('email', 'asdf@asdf.com'), ('email', 'abc@abc.com'), ('email', 'undefined@undefined.com');
INSERT INTO %1$I.blocked_identifiers (namespace, kind, value) VALUES
    ('phone', 'repeated', '6'),
    ('device', 'repeated', '6'),
    ('cookie', 'repeated', '6');
$ddl$, workspace);
END
$create$;
COMMENT ON FUNCTION cdp.create_namespaces(name) IS
    'makes the tables of identity rules with the rules that a workspace starts with; cdp.create_workspace calls it';
