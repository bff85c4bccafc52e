# What a claim looks at as a text leaves: when its phone was texted last,
# whether its voter still is in the segment, with whose rights that is read,
# and what the text brings along.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sending;
use Test::More;
use Time::HiRes qw(sleep);

my $gateway = start_gateway(delay_ms => 10);
my $node = start_cluster('claim');

sub count_of
{
	my ($campaign, $condition) = @_;
	return "SELECT count(*) FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id
			WHERE c.name = '$campaign' AND $condition";
}

# All of a campaign have left, or wait for a time.
sub wait_settled
{
	my ($campaign) = @_;
	return wait_for($node, count_of($campaign, "(o.position > 0 OR o.not_before < now())"), 0, "$campaign: all is decided");
}

sub got
{
	my ($campaign) = @_;
	return scalar(grep { $_->{body} =~ /from $campaign,/ } records($gateway));
}

create_extension($node);
add_gateway($node, 'tw', $gateway->url, [SENDER]);

# Two campaigns to the same phones at once: one text each within the gap.
foreach my $senders (1, 2)
{
	my @pair = ("gap${senders}a", "gap${senders}b");
	reload_with($node, 'p2ptext.senders', $senders);
	wait_for($node, "SELECT count(*) FROM p2ptext.stat_worker WHERE kind = 'sender' AND state = 'idle'",
		$senders, "$senders of the senders run");
	# By weight, so that different claims come by the same phone.
	add_campaign($node, $_, 'tw', first => 2000 * $senders, voters => 1500, options => "contact_gap => '1 day'",
		set => 'weight = ' . ($_ eq $pair[0] ? 3 : 1))
	  foreach @pair;
	value($node, 'BEGIN; ' . join('', map { "SELECT p2ptext.approve_batch('$_', 10000);" } @pair) . 'COMMIT');
	wait_settled($_) foreach @pair;
	my %times;
	$times{ $_->{to} }++ foreach grep { $_->{body} =~ /from gap$senders/ } records($gateway);
	is(scalar(grep { $_ > 1 } values %times), 0, 'no phone gets two texts within the gap');
	is(scalar(keys %times), 1500, 'and each gets one');
	is( value($node, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'approved' AND reason = 'contact_gap'
		AND not_before BETWEEN now() + interval '23 h' AND now() + interval '24 h'"),
		1500, 'the other waits until it is over');
	value($node, "SELECT p2ptext.cancel('$pair[0]'), p2ptext.cancel('$pair[1]')");
}
reload_with($node, 'p2ptext.senders', undef);

# Voters who leave the segment meanwhile.
add_campaign($node, 'voted', 'tw', first => 7000, voters => 100, predicate => 'NOT voted');
value($node, "SELECT p2ptext.pause('voted')");
approve_all($node, 'voted');
value($node, 'UPDATE voters_voted SET voted = true WHERE id % 10 < 3');
value($node, 'DELETE FROM voters_voted WHERE id = 7009');
value($node, "SELECT p2ptext.resume('voted')");
wait_settled('voted');
is(value($node, count_of('voted', "o.status = 'suppressed' AND o.reason = 'left_segment'")), 31,
	'voters who left the segment get no text');
is(got('voted'), 69, 'the others do');

# A predicate that cannot be read now.
add_campaign($node, 'broken', 'tw', first => 7200, voters => 50,
	predicate => '1 / CASE WHEN voted THEN 0 ELSE 1 END = 1');
add_campaign($node, 'sound', 'tw', first => 7300, voters => 50);
value($node, 'UPDATE voters_broken SET voted = true');
approve_all($node, 'broken', 'sound');
wait_settled($_) foreach qw(broken sound);
is(got('sound'), 50, 'another campaign goes on');
is(got('broken'), 0, 'nobody is texted whose segment cannot be read');
is( value($node, "SELECT o.status, o.reason, count(*) FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id
				  WHERE c.name = 'broken' GROUP BY 1, 2"),
	'approved|segment: division by zero|50', 'the texts wait, with the error');
value($node, 'UPDATE voters_broken SET voted = false');
value($node, "UPDATE p2ptext.outbox SET not_before = now() WHERE reason LIKE 'segment:%'");
wait_for($node, count_of('broken', "o.status = 'approved'"), 0, 'and leave when it is mended');

# The segment is read as whoever launched the campaign, who cannot become
# anybody else there.
value($node, <<'SQL');
CREATE ROLE maria LOGIN;
SELECT p2ptext.grant_role('maria', 'manager');
CREATE FUNCTION reads(id int) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
BEGIN
	RAISE LOG 'segment is read as %', current_user;
	RETURN true;
END $$;
CREATE FUNCTION climbs(id int) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
BEGIN
	IF session_user <> 'maria' THEN
		PERFORM set_config('role', 'none', false);
	END IF;
	RETURN true;
END $$;
CREATE FUNCTION puts(id int) RETURNS boolean STABLE LANGUAGE plpgsql AS $$
BEGIN
	IF session_user <> 'maria' THEN
		PERFORM set_config('session_authorization', 'postgres', false);
	END IF;
	RETURN true;
END $$;
SQL
my %marias = (reads => 7400, climbs => 7600, puts => 7700, denied => 7800);
foreach my $name (sort keys %marias)
{
	my $predicate = $name eq 'denied' ? 'NOT voted' : "$name(id)";
	# Her own table, so that she may adopt it.
	value($node, <<SQL);
CREATE TABLE v_$name AS SELECT n AS id, phone_of(n) AS cell, false AS voted
	FROM generate_series($marias{$name}, $marias{$name} + 9) n;
ALTER TABLE v_$name ADD PRIMARY KEY (id);
GRANT SELECT ON v_$name TO maria;
SET SESSION AUTHORIZATION maria;
SELECT p2ptext.add_source('v_$name', 'v_$name', key => 'id', phone => 'cell');
SELECT p2ptext.add_segment('v_$name', 'v_$name', '$predicate');
SELECT p2ptext.create_campaign('$name', 'v_$name', 'tw', 'Hi from $name, voter {{id}}',
	mode => 'broadcast', hours_start => '00:00', hours_end => '24:00');
SELECT p2ptext.launch('$name');
SELECT p2ptext.pause('$name');
SELECT p2ptext.approve_batch('$name', 100);
SQL
}
is(value($node, "SELECT count(*) FROM p2ptext.outbox WHERE sender = '@{[SENDER]}' AND approved_by = 'maria'"), 40,
	'a manager has approved the texts of four campaigns');
value($node, 'REVOKE SELECT ON v_denied FROM maria');
my $log = -s $node->logfile;
foreach my $name (sort keys %marias)
{
	value($node, "SELECT p2ptext.resume('$name')");
	wait_settled($name);
}
like(slurp_file($node->logfile, $log), qr/segment is read as maria/, 'a segment is read as the launcher');
unlike(slurp_file($node->logfile, $log), qr/segment is read as (?!maria)/, '... and as nobody else');
is(got('reads'), 10, 'whose texts leave');
foreach ([ denied => 'permission denied for table v_denied' ],
	[ climbs => 'cannot set parameter "role"' ],
	[ puts => 'cannot set parameter "session_authorization"' ])
{
	my ($name, $error) = @$_;
	is(got($name), 0, "$name: nothing leaves");
	is(value($node, count_of($name, "o.status = 'approved' AND o.reason LIKE 'segment: $error%'")), 10, '... and the reason tells why');
}

# Chance would have another say at every look.
add_campaign($node, 'chance', 'tw', first => 8000, voters => 200, predicate => 'random() < 0.5');
my $drawn = approve_all($node, 'chance');
cmp_ok($drawn, '<', 200, "chance has chosen $drawn of 200");
wait_settled('chance');
is(got('chance'), $drawn, 'who do not have to stand the draw again');

# What the first text brings along, and until when it may be delivered.
add_campaign($node, 'picture', 'tw', first => 8500, voters => 1,
	options => q(media => '{https://example.org/a.png,https://example.org/b.jpg}', send_before => now() + interval '1 h'));
approve_all($node, 'picture');
wait_settled('picture');
my ($picture) = grep { $_->{body} =~ /picture/ } $gateway->messages;
is_deeply($picture->{media}, [ 'https://example.org/a.png', 'https://example.org/b.jpg' ], 'media go out');
cmp_ok($picture->{validity}, '>', 3500, 'so does send_before,');
cmp_ok($picture->{validity}, '<=', 3600, '... as a time from now');

$node->stop;
$gateway->stop;
done_testing();
