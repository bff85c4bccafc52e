# kill -9 of the courier, a worker and the postmaster in the middle of
# sending: everything comes back by itself, no text is sent twice, and what is
# of unknown fate is settled by its receipt.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $public = "http://127.0.0.1:$port";

# Slow enough to be hit in the middle; receipts come when all is up again.
my $gateway =
  start_gateway(delay_ms => 150, callbacks => 1, callback_delay_ms => 8000);
my $node = start_cluster('kill',
	'p2ptext.port' => $port,
	'p2ptext.public_url' => $public,
	'p2ptext.batch_size' => 100);
my $voters = 6000;
my $open = "SELECT count(*) FROM p2ptext.outbox WHERE status IN ('approved', 'sending')";

make_campaign($node, url => $gateway->url, voters => $voters);

sub worker_pid
{
	my ($kind, $column) = @_;
	wait_for($node, "SELECT count($column) FROM p2ptext.stat_worker WHERE kind = '$kind'",
		1, "$kind has a $column");
	return value($node, "SELECT $column FROM p2ptext.stat_worker WHERE kind = '$kind'");
}

# Wait until some are under way and some are not.
sub in_the_middle
{
	my ($sent) = @_;
	wait_for($node, "SELECT count(*) > $sent FROM p2ptext.message WHERE direction = 'out'",
		't', "more than $sent are sent");
	isnt(value($node, $open), 0, 'and more are to come');
}

sub nothing_twice
{
	my $times = $gateway->accepted;
	is_deeply([ grep { $times->{$_} > 1 } keys %$times ], [], 'no phone got two texts');
}

value($node, "SELECT p2ptext.approve_batch('c', 100000)");
my $courier = worker_pid('sender', 'courier_pid');
in_the_middle(300);
kill 'KILL', $courier;
wait_for($node, "SELECT courier_pid <> $courier FROM p2ptext.stat_worker WHERE kind = 'sender'",
	't', 'another courier is started');
like(value($node, "SELECT last_error FROM p2ptext.stat_worker WHERE kind = 'sender'"),
	qr/ended by signal 9/, 'stat_worker says how the last one ended');
in_the_middle(1500);
nothing_twice();

# A worker that is killed takes the server through crash recovery.
my $sender = worker_pid('sender', 'pid');
my $orphan = worker_pid('sender', 'courier_pid');
kill 'KILL', $sender;
wait_gone($orphan, 'a courier does not outlive its worker');
wait_for($node, "SELECT pid <> $sender FROM p2ptext.stat_worker WHERE kind = 'sender'",
	't', 'the sender is back after recovery');
in_the_middle(3000);
nothing_twice();

# And the postmaster, with everything.
$orphan = worker_pid('sender', 'courier_pid');
my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
$node->kill9;
wait_gone($orphan, 'no courier is left');
$gateway->tell('config', delay_ms => 10);
start_again($node, $postmaster);
wait_for($node, $open, 0, 'all the rest leaves');
nothing_twice();

# Who knows what became of those under way?  Their receipts, as far as we were
# there to take them, and the gateway when it is asked.
value($node, "SELECT p2ptext.reconcile('c')");
wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'unknown' AND reason <> 'not_found'",
	0, 'the gateway is asked for every text of unknown fate');
my $times = $gateway->accepted;
my @unknown = split /\n/, value($node, "SELECT phone FROM p2ptext.outbox WHERE status = 'unknown'");
my @sent = split /\n/, value($node, "SELECT phone FROM p2ptext.message WHERE direction = 'out'");
note(scalar(@unknown) . ' of unknown fate, ' . scalar(@sent) . ' sent');
is(scalar(@unknown) + @sent, $voters, 'every text is accounted for');
is(scalar(grep { !$times->{$_} } @sent), 0, 'what is recorded as sent was accepted');
is(scalar(grep { $times->{$_} } @unknown), 0, 'what was accepted is not of unknown fate any more');

# A person may decide about the rest.
if (@unknown)
{
	my $id = value($node, "SELECT min(id) FROM p2ptext.outbox WHERE status = 'unknown'");
	value($node, "SELECT p2ptext.resolve_unknown($id, 'retry')");
	wait_for($node, "SELECT status IN ('sent', 'delivered') FROM p2ptext.message WHERE id = $id",
		't', 'a text that surely did not leave is sent again');
}
nothing_twice();

$node->stop;
$gateway->stop;
done_testing();
