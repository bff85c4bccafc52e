# Stopping: a pause, the kill switch and opt-outs take effect in time, by the
# record of a gateway that is slow.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use Sending;
use Test::More;
use Time::HiRes qw(sleep time);

# So slow that what is handed to the courier and goes on for all that takes
# longer than any bound here.
my $gateway = start_gateway(delay_ms => 2000);
my $node = start_cluster('stop',
	'p2ptext.max_in_flight' => 1000,
	'p2ptext.request_timeout' => '60s');
my $open = "SELECT count(*) FROM p2ptext.outbox WHERE status IN ('approved', 'sending')";
my $sending = "SELECT count(*) FROM p2ptext.outbox WHERE status = 'sending'";

create_extension($node);
add_gateway($node, 'tw', $gateway->url, [SENDER]);

# A pause, and the kill switch, with a thousand requests under way: what has
# begun may end, nothing more begins a second later.
add_campaign($node, 'c', 'tw', voters => 6000);
approve_all($node, 'c');
foreach my $how ('pause', 'p2ptext.sending = off')
{
	my $before = $gateway->stats->{accepted};
	wait_until('after a thousand others begin', sub { $gateway->stats->{accepted} > $before + 1200 });
	$how eq 'pause'
	  ? value($node, "SELECT p2ptext.pause('c')")
	  : reload_with($node, 'p2ptext.sending', 'off');
	my $stopped = server_now_ms($node);
	wait_for($node, $sending, 0, 'soon nothing is being sent');
	my $ms = int(last_ms(records($gateway)) - $stopped);
	cmp_ok($ms, '<', promised(1000, 3000), "$how: the last request begins after $ms ms");
	sleep 0.5;
	cmp_ok(int(last_ms(records($gateway)) - $stopped), '==', $ms, '... and none later');
	cmp_ok($gateway->stats->{accepted}, '<', 6000, 'in the middle of the campaign');
	is(value($node, "$open AND attempts > 0"), 0, 'what did not leave was not tried');
	workers_rest($node, $how);
	$how eq 'pause'
	  ? value($node, "SELECT p2ptext.resume('c')")
	  : reload_with($node, 'p2ptext.sending', undef);
}
$gateway->tell('config', delay_ms => 100);
wait_for($node, $open, 0, 'on again, the rest leaves');
is(value($node, "SELECT count(*) FROM p2ptext.message WHERE status = 'sent'"), 6000, 'nothing is lost');
is_deeply(twice(records($gateway)), [], 'no phone got two texts');
value($node, "UPDATE p2ptext.campaign SET status = 'archived'");

# Opt-outs while texts leave.  The rule: no request begins more than HANDOVER
# after the commit of the opt-out.  That is time for the commit to wake the
# sender, for the transaction that it may be in, and for one frame to the
# courier, which gives back what has not begun.
use constant HANDOVER_MS => promised(500, 2500);
$gateway->tell('config', delay_ms => 600);
# So slow that what was claimed would take longer than that to begin.
reload_with($node, 'p2ptext.max_in_flight', 130);
add_campaign($node, 'stops', 'tw', first => 10000, voters => 4000);
approve_all($node, 'stops');
my (%stopped, @errors);
for (my $n = 0; value($node, "$open AND sender = '@{[SENDER]}'") > 500; $n++)
{
	my ($code, $out, $error) = $node->psql('postgres', <<SQL);
SELECT p2ptext.opt_out(phone) FROM (
	SELECT phone FROM p2ptext.outbox WHERE status = '@{[$n % 2 ? 'sending' : 'approved']}' ORDER BY random() LIMIT 10) AS o;
SELECT phone FROM p2ptext.opt_out
SQL
	my $now = time * 1000;
	push @errors, $error if $code != 0;
	$stopped{$_} //= $now foreach grep { /^\+/ } split /\n/, $out;
}
is_deeply(\@errors, [], 'opt-outs and sending do not get into each other\'s way');
wait_for($node, $open, 0, 'the rest leaves');
note(scalar(keys %stopped) . ' opted out');
cmp_ok(scalar(keys %stopped), '>', promised(200, 40), 'many opted out meanwhile');
my @late;
foreach my $m (records($gateway))
{
	my $after = $m->{wall_ms} - ($stopped{ $m->{to} } // next);
	push @late, sprintf('%s by %d ms', $m->{to}, $after) if $after > HANDOVER_MS;
}
is_deeply(\@late, [], 'no text begins later than ' . HANDOVER_MS . ' ms after an opt-out');
my %times = map { $_->{to} => 1 } records($gateway);
my @suppressed = split /\n/,
  value($node, "SELECT phone FROM p2ptext.outbox WHERE status = 'suppressed' AND reason = 'opted_out'");
is(scalar(grep { $times{$_} } @suppressed), 0, 'what is recorded as suppressed was not accepted');
is(scalar(grep { $times{$_} } keys %stopped) + @suppressed, scalar keys %stopped,
	'each opted out either before or after the text');
is(value($node, "SELECT count(*) FROM p2ptext.message") + @suppressed, 10000, 'every text is accounted for');
is_deeply(twice(records($gateway)), [], 'no phone got two texts');

$node->stop;
$gateway->stop;
done_testing();
