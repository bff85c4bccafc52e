# The end of a worker, a server or a database, with a thousand requests to a
# gateway that never answers.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use Sending;
use Test::More;
use Time::HiRes qw(time);

my $gateway = start_gateway;
my $node = start_cluster('end',
	'p2ptext.max_in_flight' => 1000,
	'p2ptext.request_timeout' => '60s');
my $sending = "SELECT count(*) FROM p2ptext.outbox WHERE status = 'sending'";

create_extension($node);
add_gateway($node, 'tw', $gateway->url, [SENDER]);

# Texts leave, and then a thousand requests are never answered.
sub hang
{
	my ($name, $first) = @_;

	$gateway->tell('config', hang => 0, delay_ms => 300);
	wait_until("$name: the gateway has let go of what hung before", sub { $gateway->stats->{held} == 0 });
	add_campaign($node, $name, 'tw', first => $first, voters => 6000);
	approve_all($node, $name);
	wait_for($node, "SELECT count(*) > 0 FROM p2ptext.message m JOIN p2ptext.campaign c ON c.id = m.campaign_id
					 WHERE c.name = '$name'", 't', "$name: texts leave");
	$gateway->tell('config', hang => 1);
	wait_until('and hang at the gateway', sub { $gateway->stats->{hanging} >= 1000 });
	return;
}

sub ends_in
{
	my ($began, $what) = @_;
	my $took = time - $began;
	cmp_ok($took, '<', promised(2, 10), sprintf('%s takes %.2f s', $what, $took));
	return;
}

# Nothing is sent any more, and what hung is of unknown fate.
sub accounted
{
	my ($name) = @_;
	my $of = "JOIN p2ptext.campaign c ON c.id = campaign_id WHERE c.name = '$name'";
	my $unknown = value($node, "SELECT count(*) FROM p2ptext.outbox o $of AND o.status = 'unknown'");
	my $sent = value($node, "SELECT count(*) FROM p2ptext.message m $of AND m.status = 'sent'");

	cmp_ok($unknown, '>=', 900, "$unknown that hung are of unknown fate");
	is($sent + $unknown, scalar(grep { $_->{body} =~ /$name/ } records($gateway)), 'the rest as the gateway knows');
	is(value($node, "SELECT count(*) FROM p2ptext.outbox o $of AND o.status = 'approved'"),
		6000 - $sent - $unknown, 'and what had not begun waits');
	value($node, "SELECT p2ptext.cancel('$name')");
	return;
}

hang('term', 0);
my $pid = value($node, "SELECT pid FROM p2ptext.stat_worker WHERE kind = 'sender'");
value($node, "SELECT p2ptext.pause('term')");
my $began = time;
value($node, "SELECT pg_terminate_backend($pid)");
wait_gone($pid, 'a terminated sender ends');
ends_in($began, 'that');
wait_for($node, "SELECT state FROM p2ptext.stat_worker WHERE kind = 'sender'", 'idle', 'another one starts');
wait_for($node, $sending, 0, 'and nothing is being sent');
accounted('term');

hang('fast', 10000);
$began = time;
$node->stop('fast');
ends_in($began, 'a fast stop');
$node->append_conf('postgresql.conf', 'p2ptext.sending = off');
$node->start;
wait_for($node, $sending, 0, 'after the start nothing is being sent');
accounted('fast');
$node->append_conf('postgresql.conf', 'p2ptext.sending = on');
value($node, 'SELECT pg_reload_conf()');

hang('extension', 20000);
$began = time;
value($node, 'DROP EXTENSION p2ptext CASCADE');
ends_in($began, 'DROP EXTENSION');
value($node, 'DROP TABLE voters_term, voters_fast, voters_extension; DROP FUNCTION phone_of');

create_extension($node);
add_gateway($node, 'tw', $gateway->url, [SENDER]);
hang('database', 30000);
$began = time;
$node->safe_psql('template1', 'DROP DATABASE postgres');
ends_in($began, 'DROP DATABASE');

$node->stop;
$gateway->stop;
done_testing();
