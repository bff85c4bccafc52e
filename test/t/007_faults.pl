# A gateway at its worst: it limits, fails, and drops connections before and
# after accepting.  By its own record no text is there twice, and what ours
# says of each text is true.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use Test::More;

my $voters = 3000;
my $gateway = start_gateway(
	delay_ms => 5,
	jitter_ms => 20,
	rate429 => 0.02,
	rate5xx_after => 0.03,
	drop_before => 0.05,
	drop_after => 0.05,
	optout => '+19195550011,+19195550012',
	seed => 7);
my $node = start_cluster('faults', 'p2ptext.batch_size' => 200);

make_campaign($node, url => $gateway->url, voters => $voters);
value($node, "SELECT p2ptext.approve_batch('c', 100000)");
wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE status IN ('approved', 'sending')",
	0, 'every text comes to an end')
  or diag(value($node, "SELECT status, reason, error_code, attempts, not_before - now(), clock_timestamp() FROM p2ptext.outbox
						 WHERE status IN ('approved', 'sending') LIMIT 10"),
	value($node, 'SELECT * FROM p2ptext.stat_worker'));

my $times = $gateway->accepted;
my %answered = map { $_->{to} => $_->{answer} } $gateway->messages;
is(scalar(grep { $_ > 1 } values %$times), 0, 'no phone got two texts');

my @sent = split /\n/, value($node, "SELECT phone FROM p2ptext.message WHERE status = 'sent'");
my @unknown = split /\n/, value($node, "SELECT phone FROM p2ptext.outbox WHERE status = 'unknown'");
note(scalar(@sent) . ' sent, ' . scalar(@unknown) . ' of unknown fate');
is(scalar(grep { !$times->{$_} } @sent), 0, 'what is recorded as sent was accepted');
is(scalar(grep { ($answered{$_} // 0) == 201 } @unknown), 0,
	'what was accepted with an answer is recorded as sent');
is(scalar(@unknown), scalar(grep { $_ ne '' } @unknown), 'unknown texts name their phone');
cmp_ok(scalar(@unknown), '>', 0, 'some are of unknown fate');
is( value($node, "SELECT phone, status, error_code FROM p2ptext.message WHERE status = 'failed' ORDER BY 1"),
	"+19195550011|failed|21610\n+19195550012|failed|21610", 'those who opted out at the gateway failed');
is( value($node, "SELECT phone, how FROM p2ptext.opt_out ORDER BY 1"),
	"+19195550011|gateway\n+19195550012|gateway", 'and are opted out here as well');
is(@sent + @unknown + 2, $voters, 'every text is accounted for');
cmp_ok(value($node, "SELECT retried FROM p2ptext.stat_worker WHERE kind = 'sender'"),
	'>', 0, 'what was limited was tried again');
is( value($node, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'unknown' AND ref IS NULL"),
	0, 'unknown texts keep their reference for a receipt that comes late');

$node->stop;
$gateway->stop;
done_testing();
