# Every provider, by a gateway that speaks as it does: texts leave in its form,
# what it limits is tried again, what it refuses has failed, receipts end each
# message as the gateway's own record says, texts of unknown fate are asked for,
# voters' texts come back, and nobody is heard without proof.

use strict;
use warnings;

use lib 'test/t/lib';
use Encode qw(encode);
use HTTP::Tiny;
use P2pText;
use PostgreSQL::Test::Cluster;
use Test::More;

use constant HOOKS => 'hooks:not-for-others-b3b1c3a5';
use constant QUESTION => "Qu\x{e9}? \x{1f5f3} 100% & more";

# late: a code of receipts; early: one of refusals, and how we keep it.
# optout: what a text to somebody who opted out there fails with, and whether
# that is known at once.  find: it can be asked for texts.
my %providers = (
	twilio => { late => 30003, early => [ 21614, '21614' ], optout => 21610, known => 1, find => 1 },
	signalwire => { late => 30003, early => [ 21606, '21606' ], optout => 21610, known => 1, find => 1,
		path => '/api/laml' },
	telnyx => { late => 40008, early => [ 40310, '40310' ], optout => 40300, known => 1, find => 1 },
	bandwidth => { late => 4750, early => [ 400, 'request-validation' ], optout => 4775, find => 1,
		settings => '{"application_id": "app"}' },
	plivo => { late => 420, early => [ 403, 'http-403' ], optout => 200, find => 1 },
	vonage => { late => 1040, early => [ 422, '422' ], optout => 1050 },
	kannel => { late => 34, early => [ 400, 'http-400' ], optout => 16,
		inbound => '?token=' . HTTP::Tiny->new->_uri_escape(HOOKS) .
		  '&from=%p&to=%P&text=%b&id=%I&coding=%c&charset=%C' },
);

# What somebody without a secret would send to opt a phone out.
my %forged = (
	twilio => [ 'application/x-www-form-urlencoded',
		'MessageSid=SM1&From=%s&To=%s&Body=STOP&OptOutType=STOP' ],
	telnyx => [ 'application/json', '{"data":{"event_type":"message.received","id":"x","payload":
		{"id":"x","from":{"phone_number":"%s"},"to":[{"phone_number":"%s"}],"text":"STOP"}}}' ],
	bandwidth => [ 'application/json', '[{"type":"message-received","time":"2026-11-03T00:00:00Z",
		"message":{"id":"x","from":"%1$s","to":["%2$s"],"text":"STOP"},"to":"%2$s"}]' ],
	plivo => [ 'application/x-www-form-urlencoded', 'MessageUUID=x&From=%s&To=%s&Type=sms&Text=STOP' ],
	vonage => [ 'application/json', '{"channel":"sms","message_type":"text","message_uuid":"x",
		"from":"%s","to":"%s","timestamp":"2026-11-03T00:00:00.000Z","text":"STOP"}' ],
);
$forged{signalwire} = $forged{twilio};

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $public = "http://127.0.0.1:$port";
my $http = HTTP::Tiny->new(timeout => 30, keep_alive => 0);
my $gateway = start_gateway(callbacks => 1, callback_delay_ms => 20, webhook_secret => HOOKS);
my $node = start_cluster('dialects',
	'p2ptext.port' => $port,
	'p2ptext.public_url' => $public,
	secrets => secrets());

# The gateway wants to see the same of us in every dialect.
sub secrets
{
	my %secrets = map { $_ => SECRET } keys %providers;

	$secrets{"$_.webhook"} = HOOKS foreach qw(signalwire bandwidth vonage kannel);
	$secrets{bandwidth} = ACCOUNT . ':' . SECRET;
	$secrets{'telnyx.webhook'} = $gateway->ask('key')->{ed25519};
	return \%secrets;
}

sub by_phone
{
	return { map { split /\|/, $_, 2 } split /\n/, value($node, $_[0]) };
}

# How all messages of a campaign ended, but for which failure it was called.
sub fates
{
	my ($name) = @_;
	return by_phone("SELECT m.phone, CASE WHEN m.status IN ('failed', 'undelivered')
			THEN coalesce(m.error_code, '?') ELSE m.status END
		FROM p2ptext.message m JOIN p2ptext.campaign c ON c.id = m.campaign_id
		WHERE c.name = '$name' AND m.direction = 'out'");
}

# Two texts that the gateway took, and two that it did not, without a word.
sub test_lost
{
	my ($name, $find) = @_;
	my $unknown = "FROM p2ptext.outbox o JOIN p2ptext.campaign c ON c.id = o.campaign_id
		WHERE c.name = '$name' AND o.status = 'unknown'";

	my %taken = map { $_->{to} => 1 } $gateway->messages;
	$gateway->tell('config', callbacks => 0, fail_rate => 0, drop_after => 1);
	value($node, "SELECT p2ptext.approve_batch('$name', 2)");
	wait_for($node, "SELECT count(*) $unknown", 2, "$name: the fate of texts is unknown");
	$gateway->tell('config', drop_after => 0, drop_before => 1);
	value($node, "SELECT p2ptext.approve_batch('$name', 2)");
	wait_for($node, "SELECT count(*) $unknown", 4, "$name: and of others");
	$gateway->tell('config', drop_before => 0);

	my %lost = map { $_->{to} => $_->{sid} } grep { !$taken{ $_->{to} } } $gateway->messages;
	is(scalar keys %lost, 2, "$name: the gateway has two of them");
	is(value($node, "SELECT p2ptext.reconcile('$name')"), $find ? 4 : 0, "$name: it is asked, if it can be");
	wait_for($node, "SELECT count(*) $unknown AND o.reason = 'not_found'", 2, "$name: it has not got two")
	  if $find;
	is_deeply(by_phone("SELECT phone, provider_id FROM p2ptext.message WHERE phone IN ('" . join("','", keys %lost) . "')"),
		$find ? \%lost : {}, "$name: and what it has is sent, by its id");
	is(scalar(grep { $_ > 1 } values %{ $gateway->accepted }), 0, "$name: nothing was sent again");
	$gateway->tell('config', callbacks => 1);
	return;
}

my $first = 0;
foreach my $name (sort keys %providers)
{
	test_provider($name, $providers{$name}, $first);
	$first += 100;
}
is($gateway->stats->{callbacks}{failed}, 0, 'every webhook was answered as its provider wants it');
is(value($node, "SELECT count(*) FROM p2ptext.inbound WHERE outcome IN ('error', 'unmatched')"),
	0, 'and none was lost on us');

sub test_provider
{
	my ($name, $p, $first) = @_;
	my $sender = sprintf '+1202555%04d', 100 + $first / 100;
	my $phone = sub { sprintf '+1919555%04d', $first + $_[0] };
	my $hook = "$public/webhook/$name";
	my $campaign = "JOIN p2ptext.campaign c ON c.id = m.campaign_id AND c.name = '$name'";

	$gateway->tell('config',
		fail_rate => 0.15, fail_code => $p->{late}, rate429 => 0.15, seed => 11,
		optout => join(',', $phone->(3), $phone->(4)), webhook => $hook);
	make_campaign($node, first => $first, voters => 54, gateway => {
		name => $name, provider => $name, account => ACCOUNT, senders => "{$sender}",
		base_url => $gateway->url . ($p->{path} // ''), settings => $p->{settings} // '{}' });
	wait_for($node, "SELECT state FROM p2ptext.stat_worker WHERE kind = 'receiver'",
		'idle', 'the receiver listens')
	  if $first == 0;

	# Most texts are limited, fail late or are opted out; the rest is refused.
	value($node, "SELECT p2ptext.approve_batch('$name', 45)");
	wait_for($node, "SELECT count(*) FROM p2ptext.message m $campaign", 45,
		"$name: texts leave")
	  or diag(value($node, "SELECT status, reason, error_code, count(*) FROM p2ptext.outbox GROUP BY 1, 2, 3"));
	$gateway->tell('config', fail_rate => 1, fail_code => $p->{early}[0], rate429 => 0);
	value($node, "SELECT p2ptext.approve_batch('$name', 5)");
	wait_for($node, "SELECT count(*) FROM p2ptext.message m $campaign", 50,
		"$name: and the others");
	wait_for($node, "SELECT count(*) FROM p2ptext.message m $campaign
					 WHERE m.status IN ('queued', 'sending', 'sent')", 0, "$name: all come to an end")
	  or diag(value($node, 'SELECT * FROM p2ptext.stat_worker'), explain($gateway->stats));

	my @got = grep { $_->{dialect} eq $name } $gateway->messages;
	my %fate = map { $_ => $p->{early}[1] } keys %{ fates($name) };
	$fate{ $phone->($_) } = $p->{optout} foreach 3, 4;
	$fate{ $_->{to} } = $_->{error_code} // 'delivered' foreach @got;
	is_deeply(fates($name), \%fate, "$name: as the gateway's record says");
	is(scalar(@got), keys %{ { map { $_->{to} => 1 } @got } }, "$name: no phone got two texts");
	cmp_ok(scalar(grep { ($_->{error_code} // 0) == $p->{late} } @got), '>', 0, "$name: some failed late");
	my $wrong = grep {
		my ($n) = $_->{to} =~ /(\d{4})$/;
		$_->{from} ne $sender || $_->{body} ne 'Hi Voter ' . ($n + 0) . ', will you vote?'
		  || ($_->{ref} // '') !~ /^\d+-[0-9a-f]{32}$/
	} @got;
	is($wrong, 0, "$name: with the right sender, body and reference");
	is( value($node, "SELECT string_agg(DISTINCT coalesce(m.provider_id, '-'), ' ')
			FROM p2ptext.message m $campaign WHERE m.phone = '$got[0]{to}'"),
		$name eq 'kannel' ? substr($got[0]{sid}, -12) : $got[0]{sid}, "$name: the provider's id is kept");
	is( value($node, "SELECT string_agg(phone || how, ' ' ORDER BY phone) FROM p2ptext.opt_out
			WHERE phone IN ('" . $phone->(3) . "', '" . $phone->(4) . "')"),
		$phone->(3) . 'gateway ' . $phone->(4) . 'gateway', "$name: who opted out there has here")
	  if $p->{known};

	# Voters write.
	my %common = (dialect => $name, url => $hook . ($p->{inbound} // ''), to => $sender);
	$gateway->tell('inbound', %common, from => $phone->(10), body => 'Stop');
	$gateway->tell('inbound', %common, from => $phone->(11), body => 'Yes');
	$gateway->tell('inbound', %common, from => $phone->(12), body => QUESTION);
	wait_for($node, "SELECT count(*) FROM p2ptext.message m $campaign WHERE m.direction = 'in'",
		3, "$name: texts of voters come in");
	is(value($node, "SELECT how || ' ' || detail FROM p2ptext.opt_out WHERE phone = '" . $phone->(10) . "'"),
		'keyword Stop', "$name: a STOP opts out");
	is( value($node, "SELECT value FROM p2ptext.question_response r
			JOIN p2ptext.conversation v ON v.id = r.conversation_id WHERE v.phone = '" . $phone->(11) . "'"),
		'yes', "$name: an answer is recorded");
	is(value($node, "SELECT body FROM p2ptext.inbox WHERE phone = '" . $phone->(12) . "'"),
		encode('UTF-8', QUESTION), "$name: the inbox shows who waits, byte for byte");

	test_lost($name, $p->{find});

	# Others may write what they like.
	my ($type, $body) = @{ $forged{$name} // [] };
	my $answer =
	  $type
	  ? $http->post($hook, { headers => { 'Content-Type' => $type },
			content => sprintf($body, map { $type =~ /json/ ? $_ : s/\+/%2B/r } $phone->(13), $sender) })
	  : $http->get("$hook?token=guess&id=x&text=STOP&from=" . ($phone->(13) =~ s/\+/%2B/r) . '&to=' . ($sender =~ s/\+/%2B/r));
	is($answer->{status}, 403, "$name: a webhook without proof is refused");
	is(value($node, "SELECT count(*) FROM p2ptext.opt_out WHERE phone = '" . $phone->(13) . "'"),
		0, "$name: and opts nobody out");
	return;
}

$node->stop;
$gateway->stop;
done_testing();
