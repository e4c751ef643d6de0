# A hot standby answers every function that reads, as the primary does; a session there sees definitions
# that change on the primary. On the primary, reading assigns no transaction id.
use strict;
use warnings;
use CdpTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = cdp_node('primary', allows_streaming => 1, conf => "log_statement = none\n");
$primary->safe_psql('postgres', q{
	CREATE EXTENSION cdp;
	SELECT cdp.create_workspace('shop');
	INSERT INTO shop.computed_traits (name, kind, expression, window_days) VALUES ('seen', 'count', NULL, 3650), ('spend', 'sum', 'amount', NULL);
	INSERT INTO shop.segments (name, predicate) VALUES ('busy', $$cdp.computed_int(computed, 'seen') > 5$$), ('vip', $$cdp.total(ltv, 'USD') >= 100$$),
		('failing', $$(traits->>'plan')::int > 3$$), ('young', $$now() < first_seen + interval '100 years' AND segments ? 'vip'$$);
	INSERT INTO shop.events (event, identifiers) SELECT 'early', ARRAY['cookie:' || n] FROM generate_series(1, 90) n;
	INSERT INTO shop.events (event_id, occurred_at, event, identifiers, amount, traits)
		SELECT cdp.event_id('n ' || n), '2024-01-01'::timestamptz + n * interval '1 hour', 'e' || n % 3,
			ARRAY['cookie:' || n % 90, 'email:' || CASE WHEN n % 7 = 0 THEN 'bad' ELSE 'e' || n % 60 || '@example.com' END]
				|| CASE WHEN n > 150 THEN ARRAY['user_id:' || n % 20] ELSE '{}' END, n % 50,
			jsonb_build_object('plan', CASE WHEN n % 11 = 0 THEN 'none' ELSE (n % 6)::text END, 'name', 'N ' || n % 20)
		FROM generate_series(1, 300) n});
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

my %read = (
	profile_of => q{SELECT i, cdp.profile_of('shop', i) FROM unnest('{user_id:1, cookie:5, EMAIL:E7@Example.com, email:bad, x:none}'::text[]) i},
	canonical => q{SELECT merged_id, cdp.canonical('shop', merged_id) FROM shop.merges ORDER BY 1},
	canonical_identifier => q{SELECT cdp.canonical_identifier('shop', 'EMAIL:E7@Example.com')},
	timeline => q{SELECT t.* FROM shop.profiles p, cdp.timeline('shop', p.profile_id) t WHERE p.profile_id = cdp.profile_of('shop', 'user_id:3')},
	explain_identity => q{SELECT * FROM cdp.explain_identity('shop', 'cookie:5', 'email:e5@example.com', mask => true)},
	identity_graph => q{SELECT cdp.identity_graph('shop', cdp.profile_of('shop', 'user_id:3'))},
	check => q{SELECT * FROM cdp.check('shop')},
	status => q{SELECT topic, item, value FROM cdp.status('shop') WHERE topic = 'rows' ORDER BY 1, 2, 3},
	customers => q{SELECT * FROM shop.customers ORDER BY profile_id},
	profiles => q{SELECT profile_id, traits->>'plan', cdp.total(ltv, 'USD'), segments FROM shop.profiles WHERE segments ? 'vip' ORDER BY 1},
	computed => q{SELECT profile_id, computed->>'seen', cdp.computed_numeric(computed, 'spend'), computed::jsonb FROM shop.profiles ORDER BY 1},
	aggregates => q{SELECT cdp.merge_agg(traits), cdp.merge_agg(ltv) FROM (SELECT traits, ltv FROM shop.profiles ORDER BY profile_id) p},
	profiles_now => q{SELECT profile_id, segments FROM shop.profiles_now ORDER BY 1},
	members => q{SELECT * FROM cdp.members('shop', 'young') ORDER BY 1},
	members_then => q{SELECT count(*) > 0 FROM cdp.members('shop', 'vip', now())},
	count => q{SELECT cdp.count('shop', $$last_seen < now() - interval '1 day' AND segments ? 'vip'$$)},
	explain_segment => q{SELECT e.node, e.value, e.truth, e.flips_at, e.event_id FROM shop.profiles p, cdp.explain_segment('shop', p.profile_id, 'vip') e ORDER BY p.profile_id, 1},
	next_due => q{SELECT cdp.next_due('shop') > interval '70 years'},
	event_id => q{SELECT cdp.event_id('x')},
	clock => q{SELECT cdp.now() > now() - interval '1 hour'});

sub same_everywhere
{
	my ($when) = @_;
	$primary->wait_for_catchup($standby);
	is($standby->safe_psql('postgres', $read{$_}), $primary->safe_psql('postgres', $read{$_}), "$when: $_") foreach sort keys %read;
	is($standby->safe_psql('postgres', $read{check}), '', "$when: cdp.check finds nothing");
}

cmp_ok($primary->safe_psql('postgres', 'SELECT count(*) FROM shop.merges'), '>', 0, 'there are merges');
same_everywhere('restored');

# No transaction id for reading.
foreach my $name (sort keys %read)
{
	is($primary->safe_psql('postgres', "BEGIN; \\o /dev/null\n$read{$name};\n\\o\nSELECT pg_current_xact_id_if_assigned() IS NULL; COMMIT"), 't', "$name assigns no transaction id");
}

# Writing says what it is.
foreach my $statement ("INSERT INTO shop.events (event, identifiers) VALUES ('x', '{user_id:1}')", "SELECT cdp.rebuild('shop')",
	"SELECT cdp.reevaluate('shop')", "INSERT INTO shop.segments VALUES ('x', 'true')", "SELECT cdp.create_workspace('x')")
{
	my ($code, $out, $err) = $standby->psql('postgres', $statement);
	like($err, qr/read-only transaction|during recovery/, "standby: $statement");
}

# A session of the standby that has the definitions in its cache.
my $session = $standby->background_psql('postgres');
my $phone = q{SELECT cdp.canonical_identifier('shop', 'phone:0981553602') IS NULL};
is($session->query($phone), 't', 'a national number has no region yet');
$primary->safe_psql('postgres', q{
	UPDATE shop.settings SET default_region = 'VN';
	INSERT INTO shop.events (event, identifiers, amount) VALUES ('late', '{phone:0981553602, user_id:1}', 1000), ('late', '{cookie:1, cookie:2}', 1);
	DELETE FROM shop.segments WHERE name = 'failing';
	SELECT cdp.rebuild('shop')});
$primary->wait_for_catchup($standby);
is($session->query($phone), 'f', 'the session sees the new region');
is($session->query($read{check}), '', 'cdp.check finds nothing there');
$session->quit;
same_everywhere('after changes');

# And the standby takes over.
$primary->stop;
$standby->promote;
$standby->safe_psql('postgres', q{INSERT INTO shop.events (event, identifiers, amount) VALUES ('promoted', '{user_id:1, cookie:promoted}', 1), ('promoted', '{user_id:promoted}', 1)});
is($standby->safe_psql('postgres', $read{check}), '', 'promoted: cdp.check finds nothing after new events');
$standby->stop;
done_testing();
