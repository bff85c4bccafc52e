# courier_abuse.pl
#	p2ptext-courier listen against those who mean harm: requests of doubtful
#	form, and crowds.  Each is refused, others are served, memory stays.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CourierTest qw(:DEFAULT connect_from request status until_status);
use IO::Select;
use IO::Socket::INET;
use List::Util qw(first);
use Test::More;
use Time::HiRes qw(time sleep);

my $port = free_port();
my $courier = CourierTest->start('listen', '--address', '127.0.0.1', '--port', $port,
	'--trusted-proxies', '127.9.0.0/16');
is($courier->next_of('H'), CourierTest::version(), 'it listens')
  or BAIL_OUT('the courier does not start');
$courier->gateway(id => 1, name => 'main');
$courier->gateway(id => 2, name => 'json', provider => 'telnyx');
$courier->serve;

my $form = 'Content-Type: application/x-www-form-urlencoded';
my $json = 'Content-Type: application/json';
my $text = 'MessageSid=SM1&From=%2B14155552345&To=%2B12025550100&Body=ok';
my $length = length $text;

# What the client gets, and how many webhooks the worker got of it.
sub try_raw
{
	my ($request, %how) = @_;
	my $socket = connect_from('127.0.0.1', $port) // die "cannot connect: $!";
	my $deadline = time + PATIENCE_S;
	my ($answer, $hooks, $sent) = ('', 0, 0);

	$socket->blocking(0);
	while (time < $deadline)
	{
		$sent += syswrite($socket, $request, 65536, $sent) // 0 if $sent < length $request;
		shutdown($socket, 1) if $how{end} && $sent == length $request;
		while (my $frame = $courier->next_frame(0.001))
		{
			next if $frame->[0] ne 'W';
			$hooks++;
			$courier->ack($frame->[1]{request}, 200);
		}
		next if !IO::Select->new($socket)->can_read(0.01);
		last if !sysread($socket, $answer, 65536, length $answer);
		last if !$how{to_end} && $answer =~ /\r\n\r\n/;
	}
	return (join(' ', $answer =~ m{HTTP/1\.\d (\d+)}g) || 'none', $hooks, $answer);
}

sub post { return join("\r\n", "POST /webhook/main HTTP/1.1", 'Host: x', $form, @_) }
sub chunked { return join("\r\n", sprintf('%x', length $_[0]), $_[0], '0', $_[1] // (), '', '') }
sub body { return post('Content-Length: ' . length $_[0], '', $_[0]) }

# The worker may not have told of the gateways yet.
until_status(405, $port, 'PUT', '/webhook/json');

my $coded = 'Transfer-Encoding: chunked';
my $long = 'Content-Length: ' . $length;
my @taken = (
	[ 'a body of known length', post($long, '', $text) ],
	[ 'chunks', post($coded, '', chunked($text)) ],
	[ 'chunks and a trailer', post($coded, '', chunked($text, "$form\r\nX-Twilio-Signature: x")) ],
	[ 'a user agent twice', post('User-Agent: a', 'User-Agent: b', $long, '', $text) ],
	[ 'a request after an empty line', "\r\n" . post($long, '', $text) ],
	[ 'HTTP/1.0', post($long, '', $text) =~ s/1\.1/1.0/r ]);
foreach my $case (@taken)
{
	my ($status, $hooks) = try_raw($case->[1]);
	is("$status, $hooks", '200, 1', "$case->[0]: taken");
}

my ($status, $hooks, $answer) = try_raw(
	post($long, '', $text) x 3 . request('GET', '/healthz'), to_end => 1);
is("$status, $hooks", '200 200 200 200, 3', 'pipelined requests are taken one by one');

my $waiting = connect_from('127.0.0.1', $port);
syswrite($waiting, post($long, 'Expect: 100-continue', '', ''));
like(http_request($waiting, '', 3), qr{\AHTTP/1\.1 100 }, 'who waits is told to go on');
syswrite($waiting, $text);
$courier->ack($courier->next_of('W')->{request}, 200);
is(status(http_request($waiting, '')), 200, '... and is taken');

# Bytes that are no request, or more than one, depending on who reads them.
my @refused = (
	[ 400, 'a chunk size that is none', post($coded, '', "zz\r\n$text\r\n0\r\n\r\n") ],
	[ 400, 'a chunk size below zero', post($coded, '', "-5\r\n$text\r\n0\r\n\r\n") ],
	[ 413, 'a chunk size beyond 64 bits', post($coded, '', 'f' x 18, $text, 0, '', '') ],
	[ 400, 'a chunk longer than it says', post($coded, '', "5\r\n$text\r\n0\r\n\r\n") ],
	[ 400, 'a chunk of no size', post($coded, '', "\r\n$text\r\n0\r\n\r\n") ],
	[ 400, 'chunks and a length', post($coded, $long, '', chunked($text)) ],
	[ 400, 'a length and chunks', post($long, $coded, '', chunked($text)) ],
	[ 400, 'the same length twice', post($long, $long, '', $text) ],
	[ 400, 'two lengths', post($long, 'Content-Length: 1', '', $text) ],
	[ 400, 'a list of lengths', post("$long, $length", '', $text) ],
	[ 400, 'a length below zero', post('Content-Length: -1', '', $text) ],
	[ 400, 'a length with a sign', post("Content-Length: +$length", '', $text) ],
	[ 400, 'a length in hex', post('Content-Length: 0x10', '', $text) ],
	[ 413, 'a length beyond 64 bits', post('Content-Length: ' . '9' x 30, '', $text) ],
	[ 413, 'a length of 65537', post('Content-Length: 65537', '', 'x') ],
	[ 400, 'a length without a number', post('Content-Length: ', '', $text) ],
	[ 400, 'a length before a space', post("Content-Length : $length", '', $text) ],
	[ 400, 'a length before a tab', post("Content-Length\t: $length", '', $text) ],
	[ 400, 'no length', post('', '') ],
	[ 400, 'another coding', post('Transfer-Encoding: gzip', '', $text) ],
	[ 400, 'two codings', post('Transfer-Encoding: gzip, chunked', '', $text) ],
	[ 400, 'almost the coding', post('Transfer-Encoding: xchunked', '', $text) ],
	[ 400, 'a coding twice', post($coded, $coded, '', chunked($text)) ],
	[ 400, 'chunks in HTTP/1.0', post($coded, '', chunked($text)) =~ s/1\.1/1.0/r ],
	[ 400, 'a content type twice', post($form, $long, '', $text) ],
	[ 400, 'a signature twice', post('X-Twilio-Signature: YQ==', 'x-twilio-signature: YQ==', $long, '', $text) ],
	[ 400, 'no host', "GET /healthz HTTP/1.1\r\n\r\n" ],
	[ 400, 'two hosts', "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" ],
	[ 400, 'a header without a colon', "GET /healthz HTTP/1.1\r\nHost: a\r\nXYZ\r\n\r\n" ],
	[ 400, 'a header of odd name', "GET /healthz HTTP/1.1\r\nHost: a\r\nX\@: a\r\n\r\n" ],
	[ 400, 'NUL in the name of a header', "GET /healthz HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n" ],
	[ 400, 'HTTP/0.9', "GET /healthz\r\n\r\n" ],
	[ 505, 'HTTP/2', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" ],
	[ 404, 'an absolute target', request('POST', 'http://x/webhook/main', $text, $form) ],
	[ 404, 'the server as a target', request('OPTIONS', '*') ],
	[ 404, 'a proxy wanted', request('CONNECT', 'x:443') ],
	[ 404, 'an encoded path', request('POST', '/webhook/%6dain', $text, $form) ],
	[ 404, 'a path up and down', request('POST', '/webhook/../webhook/main', $text, $form) ],
	[ 404, 'a path out of ours', request('GET', '/webhook/main/../../../etc/passwd') ],
	[ 404, 'a path with two slashes', request('POST', '//webhook/main', $text, $form) ],
	[ 404, 'a path with NUL', request('POST', '/webhook/mai%00n', $text, $form) ],
	[ 405, 'a method in lower case', request('get', '/healthz') ],
	[ 'none', 'a path with a space', request('GET', '/webhook/main x') ],
	[ 414, 'a target without end', request('GET', '/' . 'x' x 20_000) ],
	[ 431, 'a header without end', post('X: ' . 'a' x 1_000_000, '', '') ],
	[ 431, 'a megabyte of headers', post((map { "X$_: " . 'a' x 1000 } 1 .. 1000), '', '') ],
	[ 431, 'very many headers', post(('a: b') x 5000, '', '') ],
	[ 413, 'a megabyte of a body', post($coded, '', ('4000', 'x' x 0x4000) x 64, 0, '', '') ],
	[ 'none', 'a TLS hello', "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n" . "\x55" x 500 . "\n" ],
	[ 404, 'a wait for what is refused', request('POST', '/webhook/none', 'x', 'Expect: 100-continue') ]);
foreach my $case (
	[ 'Latin-1', '%E9' ], [ 'a surrogate', '%ED%A0%80' ], [ 'beyond Unicode', '%F4%90%80%80' ],
	[ 'too long a form of /', '%C0%AF' ], [ 'NUL', '%00' ], [ 'half a code', '%4' ],
	[ 'raw Latin-1', "\xE9" ], [ 'a raw NUL', "\0" ])
{
	push @refused, [ 400, "$case->[0] in a form", body($text . $case->[1]) ];
}
my $event = '{"data":{"event_type":"message.received","id":"e","payload":{"id":"m","direction":"inbound",'
  . '"from":{"phone_number":"+14155552345"},"to":[{"phone_number":"+12025550100"}],"text":"%s"}}}';
foreach my $case (
	[ 'half a surrogate', '\ud800' ], [ 'surrogates in the wrong order', '\udc00\ud800' ],
	[ 'NUL', '\u0000' ], [ 'Latin-1', "\xE9" ], [ 'a raw surrogate', "\xED\xA0\x80" ],
	[ 'a raw NUL', "\0" ], [ 'a line break', "\n" ])
{
	push @refused,
	  [ 400, "$case->[0] in JSON", request('POST', '/webhook/json', $event =~ s/%s/$case->[1]/r, $json) ];
}
push @refused,
  [ 400, 'JSON too deep', request('POST', '/webhook/json', '[' x 60_000, $json) ];

foreach my $case (@refused)
{
	my ($wanted, $name, $request) = @$case;
	($status, $hooks) = try_raw($request);
	is(($status =~ /^(\w+)/)[0] . ", $hooks", "$wanted, 0", "$name: $wanted");
}
is_deeply([ (try_raw(post('Content-Length: 500', '', $text), end => 1))[ 0, 1 ] ],
	[ 'none', 0 ], 'less of a body than was said');
is_deeply([ (try_raw(post('Content-Length: 5', '', $text)))[ 0, 1 ] ],
	[ 400, 0 ], 'more of a body than was said');
is(($courier->next_frame(0.1) // ['nothing'])->[0], 'nothing', 'the worker heard of none');

# As many again, and nothing of them stays.
my $before = $courier->kernel_status('VmRSS');
foreach my $case (@refused)
{
	try_raw($case->[2]);
}
SKIP:
{
	skip 'a sanitizer keeps what was freed', 1 if CourierTest::sanitized();
	cmp_ok($courier->kernel_status('VmRSS'), '<', $before + 1024, 'nothing of them stays in memory');
}

# A worker that is busy elsewhere gets only so much to read.
my @sockets = map { connect_from('127.9.0.1', $port) } 1 .. 200;
my $big = body($text . 'x' x 60_000);
syswrite($_, $big) foreach @sockets;
my $select = IO::Select->new(@sockets);
my %statuses;
$hooks = 0;
my $deadline = time + PATIENCE_S;
my @answered = $select->can_read(PATIENCE_S);
ok(@answered > 0, 'there is an end to what waits for the worker');
is(status(http_request($answered[0], '')), 503, '... and who comes then is to come again');
$select->remove($answered[0]);
while ($select->count > 0 && (my $frame = $courier->next_frame(0.1) // ['']))
{
	$courier->ack($frame->[1]{request}, 200) if $frame->[0] eq 'W';
	$hooks++ if $frame->[0] eq 'W';
	$select->remove($_), $statuses{ status(http_request($_, '')) }++ foreach $select->can_read(0);
	last if time > $deadline;
}
is_deeply([ sort keys %statuses ], [ 200, 503 ], '... while the others are taken');
is($hooks, $statuses{200}, '... each of them');
undef @sockets;

# A crowd from one address.
sub is_closed
{
	my ($socket) = @_;
	return 1 if !$socket;
	return IO::Select->new($socket)->can_read(PATIENCE_S) && !sysread($socket, my $data, 1);
}

sub served
{
	my ($address) = @_;
	my $socket = connect_from($address, $port) // return 'none';
	return status(http_request($socket, request('GET', '/healthz')));
}

sub served_soon
{
	my ($address) = @_;
	my $until = time + PATIENCE_S;
	my $got = 'none';
	sleep(0.02) while ($got = served($address)) ne '200' && time < $until;
	return $got;
}

my @crowd = map { connect_from('127.0.0.3', $port) } 1 .. 200;
is(served('127.0.0.2'), 200, 'others are served beside a crowd');
my @more = map { connect_from('127.0.0.3', $port) } 1 .. 100;
is(scalar(grep { is_closed($_) } @more), 100, 'the next of the crowd are shut out');
is(served('127.0.0.2'), 200, '... others are not');
syswrite($_, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") foreach @crowd[ 0 .. 9 ];
is(scalar(grep { status(http_request($_, '')) == 200 } @crowd[ 0 .. 9 ]), 10, '... nor those before');
undef @crowd;
is(served_soon('127.0.0.3'), 200, 'once the crowd has gone, there is room for more');

my @proxied = map { connect_from('127.9.0.1', $port) } 1 .. 300;
syswrite($_, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") foreach @proxied;
is(scalar(grep { status(http_request($_, '')) == 200 } @proxied), 300, 'a proxy may bring any number');
undef @proxied;

my @logs;
my $refused = 0;
while ($refused < 100 && (my $log = $courier->next_of('L')))
{
	push @logs, $log->[1];
	$refused += $log->[1] =~ /the last of (\d+)\)/ ? $1 : 1;
}
is($refused, 100, 'the log tells of each');
cmp_ok(scalar @logs, '<', 20, '... in few lines');
like($logs[0], qr/^too many connections from 127\.0\.0\.3; /, '... and of whom');

# Ten thousand that say nothing or half a header, from so many addresses that
# they take all the room there is, time and again.
my $crowds = 3;
my $each = 3400;
pipe(my $done, my $report) or die "pipe: $!";
my @pids;
foreach my $crowd (1 .. $crowds)
{
	my $pid = fork() // die "fork: $!";
	push @pids, $pid;
	next if $pid;
	my @open;
	my $n = 0;
	foreach my $i (1 .. $each)
	{
		my $socket = connect_from(join('.', 127, 100 + $crowd, $i >> 8, $i & 255), $port) // next;
		$n++;
		push @open, $socket;
		syswrite($socket, "POST /webhook/main HTTP/1.1\r\nHost: ") if $i % 2;
		shift @open if @open > 400;
	}
	syswrite($report, "$n\n");
	sleep 300;
	POSIX::_exit(0);
}
close $report;
my ($good, $bad) = (0, 0);    # providers try again, if seldom
my $connected = 0;
my $counts = '';
$deadline = time + 300;
while (time < $deadline && ($counts =~ tr/\n//) < $crowds)
{
	sysread($done, $counts, 100, length $counts) if IO::Select->new($done)->can_read(0);
	(first { (try_raw(body($text)))[0] eq '200' } 1 .. 3) ? $good++ : $bad++;
}
$connected += $_ foreach split /\n/, $counts;
cmp_ok($connected, '>=', 10_000, 'ten thousand came and said nothing');
cmp_ok($good, '>', 0, "meanwhile webhooks were taken ($good)");
is($bad, 0, '... each of them');
my $now = time;
is((try_raw(body($text)))[0], 200, '... and so is one while the crowd stands there');
cmp_ok(time - $now, '<', 8, '... before the time of the crowd is up');

my $crowded = $courier->kernel_status('VmRSS');
kill 'KILL', @pids;
waitpid($_, 0) foreach @pids;
is(served_soon('127.0.0.1'), 200, 'it is well after all that');
SKIP:
{
	skip 'a sanitizer takes memory of its own', 1 if CourierTest::sanitized();
	cmp_ok($crowded, '<', 64 * 1024, 'a full house fits in 64 MB') or diag("$before, $crowded kB");
}
$courier->quit;
is($courier->wait_exit, 0, 'and it ends well');
done_testing();
