# Dump and restore of a workspace: full in both formats and in parallel, schema and data apart, data
# only into a workspace that exists; and what becomes of a data-only restore that would count twice.
# timeout: 240
use strict;
use warnings;
use CdpTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = cdp_node('restore');
my $dir = PostgreSQL::Test::Utils::tempdir;

# What is in a workspace's tables, whatever the order of the rows.
my @tables = qw(settings identifier_namespaces blocked_identifiers events event_ids profiles identifiers
  identity_links identity_refusals merges opening_balances segments segment_changes segment_failures
  computed_traits computed_trait_failures
  exchange_rates value_models value_model_fits);
my $digest = join ' UNION ALL ', map {
	"SELECT '$_' AS t, count(*), md5(coalesce(string_agg(r::text, E'\\n' ORDER BY r::text COLLATE \"C\"), '')) FROM shop.$_ r"
} @tables;

sub digest { return $node->safe_psql($_[0], $digest); }
sub check { return $node->safe_psql($_[0], "SELECT * FROM cdp.check('shop')"); }

# Of the parts that new events change: by the identifiers of each profile, its id left out.
sub state_of
{
	return $node->safe_psql($_[0], q{
		SELECT string_agg(i.identifier::text, ' ' ORDER BY i.identifier), p.event_count, cdp.total(p.ltv, 'USD'),
			p.traits::jsonb, cdp.to_jsonb(p.computed, '2024-03-01'), cdp.segment_names(p.segments)
		FROM shop.profiles p JOIN shop.identifiers i USING (profile_id) GROUP BY p.profile_id ORDER BY 1});
}

sub create_db
{
	$node->safe_psql('postgres', "CREATE DATABASE $_[0] TEMPLATE template0 ENCODING 'UTF8'");
	return $_[0];
}

my $more = q{
	INSERT INTO shop.events (event_id, occurred_at, received_at, event, identifiers, amount, traits) VALUES
		(cdp.event_id('more 1'), '2024-06-01', '2024-06-01', 'more', '{user_id:1, cookie:9}', 5000, '{"plan": "gold"}'),
		(cdp.event_id('more 2'), '2024-06-02', '2024-06-02', 'more', '{user_id:new, phone:0981553602}', 1, NULL),
		(cdp.event_id('n 1'), '2024-01-01', '2024-01-01', 'repeated', '{user_id:1}', 5000, NULL)};

create_db('source');
$node->safe_psql('source', q{
	CREATE EXTENSION cdp;
	SELECT cdp.create_workspace('shop');
	CREATE ROLE regress_app;
	GRANT USAGE ON SCHEMA shop TO regress_app;
	GRANT INSERT ON shop.events TO regress_app;
	INSERT INTO shop.identifier_namespaces VALUES ('card', 15, 2);
	INSERT INTO shop.blocked_identifiers (namespace, value) VALUES ('cookie', '13');
	UPDATE shop.settings SET default_region = 'VN', time_zone = 'Asia/Ho_Chi_Minh';
	ALTER TABLE shop.profiles ADD COLUMN note text DEFAULT 'n/a', ADD COLUMN big boolean GENERATED ALWAYS AS (event_count > 20) STORED;
	CREATE INDEX profiles_note ON shop.profiles (note);
	INSERT INTO shop.computed_traits (name, kind, event, filter, expression, window_days) VALUES
		('seen_30d', 'count', NULL, NULL, NULL, 30), ('spend', 'sum', NULL, 'amount > 0', 'amount', NULL),
		('plans', 'unique_list', 'e1', NULL, $$traits->>'plan'$$, 90), ('plan', 'most_frequent', NULL, NULL, $$traits->>'plan'$$, NULL),
		('last_event', 'last', NULL, NULL, 'event', 400), ('n', 'max', NULL, NULL, $$(traits->>'plan')::int$$, NULL);
	INSERT INTO shop.segments (name, predicate) VALUES ('busy', $$cdp.computed_int(computed, 'seen_30d') > 5$$), ('vip', $$cdp.total(ltv, 'USD') >= 300$$),
		('failing', $$(traits->>'plan')::int > 3$$), ('local', $$last_seen >= '2024-01-20'::date$$);
	INSERT INTO shop.events (event_id, occurred_at, received_at, event, identifiers)
		SELECT cdp.event_id('early ' || n), '2023-12-01', '2024-03-01', 'early', ARRAY['email:e' || n || '@example.com']
		FROM generate_series(1, 60) n;
	INSERT INTO shop.events (event_id, occurred_at, received_at, event, source, identifiers, amount, currency, traits, properties)
		SELECT cdp.event_id('n ' || n), '2024-01-01'::timestamptz + n * interval '1 hour', '2024-03-01', 'e' || n % 3, 'web',
			ARRAY['user_id:' || n % 40, 'cookie:' || n % 90, 'card:' || n % 55, 'email:' || CASE WHEN n % 7 = 0 THEN 'bad' ELSE 'e' || n % 100 || '@example.com' END],
			CASE WHEN n % 4 > 0 THEN (n % 50 - 3) * 1.001 END, CASE WHEN n % 4 > 0 AND n % 5 > 0 THEN 'usd' END,
			jsonb_build_object('plan', CASE WHEN n % 11 = 0 THEN to_jsonb('none'::text) ELSE to_jsonb(n % 6) END, 'x' || n % 3, n, 'q', E'"\\\\\t' || n),
			jsonb_build_object('n', n)
		FROM generate_series(1, 800) n;
	UPDATE shop.profiles SET note = 'note ' || profile_id WHERE profile_id % 2 = 0;
	INSERT INTO shop.exchange_rates VALUES ('EUR', '2024-01-01', 1.1), ('VND', '2024-01-01', 0.00004);
	INSERT INTO shop.value_models (name, margin) VALUES ('customers', 0.3);
	INSERT INTO shop.value_model_fits (value_model, fitted_at, model, currency, calibration_end, purchases, amounts)
		VALUES ('customers', '2024-03-01', 'bgnbd', 'USD', '2024-03-01', to_jsonb(cdp.bgnbd_model(0.243, 4.414, 0.793, 2.426, '7 days')),
			to_jsonb(cdp.gamma_gamma_model(6.25, 3.74, 15.44)));
	SELECT cdp.score('shop');
	CREATE SCHEMA app;
	CREATE TABLE app.orders AS SELECT 1 AS n, '{"plan": "x"}'::jsonb AS j, 'email:a@b.com'::cdp.identifier AS who, cdp.ltv(5, 'USD', now(), 'UTC') AS value;
	CREATE VIEW app.gold AS SELECT profile_id, traits->>'plan' AS plan FROM shop.profiles WHERE segments ? 'vip';
});
my $source = digest('source');
is(check('source'), '', 'cdp.check finds nothing in the source');
like($source, qr/^merges\|[1-9]/m, 'there are merges');
like($source, qr/^identity_refusals\|[1-9]/m, 'there are refusals');
like($source, qr/^segment_failures\|[1-9]/m, 'there are failures of predicates');

$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/c", '-d', $node->connstr('source') ], 'pg_dump -Fc');
$node->command_ok([ 'pg_dump', '-Fp', '-f', "$dir/p", '-d', $node->connstr('source') ], 'pg_dump -Fp');

# Full restores.
my %restore = (
	custom => [ 'pg_restore', '--exit-on-error', '-d', $node->connstr('custom'), "$dir/c" ],
	parallel => [ 'pg_restore', '-j', '2', '--exit-on-error', '-d', $node->connstr('parallel'), "$dir/c" ],
	single => [ 'pg_restore', '--single-transaction', '--exit-on-error', '-d', $node->connstr('single'), "$dir/c" ],
	plain => [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('plain'), '-f', "$dir/p" ]);
foreach my $name (sort keys %restore)
{
	create_db($name);
	$node->command_ok($restore{$name}, "$name: full restore");
	is(digest($name), $source, "$name: every table is equal");
	is(check($name), '', "$name: cdp.check finds nothing");
}

# Life goes on, and in the copies as in the source: sequence, triggers, rights, definitions.
$node->safe_psql('source', $more);
foreach my $name (sort keys %restore)
{
	$node->safe_psql($name, "SET ROLE regress_app; $more");
	is(state_of($name), state_of('source'), "$name: new events give the same profiles");
	is($node->safe_psql($name, q{SELECT note, big FROM shop.profiles WHERE profile_id = cdp.profile_of('shop', 'user_id:new')}),
		'n/a|f', "$name: a new profile has the user's columns");
	is(check($name), '', "$name: cdp.check finds nothing after new events");
}

# Schema first, data later: without triggers all of it, with them none of it.
create_db('apart');
$node->command_ok([ 'pg_restore', '--schema-only', '--exit-on-error', '-d', $node->connstr('apart'), "$dir/c" ], 'schema only');
foreach my $options ([ '--data-only' ], [ '--data-only', '--single-transaction' ])
{
	my ($out, $err) = run_command([ 'pg_restore', @$options, '-n', 'shop', '-d', $node->connstr('apart'), "$dir/c" ]);
	like($err, qr/ERROR: .*settings of workspace "shop" are missing/, "@$options: refused");
	like($err, qr/HINT: .*--disable-triggers/, "@$options: with a hint");
	is($node->safe_psql('apart', join ' + ', map { $_ eq $tables[0] ? "SELECT (SELECT count(*) FROM shop.$_)" : "(SELECT count(*) FROM shop.$_)" }
		grep { !/^(blocked_identifiers|opening_balances|exchange_rates|value_models|value_model_fits)$/ } @tables), 0, "@$options: nothing is left");
}
$node->safe_psql('apart', 'SET session_replication_role = replica; TRUNCATE shop.blocked_identifiers, shop.exchange_rates, shop.value_models, shop.value_model_fits');
$node->command_ok([ 'pg_restore', '--data-only', '--disable-triggers', '--exit-on-error', '-d', $node->connstr('apart'), "$dir/c" ],
	'data only with --disable-triggers');
is(digest('apart'), $source, 'schema and data apart: every table is equal');
$node->safe_psql('apart', $more);
is(state_of('apart'), state_of('source'), 'schema and data apart: new events give the same profiles');
is(check('apart'), '', 'schema and data apart: cdp.check finds nothing');

# Data only into a workspace that cdp.create_workspace has made: its own definitions make room.
create_db('existing');
$node->safe_psql('existing', q{
	CREATE EXTENSION cdp;
	SELECT cdp.create_workspace('shop');
	ALTER TABLE shop.profiles ADD COLUMN note text DEFAULT 'n/a', ADD COLUMN big boolean GENERATED ALWAYS AS (event_count > 20) STORED;
	INSERT INTO shop.events (event, identifiers) VALUES ('kept', '{user_id:kept}');});
my $kept = digest('existing');
my @options = ([ '--single-transaction' ], map { [ '-t', $_ ] } qw(events event_ids profiles identifiers identity_links
	identity_refusals merges segment_changes segment_failures settings));
foreach my $options (@options)
{
	my ($out, $err) = run_command([ 'pg_restore', '--data-only', @$options, '-n', 'shop', '-d', $node->connstr('existing'), "$dir/c" ]);
	like($err, qr/ERROR: /, "data only into an existing workspace with triggers, @$options: refused");
	like($err, qr/HINT: .*--disable-triggers/, '... with a hint') if $$options[0] eq '-t' && $$options[1] ne 'settings';
	is(digest('existing'), $kept, '... and nothing has changed');
}
$node->safe_psql('existing', 'SET session_replication_role = replica; TRUNCATE ' . join(', ', map { "shop.$_" } @tables));
$node->command_ok([ 'pg_restore', '--data-only', '--disable-triggers', '--exit-on-error', '-n', 'shop', '-d', $node->connstr('existing'), "$dir/c" ],
	'data only into an emptied workspace with --disable-triggers');
is(digest('existing'), $source, '... every table is equal');
$node->safe_psql('existing', $more);
is(state_of('existing'), state_of('source'), '... new events give the same profiles');
is(check('existing'), '', '... cdp.check finds nothing');

# Data only into a workspace that was made without rows.
create_db('empty');
$node->safe_psql('empty', q{
	CREATE EXTENSION cdp;
	SELECT cdp.create_workspace('shop', empty => true);
	ALTER TABLE shop.profiles ADD COLUMN note text DEFAULT 'n/a', ADD COLUMN big boolean GENERATED ALWAYS AS (event_count > 20) STORED;});
$node->command_ok([ 'pg_restore', '--data-only', '--disable-triggers', '--exit-on-error', '-n', 'shop', '-d', $node->connstr('empty'), "$dir/c" ],
	'data only into a workspace without rows with --disable-triggers');
is(digest('empty'), $source, '... every table is equal');
$node->safe_psql('empty', "SELECT cdp.prepare_replication('shop'); $more");
is(state_of('empty'), state_of('source'), '... new events give the same profiles');
is(check('empty'), '', '... cdp.check finds nothing');

$node->stop;
done_testing();
