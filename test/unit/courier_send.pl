# courier_send.pl
#	p2ptext-courier send against a gateway that answers, hangs and hangs up.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CourierTest;
use TestServer;
use Test::More;
use Time::HiRes qw(time sleep);

my $server = TestServer->start;
my $courier = CourierTest->start('send');
is($courier->next_of('H'), CourierTest::version(), 'says hello with its version')
  or BAIL_OUT('the courier does not start');
is($courier->kernel_status('NoNewPrivs'), 1, '... without new privileges');
SKIP:
{
	skip 'no seccomp beside sanitizers', 1 if CourierTest::sanitized();
	is($courier->kernel_status('Seccomp'), 2, '... behind a filter');
}

my $next_id = 100;

# Send one text, and return its result.
sub result
{
	my ($c, %arg) = @_;
	my $id = ++$next_id;
	$c->send_text(id => $id, %arg);
	my $result = $c->next_of('R');
	die "no result for text $id" if !$result || $result->{id} != $id;
	return $result;
}

# What the gateway was sent, rather than asked.
sub texts
{
	return grep { $_->{head} =~ /^POST/ } $server->requests;
}

sub received
{
	my ($id) = @_;
	return grep { ($_->{StatusCallback} // '') =~ m{/status/$id-abc} } texts();
}

# The happy path, byte by byte.
$courier->gateway(
	base_url => $server->url . '/',
	public_url => 'https://text.example.org/');
my $r = result($courier, body => "H\xC3\xA9 & y=u? 100%+", validity_s => 99999);
is($r->{outcome}, 'SENT', 'a text is sent');
like($r->{provider_id}, qr/^SM\d{32}$/, '... with the id the gateway gave it');
is($r->{segments}, 2, '... and its segments');
my ($got) = received($next_id);
is($got->{Body}, "H\xC3\xA9 & y=u? 100%+", 'the body arrives byte for byte');
is($got->{To}, '+14155552345', '... and the recipient');
is($got->{From}, '+12025550100', '... and the sender');
is($got->{ValidityPeriod}, 36000, '... and no longer a validity than allowed');
is( $got->{StatusCallback},
	"https://text.example.org/webhook/demo/status/$next_id-abc#rc=3&rp=ct,rt,5xx",
	'... and where to send receipts');
like(
	$got->{head},
	qr{^POST /2010-04-01/Accounts/AC1/Messages\.json HTTP/1\.1\|},
	'the request line');
like($got->{head}, qr/\|Authorization: Basic QUMxOnRva2Vu\|/,
	'Basic authentication');
unlike($got->{head}, qr/\|Expect:/, 'no Expect header');

# Answers.
$r = result($courier, body => '429');
is("$r->{outcome} $r->{code} $r->{retry_after_ms}",
	'DEFERRED 20429 3000', '429 with Retry-After');
$r = result($courier, body => 'stop');
is("$r->{outcome} $r->{code}", 'OPTED_OUT 21610', 'an opt-out there');
$r = result($courier, body => 'bad');
is("$r->{outcome} $r->{code} $r->{text}",
	'FAILED 21211 not a valid phone number', 'a bad number');
$r = result($courier, body => 'auth');
is("$r->{outcome} $r->{code} $r->{retry_after_ms}",
	'DEFERRED 20003 30000', 'bad credentials lose no text');
$r = result($courier, body => '500');
is("$r->{outcome} $r->{code}", 'UNKNOWN http-500', '500 may have been accepted');
$r = result($courier, body => 'nonsense');
is($r->{outcome}, 'UNKNOWN', '201 with half a body may have been accepted');
$r = result($courier, body => 'huge');
is($r->{outcome}, 'UNKNOWN', 'so may what gets an endless answer');
$r = result($courier, body => 'html');
is("$r->{outcome} $r->{code}", 'DEFERRED http-404', 'no API there');
$r = result($courier, body => 'moved');
is("$r->{outcome} $r->{code}", 'DEFERRED http-307', 'a redirect is not followed');
is(scalar received($next_id), 1, '... so there is one request');

# No double text: the gateway takes a text on a kept connection, or on a
# fresh one, and hangs up without an answer.
foreach my $how (qw(close reset))
{
	result($courier, body => 'ok');
	my ($before) = received($next_id);
	$r = result($courier, body => $how);
	is($r->{outcome}, 'UNKNOWN', "$how on a kept connection");
	sleep(0.2);
	my @got = received($next_id);
	is(scalar @got, 1, '... is not sent again');
	is($got[0]{connection}, $before->{connection},
		'... and it was a kept connection');

	$r = result($courier, body => $how);
	is($r->{outcome}, 'UNKNOWN', "$how on a fresh connection");
	sleep(0.2);
	@got = received($next_id);
	is(scalar @got, 1, '... is not sent again');
	isnt($got[0]{connection}, $before->{connection},
		'... and it was a fresh connection');
}

# Slow answers.
$courier->gateway(base_url => $server->url, timeout_ms => 30000,
	public_url => 'http://x');
is(result($courier, body => 'slow')->{outcome}, 'SENT', 'slow, but in time');
$courier->gateway(base_url => $server->url, timeout_ms => 400,
	public_url => 'http://x');
my $start = time;
$r = result($courier, body => 'hang');
is("$r->{outcome} $r->{code}", 'UNKNOWN timeout', 'no answer in time');
cmp_ok(time - $start, '<', 15, '... and no longer wait than asked for');
is(scalar received($next_id), 1, '... sent once');

# What surely never left.
my $closed = free_port();
$courier->gateway(base_url => "http://127.0.0.1:$closed");
$r = result($courier);
is("$r->{outcome} $r->{code}", 'DEFERRED connect', 'connection refused');
cmp_ok($r->{retry_after_ms}, '>', 0, '... says when to try again');
$courier->gateway(base_url => 'https://nowhere.invalid');
$r = result($courier);
is("$r->{outcome} $r->{code}", 'DEFERRED resolve', 'a name that is not known');
$courier->gateway(base_url => 'https://127.0.0.1:' . $server->{port}, timeout_ms => 300);
$r = result($courier);
is("$r->{outcome} $r->{code}", 'DEFERRED timeout', 'a TLS server that says nothing');

# What cannot be sent as configured waits, and says why.
foreach my $case (
	[ { base_url => 'http://192.0.2.1' }, qr/must begin with https/ ],
	[ { base_url => 'http://127.0.0.1.example.org' }, qr/must begin with https/ ],
	[ { base_url => 'http://[::2]:80' }, qr/must begin with https/ ],
	[ { base_url => 'ftp://127.0.0.1' }, qr/must begin with https/ ],
	[ { base_url => 'http://127.0.0.1/?x=' }, qr/nothing else/ ],
	[ { base_url => 'http://' }, qr/not a URL/ ],
	[ { secret => '' }, qr/p2ptext\.secrets_file/ ],
	[ { account => '' }, qr/Account SID/ ],
	[ { provider => 'pigeon' }, qr/"pigeon" is not known/ ],
	[ { provider => '' }, qr/was removed/ ],
	[ { settings => '[' }, qr/settings/ ])
{
	my ($arg, $like) = @$case;
	$courier->gateway(%$arg);
	$r = result($courier);
	is("$r->{outcome} $r->{code}", 'DEFERRED config', "@{[%$arg]}");
	like($r->{text}, $like, '... is told why');
}
is(result($courier, gateway => 77)->{outcome}, 'DEFERRED', 'an unknown gateway');
$courier->gateway(base_url => $server->url, public_url => 'http://x');
is(result($courier)->{outcome}, 'SENT', 'mended, it works again');

# Plain HTTP to another machine, for which 0.0.0.0 stands here: it leads to
# this one, but does not look so.
my $elsewhere = 'http://0.0.0.0:' . $server->{port};
$courier->gateway(base_url => $elsewhere, public_url => 'http://x');
is(result($courier)->{code}, 'config', 'plain HTTP to elsewhere is refused');
is(scalar received($next_id), 0, '... and nothing was sent there');
$courier->gateway(
	base_url => $elsewhere,
	public_url => 'http://x',
	plain_http => 1);
is(result($courier)->{outcome}, 'SENT', '... unless it is allowed');
$courier->gateway(base_url => 'ftp://0.0.0.0', plain_http => 1);
is(result($courier)->{code}, 'config', '... which allows nothing but HTTP');

# Asking for a text of unknown fate.
sub found
{
	my (%arg) = @_;
	my $id = ++$next_id;
	$courier->send_text(id => $id, find => 1, %arg);
	my $found = $courier->next_of('D');
	die "no word of text $id" if !$found || $found->{id} != $id;
	return "$found->{asked}: @{ $found->{provider_ids} }";
}
$courier->gateway(base_url => $server->url, public_url => 'http://x');
my %lost = (to => '+14155550199', body => 'close');
is(found(%lost), '1: ', 'asked for a text that it never had');
is(result($courier, %lost)->{outcome}, 'UNKNOWN', 'a text of unknown fate');
like(found(%lost), qr/^1: TAKEN\d+$/, '... is found');
my ($asked) = grep { $_->{head} =~ /^GET/ } reverse $server->requests;
like(
	$asked->{head},
	qr{^GET /2010-04-01/Accounts/AC1/Messages\.json\?To=%2B14155550199&From=%2B12025550100&},
	'... by the right question');
like($asked->{head}, qr/\|Authorization: Basic QUMxOnRva2Vu\|/,
	'... with credentials');
is(scalar(grep { $_->{To} eq $lost{to} } texts()), 1, '... and was sent once');
is(found(%lost, body => 'other'), '1: ', 'other words are another text');
is(found(%lost, claimed_at => time - 3600),
	'1: ', '... and so are those of an hour ago');
$courier->gateway(base_url => "http://127.0.0.1:$closed");
is(found(%lost), '0: ', 'a gateway that cannot be asked has not answered');
$courier->gateway(base_url => $server->url, secret => '');
is(found(%lost), '0: ', '... nor has one that is not asked');
$courier->gateway(
	id => 3,
	name => 'kn',
	provider => 'kannel',
	base_url => $server->url);
is(found(%lost, gateway => 3), '0: ', '... nor one that knows no questions');
is(found(%lost, gateway => 77), '0: ', '... nor one that is unknown');

# What has begun is not given back, what has not is.
$courier->gateway(
	base_url => $server->url,
	public_url => 'http://x',
	max_in_flight => 1);
result($courier);
$courier->send_text(id => 8001, body => 'slow');
$courier->send_text(id => $_) foreach 8002 .. 8004;
$courier->send_text(id => 8005, find => 1);
$courier->send_text(id => 8007);
$courier->recall($_) foreach 8001, 8003, 8005, 8007, 8004, 7999;
$courier->send_text(id => 8006);
my @ends;
while (@ends < 7 and my $frame = $courier->next_frame)
{
	push @ends, "$frame->[1]{id} "
	  . ($frame->[0] eq 'D' ? "FOUND $frame->[1]{asked}" : $frame->[1]{outcome});
	is("$frame->[1]{scope} $frame->[1]{retry_after_ms} $frame->[1]{code}",
		'0 0 ', "text $frame->[1]{id} is given back as it came")
	  if $ends[-1] =~ /DEFERRED/;
}
is_deeply(
	\@ends,
	[
		'8003 DEFERRED',
		'8007 DEFERRED',
		'8004 DEFERRED',
		'8001 SENT',
		'8002 SENT',
		'8005 FOUND 1',
		'8006 SENT'
	],
	'RECALL gives back what has not begun, and nothing else');
is($courier->next_frame(0.3), undef, '... and says no more of any');
is(scalar(map { received($_) } 8003, 8004, 8007), 0, '... of which nothing was sent');

# A gateway that says it has enough gets no more for a while, in which the
# worker may take back what waits.
$courier->send_text(id => 8010, body => 'slow');
$courier->send_text(id => 8011, body => '429');
$courier->send_text(id => $_) foreach 8012 .. 8014;
is($courier->next_of('R')->{id}, 8010, 'a text is taken');
is($courier->next_of('R')->{code}, '20429', '... and the next is one too many');
$start = time;
sleep(0.3);
is(scalar(map { received($_) } 8012 .. 8014), 0, 'what waits is held');
$courier->recall(8012);
$r = $courier->next_of('R');
is("$r->{id} $r->{outcome}", '8012 DEFERRED', '... and can be taken back');
$r = $courier->next_of('R');
is("$r->{id} $r->{outcome}", '8013 SENT', 'the rest goes on by itself');
cmp_ok(time - $start, '>', 0.5, '... once the worker had time to act');
is($courier->next_of('R')->{id}, 8014, '... with all of it');

# Many at once, within the window, each exactly once.
$courier->gateway(
	base_url => $server->url,
	public_url => 'http://x',
	max_in_flight => 8);
my %open = map { ++$next_id => 1 } 1 .. 200;
$courier->send_text(id => $_, body => $_ % 50 ? 'ok' : 'slow')
  foreach sort keys %open;
my $sent = 0;
while (%open and my $one = $courier->next_of('R'))
{
	$sent++ if delete $open{ $one->{id} } && $one->{outcome} eq 'SENT';
}
is($sent, 200, 'two hundred texts are sent');
my %times;
$times{ $_->{StatusCallback} }++ foreach texts();
is((sort { $b <=> $a } values %times)[0], 1, 'no text was ever sent twice');
my %connections = map { $_->{connection} => 1 } ($server->requests)[ -200 .. -1 ];
cmp_ok(scalar keys %connections, '<=', 8, '... over no more than 8 connections');

# QUIT: what hangs is waited for, what waits is given back.
$courier->gateway(
	base_url => $server->url,
	public_url => 'http://x',
	max_in_flight => 2,
	timeout_ms => 4000);
$courier->send_text(id => 9000 + $_, body => 'hang') foreach 1 .. 5;
my $deadline = time + PATIENCE_S;
sleep(0.01)
  while (grep { $_->{StatusCallback} =~ m{/900} } texts()) < 2
  && time < $deadline;
$courier->quit;
$courier->send_text(id => 9006);
my %results;
while (my $one = $courier->next_of('R'))
{
	$results{ $one->{id} } = $one->{outcome};
}
is_deeply(
	\%results,
	{
		9001 => 'UNKNOWN',
		9002 => 'UNKNOWN',
		map { $_ => 'DEFERRED' } 9003 .. 9006
	},
	'QUIT gives back what has not begun, and finishes what has');
is($courier->wait_exit, 0, '... and exits cleanly');

# The worker goes: so does the courier, at once.
$courier = CourierTest->start('send');
$courier->next_of('H');
$courier->gateway(base_url => $server->url, public_url => 'http://x',
	timeout_ms => 60000);
$courier->send_text(id => 9100, body => 'hang');
$deadline = time + PATIENCE_S;
sleep(0.01) while !received(9100) && time < $deadline;
$start = time;
$courier->hang_up;
ok(defined $courier->wait_exit, 'it exits when its worker has gone');
cmp_ok(time - $start, '<', 10, '... at once');

# A worker that speaks nonsense.
foreach my $bad (
	[ 'S', 'x' ],
	[ 'Z', '' ],
	[ 'Q', 'x' ],
	[ 'G', pack('L L', 1, 0xFFFFFFFF) ],
	[ 'A', pack('QL', 1, 200) ])
{
	$courier = CourierTest->start('send');
	$courier->next_of('H');
	$courier->frame(@$bad);
	my $log = $courier->next_of('L');
	is($log && $log->[0], 3, "a bad frame of type $bad->[0] is fatal");
	is($courier->wait_exit, 1 << 8, '... with status 1');
}

# Signals do not stop it; only its worker does.
$courier = CourierTest->start('send');
$courier->next_of('H');
kill $_, $courier->{pid} foreach qw(TERM INT HUP PIPE);
$courier->gateway(base_url => $server->url, public_url => 'http://x');
is(result($courier)->{outcome}, 'SENT', 'signals are ignored');

# Loopback.
$courier->gateway(
	id => 2,
	name => 'loop',
	provider => 'loopback',
	settings => '{"seed":7,"reply_rate":1,"delay_ms":10,"reply_delay_ms":[10,30],'
	  . '"undelivered_rate":0,"mix":{"stop":1}}');
$r = result($courier, gateway => 2);
is("$r->{outcome} $r->{provider_id}", "SENT LB$next_id", 'loopback accepts');
my $hook = $courier->next_of('W');
is("$hook->{request} $hook->{gateway}", '0 2', 'its events want no ack');
my $event = $hook->{events}[0];
is("$event->{kind} $event->{status} $event->{ref}",
	"2 delivered $next_id-abc", 'a receipt comes');
$event = $courier->next_of('W')->{events}[0];
is("$event->{kind} $event->{from} $event->{to}",
	'1 +14155552345 +12025550100', 'then an answer from the voter');
like($event->{body}, qr/stop|unsubscribe|quit|alto/i, '... in a voter\'s words');
isnt($event->{dedupe_key}, '', '... with a key of its own');
result($courier, gateway => 2);
is($courier->next_of('W')->{events}[0]{kind}, 2, 'a receipt for a second text');
is($courier->next_of('W', 0.2), undef, '... but no word after STOP');

done_testing();
