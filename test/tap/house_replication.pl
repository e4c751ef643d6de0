# Logical replication of a workspace: a publication of all tables, subscribers made by a restored
# pg_dump --schema-only and by cdp.create_workspace(empty => true). The publisher goes through a stream
# with repeats, late events, merges, splits and changes of rules; every table is the same at both sides.
# Then the subscribers are promoted. The stream is a part of online_retail, a made-up one where the file
# is missing.
# timeout: 300
use strict;
use warnings;
use CdpTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = cdp_node('publisher', allows_streaming => 'logical', conf => "log_statement = none\n");
my $subscriber = cdp_node('subscriber', conf => "log_statement = none\nwal_retrieve_retry_interval = 100ms\n");
my $retail = data_file('online_retail/online_retail.csv.gz');

# The raw lines are unlogged, so they are not published.
$publisher->safe_psql('postgres', q{
	CREATE UNLOGGED TABLE line (n integer GENERATED ALWAYS AS IDENTITY, invoice text, stock_code text, description text,
		quantity integer, at timestamptz, price numeric, customer text, country text)});
if ($retail)
{
	my $head = PostgreSQL::Test::Utils::tempdir . '/lines.csv';
	system("gzip -dc '$retail' 2>/dev/null | head -n 3001 > $head");
	$publisher->safe_psql('postgres', "\\copy line (invoice, stock_code, description, quantity, at, price, customer, country) FROM '$head' CSV HEADER");
}
else
{
	diag('online_retail is missing: the stream is made up');
	$publisher->safe_psql('postgres', q{
		INSERT INTO line (invoice, stock_code, description, quantity, at, price, customer, country)
			SELECT (536365 + n / 20)::text, 'S' || n % 100, 'thing', n % 12 - 1, '2010-12-01 08:00'::timestamptz + n * interval '1 minute', n % 40 * 0.85,
				CASE WHEN n / 20 % 3 > 0 THEN (17000 + n / 20 % 70)::text END, 'United Kingdom'
			FROM generate_series(1, 3000) n});
}

# A statement of lines n to m.
sub stream
{
	my ($from, $to) = @_;
	return qq{
		INSERT INTO shop.events (event_id, occurred_at, received_at, event, identifiers, amount, currency, traits, properties)
			SELECT cdp.event_id('line ' || n), at, at, CASE WHEN quantity < 0 THEN 'Order Refunded' ELSE 'Order Completed' END,
				ARRAY['order:' || invoice] || CASE WHEN customer > '' THEN ARRAY['user_id:' || customer] ELSE '{}' END,
				quantity * price, 'GBP', jsonb_build_object('country', country), jsonb_build_object('code', stock_code)
			FROM line WHERE n BETWEEN $from AND $to ORDER BY n;};
}

$publisher->safe_psql('postgres', q{
	CREATE EXTENSION cdp;
	SELECT cdp.create_workspace('shop');
	ALTER TABLE shop.profiles ADD COLUMN note text;
	INSERT INTO shop.computed_traits (name, kind, expression, window_days) VALUES ('seen', 'count', NULL, 3650), ('spend', 'sum', 'amount', NULL);
	INSERT INTO shop.segments (name, predicate) VALUES ('vip', $$cdp.total(ltv, 'GBP') >= 300$$), ('noted', $$note = 'yes'$$),
		('failing', $$(traits->>'country')::int > 3$$), ('away', $$last_seen < now() - interval '10 years'$$);});
$publisher->safe_psql('postgres', stream(1, 1500));
$publisher->safe_psql('postgres', 'CREATE PUBLICATION everything FOR ALL TABLES');

# The subscribers.
my $dump = PostgreSQL::Test::Utils::tempdir . '/schema';
my @subscribers = qw(restored made always);
$subscriber->safe_psql('postgres', "CREATE DATABASE $_ TEMPLATE template0 ENCODING 'UTF8'") foreach @subscribers;
$publisher->command_ok([ 'pg_dump', '--schema-only', '--no-publications', '-f', $dump, '-d', $publisher->connstr('postgres') ], 'pg_dump --schema-only');
$subscriber->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $subscriber->connstr('restored'), '-f', $dump ], 'the schema is restored');
$subscriber->safe_psql($_, q{
	CREATE EXTENSION cdp;
	SELECT cdp.create_workspace('shop', empty => true);
	ALTER TABLE shop.profiles ADD COLUMN note text}) foreach qw(made always);
my ($code, $out, $err) = $subscriber->psql('made', q{INSERT INTO shop.events (event) VALUES ('too early')});
like($err, qr/settings of workspace "shop" are missing/, 'an empty workspace takes no events');
($code, $out, $err) = $subscriber->psql('made', q{SELECT cdp.promote('shop')});
like($err, qr/settings of workspace "shop" are missing/, 'and is not promoted');
# Triggers that fire for replicated rows, too: the events must not be folded again.
$subscriber->safe_psql('always', "ALTER TABLE shop.events ENABLE ALWAYS TRIGGER $_") foreach qw(cdp_normalise cdp_ingest cdp_immutable cdp_begin);

my $tables = $publisher->safe_psql('postgres', q{SELECT tab FROM cdp.part_tables() ORDER BY 1});
my @tables = split /\n/, $tables;
my $digest = join ' UNION ALL ', map {
	"SELECT '$_' AS t, count(*), md5(coalesce(string_agg(r::text, E'\\n' ORDER BY r::text COLLATE \"C\"), '')) FROM shop.$_ r"
} @tables;

foreach my $name (@subscribers)
{
	$subscriber->safe_psql($name, "CREATE SUBSCRIPTION $name CONNECTION \$\$" . $publisher->connstr('postgres') . '$$ PUBLICATION everything');
	ok($subscriber->poll_query_until($name, q{SELECT count(*) > 0 AND bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel}), "$name: copied");
}

# Nothing stops the apply workers, and every row is the same everywhere.
sub same
{
	my ($when) = @_;
	my $expected = $publisher->safe_psql('postgres', $digest);
	foreach my $name (@subscribers)
	{
		$publisher->wait_for_catchup($name);
		is($subscriber->safe_psql($name, $digest), $expected, "$when: every table is the same ($name)");
	}
}

sub goes
{
	my ($what, $sql) = @_;
	my ($code, $out, $err) = $publisher->psql('postgres', $sql, on_error_stop => 1);
	is($code, 0, "$what at the publisher") or diag($err);
	same($what);
}

same('initial copy');

# A session of a subscriber that has the definitions in its cache.
my $session = $subscriber->background_psql('restored');
my $phone = q{SELECT cdp.canonical_identifier('shop', 'phone:0981553602') IS NULL};
is($session->query($phone), 't', 'a national number has no region yet');

goes('stream', stream(1501, 2900) . stream(2901, 2950));
goes('repeats', 'BEGIN;' . stream(2951, 2980) . stream(2951, 2980) . 'COMMIT;' . stream(1, 200) . stream(2900, 3000) . q{
	INSERT INTO shop.events (event_id, occurred_at, received_at, event, identifiers, amount)
		SELECT cdp.event_id('twice'), '2011-01-01', '2011-01-01', 'Order Completed', '{user_id:17850}', 5 FROM generate_series(1, 2)});
goes('merges', q{
	INSERT INTO shop.events (event_id, occurred_at, received_at, event, identifiers)
		SELECT cdp.event_id('m ' || n), '2011-02-01'::timestamptz + n * interval '1 hour', '2011-03-01', 'Signed In',
			ARRAY['cookie:c' || n % 90, 'email:' || CASE WHEN n % 7 = 0 THEN 'bad' ELSE 'e' || n % 60 || '@example.com' END]
				|| CASE WHEN n > 250 THEN ARRAY['user_id:u' || n % 25] ELSE '{}' END
		FROM generate_series(1, 400) n;
	INSERT INTO shop.events (occurred_at, event, identifiers)
		SELECT '2011-03-01'::timestamptz + n * interval '1 hour', 'Called', ARRAY['email:e' || n || '@example.com', 'phone:+8498155360' || n % 10] FROM generate_series(1, 40) n});
goes('late events', q{
	INSERT INTO shop.events (occurred_at, event, identifiers) SELECT '2010-06-01'::timestamptz - n * interval '1 hour', 'Late',
		ARRAY['cookie:c' || n % 90, 'email:e' || n * 7 % 60 || '@example.com', 'user_id:u' || n * 5 % 25] FROM generate_series(1, 30) n;
	INSERT INTO shop.events (occurred_at, event, identifiers) VALUES ('2009-01-01', 'Late', '{user_id:u1, cookie:c80, email:e3@example.com}')});
goes('decisions', q{
	SELECT cdp.link('shop', 'email:e1@example.com', 'user_id:u9'); SELECT cdp.link('shop', 'user_id:u2', 'user_id:u3');
	SELECT cdp.unlink('shop', 'user_id:u2', 'user_id:u3'); SELECT cdp.separate('shop', 'email:e5@example.com', 'cookie:c5')});
goes('cookies may not merge', q{UPDATE shop.identifier_namespaces SET generic_after = 3 WHERE namespace = 'cookie';
	INSERT INTO shop.identifier_namespaces VALUES ('card', 15, 2); UPDATE shop.identifier_namespaces SET can_merge = false WHERE namespace IN ('email', 'phone')});
goes('another anchor', q{UPDATE shop.identifier_namespaces SET priority = 95 WHERE namespace = 'email'});
goes('blocked values', q{
	INSERT INTO shop.blocked_identifiers (namespace, value) VALUES ('user_id', 'u7'), ('email', 'e4@example.com'); UPDATE shop.blocked_identifiers SET enabled = false WHERE value = 'u7';
	DELETE FROM shop.blocked_identifiers WHERE value = 'guest'});
goes('settings', q{UPDATE shop.settings SET default_region = 'VN'; UPDATE shop.settings SET time_zone = 'Asia/Ho_Chi_Minh', default_currency = 'GBP'});
is($session->query($phone), 'f', 'the session of the subscriber sees the new region');
goes('definitions', q{
	UPDATE shop.segments SET predicate = predicate || '0' WHERE name = 'vip'; DELETE FROM shop.segments WHERE name = 'away';
	INSERT INTO shop.segments (name, predicate) VALUES ('gone', $$last_seen < now() - interval '1 year'$$);
	DELETE FROM shop.computed_traits WHERE name = 'spend';
	UPDATE shop.profiles SET note = 'yes' WHERE profile_id % 3 = 0; SELECT cdp.reevaluate('shop')});
goes('rebuild', q{SELECT cdp.rebuild('shop')});
goes('own tables', q{
	INSERT INTO shop.exchange_rates VALUES ('EUR', '2011-01-01', 1.1); INSERT INTO shop.value_models (name, margin) VALUES ('customers', 0.3);
	UPDATE shop.value_models SET margin = 0.2; DELETE FROM shop.exchange_rates});
goes('rolled back', q{BEGIN; INSERT INTO shop.events (event, identifiers) VALUES ('x', '{user_id:rolled}'); SELECT cdp.rebuild('shop'); ROLLBACK});
# The largest id is one that was merged away.
goes('the last profile is merged', q{
	INSERT INTO shop.events (event, identifiers) VALUES ('x', '{user_id:last1, cookie:l1}'); INSERT INTO shop.events (event, identifiers) VALUES ('x', '{cookie:l2}');
	INSERT INTO shop.events (event, identifiers) VALUES ('x', '{user_id:last1, cookie:l2}')});
my $largest = $publisher->safe_psql('postgres', 'SELECT max(merged_id) FROM shop.merges');
cmp_ok($publisher->safe_psql('postgres', 'SELECT max(profile_id) FROM shop.profiles'), '<', $largest, 'the largest id is a merged one');

my $seen = $publisher->safe_psql('postgres', $digest);
like($seen, qr/^\Q$_\E\|[1-9]/m, "there are rows in $_") foreach qw(events identity_refusals merges identity_decisions segment_changes segment_failures segment_definitions);
is($publisher->safe_psql('postgres', q{SELECT * FROM cdp.check('shop')}), '', 'cdp.check finds nothing at the publisher');
is($subscriber->safe_psql($_, q{SELECT * FROM cdp.check('shop')}), '', "cdp.check finds nothing ($_)") foreach @subscribers;

# Promotion.
$subscriber->safe_psql('restored', 'CREATE ROLE regress_stranger');
($code, $out, $err) = $subscriber->psql('restored', q{SET ROLE regress_stranger; SELECT cdp.promote('shop')});
like($err, qr/must be owner of workspace "shop"/, 'a stranger does not promote');
($code, $out, $err) = $subscriber->psql('restored', q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT cdp.promote('shop')});
like($err, qr/not possible in a transaction that is REPEATABLE READ/, 'no promotion by an old snapshot');
($code, $out, $err) = $subscriber->psql('restored', q{BEGIN; SELECT cdp.promote('shop'); ROLLBACK});
like($err, qr/WARNING: .*still a subscriber's.*DETAIL:  Enabled subscriptions: restored/s, 'a subscription that is enabled is said');
($code, $out, $err) = $subscriber->psql('restored', q{
	SET allow_system_table_mods = on; BEGIN; UPDATE pg_subscription_rel SET srsubstate = 'd' WHERE srrelid = 'shop.merges'::regclass;
	SELECT cdp.promote('shop'); ROLLBACK});
like($err, qr/ERROR: .*initial copy has not ended.*DETAIL:  Tables that are still to be copied: shop.merges/s, 'no promotion before the initial copy has ended');
$subscriber->safe_psql('restored', q{
	ALTER TABLE shop.events DISABLE TRIGGER cdp_ingest; ALTER TABLE shop.segments ENABLE TRIGGER ALL; ALTER TABLE shop.profiles DISABLE TRIGGER USER;
	ALTER TABLE shop.events REPLICA IDENTITY DEFAULT});
my $states = q{SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'shop.%' AND NOT tgisinternal ORDER BY 1, 2};
foreach my $name (@subscribers)
{
	$subscriber->safe_psql($name, "DROP SUBSCRIPTION $name");
	like($subscriber->safe_psql($name, q{SELECT * FROM cdp.check('shop')}), qr/^profiles.profile_id\|sequence\|0\|at least $largest$/, "$name: without a subscription, the sequence lags") if $name ne 'restored';
	# A definition that names what is not here; past the event triggers.
	$subscriber->safe_psql($name, q{SET session_replication_role = replica; ALTER TABLE shop.profiles RENAME note TO remark; ALTER TABLE shop.profiles ADD COLUMN other text});
	($code, $out, $err) = $subscriber->psql($name, q{SELECT cdp.promote('shop')});
	like($err, qr/ERROR: .*definitions do not compile here.*DETAIL:  Segment "noted": column "note" does not exist/s, "$name: a definition that does not compile is an error");
	like($err, qr/HINT:  Make what they name/, '... with a hint');
	$subscriber->safe_psql($name, q{SET session_replication_role = replica; ALTER TABLE shop.profiles RENAME remark TO note});
	($code, $out, $err) = $subscriber->psql($name, q{SELECT cdp.promote('shop')});
	is($code, 0, "$name: promoted") or diag($err);
	is($err, '', '... without a warning');
	is($subscriber->safe_psql($name, $states), $publisher->safe_psql('postgres', $states), '... with the triggers of the publisher');
	is($subscriber->safe_psql($name, q{SELECT relreplident FROM pg_class WHERE oid = 'shop.events'::regclass}), 'f', '... and replica identities');
	my $insert = q{
		INSERT INTO shop.events (event, identifiers, amount) VALUES ('promoted', '{user_id:17850, cookie:promoted}', 1), ('promoted', '{user_id:promoted}', 1);
		INSERT INTO shop.events (event_id, event, identifiers, amount) VALUES (cdp.event_id('line 1'), 'repeated', '{user_id:promoted}', 100);
		INSERT INTO shop.events (occurred_at, event, identifiers) VALUES ('2009-01-01', 'late', '{user_id:promoted, phone:0981553777}');
		INSERT INTO shop.events (event, identifiers) VALUES ('promoted', '{cookie:p1}'); INSERT INTO shop.events (event, identifiers) VALUES ('promoted', '{cookie:p1, user_id:promoted}');};
	$name eq 'restored' ? $session->query($insert) : $subscriber->safe_psql($name, $insert);
	is($subscriber->safe_psql($name, q{SELECT event_count, cdp.total(ltv, 'GBP') FROM shop.profiles WHERE profile_id = cdp.profile_of('shop', 'user_id:promoted')}),
		'4|1', "$name: a new customer");
	cmp_ok($subscriber->safe_psql($name, q{SELECT cdp.profile_of('shop', 'user_id:promoted')}), '>', $largest, '... has an id that nobody had');
	is($subscriber->safe_psql($name, q{SELECT * FROM cdp.check('shop')}), '', "$name: cdp.check finds nothing after new events");
	$subscriber->safe_psql($name, q{SELECT cdp.rebuild('shop')});
	is($subscriber->safe_psql($name, q{SELECT * FROM cdp.check('shop')}), '', '... and after a rebuild');
}
$session->quit;
$subscriber->stop;
$publisher->stop;
done_testing();
