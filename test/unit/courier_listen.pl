# courier_listen.pl
#	p2ptext-courier listen: webhooks, their answers, and those who misbehave.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CourierTest qw(:DEFAULT connect_from request status until_status);
use Digest::SHA qw(hmac_sha1);
use IO::Socket::INET;
use MIME::Base64;
use Test::More;
use Time::HiRes qw(time sleep);

my $port = free_port();
my $courier =
  CourierTest->start('listen', '--address', '127.0.0.1', '--port', $port);
is($courier->next_of('H'), CourierTest::version(), 'says hello once it listens')
  or BAIL_OUT('the courier does not start');
is($courier->kernel_status('NoNewPrivs'), 1, '... without new privileges');
SKIP:
{
	skip 'no seccomp beside sanitizers', 1 if CourierTest::sanitized();
	is($courier->kernel_status('Seccomp'), 2, '... behind a filter');
}
$courier->gateway(
	id => 7,
	name => 'main',
	secret => '',
	public_url => 'https://text.example.org');
$courier->gateway(id => 8, name => 'loop', provider => 'loopback');

my $form = 'Content-Type: application/x-www-form-urlencoded';
my $text =
  'MessageSid=SM1&From=%2B14155552345&To=%2B12025550100&Body=H%C3%A9+you&NumMedia=0';

# A connection on which one request was made.
sub ask_from
{
	my $socket = connect_from(shift, $port) // die "cannot connect: $!";
	syswrite($socket, request(@_));
	return $socket;
}

sub ask { return ask_from('127.0.0.1', @_) }

# The worker may not have told us of the gateways yet.
until_status(405, $port, 'PUT', '/webhook/main');

is(status(http_request($port, request('POST', '/webhook/other'))), 503,
	'an unknown gateway may come yet');
$courier->serve;
is(until_status(404, $port, 'POST', '/webhook/other'), 404,
	'... until the worker has told of all');

# A text.
my $signature = encode_base64(
	hmac_sha1(
		"https://text.example.org/webhook/main?x=1BodyH\xC3\xA9 you"
		  . 'From+14155552345MessageSidSM1NumMedia0To+12025550100',
		'token'),
	'');
my $socket = ask(
	'POST', '/webhook/main?x=1', $text, $form,
	"X-Twilio-Signature: $signature",
	'User-Agent: TwilioProxy/1.1',
	'X-Other: dropped');
my $hook = $courier->next_of('W');
is($hook->{gateway}, 7, 'a text comes with its gateway');
is($hook->{raw}, $text, '... its raw body');
like(
	$hook->{headers},
	qr<^\{":method":"POST",":target":"/webhook/[^"]+","content-type":"application/x-www-form-urlencoded",
		"user-agent":"TwilioProxy/1.1"\}$>x,
	'... how and where it came, and the headers worth keeping');
my ($signed) =
  grep { hmac_sha1($_, 'token') eq $hook->{signature} } @{ $hook->{signed} };
ok($signed, '... what was signed, as one of a few strings');
is(scalar @{ $hook->{events} }, 1, '... and one event');
is_deeply(
	$hook->{events}[0],
	{
		kind => 1,
		dedupe_key => 'SM1',
		provider_id => 'SM1',
		ref => '',
		from => '+14155552345',
		to => '+12025550100',
		body => "H\xC3\xA9 you",
		status => '',
		code => '',
		detail => '',
		media => '[]'
	},
	'the event');
is(http_request($socket, '', 0.3), '', 'no answer before the ACK');
$courier->ack($hook->{request}, 200);
my $answer = http_request($socket, '');
is(status($answer), 200, 'then 200');
like($answer, qr{^Content-Type: text/xml\r}m, '... with TwiML');
like($answer, qr{\r\n\r\n<\?xml [^>]*\?><Response/>\z}, '... that is empty');

# A receipt, on the same connection.
syswrite(
	$socket,
	request(
		'POST', '/webhook/main/status/12-ab',
		'MessageSid=SM2&MessageStatus=undelivered&ErrorCode=30003'
		  . '&From=%2B12025550100&To=%2B14155552345',
		$form));
$hook = $courier->next_of('W');
my $event = $hook->{events}[0];
is( "$event->{kind} $event->{ref} $event->{status} $event->{code} $event->{dedupe_key}",
	'2 12-ab undelivered 30003 SM2:undelivered',
	'a receipt, on a kept connection');
is($hook->{signature}, '', '... which nobody signed');
$courier->ack($hook->{request}, 200);
$answer = http_request($socket, '');
like($answer, qr{\AHTTP/1\.1 200 .*\r\n\r\n\z}s, '... is answered by nothing');

foreach my $status (403, 503, 500)
{
	$socket = ask('POST', '/webhook/main', $text, $form);
	$courier->ack($courier->next_of('W')->{request}, $status);
	$answer = http_request($socket, '');
	is(status($answer), $status, "the worker says $status");
	like($answer, qr/^Retry-After: 1\r/m, '... soon again')
	  if $status == 503;
}

# Refused without troubling the worker.
my $huge = 'x' x 70_000;
foreach my $case (
	[ 200, 'GET', '/healthz' ],
	[ 200, 'HEAD', '/healthz' ],
	[ 405, 'POST', '/healthz' ],
	[ 404, 'POST', '/webhook/none', $text, $form ],
	[ 404, 'POST', '/webhook/loop', $text, $form ],
	[ 404, 'POST', '/webhook/', $text, $form ],
	[ 404, 'POST', '/webhook/main/', $text, $form ],
	[ 404, 'POST', '/webhook/main/status/', $text, $form ],
	[ 404, 'POST', '/webhook/main/status/a/b', $text, $form ],
	[ 404, 'POST', '/webhook/main/status/' . 'r' x 200, $text, $form ],
	[ 404, 'GET', '/' ],
	[ 405, 'GET', '/webhook/main' ],
	[ 415, 'POST', '/webhook/main', '{}', 'Content-Type: text/plain' ],
	[ 415, 'POST', '/webhook/main', $text ],
	[ 400, 'POST', '/webhook/main', 'Body=%00&MessageSid=1&From=1&To=1', $form ],
	[ 400, 'POST', '/webhook/main', 'Body=%C3&MessageSid=1&From=1&To=1', $form ],
	[ 400, 'POST', '/webhook/main', 'Body=%4&MessageSid=1&From=1&To=1', $form ],
	[ 400, 'POST', '/webhook/main', 'Body=x&From=1&To=1', $form ],
	[ 400, 'POST', '/webhook/main/status/1-a', 'MessageSid=1', $form ],
	[ 400, 'POST', '/webhook/main', '', $form ],
	[ 413, 'POST', '/webhook/main', $huge, $form ])
{
	my ($status, @request) = @$case;
	$answer = http_request($port, request(@request));
	is(status($answer), $status,
		substr("$request[0] $request[1] " . ($request[2] // ''), 0, 60)
		  . " is $status");
}
is( status(
		http_request(
			$port,
			"POST /webhook/main HTTP/1.1\r\nHost: x\r\n$form\r\n"
			  . "Transfer-Encoding: chunked\r\n\r\n"
			  . join('', map { "4000\r\n" . 'x' x 0x4000 . "\r\n" } 1 .. 5)
			  . "0\r\n\r\n")),
	413,
	'a long body without a length is 413');
is( status(
		http_request(
			$port, request('GET', '/healthz', '', 'X-Long: ' . 'x' x 20_000))),
	431,
	'headers without end are 431');
isnt(status(http_request($port, "nonsense\r\n\r\n")), 200, 'nonsense');
is($courier->next_of('W', 0.2), undef, '... and the worker heard of none');

# An ACK for nothing does nothing.
$courier->ack(12345, 200);
$courier->ack(0, 200);
is(status(http_request($port, request('GET', '/healthz'))), 200, 'odd ACKs');

# No more than 256 webhooks are held.
my @sockets = map { ask_from('127.0.0.' . (1 + $_ % 2), 'POST', '/webhook/main', $text, $form) } 1 .. 256;
my @held = map { $courier->next_of('W')->{request} } 1 .. 256;
is(scalar(grep { $_ } @held), 256, '256 webhooks are held');
$answer = http_request($port, request('POST', '/webhook/main', $text, $form));
is(status($answer), 503, 'the next is told to come again');
like($answer, qr/^Retry-After: 1\r/m, '... soon');
is(status(http_request($port, request('GET', '/healthz'))),
	200, 'while health is fine');
$courier->ack($_, 200) foreach @held;
is(scalar(grep { status(http_request($_, '')) == 200 } @sockets),
	256, 'all are answered');

# A client that hangs up while it is held takes nobody along.
$socket = ask('POST', '/webhook/main', $text, $form);
$hook = $courier->next_of('W');
close($socket);
$courier->ack($hook->{request}, 200);
is(status(http_request($port, request('GET', '/healthz'))), 200, 'hang-ups');

# A gateway is renamed, then removed.
$courier->gateway(id => 7, name => 'other', public_url => 'https://x');
until_status(405, $port, 'GET', '/webhook/other');
is(status(http_request($port, request('POST', '/webhook/main', $text, $form))),
	404, 'a gateway has another name');
$courier->gateway(id => 7, name => 'other', provider => '');
is(until_status(404, $port, 'POST', '/webhook/other', $text, $form), 404, '... and is gone');

# Metrics, beside the webhooks.
$socket = ask('GET', '/metrics');
my $asked = $courier->next_of('M');
ok($asked, 'the worker is asked for metrics');
my $other = ask('GET', '/metrics');
is(http_request($socket, '', 0.2), '', '... and waited for');
is($courier->next_of('M', 0.2), undef, '... but once for all who want them');
$courier->page($asked + 1, "up 0\n");
$courier->page($asked, "up 1\n");
like(http_request($other, ''), qr/\r\n\r\nup 1\n\z/, 'one has the page');
$answer = http_request($socket, '');
is(status($answer), 200, '... and so has the other');
like($answer, qr{^Content-Type: text/plain; version=0\.0\.4; charset=utf-8\r}m, '... with a page');
like($answer, qr/\r\n\r\nup 1\n\z/, '... the same');
$courier->page($asked, "up 2\n");
$courier->page(12345, "up 3\n");
$answer = http_request($port, request('POST', '/metrics', 'x'));
is(status($answer), 405, 'metrics are only to be had');
like($answer, qr/^Allow: GET\r/m, '... by GET');
like(http_request($port, request('GET', '/metrics')), qr/\r\n\r\nup 1\n\z/, '... and shown again for a while');
select(undef, undef, undef, 1.1);
my $unpaged = ask('GET', '/metrics');
ok($courier->next_of('M'), 'metrics that the worker forgets');

# Time is up, for the worker and for clients that dawdle: one that says
# nothing, one that sends a header line now and then, one that sends a body so.
$courier->gateway(id => 7, name => 'main', public_url => 'https://x');
until_status(405, $port, 'GET', '/webhook/main');
my $start = time;
my $waiting = ask('POST', '/webhook/main', $text, $form);
ok($courier->next_of('W'), 'a webhook that the worker forgets');
my @slow = map {
	IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
} 1 .. 3;
syswrite($slow[1], "POST /webhook/main HTTP/1.1\r\nHost: x\r\n");
syswrite($slow[2],
	"POST /webhook/main HTTP/1.1\r\nHost: x\r\n$form\r\nContent-Length: 5000\r\n\r\n"
);
my @ended;
while (time < $start + PATIENCE_S && grep({ !$_ } @ended[ 0 .. 2 ]))
{
	sleep(0.5);
	syswrite($slow[1], "X: y\r\n") if !$ended[1];
	syswrite($slow[2], 'x') if !$ended[2];
	foreach my $i (0 .. 2)
	{
		next if $ended[$i] || !IO::Select->new($slow[$i])->can_read(0);
		my $n = sysread($slow[$i], my $data, 1000);
		$ended[$i] = time - $start if !$n || $data !~ /^HTTP/;
	}
}
foreach my $i (0 .. 2)
{
	ok($ended[$i] && $ended[$i] > 9 && $ended[$i] < 40,
		[qw(silent slow-headed slow-bodied)]->[$i] . ' client is cut off')
	  or diag($ended[$i] // 'never');
}
$answer = http_request($waiting, '');
is(status($answer), 503, '... and the forgotten one told to come again');
is(status(http_request($unpaged, '')), 503, '... so are those who want metrics');

# QUIT lets the held finish.
$socket = ask('POST', '/webhook/main', $text, $form);
$hook = $courier->next_of('W');
$courier->quit;
is(http_request($socket, '', 0.2), '', 'QUIT waits for the worker');
$courier->ack($hook->{request}, 200);
is(status(http_request($socket, '')), 200, '... and answers');
is($courier->wait_exit, 0, '... before it exits');

# Metrics in a place of their own.
my $metrics_port = free_port();
$courier = CourierTest->start('listen', '--address', '127.0.0.1', '--port', $port,
	'--metrics', "127.0.0.1:$metrics_port");
$courier->next_of('H');
$courier->gateway(name => 'main');
$courier->serve;
is(status(http_request($metrics_port, request('GET', '/healthz'))), 200, 'a port for metrics has health');
$socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $metrics_port);
syswrite($socket, request('GET', '/metrics?x'));
$courier->page($courier->next_of('M'), 'y' x 200_000);
like(http_request($socket, ''), qr/\r\n\r\n(?:y{50000}){4}\z/, '... metrics');
is(status(http_request($metrics_port, request('POST', '/webhook/main', $text, $form))),
	404, '... and no webhooks');
is(status(http_request($port, request('GET', '/metrics'))), 404, 'which have their own, without metrics');
is(status(http_request($port, request('GET', '/healthz'))), 200, '... and with health');

# Gateways that say where their webhooks come from.
sub told
{
	my ($address, $path, @headers) = @_;
	my $socket = connect_from($address, $port) // die "cannot connect: $!";
	syswrite($socket, request('POST', $path, $text, $form, @headers));
	my $frame;
	while (!IO::Select->new($socket)->can_read(0))
	{
		$frame = $courier->next_frame(0.01) // next;
		$courier->ack($frame->[1]{request}, 200) if $frame->[0] eq 'W';
		push @{ $courier->{logs} }, $frame->[1] if $frame->[0] eq 'L';
	}
	return status(http_request($socket, ''));
}
undef $courier;
$start = time;
$courier = CourierTest->start('listen', '--address', '127.0.0.1', '--port', $port,
	'--trusted-proxies', '127.7.0.0/16, ::1');
$courier->next_of('H');
$courier->gateway(id => 1, name => 'any');
$courier->gateway(id => 2, name => 'some', webhook_addresses => '127.1.0.0/16,203.0.113.0/25,2001:db8::/32');
$courier->serve;
until_status(405, $port, 'GET', '/webhook/some');
foreach my $case (
	[ 200, '127.0.0.1', '/webhook/any' ],
	[ 403, '127.0.0.1', '/webhook/some' ],
	[ 403, '127.0.0.1', '/webhook/some/status/1-a' ],
	[ 200, '127.1.2.3', '/webhook/some' ],
	[ 403, '127.0.0.1', '/webhook/some', '203.0.113.1' ],
	[ 200, '127.1.2.3', '/webhook/some', '198.51.100.1' ],
	[ 200, '127.1.2.3', '/webhook/some', 'nonsense' ],
	[ 403, '127.7.0.1', '/webhook/some' ],
	[ 200, '127.7.0.1', '/webhook/some', '203.0.113.1' ],
	[ 200, '127.7.0.1', '/webhook/some', '::ffff:203.0.113.1' ],
	[ 200, '127.7.0.1', '/webhook/some', '2001:db8:1::2' ],
	[ 403, '127.7.0.1', '/webhook/some', '203.0.113.200' ],
	[ 403, '127.7.0.1', '/webhook/some', '203.0.113.1, 198.51.100.1' ],
	[ 200, '127.7.0.1', '/webhook/some', '198.51.100.1, 203.0.113.1' ],
	[ 200, '127.7.0.1', '/webhook/some', '198.51.100.1, 203.0.113.1, 127.7.0.2, ::1' ],
	[ 200, '127.7.0.1', '/webhook/some', '198.51.100.1, 203.0.113.1', '127.7.0.2' ],
	[ 403, '127.7.0.1', '/webhook/some', '203.0.113.1', '198.51.100.1' ],
	[ 400, '127.7.0.1', '/webhook/some', 'nonsense' ],
	[ 400, '127.7.0.1', '/webhook/any', '203.0.113.1,' ],
	[ 400, '127.7.0.1', '/webhook/any', '' ])
{
	my ($status, $address, $path, @forwarded) = @$case;
	is(told($address, $path, map { "X-Forwarded-For: $_" } @forwarded),
		$status, "$path from $address" . (@forwarded ? " for @forwarded" : '') . " is $status");
}
is($courier->{logs}[0][0], 2, 'the log has a warning');
like($courier->{logs}[0][1], qr/^refused a webhook for gateway "some" from 127\.0\.0\.1,/, '... of who was refused');
cmp_ok(scalar @{ $courier->{logs} }, '<=', 1 + time - $start, '... once a second');
undef $courier;

foreach my $case (
	[ '--trusted-proxies', 'localhost', 'p2ptext.trusted_proxies' ],
	[ '--metrics', '127.0.0.1', 'p2ptext.metrics_address' ],
	[ '--metrics', '::1:9187', 'p2ptext.metrics_address' ],
	[ '--metrics', '192.0.2.1:9187', 'p2ptext.metrics_address' ])
{
	my ($option, $value, $setting) = @$case;
	my ($start) = $value =~ /^([^:]*)/;
	$courier = CourierTest->start('listen', '--address', '127.0.0.1', '--port', $port, $option, $value);
	like($courier->next_of('L')->[1], qr/"\Q$start\E.*set \Q$setting\E to /, "$option $value is fatal");
	is($courier->wait_exit, 1 << 8, '... with status 1');
}

# A port in use.
my $taken = IO::Socket::INET->new(
	Listen => 1,
	LocalAddr => '127.0.0.1',
	LocalPort => 0);
$courier = CourierTest->start('listen', '--address', '127.0.0.1', '--port',
	$taken->sockport);
my $log = $courier->next_of('L');
is($log->[0], 3, 'a port in use is fatal');
like(
	$log->[1],
	qr/"127\.0\.0\.1", port @{[$taken->sockport]}: .* in use.*set p2ptext\.port to a free port/,
	'... and the message names address, port and fix');
is($courier->wait_exit, 1 << 8, '... with status 1');
$courier = CourierTest->start('listen', '--address', '192.0.2.1', '--port', $port);
like($courier->next_of('L')->[1],
	qr/set p2ptext\.listen_addresses/, 'an address that is not ours');

# Two addresses; and the end of the worker.
$courier =
  CourierTest->start('listen', '--address', '127.0.0.1, 127.0.0.2', '--port',
	$port);
is($courier->next_of('H'), CourierTest::version(), 'two addresses');
foreach my $address ('127.0.0.1', '127.0.0.2')
{
	my $one = IO::Socket::INET->new(PeerAddr => $address, PeerPort => $port);
	is(status($one && http_request($one, request('GET', '/healthz'))),
		200, "... $address answers");
}
$start = time;
$courier->hang_up;
ok(defined $courier->wait_exit && time - $start < 10,
	'it exits at once when its worker has gone');

done_testing();
