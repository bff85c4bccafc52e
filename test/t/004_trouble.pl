# What goes wrong around the workers is shown, waits, and loses nothing: no
# credentials, a secrets file open to others, a port in use, a courier that is
# missing or keeps dying, a gateway that refuses.  And a standby stays quiet.

use strict;
use warnings;

use lib 'test/t/lib';
use IO::Socket::INET;
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $taken = IO::Socket::INET->new(
	LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 1, ReuseAddr => 1)
  or die "cannot take port $port: $!";
my $gateway = start_gateway();
my $node = start_cluster('trouble', streaming => 1, 'p2ptext.port' => $port);
my $secrets = $node->basedir . '/secrets';

sub stat_is
{
	my ($kind, $columns, $pattern, $what) = @_;
	wait_for($node, "SELECT ($columns) ~ '$pattern' FROM p2ptext.stat_worker
					 WHERE kind = '$kind' AND datname = current_database()", 't', $what);
	return;
}

sub reload
{
	value($node, 'SELECT pg_reload_conf()');
	return;
}

make_campaign($node, url => $gateway->url, voters => 50);

# A port in use.
stat_is('receiver', 'state', 'backoff', 'with its port in use the receiver waits');
stat_is('receiver', 'last_error', "$port.*p2ptext.port", 'and says which port and what to set');
close $taken;
stat_is('receiver', 'state', 'idle', 'it listens once the port is free');

# No secret, or one that others can read.
append_to_file($secrets, '');
chmod 0644, $secrets;
my ($code, undef, $error) = $node->psql('postgres', "SELECT p2ptext.launch('c')");
like($error, qr/wrong permissions.*chmod 0600/s, 'launch refuses a secrets file that others can read');
reload();
stat_is('sender', 'last_error', 'no credentials', 'so does the sender, and says so');
value($node, "SELECT p2ptext.approve_batch('c', 10)");
wait_for($node, "SELECT status, count(*) FROM p2ptext.outbox GROUP BY 1 ORDER BY 1",
	"approved|10\ndraft|40", 'what is approved waits');
chmod 0600, $secrets;
reload();
wait_for($node, 'SELECT count(*) FROM p2ptext.message', 10, 'and leaves when the file is right');

# The gateway does not know us: nothing is lost, and it is said.
unlink $secrets;
append_to_file($secrets, "tw = wrong\n");
chmod 0600, $secrets;
reload();
value($node, "SELECT p2ptext.approve_batch('c', 5)");
wait_for($node, "SELECT status, max(error_code), count(*) FROM p2ptext.outbox
				 WHERE status <> 'draft' GROUP BY 1", 'approved|20003|5',
	'texts refused for wrong credentials wait');
is( value($node, "SELECT state, why FROM p2ptext.stat_limit WHERE kind = 'gateway'"),
	'open|Authenticate', 'and the gateway rests');
unlink $secrets;
append_to_file($secrets, 'tw = ' . SECRET . "\n");
chmod 0600, $secrets;
reload();
wait_for($node, 'SELECT count(*) FROM p2ptext.message', 15, 'and leave when they are right');

# A courier that is missing, then one that keeps dying.
my $courier = `pg_config --pkglibdir`;
chomp $courier;
$courier .= '/p2ptext-courier';
rename $courier, "$courier.away" or die "rename: $!";
my $pid = value($node, "SELECT courier_pid FROM p2ptext.stat_worker WHERE kind = 'sender'");
kill 'KILL', $pid;
stat_is('sender', "state || ': ' || last_error", 'backoff: could not execute .*install p2ptext again',
	'a courier that is missing is named, with the fix');
value($node, "SELECT p2ptext.approve_batch('c', 5)");
append_to_file($courier, "#!/bin/sh\nexit 3\n");
chmod 0755, $courier;
stat_is('sender', "state || ': ' || last_error", 'backoff: courier exited with code 3',
	'one that dies at once is tried again, later each time');
is(value($node, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'approved'"), 5, 'texts wait');
unlink $courier;
rename "$courier.away", $courier or die "rename: $!";
wait_for($node, 'SELECT count(*) FROM p2ptext.message', 20, 'and leave when it works again');

# Settings that are rows move the workers at once.
value($node, "SELECT p2ptext.pause('c')");
value($node, "SELECT p2ptext.approve_batch('c', 5)");
value($node, "UPDATE p2ptext.gateway SET enabled = false");
value($node, "SELECT p2ptext.resume('c')");
value($node, 'SELECT pg_sleep(0.5)');
is(value($node, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'approved'"), 5,
	'nothing leaves by a gateway that is not enabled');
value($node, "UPDATE p2ptext.gateway SET enabled = true");
wait_for($node, 'SELECT count(*) FROM p2ptext.message', 25, 'it leaves when it is');

# A standby has everything and does nothing, until it is promoted.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'p2ptext.port = 0');
$standby->start;
$node->wait_for_catchup($standby);
is( value($standby, "SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'p2ptext'"),
	0, 'a standby runs no workers');
is(value($standby, 'SELECT count(*) FROM p2ptext.stat_worker'), 0, 'and shows none');
is(value($standby, 'SELECT count(*) FROM p2ptext.message'), 25, 'it has the messages');
$node->stop;
$standby->promote;
value($standby, "SELECT p2ptext.approve_batch('c', 5)");
wait_for($standby, 'SELECT count(*) FROM p2ptext.message', 30, 'promoted, it sends');
my $times = $gateway->accepted;
is(scalar(grep { $_ > 1 } values %$times), 0, 'nobody got two texts in all of this');

$standby->stop;
$gateway->stop;
done_testing();
