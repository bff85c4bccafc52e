# Webhooks that an application received: p2ptext.receive() takes what providers
# sign, as the listener does, and nothing else; the session's courier comes and
# goes as it should; and replay_inbound() gives what was kept a second chance.

use strict;
use warnings;

use lib 'test/t/lib';
use Digest::SHA qw(hmac_sha1_base64 hmac_sha256 hmac_sha256_base64 sha256_hex);
use HTTP::Tiny;
use JSON::PP;
use MIME::Base64 qw(encode_base64 encode_base64url);
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Receiving;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'no openssl here' if system('openssl version >/dev/null 2>&1');

use constant HOOKS => 'hooks:not-for-others-b3b1c3a5';
use constant FORM => 'application/x-www-form-urlencoded';
use constant JSON => 'application/json';

my $dir = PostgreSQL::Test::Utils::tempdir();
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $public = "http://127.0.0.1:$port";
my %secrets = (
	telnyx => SECRET, 'telnyx.webhook' => make_key(), plivo => SECRET,
	map { $_ => SECRET, "$_.webhook" => HOOKS } qw(signalwire bandwidth vonage kannel plain));
my $node = start_cluster('receive',
	'p2ptext.port' => $port,
	'p2ptext.public_url' => $public,
	secrets => \%secrets);

# A key that signs as Telnyx does; returns the public half.
sub make_key
{
	system("openssl genpkey -algorithm ed25519 -out $dir/key 2>/dev/null") == 0 or die 'openssl genpkey failed';
	my $der = `openssl pkey -in $dir/key -pubout -outform DER`;
	return encode_base64(substr($der, -32), '');
}

sub ed25519
{
	my ($bytes) = @_;

	write_file("$dir/bytes", $bytes);
	system("openssl pkeyutl -sign -rawin -inkey $dir/key -in $dir/bytes -out $dir/signature") == 0
	  or die 'openssl pkeyutl failed';
	return encode_base64(read_file("$dir/signature"), '');
}

sub text_literal
{
	my ($text) = @_;
	return defined $text ? "'" . $text =~ s/'/''/gr . "'" : 'NULL';
}

# The call that has a webhook received.
sub call
{
	my (%w) = @_;
	my $body = $w{body} // '';

	return sprintf 'p2ptext.receive(%s, %s, %s, %s, %s, %s)', text_literal($w{gateway}),
	  text_literal(JSON::PP->new->canonical->encode($w{headers} // {})),
	  "'\\x" . unpack('H*', $body) . "'", text_literal($w{url} // $public . $w{path}),
	  text_literal($w{method}), text_literal($w{remote});
}

sub receive
{
	my (%w) = @_;
	return value($node, 'SELECT * FROM ' . call(%w));
}

sub form_of
{
	my (%form) = @_;
	return join '&', map { form_encode($_) . '=' . form_encode($form{$_}) } sort keys %form;
}

# As the providers of these gateways bring them; base is the URL they know.
sub twilio
{
	my ($gateway, $path, $form, $base) = @_;
	my $signed = ($base // $public) . $path . join '', map { $_ . $form->{$_} } sort keys %$form;

	return (gateway => $gateway, path => $path, body => form_of(%$form),
		headers => { 'Content-Type' => FORM, 'I-Twilio-Idempotency-Token' => 'x-1',
			'X-Twilio-Signature' => hmac_sha1_base64($signed, SECRET) . '=' });
}

sub telnyx
{
	my ($id, $text, $now) = @_;
	my $body = sprintf '{"data":{"event_type":"message.received","id":"%s","payload":{"id":"m-%1$s",'
	  . '"from":{"phone_number":"+19195550020"},"to":[{"phone_number":"+12025550100"}],"text":"%s"}}}', $id, $text;

	return (gateway => 'telnyx', path => '/webhook/telnyx', body => $body,
		headers => { 'Content-Type' => JSON, 'Telnyx-Timestamp' => "$now",
			'Telnyx-Signature-Ed25519' => ed25519("$now|$body") });
}

sub bandwidth
{
	my (@events) = @_;
	return (gateway => 'bandwidth', path => '/webhook/bandwidth', body => JSON::PP->new->canonical->encode(\@events),
		headers => { 'Content-Type' => 'application/json; charset=utf-8', Authorization => 'Basic ' . encode_base64(HOOKS, '') });
}

sub bandwidth_text
{
	my ($id, $text) = @_;
	return { type => 'message-received', to => '+12025550100',
		message => { id => $id, from => '+19195550021', to => ['+12025550100'], text => $text } };
}

sub vonage
{
	my ($id, $text) = @_;
	my $body = JSON::PP->new->canonical->encode({ channel => 'sms', message_type => 'text', message_uuid => $id,
		from => '19195550022', to => '12025550100', text => $text });
	my $token = join '.', map { encode_base64url(JSON::PP->new->canonical->encode($_)) } { alg => 'HS256', typ => 'JWT' },
	  { iat => int time, payload_hash => sha256_hex($body) };

	return (gateway => 'vonage', path => '/webhook/vonage', body => $body, headers => { 'Content-Type' => JSON,
		Authorization => "Bearer $token." . encode_base64url(hmac_sha256($token, HOOKS)) });
}

sub plivo
{
	my ($id, $text) = @_;
	my %form = (MessageUUID => $id, From => '19195550023', To => '12025550100', Type => 'sms', Text => $text);
	my $signed = "$public/webhook/plivo?" . join('', map { $_ . $form{$_} } sort keys %form) . '.nonce1';

	return (gateway => 'plivo', path => '/webhook/plivo', body => form_of(%form), headers => { 'Content-Type' => FORM,
		'X-Plivo-Signature-V3-Nonce' => 'nonce1', 'X-Plivo-Signature-V3' => hmac_sha256_base64($signed, SECRET) . '=' });
}

sub kannel
{
	my ($id, $text, $token) = @_;
	return (gateway => 'kannel', headers => {}, path => '/webhook/kannel?' . form_of(
		token => $token // HOOKS, from => '+19195550024', to => '+12025550100', text => $text, id => $id, coding => 0));
}

sub plain
{
	my ($id, $text) = @_;
	return (gateway => 'plain', path => '/webhook/plain', headers => { 'Content-Type' => JSON, 'x-token' => HOOKS },
		body => JSON::PP->new->canonical->encode({ n => $id, src => '+19195550025', dst => '+12025550100', words => $text }));
}

# The same by HTTP; the status.
sub deliver
{
	my (%w) = @_;
	return HTTP::Tiny->new(timeout => 30, keep_alive => 0)->request($w{body} ? 'POST' : 'GET', $public . $w{path},
		{ headers => $w{headers}, content => $w{body} // '' })->{status};
}

sub children
{
	my ($parent) = @_;
	return map { m{^/proc/(\d+)/} && read_file($_) =~ /\) \S (\d+) / && $1 == $parent ? m{(\d+)} : () } glob '/proc/[0-9]*/stat';
}

# A signal has come when the state is that one, by the kernel's word.
sub signal
{
	my ($name, $state, $pid) = @_;
	kill $name, $pid;
	return wait_until("SIG$name has come", sub { read_file("/proc/$pid/stat") =~ /\) $state |^$/ });
}

sub anonymous_kb
{
	my ($pid) = @_;
	return read_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m ? $1 : die "no process $pid";
}

make_campaign($node, voters => 60, url => 'http://127.0.0.1:1');
value($node, <<SQL);
UPDATE p2ptext.gateway SET enabled = false;
SELECT p2ptext.add_gateway('signalwire', 'signalwire', account => 'A', base_url => 'https://x.example');
SELECT p2ptext.add_gateway('telnyx', 'telnyx');
SELECT p2ptext.add_gateway('bandwidth', 'bandwidth', account => 'A', settings => '{"application_id": "app"}');
SELECT p2ptext.add_gateway('vonage', 'vonage', account => 'A');
SELECT p2ptext.add_gateway('plivo', 'plivo', account => 'A');
SELECT p2ptext.add_gateway('kannel', 'kannel', account => 'A', base_url => 'https://x.example');
SELECT p2ptext.add_gateway('plain', 'generic', base_url => 'https://x.example', settings =>
	'{"token": {"header": "X-Token"}, "inbound": {"id": "/n", "from": "/src", "to": "/dst", "text": "/words"}}');
UPDATE p2ptext.conversation SET last_out_at = now();
CREATE ROLE web;
GRANT EXECUTE ON FUNCTION p2ptext.receive(text, jsonb, bytea, text, text, inet) TO web;
SQL
wait_for($node, "SELECT state FROM p2ptext.stat_worker WHERE kind = 'receiver'", 'idle', 'the receiver listens');

# A text of each provider: what receive() keeps is what the listener keeps.
my $ref = '17-' . 'a' x 32;
my %text = (MessageSid => 'SM1', From => '+19195550001', To => SENDER, Body => 'Hello, it\'s me');
my @webhooks = (
	[ 'a text of Twilio', '200|text/xml|<?xml version="1.0" encoding="UTF-8"?><Response/>', twilio('tw', '/webhook/tw', \%text) ],
	[ 'a receipt of Twilio', '200||', twilio('tw', "/webhook/tw/status/$ref",
			{ MessageSid => 'SM2', MessageStatus => 'delivered', From => SENDER, To => '+19195550002' }) ],
	[ 'Telnyx', '200||', telnyx('t1', 'Hi', int time) ],
	[ 'two events of Bandwidth', '200||', bandwidth(bandwidth_text('b1', 'one'), bandwidth_text('b2', 'two')) ],
	[ 'Vonage', '200||', vonage('v1', 'Hi') ],
	[ 'Plivo', '200|text/xml|<?xml version="1.0" encoding="UTF-8"?><Response/>', plivo('p1', 'Hi') ],
	[ 'Kannel', '200||', kannel('k1', "50% & \x{c3}\xa9") ],
	[ 'a generic gateway', '200||', plain('g1', 'Hi') ]);
my $kept = "SELECT kind, dedupe_key, provider_id, ref, phone, sender, body, status, code, detail, media,
	headers - 'user-agent', encode(raw, 'hex') FROM p2ptext.inbound ORDER BY id DESC LIMIT 2";
my $session = start_session($node);
foreach my $case (@webhooks)
{
	my ($name, $answer, %w) = @$case;
	ask($session, 'BEGIN; DELETE FROM p2ptext.inbound');
	(my $got = ask($session, 'SELECT * FROM ' . call(%w))) =~ s/\n\z//;
	is($got, $answer, "$name: is received, and answered as its provider wants it");
	my $rows = ask($session, $kept);
	ask($session, 'ROLLBACK');
	is(deliver(%w), $answer =~ /^(\d+)/ ? $1 : 0, "$name: the listener takes it too");
	my $n = () = $rows =~ /^(?:text|receipt)\|/mg;
	is(value($node, $kept =~ s/LIMIT 2/LIMIT $n/r), $rows, "$name: and keeps the same");
	my $count = value($node, 'SELECT count(*) FROM p2ptext.inbound');
	is(receive(%w), $answer, "$name: once more");
	is(value($node, 'SELECT count(*) FROM p2ptext.inbound'), $count, "$name: ... changes nothing");

	# Nobody else may.
	my %forged = %w;
	my ($proof) = grep { /signature(?!.*nonce)|authorization|token$/i && !/idempotency/i } keys %{ $w{headers} };
	$forged{headers} = { %{ $w{headers} } };
	$forged{headers}{$proof} =~ s/(....)(.)(.)/$1 . ($2 eq 'x' ? 'y' : 'x') . ($3 eq 'x' ? 'y' : 'x')/e if $proof;
	$forged{path} =~ s/token=.../token=xyz/;
	$forged{body} =~ s/Hello/Hullo/ if ($w{body} // '') =~ /Hello/;
	like(receive(%forged), qr/^403\|text\/plain\|/, "$name: forged");
	delete $forged{headers}{$proof} if $proof;
	$forged{path} =~ s/token=[^&]*&//;
	like(receive(%forged), qr/^403\|/, "$name: and without proof");
	is(value($node, 'SELECT count(*) FROM p2ptext.inbound'), $count, "$name: ... is not kept");
}
wait_for($node, 'SELECT count(*) FROM p2ptext.inbound WHERE applied_at IS NULL', 0, 'all is applied');
my $log = read_file($node->logfile);
like($log, qr/LOG:  p2ptext.receive\(\) refused a webhook of gateway "telnyx"/, 'the log tells of forgeries');
unlike($log, qr/Hullo|STATEMENT.*p2ptext\.receive/, '... not what they said');

# The rest of Twilio's cases: who went where, and through which door.
my %stop = (%text, MessageSid => 'SM3', Body => 'STOP');
like(receive(twilio('tw', '/sms/in?x=1', \%stop, 'https://app.example.org'), url => 'https://app.example.org/sms/in?x=1'),
	qr/^200/, 'an absolute URL is the one that was signed');
is(value($node, "SELECT count(*) FROM p2ptext.opt_out WHERE phone = '+19195550001'"), 1, 'and an opt-out in it holds at once');
like(receive(twilio('tw', '/sms/in', { %text, MessageSid => 'SM4' }), url => '/sms/in'), qr/^200/, 'after a path alone comes public_url');
like(receive(twilio('tw', '/sms/in', { %text, MessageSid => 'SM5' }, 'https://evil.example')), qr/^403/, 'another host is another signature');
like(receive(twilio('tw', "/deep/below/status/$ref", { MessageSid => 'SM6', MessageStatus => 'sent' })), qr/^200/, 'a receipt by a path of the application');
is(value($node, "SELECT ref FROM p2ptext.inbound WHERE provider_id = 'SM6'"), $ref, '... has its reference');
like(receive(telnyx('t2', 'Hi', int(time) - 400)), qr/^403/, 'what was signed long ago proves nothing');
# Plivo's older signature covers a nonce and no field.
sub plivo_v2
{
	my ($id, $text) = @_;
	my %w = plivo($id, $text);

	$w{headers} = { 'Content-Type' => FORM, 'X-Plivo-Signature-V2-Nonce' => 'nonce2',
		'X-Plivo-Signature-V2' => hmac_sha256_base64("$public/webhook/plivo" . 'nonce2', SECRET) . '=' };
	return %w;
}
is(deliver(plivo_v2('p2', 'Hi')), 200, 'Plivo, the older signature');
is(deliver(plivo_v2('p2', 'Hi')), 200, '... may come again as it was');
is(deliver(plivo_v2('p3', 'STOP')), 403, '... but is good for nothing else');
is(value($node, "SELECT count(*) FROM p2ptext.inbound WHERE provider_id = 'p3'"), 0, '... which is not kept');

like(receive(gateway => 'nobody', path => '/x'), qr/^404/, 'a gateway that there is not');
like(receive(twilio('tw', '/webhook/tw', \%text), method => 'GET'), qr/^405/, 'a method that the provider does not use');
like(receive(twilio('tw', '/webhook/tw', \%text), headers => {}), qr/^415/, 'nor such content');
like(receive(telnyx('t2', 'x' x 70000, int time)), qr/^413/, 'a body too long');
like(receive(telnyx('t2', 'x' x 300000, int time)), qr/^413/, '... by far');
like(receive(bandwidth({ type => 'message-received' })), qr/^400/, 'an event that lacks what it must have');
value($node, "UPDATE p2ptext.gateway SET verify_webhooks = false WHERE name = 'plain'");
like(receive(plain('g2', 'Hi'), headers => { 'Content-Type' => JSON }), qr/^200/, 'who needs no proof needs none');

value($node, "UPDATE p2ptext.gateway SET webhook_addresses = '{10.0.0.0/8,2001:db8::/32}' WHERE name = 'plain'");
is(join(' ', map { substr receive(plain('g3', 'Hi'), remote => $_), 0, 3 } undef, '192.0.2.1', '10.1.2.3', '2001:db8::1'),
	'403 403 200 200', 'where it may come from');
value($node, "UPDATE p2ptext.gateway SET webhook_addresses = NULL WHERE name = 'plain'");

# With EXECUTE alone, and the caller decides whether it is kept.
is(value($node, 'SET ROLE web; SELECT status FROM ' . call(kannel('k2', 'Hi'))), 200, 'a role that may call it and no more');
value($node, 'BEGIN; SELECT ' . call(kannel('k3', 'Hi')) . '; ROLLBACK');
is(value($node, "SELECT count(*) FROM p2ptext.inbound WHERE dedupe_key IN ('k2', 'k3')"), 1, 'what is rolled back is not kept');
wait_for($node, "SELECT outcome FROM p2ptext.inbound WHERE dedupe_key = 'k2'", 'unmatched', 'what is committed wakes the receiver');
my ($code, undef, $error) = $node->psql('postgres', 'SET ROLE web; SELECT p2ptext.replay_inbound(1)');
like($error, qr/permission denied/, 'who receives may not replay');

# One courier for a session, told anew of what has changed.
my $backend = ask($session, 'SELECT pg_backend_pid()');
my @couriers = children($backend);
is(scalar @couriers, 1, 'a session has one courier');
my $many = 'SELECT count(*) FROM generate_series(1, 1000) n, p2ptext.receive(\'kannel\', \'{}\', \'\',
	\'/webhook/kannel?from=%%2B19195550030&to=%%2B12025550100&text=Hi&token=' . form_encode(HOOKS) =~ s/%/%%/gr . '&id=m\' || n || \'-%s\') r WHERE r.status = 200';
is(ask($session, sprintf $many, 1), 1000, '1,000 calls');
my @before = map { anonymous_kb($_) } $backend, @couriers;
my $start = time;
is(ask($session, sprintf $many, 2), 1000, '1,000 more');
note(sprintf '%.0f calls/s', 1000 / (time - $start));
is_deeply([ children($backend) ], \@couriers, 'are the same courier\'s');
my @after = map { anonymous_kb($_) } $backend, @couriers;
note("kB of session and courier: @before, then @after");
cmp_ok($after[$_], '<', $before[$_] + 1024, (qw(session courier))[$_] . ': its memory stays as it was') for 0, 1;
value($node, "UPDATE p2ptext.gateway SET name = 'kannel-2', provider = 'plivo' WHERE name = 'kannel'");
like(ask($session, 'SELECT status FROM ' . call(kannel('k4', 'Hi'))), qr/404/, 'a gateway that goes by another name');
like(ask($session, 'SELECT status FROM ' . call(kannel('k4', 'Hi'), gateway => 'kannel-2')), qr/40[03]/, '... and is of another provider');
value($node, "UPDATE p2ptext.gateway SET name = 'kannel', provider = 'kannel' WHERE name = 'kannel-2'");
is(ask($session, 'SELECT status FROM ' . call(kannel('k4', 'Hi'))), 200, '... and back');

# A courier that is killed is missed by nobody; one that hangs is ended.
signal(KILL => 'Z', @couriers);
is(ask($session, 'SELECT status FROM ' . call(kannel('k5', 'Hi'))), 200, 'a courier was killed, and there is another');
my ($courier) = children($backend);
isnt($courier, $couriers[0], '... indeed');
signal(STOP => 'T', $courier);
ask($session, "SET statement_timeout = '300ms'; SELECT " . call(kannel('k6', 'Hi')));
like($session->{err}, qr/canceling statement due to statement timeout/, 'a call that waits can be cancelled');
is(scalar(children($backend)), 0, '... and takes its courier with it');
is(ask($session, 'SET statement_timeout = 0; SELECT status FROM ' . call(kannel('k7', 'Hi'))), 200, 'the next call has its own answer');
($courier) = children($backend);
signal(STOP => 'T', $courier);
ask($session, 'SELECT ' . call(kannel('k8', 'Hi')));
like($session->{err}, qr/courier took too long to answer/, 'nobody waits for ever');
is(ask($session, 'SELECT status FROM ' . call(kannel('k9', 'Hi'))), 200, '... and the next call is well');
is(value($node, "SELECT string_agg(dedupe_key, ' ' ORDER BY id) FROM p2ptext.inbound WHERE dedupe_key ~ '^k[4-9]'"), 'k4 k5 k7 k9', 'what had an answer is kept');
($courier) = children($backend);
value($node, "SELECT pg_terminate_backend($backend)");
wait_gone($courier, 'a courier goes with its session');
eval { $session->{run}->finish };

# A courier that cannot be: the call fails, and says why.
replace_courier("#!/bin/sh\nexit 3\n");
($code, undef, $error) = $node->psql('postgres', 'SELECT ' . call(kannel('k10', 'Hi')));
like($error, qr/ERROR:  courier exited with code 3/, 'a courier that is none');
restore_courier();

# What could not be applied, when what was wrong has been mended.
value($node, <<'SQL');
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'poison'; END$$;
CREATE TRIGGER poison BEFORE INSERT ON p2ptext.message FOR EACH ROW WHEN (NEW.body = 'poison') EXECUTE FUNCTION poison();
SQL
my $event = sub { "SELECT $_[0] FROM p2ptext.inbound WHERE dedupe_key = '$_[1]'" };
receive(twilio('tw', '/webhook/tw', { %text, MessageSid => 'SM10', From => '+19195550010', Body => 'poison' }));
wait_for($node, $event->(q(outcome || ' ' || error), 'SM10'), 'error poison', 'a text that cannot be applied');
value($node, 'DROP TRIGGER poison ON p2ptext.message');
is(value($node, $event->('(p2ptext.replay_inbound(id)).outcome', 'SM10')), '', 'it is replayed');
wait_for($node, $event->('outcome', 'SM10'), 'applied', 'and applied');
is(value($node, "SELECT count(*) FROM p2ptext.message WHERE direction = 'in' AND phone = '+19195550010'"), 1, '... once');
($code, undef, $error) = $node->psql('postgres', $event->('p2ptext.replay_inbound(id)', 'SM10'));
like($error, qr/has been applied.*DETAIL:.*"applied".*HINT:/s, 'and not a second time');

# Settings that had things the wrong way round, also what makes a text's key.
value($node, q(UPDATE p2ptext.gateway SET settings = jsonb_build_object('events', '/all',
	'inbound', '{"id": "/other", "from": "/dst", "to": "/src", "text": "/note"}'::jsonb) WHERE name = 'plain'));
my @pair = map { { n => "q$_", other => "o$_", src => "+1919555003$_", dst => '+12025550100', words => $_ == 2 ? 'stop' : 'Hi', note => 'wrong' } } 1, 2;
receive(gateway => 'plain', path => '/webhook/plain', headers => { 'Content-Type' => JSON }, body => encode_json({ all => \@pair }));
wait_for($node, $event->('outcome || phone', 'o2'), 'unmatched+12025550100', 'settings that are wrong');
value($node, q(UPDATE p2ptext.gateway SET webhook_addresses = '{10.0.0.0/8}', settings = jsonb_build_object('events', '/all',
	'inbound', '{"id": "/n", "from": "/src", "to": "/dst", "text": "/words"}'::jsonb) WHERE name = 'plain'));
is(value($node, $event->('(p2ptext.replay_inbound(id)).body', 'o2')), 'stop', 'mended, and replayed');
is(value($node, $event->(q(phone || ' ' || sender), 'q2') . " AND body = 'stop'"), '+19195550032 +12025550100', 'each event by its place');
is(value($node, "SELECT count(*) FROM p2ptext.opt_out WHERE phone = '+19195550032' AND ended_at IS NULL"), 1, 'a stop that was not seen is one');
value($node, "INSERT INTO p2ptext.inbound (gateway_id, kind, dedupe_key) SELECT gateway_id, kind, 'q1' FROM p2ptext.inbound WHERE dedupe_key = 'o1'");
($code, undef, $error) = $node->psql('postgres', $event->('p2ptext.replay_inbound(id)', 'o1'));
like($error, qr/is kept a second time.*DETAIL:.*"q1".*HINT:/s, 'one that has come again since');
value($node, q(UPDATE p2ptext.gateway SET settings = settings || '{"events": "/none"}' WHERE name = 'plain'));
($code, undef, $error) = $node->psql('postgres', $event->('p2ptext.replay_inbound(id)', 'o1'));
like($error, qr/not found in its webhook any more.*DETAIL:.*400.*HINT:/s, 'one that cannot be found');
is(value($node, $event->('outcome', 'o1')), 'unmatched', '... stays as it was');
$node->stop;

# A server that has not preloaded the library receives all the same.
my $plain = PostgreSQL::Test::Cluster->new('unloaded');
$plain->init;
write_file($plain->basedir . '/secrets', 'tw = ' . SECRET . "\n", 0600);
$plain->append_conf('postgresql.conf', "p2ptext.public_url = '$public'\np2ptext.secrets_file = '" . $plain->basedir . "/secrets'\n");
$plain->start;
$plain->safe_psql('postgres', "CREATE EXTENSION p2ptext; SELECT p2ptext.add_gateway('tw', 'twilio', account => 'A')");
like($plain->safe_psql('postgres', 'SELECT * FROM ' . call(twilio('tw', '/webhook/tw', \%text))), qr/^200/, 'without preloading');
is($plain->safe_psql('postgres', 'SELECT count(*) FROM p2ptext.inbound'), 1, 'it is kept');
is($plain->safe_psql('postgres', 'SELECT applied FROM p2ptext.apply_inbound()'), 1, '... and can be applied by hand');
$plain->stop;

done_testing();
