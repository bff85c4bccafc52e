# courier_tls.pl
#	p2ptext-courier send over TLS: in its sandbox, and only to whom it trusts.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use CourierTest;
use File::Temp qw(tempdir);
use IPC::Open2;
use Test::More;
use Time::HiRes qw(sleep);

my $dir = tempdir(CLEANUP => 1);
my $bundle = `curl-config --ca 2>/dev/null` || '/etc/ssl/certs/ca-certificates.crt';
chomp $bundle;
plan skip_all => 'no openssl here' if system('openssl version >/dev/null 2>&1');

sub certify
{
	my ($name, $subject) = @_;
	system( 'openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x '
		  . "-addext subjectAltName=$subject -keyout $dir/$name.key "
		  . "-out $dir/$name.crt 2>/dev/null") == 0
	  or die 'openssl req failed';
	return;
}
certify('right', 'IP:127.0.0.1');
certify('other', 'DNS:other.example.org');
certify('ca', 'DNS:ca.example.org');

# One for this machine that nobody but "ca" vouches for.
system( "openssl req -new -newkey rsa:2048 -nodes -subj /CN=y "
	  . "-keyout $dir/private.key -out $dir/private.csr 2>/dev/null && "
	  . "echo subjectAltName=IP:127.0.0.1 >$dir/private.ext && "
	  . "openssl x509 -req -days 2 -in $dir/private.csr -CA $dir/ca.crt "
	  . "-CAkey $dir/ca.key -CAcreateserial -extfile $dir/private.ext "
	  . "-out $dir/private.crt 2>/dev/null") == 0
  or die 'openssl cannot sign';

# A server that answers one request with 201; returns its port.  What it
# received is written to $dir/request.
my @children;

sub serve
{
	my ($name, @options) = @_;
	my $port = free_port();
	my $pid = fork() // die "fork: $!";
	push @children, $pid;
	return wait_for($port) if $pid;

	my ($out, $in);
	my $server = open2($out, $in,
		"exec openssl s_server -quiet -accept 127.0.0.1:$port "
		  . "-cert $dir/$name.crt -key $dir/$name.key @options 2>/dev/null");
	local $SIG{TERM} = sub { kill 'KILL', $server; POSIX::_exit(0) };
	my $request = '';
	while (sysread($out, $request, 4096, length $request))
	{
		last if $request =~ /\r\n\r\n.*Body=ok/s;
	}
	open(my $file, '>', "$dir/request");
	print $file $request;
	close $file;
	my $body = '{"sid":"SM1","num_segments":"1"}';
	syswrite($in,
		"HTTP/1.1 201 Created\r\nContent-Length: " . length($body)
		  . "\r\n\r\n$body");
	sleep 60;
	POSIX::_exit(0);
}

# s_server listens once it is in /proc/net/tcp; connecting would use it up.
sub wait_for
{
	my ($port) = @_;
	my $line = sprintf(': 0100007F:%04X 00000000:0000 0A ', $port);
	for (1 .. 100 * PATIENCE_S)
	{
		open(my $tcp, '<', '/proc/net/tcp') or last;
		return $port if grep { index($_, $line) >= 0 } <$tcp>;
		sleep(0.01);
	}
	die 'openssl s_server does not start';
}

END
{
	local $?;
	kill 'TERM', @children if @children;
	waitpid($_, 0) foreach @children;
}

# Send one text there; the courier trusts the certificate of this name, if any.
sub attempt
{
	my ($url, $trusted) = @_;
	my $courier =
	  $trusted
	  ? CourierTest->start_command(
		'unshare', '-rm', 'sh', '-c',
		"mount --bind '$dir/$trusted.crt' '$bundle' && exec \"\$0\" \"\$@\"",
		CourierTest::program(), 'send')
	  : CourierTest->start('send');
	return undef if !$courier->next_of('H');
	$courier->gateway(base_url => $url, timeout_ms => 30000);
	$courier->send_text(id => 1);
	my $result = $courier->next_of('R');
	$courier->quit;
	return $result
	  ? join(' ', @$result{qw(outcome code)}) . ' ' . $courier->wait_exit
	  : 'none';
}

unlink "$dir/request";
is(attempt('https://127.0.0.1:' . serve('right')),
	'DEFERRED tls 0', 'a certificate that nobody vouches for');

# A gateway of one's own, with a CA of one's own: in one courier, whose handles
# must not keep what another gateway, or the same one before, was trusted by.
unlink "$dir/request";
my $courier = CourierTest->start('send');
$courier->next_of('H');
my $next_id = 1;

sub result_of
{
	my (%arg) = @_;
	$courier->gateway(
		base_url => 'https://127.0.0.1:' . serve('private'),
		timeout_ms => 30000,
		%arg);
	$courier->send_text(id => ++$next_id, gateway => $arg{id} // 1);
	my $result = $courier->next_of('R');
	return $result ? "$result->{outcome} $result->{code}" : 'none';
}
is(result_of(), 'DEFERRED tls', 'a private CA is not trusted');
is(result_of(ca_file => "$dir/other.crt"),
	'DEFERRED tls', '... nor by a gateway with another ca_file');
like(result_of(ca_file => "$dir/none.crt"),
	qr/^DEFERRED /, '... nor by one whose ca_file is not there');
ok(!-e "$dir/request", '... and none of them saw a byte of the request');
is(result_of(ca_file => "$dir/ca.crt"),
	'SENT ', '... but by one with this ca_file');
unlink "$dir/request";
is(result_of(id => 2, name => 'b'), 'DEFERRED tls', '... and by no other');
is(result_of(), 'DEFERRED tls', '... nor by this one without it');
ok(!-e "$dir/request", '... and neither saw a byte of the request');
is(result_of(ca_file => "$dir/ca.crt", base_url =>
			  'https://localhost:' . serve('private')),
	'DEFERRED tls', 'a CA vouches for no other name');
$courier->quit;
is($courier->wait_exit, 0, 'and all that within the sandbox');

SKIP:
{
	skip 'cannot mount here', 4
	  if system("unshare -rm mount --bind $dir/right.crt '$bundle' 2>/dev/null");
	is(attempt('https://127.0.0.1:' . serve('other'), 'other'),
		'DEFERRED tls 0', 'a certificate for another name');
	is( attempt('https://127.0.0.1:' . serve('right', '-tls1_1'), 'right'),
		'DEFERRED tls 0', 'an old TLS version');
	ok(!-e "$dir/request", 'none of them saw a byte of the request');
	is(attempt('https://127.0.0.1:' . serve('right'), 'right'),
		'SENT  0', 'a gateway to be trusted');
}
done_testing();
