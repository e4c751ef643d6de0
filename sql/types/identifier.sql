-- cdp.identifier: a canonical "namespace:value".

CREATE TYPE cdp.identifier;

CREATE FUNCTION cdp.identifier_in(cstring) RETURNS cdp.identifier
    AS 'MODULE_PATHNAME', 'identifier_in'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
CREATE FUNCTION cdp.identifier_out(cdp.identifier) RETURNS cstring
    AS 'MODULE_PATHNAME', 'identifier_out'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cdp.identifier_recv(internal) RETURNS cdp.identifier
    AS 'MODULE_PATHNAME', 'identifier_recv'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
CREATE FUNCTION cdp.identifier_send(cdp.identifier) RETURNS bytea
    AS 'MODULE_PATHNAME', 'identifier_send'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE cdp.identifier (
    INPUT = cdp.identifier_in,
    OUTPUT = cdp.identifier_out,
    RECEIVE = cdp.identifier_recv,
    SEND = cdp.identifier_send,
    INTERNALLENGTH = VARIABLE,
    ALIGNMENT = int4,
    STORAGE = main
);

COMMENT ON TYPE cdp.identifier IS
    'namespace:value, canonical on input: the namespace in lower case; email and phone as their standards say (invalid ones are errors, but what is spelt as E.164 is taken, so that every dump loads); other values trimmed, NFC, case kept; at most 1024 bytes. Ordered and hashed by its bytes';
COMMENT ON FUNCTION cdp.identifier_in(cstring) IS
    'input of type identifier: canonicalises; SQLSTATE 22P02 for a faulty text, 54000 beyond 1024 bytes';
COMMENT ON FUNCTION cdp.identifier_out(cdp.identifier) IS
    'output of type identifier: namespace:value';
COMMENT ON FUNCTION cdp.identifier_recv(internal) IS
    'binary input of type identifier: a version byte (1), then the text; canonicalises';
COMMENT ON FUNCTION cdp.identifier_send(cdp.identifier) IS
    'binary output of type identifier: a version byte (1), then the text';

-- From and to text.

CREATE FUNCTION cdp.identifier(text) RETURNS cdp.identifier
    AS 'MODULE_PATHNAME', 'identifier_from_text'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION cdp.identifier(text) IS
    'canonical identifier of "namespace:value"; an error where the text is faulty or its e-mail address or phone number invalid';

CREATE FUNCTION cdp.to_identifier(text) RETURNS cdp.identifier
    AS 'MODULE_PATHNAME', 'identifier_try_from_text'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION cdp.to_identifier(text) IS
    'canonical identifier of "namespace:value", NULL where its e-mail address or phone number is invalid; an error where the text has no namespace or no value, is too long or has control characters';

CREATE FUNCTION cdp.stored_identifier(text, region text, vietnam_2018 boolean) RETURNS cdp.identifier
    AS 'MODULE_PATHNAME', 'identifier_of_stored_text'
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION cdp.stored_identifier(text, text, boolean) IS
    'canonical form of an identifier of a stored event, in a workspace whose settings have this default_region (null: none) and vietnam_2018; null where it has none, also where the text is no identifier';

CREATE FUNCTION cdp.text(cdp.identifier) RETURNS text
    AS 'MODULE_PATHNAME', 'identifier_to_text'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.text(cdp.identifier) IS 'the identifier as namespace:value';

CREATE CAST (text AS cdp.identifier) WITH FUNCTION cdp.identifier(text);
COMMENT ON CAST (text AS cdp.identifier) IS 'canonicalises; see cdp.identifier(text)';
CREATE CAST (cdp.identifier AS text) WITH FUNCTION cdp.text(cdp.identifier) AS ASSIGNMENT;
COMMENT ON CAST (cdp.identifier AS text) IS 'namespace:value';

CREATE FUNCTION cdp.namespace(cdp.identifier) RETURNS text
    AS 'MODULE_PATHNAME', 'identifier_namespace'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.namespace(cdp.identifier) IS
    'the identifier''s namespace: what stands before the colon';

CREATE FUNCTION cdp.value(cdp.identifier) RETURNS text
    AS 'MODULE_PATHNAME', 'identifier_value'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.value(cdp.identifier) IS
    'the identifier''s canonical value: what stands behind the colon';

-- Comparison: the order of text COLLATE "C" over namespace:value, so the
-- identifiers of one namespace are neighbours.

CREATE FUNCTION cdp.identifier_eq(cdp.identifier, cdp.identifier) RETURNS boolean
    AS 'MODULE_PATHNAME', 'identifier_eq'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION cdp.identifier_eq(cdp.identifier, cdp.identifier) IS 'implementation of = operator';
CREATE FUNCTION cdp.identifier_ne(cdp.identifier, cdp.identifier) RETURNS boolean
    AS 'MODULE_PATHNAME', 'identifier_ne'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION cdp.identifier_ne(cdp.identifier, cdp.identifier) IS 'implementation of <> operator';
CREATE FUNCTION cdp.identifier_lt(cdp.identifier, cdp.identifier) RETURNS boolean
    AS 'MODULE_PATHNAME', 'identifier_lt'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION cdp.identifier_lt(cdp.identifier, cdp.identifier) IS 'implementation of < operator';
CREATE FUNCTION cdp.identifier_le(cdp.identifier, cdp.identifier) RETURNS boolean
    AS 'MODULE_PATHNAME', 'identifier_le'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION cdp.identifier_le(cdp.identifier, cdp.identifier) IS 'implementation of <= operator';
CREATE FUNCTION cdp.identifier_gt(cdp.identifier, cdp.identifier) RETURNS boolean
    AS 'MODULE_PATHNAME', 'identifier_gt'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION cdp.identifier_gt(cdp.identifier, cdp.identifier) IS 'implementation of > operator';
CREATE FUNCTION cdp.identifier_ge(cdp.identifier, cdp.identifier) RETURNS boolean
    AS 'MODULE_PATHNAME', 'identifier_ge'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION cdp.identifier_ge(cdp.identifier, cdp.identifier) IS 'implementation of >= operator';

CREATE OPERATOR pg_catalog.= (
    LEFTARG = cdp.identifier, RIGHTARG = cdp.identifier, FUNCTION = cdp.identifier_eq,
    COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
    RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR pg_catalog.<> (
    LEFTARG = cdp.identifier, RIGHTARG = cdp.identifier, FUNCTION = cdp.identifier_ne,
    COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
    RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
CREATE OPERATOR pg_catalog.< (
    LEFTARG = cdp.identifier, RIGHTARG = cdp.identifier, FUNCTION = cdp.identifier_lt,
    COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
    RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
CREATE OPERATOR pg_catalog.<= (
    LEFTARG = cdp.identifier, RIGHTARG = cdp.identifier, FUNCTION = cdp.identifier_le,
    COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
    RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
CREATE OPERATOR pg_catalog.> (
    LEFTARG = cdp.identifier, RIGHTARG = cdp.identifier, FUNCTION = cdp.identifier_gt,
    COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
    RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
CREATE OPERATOR pg_catalog.>= (
    LEFTARG = cdp.identifier, RIGHTARG = cdp.identifier, FUNCTION = cdp.identifier_ge,
    COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
    RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR pg_catalog.= (cdp.identifier, cdp.identifier) IS 'equal';
COMMENT ON OPERATOR pg_catalog.<> (cdp.identifier, cdp.identifier) IS 'not equal';
COMMENT ON OPERATOR pg_catalog.< (cdp.identifier, cdp.identifier) IS 'less than, by bytes';
COMMENT ON OPERATOR pg_catalog.<= (cdp.identifier, cdp.identifier) IS 'less than or equal, by bytes';
COMMENT ON OPERATOR pg_catalog.> (cdp.identifier, cdp.identifier) IS 'greater than, by bytes';
COMMENT ON OPERATOR pg_catalog.>= (cdp.identifier, cdp.identifier) IS 'greater than or equal, by bytes';

CREATE FUNCTION cdp.identifier_cmp(cdp.identifier, cdp.identifier) RETURNS integer
    AS 'MODULE_PATHNAME', 'identifier_cmp'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION cdp.identifier_cmp(cdp.identifier, cdp.identifier) IS
    'less than, equal to, greater than 0: the order of two identifiers by their bytes';
CREATE FUNCTION cdp.identifier_sortsupport(internal) RETURNS void
    AS 'MODULE_PATHNAME', 'identifier_sortsupport'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.identifier_sortsupport(internal) IS 'sort support of type identifier';
CREATE FUNCTION cdp.identifier_hash(cdp.identifier) RETURNS integer
    AS 'MODULE_PATHNAME', 'identifier_hash'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION cdp.identifier_hash(cdp.identifier) IS
    'hash of an identifier, the same on every machine and in every version';
CREATE FUNCTION cdp.identifier_hash_extended(cdp.identifier, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'identifier_hash_extended'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION cdp.identifier_hash_extended(cdp.identifier, bigint) IS
    '64-bit hash of an identifier with a seed, the same on every machine and in every version';

CREATE OPERATOR CLASS cdp.identifier_ops DEFAULT FOR TYPE cdp.identifier USING btree AS
    OPERATOR 1 pg_catalog.<,
    OPERATOR 2 pg_catalog.<=,
    OPERATOR 3 pg_catalog.=,
    OPERATOR 4 pg_catalog.>=,
    OPERATOR 5 pg_catalog.>,
    FUNCTION 1 cdp.identifier_cmp(cdp.identifier, cdp.identifier),
    FUNCTION 2 cdp.identifier_sortsupport(internal),
    FUNCTION 4 pg_catalog.btequalimage(oid);
CREATE OPERATOR CLASS cdp.identifier_ops DEFAULT FOR TYPE cdp.identifier USING hash AS
    OPERATOR 1 pg_catalog.=,
    FUNCTION 1 cdp.identifier_hash(cdp.identifier),
    FUNCTION 2 cdp.identifier_hash_extended(cdp.identifier, bigint);

-- min and max stand in pg_catalog, as the operators do: they work under
-- every search_path.

CREATE FUNCTION cdp.identifier_smaller(cdp.identifier, cdp.identifier) RETURNS cdp.identifier
    AS 'MODULE_PATHNAME', 'identifier_smaller'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.identifier_smaller(cdp.identifier, cdp.identifier) IS
    'the smaller of two identifiers';
CREATE FUNCTION cdp.identifier_larger(cdp.identifier, cdp.identifier) RETURNS cdp.identifier
    AS 'MODULE_PATHNAME', 'identifier_larger'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cdp.identifier_larger(cdp.identifier, cdp.identifier) IS
    'the larger of two identifiers';

CREATE AGGREGATE pg_catalog.min(cdp.identifier) (
    SFUNC = cdp.identifier_smaller, STYPE = cdp.identifier, COMBINEFUNC = cdp.identifier_smaller,
    SORTOP = OPERATOR(pg_catalog.<), PARALLEL = SAFE
);
COMMENT ON AGGREGATE pg_catalog.min(cdp.identifier) IS 'smallest identifier, by bytes';
CREATE AGGREGATE pg_catalog.max(cdp.identifier) (
    SFUNC = cdp.identifier_larger, STYPE = cdp.identifier, COMBINEFUNC = cdp.identifier_larger,
    SORTOP = OPERATOR(pg_catalog.>), PARALLEL = SAFE
);
COMMENT ON AGGREGATE pg_catalog.max(cdp.identifier) IS 'largest identifier, by bytes';

-- The canonical forms by themselves, for any table.

CREATE FUNCTION cdp.email(address text) RETURNS text
    AS 'MODULE_PATHNAME', 'cdp_email'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION cdp.email(text) IS
    'canonical e-mail address (RFC 5321 and 6531): local part NFKC in lower case, domain by UTS #46 in ASCII; NULL if it is none';

CREATE FUNCTION cdp.email_match_key(address text) RETURNS text
    AS 'MODULE_PATHNAME', 'cdp_email_match_key'
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION cdp.email_match_key(text) IS
    'what the addresses of one mailbox have in common by their provider''s rules: Gmail''s dots, googlemail.com, "+tag" where the provider has it; NULL if it is no address. For finding doubles, not for writing to';

CREATE FUNCTION cdp.phone(number text, region text DEFAULT NULL, vietnam_2018 boolean DEFAULT false)
    RETURNS text
    AS 'MODULE_PATHNAME', 'cdp_phone'
    LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION cdp.phone(text, text, boolean) IS
    'E.164 form of a phone number, as libphonenumber reads it from a region (two letters of ISO 3166; NULL: international numbers only), without its extension; NULL if it is not valid. vietnam_2018: old 11-digit mobile numbers of Vietnam become today''s';

CREATE FUNCTION cdp.versions(OUT component text, OUT version text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'cdp_versions'
    LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 4;
COMMENT ON FUNCTION cdp.versions() IS
    'versions of what decides on canonical forms: canonicaliser, icu, unicode, phone_metadata';
