# pg_cron calls cdp.run: changes by the clock are recorded without anybody asking, over a connection of
# pg_cron's and in a background worker. A schedule of "@reboot" is what does not take a minute.
use strict;
use warnings;
use CdpTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $libdir = `$ENV{PG_CONFIG} --pkglibdir`;
chomp $libdir;
plan skip_all => 'pg_cron is not installed (Debian: postgresql-15-cron)' unless -e "$libdir/pg_cron.so";

my $node = PostgreSQL::Test::Cluster->new('cron');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
cdp_conf($node);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'postgres'\n"
	  . "cron.host = '" . $node->host . "'\ncron.log_run = on\n");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION pg_cron;
	CREATE EXTENSION cdp;
	SELECT cdp.create_workspace('shop');
	INSERT INTO shop.segments VALUES ('fresh', $$last_seen > now() - interval '2 seconds'$$);
	SELECT cron.schedule('cdp', '@reboot', $$CALL cdp.run('shop', 2)$$);
	-- on a day that never comes: nobody ticks but at a restart
	SELECT cron.schedule('never', '0 0 31 2 *', $$CALL cdp.run('shop')$$)});

foreach my $way ('connection', 'background worker')
{
	$node->append_conf('postgresql.conf', 'cron.use_background_workers = ' . ($way eq 'connection' ? 'off' : 'on') . "\n");
	$node->safe_psql('postgres', q{
		INSERT INTO shop.events (event, identifiers) SELECT 'e', ARRAY['user_id:' || i] FROM generate_series(1, 5) i});
	$node->poll_query_until('postgres', q{SELECT bool_and(last_seen < now() - interval '2 seconds') FROM shop.profiles}) or die;
	is($node->safe_psql('postgres', q{SELECT count(*) FROM shop.profiles WHERE segments ? 'fresh'}), '5', "$way: nobody has ticked yet");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM shop.profiles_now WHERE segments ? 'fresh'}), '0', "$way: reads know without a tick");
	$node->restart;
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM shop.profiles WHERE segments ? 'fresh'}), "$way: pg_cron has");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM shop.segment_changes c JOIN shop.profiles p USING (profile_id)
		WHERE NOT entered AND at = last_seen + interval '2 seconds' AND cause = 'clock'}), '5', "$way: each change at its instant");
	is($node->safe_psql('postgres', q{SELECT cdp.next_due('shop') IS NULL}), 't', "$way: nothing more is due");
	is($node->safe_psql('postgres', q{SELECT * FROM cdp.check('shop')}), '', "$way: cdp.check finds nothing");
}
$node->stop;
done_testing();
