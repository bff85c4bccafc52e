# Limits are rows: what a number, gateway, brand or campaign may send in a
# second and in a day, by the gateway's own record, with two senders and over a
# restart.  Campaigns share a gateway by weight, and replies do not queue.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use Sending;
use Test::More;
use Time::HiRes qw(sleep);

# In any stretch of time there may be as many SMS segments as the rate gives
# for it, and for BURST_S more, which a bucket holds.  JITTER_S is how much
# later than another one text gets from its claim to the wire, on a busy
# machine; twice the rate would still be seen in three seconds.
use constant { RATE => 30, BURST_S => 0.2, JITTER_S => promised(0.1, 0.7) };

my @numbers = map { sprintf '+1202555%04d', 100 + $_ } 0 .. 19;
my $long = 'long {{id}} ' . 'x' x 180;
my $gateway = start_gateway;
my $node = start_cluster('limits',
	'p2ptext.senders' => 2,
	'p2ptext.batch_size' => 100,
	secrets => { map { $_ => SECRET } qw(gate brand camp day share back) });
my $open = "SELECT count(*) FROM p2ptext.outbox WHERE status IN ('approved', 'sending')";

sub until_accepted
{
	my ($n) = @_;
	return wait_until("the gateway has $n of them", sub { accepted_of($gateway, @numbers[ 7, 8 ]) >= $n });
}

create_extension($node);
add_gateway($node, 'tw', $gateway->url, [ $numbers[0] ]);
add_gateway($node, 'gate', $gateway->url, [ @numbers[ 1, 2 ] ], set => 'max_per_second = ' . RATE);
add_gateway($node, 'brand', $gateway->url, [ @numbers[ 3, 4 ] ]);
add_gateway($node, 'camp', $gateway->url, [ @numbers[ 5, 6 ] ]);
add_gateway($node, 'day', $gateway->url, [ @numbers[ 7, 8 ] ], set => 'max_per_day = 90, max_per_second = 20');
value($node, <<SQL);
UPDATE p2ptext.sender SET max_per_second = @{[RATE]} WHERE number = '$numbers[0]';
INSERT INTO p2ptext.brand (brand, max_per_second) VALUES ('us', @{[RATE]});
UPDATE p2ptext.sender SET brand = 'us' WHERE number IN ('$numbers[3]', '$numbers[4]');
SQL
add_campaign($node, 'one', 'tw', voters => 180);
add_campaign($node, 'two', 'gate', voters => 180);
add_campaign($node, 'three', 'brand', voters => 180);
add_campaign($node, 'four', 'camp', voters => 90, script => $long, set => 'max_per_second = ' . RATE);
add_campaign($node, 'daily', 'day', voters => 120);

# All at once, with a restart in the middle.
approve_all($node, qw(one two three four daily));
wait_for($node, "SELECT count(*) > 40 FROM p2ptext.message WHERE sender = '$numbers[0]'", 't', 'some have left');
$node->restart;
wait_for($node, "$open AND campaign_id <> (SELECT id FROM p2ptext.campaign WHERE name = 'daily')", 0,
	'the rest leaves after a restart');

my %limited = (
	'a number' => [ 0 ],
	'a gateway with two numbers' => [ 1, 2 ],
	'a brand with two numbers' => [ 3, 4 ],
	'a campaign with texts of two segments' => [ 5, 6 ]);
foreach my $what (sort keys %limited)
{
	my @sent = accepted_of($gateway, @numbers[ @{ $limited{$what} } ]);
	my $sum = 0;

	$sum += $_->{segments} foreach @sent;
	is($sum, 180, "$what sent all");
	foreach my $ms (200, 1000, 3000)
	{
		my $may = RATE * ($ms / 1000 + BURST_S + JITTER_S);
		cmp_ok(most_within($ms, @sent), '<=', $may, "$what: at most $may segments in any $ms ms");
	}
	cmp_ok(most_within(1000, @sent), '>=', RATE * 0.7, '... and not much less where it could');
}

# A day's limit is counted from what was sent, also before the restart.
wait_for($node, "SELECT used_today FROM p2ptext.stat_limit WHERE kind = 'gateway' AND name = 'day'", 90,
	'stat_limit says that the day is used up');
until_accepted(90);
workers_rest($node, 'a day that is used up');
is(scalar(accepted_of($gateway, @numbers[ 7, 8 ])), 90, 'and no more left');
is( value($node, "SELECT status, count(*) FROM p2ptext.outbox WHERE sender IN ('$numbers[7]', '$numbers[8]') GROUP BY 1"),
	'approved|30', 'the rest waits');
value($node, "UPDATE p2ptext.gateway SET max_per_day = 100 WHERE name = 'day'");
wait_for($node, "SELECT used_today FROM p2ptext.stat_limit WHERE kind = 'gateway' AND name = 'day'", 100,
	'a higher limit lets some more leave');
until_accepted(100);
$node->restart;
wait_for($node, "SELECT count(*) FROM p2ptext.stat_worker WHERE kind = 'sender' AND state = 'idle'", 2, 'the senders are back');
sleep 1;
is(scalar(accepted_of($gateway, @numbers[ 7, 8 ])), 100, 'just as many, also after another restart');

# The limit is one of the wire: what piles up while the gateway is slow does
# not leave at once when it is fast again.
$gateway->tell('config', delay_ms => 4000);
reload_with($node, 'p2ptext.max_in_flight', 4);
value($node, "SELECT p2ptext.cancel('daily')");
add_campaign($node, 'pile', 'tw', voters => 200, first => 1000);
approve_all($node, 'pile');
sleep 6;
$gateway->tell('config', delay_ms => 0);
wait_for($node, $open, 0, 'all leave after a slow time');
my @piled = accepted_of($gateway, $numbers[0]);
my $may = RATE * (1 + BURST_S + JITTER_S);
cmp_ok(most_within(1000, @piled), '<=', $may, "still at most $may segments in any 1000 ms");
reload_with($node, 'p2ptext.max_in_flight', undef);

# Three texts of one campaign for one of the other, while both have some.
$gateway->tell('config', delay_ms => 20);
add_gateway($node, 'share', $gateway->url, [ @numbers[ 9, 10 ] ]);
add_campaign($node, 'heavy', 'share', voters => 1500, set => 'weight = 3');
add_campaign($node, 'light', 'share', voters => 1500);
value($node, "SELECT p2ptext.pause('heavy'), p2ptext.pause('light')");
approve_all($node, 'heavy', 'light');
value($node, "SELECT p2ptext.resume('heavy'), p2ptext.resume('light')");
wait_for($node, $open, 0, 'both leave');
my %got = (heavy => 0, light => 0);
foreach my $m (accepted_of($gateway, @numbers[ 9, 10 ]))
{
	$m->{body} =~ /(heavy|light)/ && $got{$1}++;
	last if $got{heavy} == 1500;
}
cmp_ok($got{light}, '>', 400, "while the other has 1500 texts, it gets $got{light}");
cmp_ok($got{light}, '<', 600, '... which is a third of that');

# A reply does not wait for a backlog of first texts.
$gateway->tell('config', delay_ms => 250);
add_gateway($node, 'back', $gateway->url, [ $numbers[11] ]);
add_campaign($node, 'talk', 'back', voters => 1);
add_campaign($node, 'backlog', 'back', voters => 20000);
approve_all($node, 'talk');
wait_for($node, $open, 0, 'somebody was texted');
approve_all($node, 'backlog');
my $conversation = value($node, "SELECT c.id FROM p2ptext.conversation c
	JOIN p2ptext.campaign k ON k.id = c.campaign_id WHERE k.name = 'talk'");
foreach my $n (1 .. 3)
{
	sleep 1;
	value($node, "SELECT p2ptext.reply($conversation, 'Reply $n')");
	my $approved = value($node, "SELECT extract(epoch FROM max(approved_at)) * 1000 FROM (
		SELECT approved_at FROM p2ptext.outbox WHERE kind = 'reply' UNION ALL
		SELECT approved_at FROM p2ptext.message WHERE kind = 'reply') AS r");
	wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE body = 'Reply $n'", 1, "reply $n is sent");
	my ($record) = grep { $_->{body} eq "Reply $n" } records($gateway);
	my $ms = int($record->{wall_ms} - $approved);
	cmp_ok($ms, '<', promised(1000, 5000), "... in $ms ms");
}
cmp_ok(value($node, $open), '>', 1000, 'while the backlog goes on');
value($node, "SELECT p2ptext.pause('backlog')");

$node->stop;
$gateway->stop;
done_testing();
