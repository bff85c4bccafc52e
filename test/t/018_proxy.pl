# The reverse proxies of README.md, nginx and Caddy, configured as it says:
# what providers sign arrives through https as it was sent, nothing else of the
# listener can be reached, nobody can say where he comes from but the proxy, and
# a crowd behind a trusted proxy is no crowd.  README.md's function for PostgREST
# does without the listener.

use strict;
use warnings;

use lib 'test/t/lib';
use Digest::SHA qw(hmac_sha1_base64);
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use IPC::Run;
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Receiving;
use Test::More;
use Time::HiRes qw(sleep time);

use constant {
	NGINX => '/usr/sbin/nginx',
	CADDY => '/usr/bin/caddy',
	# as README.md has it
	HOST => 'sms.example.org',
	TAKEN => '200 <?xml version="1.0" encoding="UTF-8"?><Response/>',
	FORM => 'application/x-www-form-urlencoded',
	# more than one address may have, fewer than the listener holds
	CROWD => 240,
	PER_ADDRESS => 200,
	# two addresses of providers, or of somebody else
	HERE => '127.0.0.8',
	THERE => '127.0.0.9',
};

foreach my $program (NGINX, CADDY)
{
	plan skip_all => "NOT RUN: no $program (nginx, caddy)"
	  unless -x $program;
}
plan skip_all => 'NOT RUN: no IO::Socket::SSL (libio-socket-ssl-perl)'
  unless eval { require IO::Socket::SSL };
plan skip_all => 'NOT RUN: no openssl' if system('openssl version >/dev/null 2>&1');

my $dir = PostgreSQL::Test::Utils::tempdir();
my $certificate = "$dir/" . HOST;
my $log = "$PostgreSQL::Test::Utils::log_path/proxy_";
my $readme = slurp_file('README.md');
my %port = map { $_ => PostgreSQL::Test::Cluster::get_free_port() } qw(hook nginx caddy);
my %running;    # what we started, by name
my $node;

END
{
	my $status = $?;
	$_->kill_kill(grace => 10) foreach values %running;
	$? = $status;
}

# A part of README.md, with other words in some places: each must be there.
sub snippet
{
	my ($kind, %instead) = @_;
	my ($text) = $readme =~ /^```$kind\n(.*?)^```$/ms or die "no $kind in README.md";

	foreach my $word (sort { length $b <=> length $a } keys %instead)
	{
		$text =~ s/\Q$word\E/$instead{$word}/g or die "no \"$word\" for $kind in README.md";
	}
	return $text;
}

sub make_certificate
{
	system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=@{[HOST]} "
		  . "-addext subjectAltName=DNS:@{[HOST]} -keyout $certificate.key -out $certificate.crt 2>${log}openssl") == 0
	  or die 'openssl req failed';
	return;
}

sub begin
{
	my ($name, @command) = @_;

	$running{$name} = IPC::Run::start(\@command, '<', \undef, '>', "$log$name.out", '2>', "$log$name.err");
	for (1 .. 200)
	{
		return if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port{$name});
		sleep 0.05;
	}
	die "$name does not listen";
}

# What a distribution's nginx.conf has around a site.
sub start_nginx
{
	my $site = snippet('nginx',
		'listen 443' => "listen 127.0.0.1:$port{nginx}",
		'127.0.0.1:8090' => "127.0.0.1:$port{hook}",
		'/etc/ssl/' => "$dir/");
	my $temp = join "\n", map { "${_}_temp_path $dir/$_;" } qw(client_body proxy fastcgi uwsgi scgi);

	append_to_file("$dir/nginx.conf", <<CONF);
daemon off;
pid $dir/nginx.pid;
events { worker_connections 1000; }
http {
$temp
$site
}
CONF
	begin('nginx', NGINX, '-p', $dir, '-c', "$dir/nginx.conf", '-e', 'stderr');
	return;
}

sub start_caddy
{
	my $host = HOST;
	my $site = snippet('caddyfile',
		"$host {" => "https://$host:$port{caddy} {\n\tbind 127.0.0.1\n\ttls $certificate.crt $certificate.key",
		'127.0.0.1:8090' => "127.0.0.1:$port{hook}");

	append_to_file("$dir/Caddyfile", <<CONF);
{
	admin off
	auto_https off
}
$site
CONF
	begin('caddy', CADDY, 'run', '--config', "$dir/Caddyfile", '--adapter', 'caddyfile');
	return;
}

# A request through a proxy, from some address of ours.
sub ask_proxy
{
	my ($proxy, $method, $path, %o) = @_;
	my $http = HTTP::Tiny->new(timeout => 30, keep_alive => 0, verify_SSL => 1,
		local_address => $o{from} // HERE,
		SSL_options => { SSL_ca_file => "$certificate.crt" });

	return $http->request($method, "https://@{[HOST]}:$port{$proxy}$path",
		{ peer => '127.0.0.1', headers => $o{headers} // {}, content => $o{body} // '' });
}

# Headers and body as Twilio makes them, for the URL that the world knows.
sub signed
{
	my ($path, %form) = @_;
	my $url = "https://@{[HOST]}$path";

	return (
		body => join('&', map { form_encode($_) . '=' . form_encode($form{$_}) } sort keys %form),
		headers => {
			'Content-Type' => FORM,
			'X-Twilio-Signature' => hmac_sha1_base64($url . join('', map { $_ . $form{$_} } sort keys %form), SECRET) . '=' });
}

sub text
{
	my ($id, $body) = @_;
	return (MessageSid => $id, From => '+19195550001', To => SENDER, Body => $body);
}

sub answer
{
	my ($got) = @_;
	return "$got->{status} $got->{content}";
}

# Until a text from there gets this answer; the same text each time.
sub until_answered
{
	my ($proxy, $from, $status, $what) = @_;
	my %hook = signed('/webhook/tw', text("SM-until-$proxy-$from-$status", 'Hello?'));
	my $give_up = time + 20;
	my $got;

	do
	{
		sleep 0.05 if defined $got;
		$got = ask_proxy($proxy, 'POST', '/webhook/tw', from => $from, %hook)->{status};
	} while ($got != $status && time < $give_up);
	return is($got, $status, $what);
}

# Connections that the listener has taken.
sub taken
{
	open(my $tcp, '<', '/proc/net/tcp') or die "/proc/net/tcp: $!";
	my $local = sprintf '0100007F:%04X', $port{hook};
	return scalar grep { / $local [0-9A-F:]+ 01 / } <$tcp>;
}

# Requests that are there all at once, while the receiver can store nothing:
# how many of them got which answer.  They wait until enough of them have come
# so far, and no longer than the listener does.
sub crowd
{
	my ($proxy, $enough) = @_;
	my $session = start_session($node);
	my (%by_fd, %times);

	my @sockets = map {
		IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $port{$proxy}, SSL_hostname => HOST,
			SSL_verifycn_name => HOST, SSL_verifycn_scheme => 'http', SSL_ca_file => "$certificate.crt")
		  // die "connection $_: $!"
	} 1 .. CROWD;
	ask($session, 'BEGIN; LOCK TABLE p2ptext.inbound IN ACCESS EXCLUSIVE MODE');
	foreach my $n (0 .. $#sockets)
	{
		my %hook = signed('/webhook/tw', text("SM-crowd-$proxy-$enough-$n", "I am number $n"));
		my %headers = (Host => HOST, 'Content-Length' => length $hook{body}, %{ $hook{headers} });

		$sockets[$n]->syswrite(join "\r\n", 'POST /webhook/tw HTTP/1.1',
			map({ "$_: $headers{$_}" } sort keys %headers), '', $hook{body});
	}
	my $give_up = time + 8;
	sleep 0.05 while taken() < $enough && time < $give_up;
	my $came = taken();
	ask($session, 'ROLLBACK');
	foreach my $socket (@sockets)
	{
		my $line = IO::Select->new($socket)->can_read(30) ? <$socket> : '';
		my ($status) = ($line // '') =~ m{^HTTP/1\.1 (\d+)};
		$times{ $status // 'none' }++;
	}
	$session->{run}->kill_kill;
	return ($came, \%times);
}

sub check_webhooks
{
	my ($proxy, $message) = @_;
	my $path = '/webhook/tw';
	my $stored = "SELECT count(*) FROM p2ptext.inbound WHERE provider_id LIKE 'SM-$proxy-%'";
	my ($id, $ref) = split /\|/, $message;

	my %hook = signed($path, text("SM-$proxy-1", "Where do I vote, \xC3\xA9 & 100%?"));
	my $got = ask_proxy($proxy, 'POST', $path, %hook);
	is(answer($got), TAKEN, "$proxy: a signed text is taken");
	is($got->{headers}{'content-type'}, 'text/xml', '... and answered as the provider wants it');
	is(value($node, "SELECT body FROM p2ptext.inbound WHERE provider_id = 'SM-$proxy-1'"),
		"Where do I vote, \xC3\xA9 & 100%?", '... and stored');
	is(ask_proxy($proxy, 'POST', $path, %hook, body => $hook{body} =~ s/vote/go/r)->{status},
		403, 'one that was changed is not');

	# What is signed is the URL, byte for byte.
	my $odd = "$path?x=%7Ea+b%20c;d&&y=%c3%a9&y=/../*'()";
	is(answer(ask_proxy($proxy, 'POST', $odd, signed($odd, text("SM-$proxy-2", 'Odd')))),
		TAKEN, 'the URL comes through as it was');

	$path = "/webhook/tw/status/$ref";
	is(answer(ask_proxy($proxy, 'POST', $path,
				signed($path, MessageSid => "SM-$proxy-3", MessageStatus => 'delivered', To => '+1', From => SENDER))),
		'200 ', 'a receipt is taken');
	wait_for($node, "SELECT status FROM p2ptext.message WHERE id = $id", 'delivered', '... and moves its message');

	%hook = signed('/webhook/tw', text("SM-$proxy-4", 'long' x 25_000));
	# Caddy's own words, or that the connection ended while it was being read
	like(ask_proxy($proxy, 'POST', '/webhook/tw', %hook)->{status},
		$proxy eq 'nginx' ? qr/^413$/ : qr/^(413|502|599)$/, 'what is too long is refused');
	is(value($node, $stored), 3, 'what was refused is not stored');
	return;
}

sub check_closed
{
	my ($proxy) = @_;

	is(answer(ask_proxy($proxy, 'GET', '/healthz')), "200 ok\n", "$proxy: /healthz can be reached");
	foreach my $path (
		qw(/metrics / //metrics /webhook/../metrics /webhook/%2e%2e/metrics /webhook/..%2fmetrics
		/healthz/../metrics /metrics%3f/../webhook/tw /webhook/tw/../../metrics /webhook/nobody /webhook))
	{
		my $got = ask_proxy($proxy, 'GET', $path);
		like("$got->{status}", qr/^(400|403|404|405|308)$/, "... $path cannot");
		unlike($got->{content}, qr/p2ptext_/, '... and tells nothing');
	}
	return;
}

sub check_addresses
{
	my ($proxy) = @_;
	my %hook = signed('/webhook/tw', text("SM-from-$proxy", 'Me'));

	value($node, "UPDATE p2ptext.gateway SET webhook_addresses = '{@{[THERE]}}' WHERE name = 'tw'");
	until_answered($proxy, HERE, 403, "$proxy: who comes from another address than the gateway's is refused");
	until_answered($proxy, THERE, 200, '... who comes from there is not');
	foreach my $forged (THERE, "@{[THERE]}, 127.0.0.1", "@{[THERE]}, @{[THERE]}")
	{
		$hook{headers}{'X-Forwarded-For'} = $forged;
		is(ask_proxy($proxy, 'POST', '/webhook/tw', %hook)->{status}, 403, "... to say \"$forged\" does not help");
	}
	$hook{headers}{'X-Forwarded-For'} = HERE;
	is(ask_proxy($proxy, 'POST', '/webhook/tw', from => THERE, %hook)->{status}, 200, '... nor does it harm');
	value($node, "UPDATE p2ptext.gateway SET webhook_addresses = NULL WHERE name = 'tw'");
	until_answered($proxy, HERE, 200, 'and without a list everybody is heard');
	return;
}

sub check_crowd
{
	my ($proxy) = @_;
	my ($came, $times) = crowd($proxy, CROWD);

	cmp_ok($came, '>=', CROWD, "$proxy: a crowd comes through");
	is_deeply($times, { 200 => CROWD }, '... and everybody is served');
	return;
}

# README.md's function for PostgREST, with what that tells it.
sub check_function
{
	my ($function) = $readme =~ /^```sql\n(CREATE DOMAIN "\*\/\*".*?)^```$/ms or die 'no function in README.md';
	my %hook = signed('/webhook/tw', text('SM-function', 'By PostgREST'));
	my %headers = ('x-type' => FORM, 'x-url' => '/webhook/tw', 'x-method' => 'POST',
		'content-type' => 'application/octet-stream', 'x-twilio-signature' => $hook{headers}{'X-Twilio-Signature'});
	my $no = '403|[{"Content-Type": "text/plain"}]|';

	value($node, $function);
	foreach (
		[ THERE, $hook{body}, "${no}not from this address, or the signature is wrong\n" ],
		[ '127.0.0.1', "$hook{body}!", "${no}the signature is missing or wrong\n" ],
		[ '127.0.0.1', $hook{body}, '200|[{"Content-Type": "text/xml"}]|' . TAKEN =~ s/^200 //r ])
	{
		my ($client, $body, $wanted) = @$_;
		my $request = join ', ', map { "'$_', '$headers{$_}'" } sort keys %headers;

		is(value($node, <<SQL), $wanted, 'the function for PostgREST answers');
BEGIN;
SELECT set_config('request.headers', jsonb_build_object($request, 'x-client', '$client')::text, true) \\gset
SELECT convert_from(webhook('\\x@{[unpack 'H*', $body]}'), 'UTF8') AS body \\gset
SELECT current_setting('response.status'), current_setting('response.headers'), :'body';
COMMIT;
SQL
	}
	is(value($node, "SELECT body FROM p2ptext.inbound WHERE provider_id = 'SM-function'"), 'By PostgREST', '... and stores');
	return;
}

# The proxy is one address like any other then.
sub check_untrusted
{
	my ($proxy) = @_;

	value($node, "UPDATE p2ptext.gateway SET webhook_addresses = '{127.0.0.1}' WHERE name = 'tw'");
	until_answered($proxy, THERE, 403, 'a proxy that is trusted is not where a text comes from');
	value($node, "ALTER SYSTEM SET p2ptext.trusted_proxies = ''");
	value($node, 'SELECT pg_reload_conf()');
	until_answered($proxy, HERE, 200, '... one that is not trusted is');
	my ($came, $times) = crowd($proxy, PER_ADDRESS);
	cmp_ok($times->{200}, '<=', PER_ADDRESS, '... and no more than its share is served at once');
	cmp_ok($times->{200}, '>', PER_ADDRESS / 2, '... but that is');
	is($times->{502}, CROWD - $times->{200}, '... the proxy tells the others');
	return;
}

make_certificate();
my $gateway = start_gateway();
$node = start_cluster('proxy',
	'p2ptext.port' => $port{hook},
	'p2ptext.public_url' => 'https://' . HOST,
	'p2ptext.trusted_proxies' => '127.0.0.1');
make_campaign($node, url => $gateway->url, voters => 2);
value($node, "SELECT p2ptext.approve_batch('c')");
wait_for($node, 'SELECT status, count(*) FROM p2ptext.message GROUP BY 1', 'sent|2', 'texts leave');
wait_for($node, "SELECT state FROM p2ptext.stat_worker WHERE kind = 'receiver'", 'idle', 'the receiver listens');
start_nginx();
start_caddy();

my @messages = split /\n/, value($node, 'SELECT id, ref FROM p2ptext.message ORDER BY id');
like(HTTP::Tiny->new->get("http://127.0.0.1:$port{hook}/metrics")->{content},
	qr/^p2ptext_worker_up/m, 'the listener itself shows its metrics');
foreach my $proxy (qw(nginx caddy))
{
	check_webhooks($proxy, shift @messages);
	check_closed($proxy);
	check_addresses($proxy);
	check_crowd($proxy);
}
check_untrusted('nginx');
check_function();

$node->stop;
$gateway->stop;
done_testing();
