# Texts of unknown fate: what makes them so, and how the gateway, a receipt or
# a person settles each, by the gateway's own record.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use Sending;
use Test::More;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my %faults = (drop_before => 0.1, drop_after => 0.1, rate5xx => 0.05, rate5xx_after => 0.1, hang => 0.05);
my %well = map { $_ => 0 } keys %faults;
my $gateway = start_gateway(%faults, seed => 3);
my $node = start_cluster('unknown',
	'p2ptext.port' => $port,
	'p2ptext.public_url' => "http://127.0.0.1:$port",
	'p2ptext.request_timeout' => '1s');
my $open = "SELECT count(*) FROM p2ptext.outbox WHERE status IN ('approved', 'sending')";

# The texts of a campaign: "status reason" => how many.
sub ends
{
	my ($campaign) = @_;
	return value($node, "SELECT string_agg(n || ' ' || s, ', ' ORDER BY s) FROM (
		SELECT s, count(*) AS n FROM (
			SELECT m.campaign_id, m.status FROM p2ptext.message m WHERE m.direction = 'out'
			UNION ALL
			SELECT o.campaign_id, o.status || ' ' || o.reason FROM p2ptext.outbox o) AS t(campaign_id, s)
		JOIN p2ptext.campaign c ON c.id = t.campaign_id WHERE c.name = '$campaign' GROUP BY s) AS x");
}

# Send these in a gateway that does as told, until all have met that.
# It may have to rest first, for a minute at most.
sub lose
{
	my ($campaign, $fault, $n) = @_;
	$gateway->tell('config', %well, $fault => 1);
	approve_all($node, $campaign);
	wait_for($node, "SELECT count(*) FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id
		WHERE c.name = '$campaign' AND o.status IN ('approved', 'sending')", 0, "$campaign: $n texts meet $fault");
	$gateway->tell('config', %well);
	return;
}

create_extension($node);
add_gateway($node, 'tw', $gateway->url, [SENDER]);
add_campaign($node, 'c', 'tw', voters => 400);
approve_all($node, 'c');
wait_for($node, $open, 0, 'every text comes to an end');
my %there = map { $_->{to} => $_ } records($gateway);
my @unknown = split /\n/, value($node, "SELECT phone FROM p2ptext.outbox WHERE status = 'unknown'");
my @lost = grep { !$there{$_} || $there{$_}{answer} != 201 } map { phone_of($_) } 0 .. 399;
is_deeply([ sort @unknown ], [ sort @lost ], 'unknown are just those for which no clear answer came');
is( value($node, "SELECT DISTINCT reason FROM p2ptext.outbox WHERE status = 'unknown'"),
	'no_answer', 'for this reason');
is( value($node, "SELECT DISTINCT error_code FROM p2ptext.outbox WHERE status = 'unknown' ORDER BY 1"),
	"http-500\nlost\ntimeout", 'with what happened');
foreach my $answer (0, 500)
{
	cmp_ok(scalar(grep { $there{$_} && $there{$_}{answer} == $answer } @unknown), '>', 0,
		"the gateway has some that it answered with $answer");
}
cmp_ok(scalar(grep { !$there{$_} } @unknown), '>', 0, 'and has not others');

# The gateway is asked.
$gateway->tell('config', %well);
is(value($node, "SELECT p2ptext.reconcile('c')"), scalar(@unknown), 'reconcile() asks for all');
my @missing = grep { !$there{$_} } @unknown;
wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'unknown' AND reason = 'not_found'",
	scalar(@missing), 'what it has not stays unknown, as not_found');
is( value($node, "SELECT phone FROM p2ptext.outbox ORDER BY 1"), join("\n", sort @missing), '... and nothing else');
my %ids = map { split /\|/ } split /\n/, value($node, "SELECT phone, provider_id FROM p2ptext.message WHERE status = 'sent'");
is_deeply(\%ids, { map { $_ => $there{$_}{sid} } keys %there }, 'what it has is sent, with its id there');
is(scalar(records($gateway)), scalar(keys %there), 'and nothing was sent again');

# A receipt says as much, also a late one.
$gateway->tell('config', callbacks => 1, callback_delay_ms => 3000);
add_campaign($node, 'late', 'tw', first => 1000, voters => 3);
lose('late', 'drop_after', 3);
wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE status = 'delivered'", 3, 'receipts settle them');
is(ends('late'), '3 delivered', 'none is left');
is( value($node, "SELECT string_agg(provider_id, ',' ORDER BY phone) FROM p2ptext.message WHERE status = 'delivered'"),
	join(',', map { $_->{sid} } sort { $a->{to} cmp $b->{to} } grep { $_->{body} =~ /late/ } records($gateway)),
	'each with its id at the gateway');
$gateway->tell('config', callbacks => 0);

# A person decides.
add_campaign($node, 'person', 'tw', first => 2000, voters => 2);
lose('person', 'drop_before', 2);
my ($one, $two) = split /\n/, value($node, "SELECT o.id FROM p2ptext.outbox o
	JOIN p2ptext.campaign c ON c.id = o.campaign_id WHERE c.name = 'person' ORDER BY 1");
value($node, "SELECT p2ptext.resolve_unknown($one, 'sent')");
is(ends('person'), '1 sent, 1 unknown no_answer', 'sent: it is recorded as sent');
value($node, "SELECT p2ptext.resolve_unknown($two, 'retry')");
wait_for($node, "SELECT status FROM p2ptext.message WHERE id = $two", 'sent', 'retry: it leaves');
is_deeply([ map { $_->{to} } grep { $_->{body} =~ /person/ } records($gateway) ], [ phone_of(2001) ],
	'the gateway has that one only');

# The same words to the same voters in two campaigns are two texts.
my %same = (voters => 3, script => 'Vote tomorrow, voter {{id}}');
add_campaign($node, $_, 'tw', first => 3000, %same) foreach qw(a1 a2);
approve_all($node, 'a1');
wait_for($node, $open, 0, 'a1 is sent');
lose('a2', 'drop_before', 3);
value($node, "SELECT p2ptext.reconcile('a2')");
wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE reason = 'not_found'", 3 + @missing, 'a2 is asked for');
is(ends('a1') . '; ' . ends('a2'), '3 sent; 3 unknown not_found', 'what is known of one says nothing of the other');

add_campaign($node, $_, 'tw', first => 4000, %same) foreach qw(b1 b2);
lose('b1', 'drop_before', 3);
approve_all($node, 'b2');
wait_for($node, $open, 0, 'b2 is sent');
value($node, "SELECT p2ptext.reconcile('b1')");
wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE reason = 'not_found'", 6 + @missing, 'b1 is asked for');
is(ends('b1') . '; ' . ends('b2'), '3 unknown not_found; 3 sent', 'whichever came first');

add_campaign($node, $_, 'tw', first => 5000, %same) foreach qw(c1 c2);
lose($_, 'drop_after', 3) foreach qw(c1 c2);
value($node, "SELECT p2ptext.reconcile('c1'), p2ptext.reconcile('c2')");
wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE reason = 'no_answer'", 0, 'c1 and c2 are asked for');
is(ends('c1') . '; ' . ends('c2'), '3 sent; 3 sent', 'both are found');
is( value($node, "SELECT count(DISTINCT provider_id) FROM p2ptext.message WHERE phone BETWEEN '@{[phone_of(5000)]}' AND '@{[phone_of(5002)]}'"),
	6, 'each as one of its own');

$node->stop;
$gateway->stop;
done_testing();
