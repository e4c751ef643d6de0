# What TAP tests share: servers that know this build of cdp, without an installation.
#
#   use CdpTest;
#   my $node = cdp_node('main');                 # initialised, started
#   my $node = cdp_node('main', conf => "fsync = on\n", allows_streaming => 1);
#   cdp_conf($standby);                          # for a node that comes from a backup
package CdpTest;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(cdp_node cdp_conf cdp_settings data_file);

# The settings with which a server finds the staged extension.
sub cdp_settings
{
	my $stage = $ENV{CDP_STAGE} or die "CDP_STAGE is not set: run by test/run";
	my $libdir = `$ENV{PG_CONFIG} --pkglibdir`;
	chomp $libdir;
	return "extension_destdir = '$stage'\n"
	  . "dynamic_library_path = '$stage$libdir:\$libdir'\n"
	  . "timezone = 'UTC'\n";
}

sub cdp_conf
{
	my ($node) = @_;
	$node->append_conf('postgresql.conf', cdp_settings());
	return;
}

# A started node. conf: further settings; the other options are init's.
sub cdp_node
{
	my ($name, %options) = @_;
	my $conf = delete $options{conf} // '';
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ], %options);
	cdp_conf($node);
	$node->append_conf('postgresql.conf', $conf);
	$node->start;
	return $node;
}

# The path of a real data file, or undef where the folder of data is missing.
sub data_file
{
	my ($name) = @_;
	my $path = ($ENV{CDP_DATA} // '') . "/$name";
	return $ENV{CDP_DATA} && -e $path ? $path : undef;
}

1;
