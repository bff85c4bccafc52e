# Somebody may hold rows for long, with a transaction left open: that holds up
# no webhook, no opt-out and nobody else's conversation.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Receiving;
use Sending;
use Test::More;
use Time::HiRes qw(sleep time);

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $gateway = start_gateway();
my $node = start_cluster('receivelocks',
	'p2ptext.port' => $port,
	'p2ptext.public_url' => "http://127.0.0.1:$port");

create_extension($node);
add_gateway($node, 'tw', $gateway->url, [SENDER]);
add_campaign($node, 'c', 'tw', voters => 100);
value($node, "SELECT p2ptext.approve_batch('c', 60)");
wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE status = 'sent'", 60, 'texts leave');
my @phones = split /\n/, value($node, 'SELECT phone FROM p2ptext.message ORDER BY id');
my @drafts = split /\n/, value($node, "SELECT phone FROM p2ptext.outbox WHERE status = 'draft' ORDER BY id");
my $n_texts = 0;

# As a provider would, until there is an answer that stays.
sub text
{
	my ($phone, $body) = @_;
	my $hook = webhook($port, '/webhook/tw', MessageSid => 'L' . ++$n_texts, From => $phone, To => SENDER, Body => $body);
	my $give_up = time + 60;
	my $status;

	do { sleep 0.1 if $status; $status = post($port, $hook) }
	  while (($status == 503 || $status == 0) && time < $give_up);
	return $status;
}

# One conversation is held.
my $session = start_session($node);
ask($session, 'BEGIN');
ask($session, "SELECT p2ptext.close((SELECT id FROM p2ptext.conversation WHERE phone = '$phones[0]'))");
is(text($phones[0], 'held'), 200, 'a text to a conversation that is held is kept');
is(text($_, 'free'), 200, 'so are others') foreach @phones[1 .. 10];
wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE body = 'free'", 10, 'which are in their conversations');
is(value($node, "SELECT count(*) FROM p2ptext.message WHERE body = 'held'"), 0, '... that one is not');
is(text($phones[0], 'STOP'), 200, 'a stop from there is kept');
is(value($node, "SELECT count(*) FROM p2ptext.opt_out WHERE phone = '$phones[0]'"), 1, '... and holds at once');
ask($session, 'COMMIT');
wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE phone = '$phones[0]' AND direction = 'in'", 2, 'all is applied when it is free');
is(value($node, "SELECT message_status || ' ' || result FROM p2ptext.conversation WHERE phone = '$phones[0]'"),
	'closed opted_out', '... and says so');

# Texts are being approved when one of the voters says stop.
value($node, "SELECT p2ptext.pause('c')");
ask($session, 'BEGIN');
ask($session, "SELECT p2ptext.approve_batch('c', 40)");
is(text($drafts[0], 'STOP'), 200, 'a stop from a phone whose text is being approved is kept');
is(value($node, "SELECT count(*) FROM p2ptext.opt_out WHERE phone = '$drafts[0]'"), 1, '... and holds at once');
ask($session, 'COMMIT');
value($node, "SELECT p2ptext.resume('c')");
wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE status IN ('draft', 'approved', 'sending')", 0, 'the others leave');
is(value($node, "SELECT status || ' ' || reason FROM p2ptext.outbox WHERE phone = '$drafts[0]'"), 'suppressed opted_out', '... that one does not');
is(scalar(grep { $_->{to} eq $drafts[0] } $gateway->messages), 0, '... by the gateway\'s own record');
is($gateway->stats->{accepted}, 99, '... which has all others');

done_testing();
