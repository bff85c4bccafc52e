# A real Kannel, with its simulator in the carrier's place: texts reach the
# carrier in the right encoding, receipts and texts of voters come back, nobody
# is heard without the token, and a bearerbox that is down loses nothing.

use strict;
use warnings;
use utf8;

use lib 'test/t/lib';
use Encode qw(decode encode);
use HTTP::Tiny;
use IO::Socket::INET;
use IPC::Run;
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use constant {
	BEARERBOX => '/usr/sbin/bearerbox',
	SMSBOX => '/usr/sbin/smsbox',
	CARRIER => '/usr/lib/kannel/test/fakesmsc',
	USER => 'p2ptext',
	PASSWORD => 'p&ss w%rd',
	# with what is special in URLs, and, as %C3%A9, to Kannel
	TOKEN => "to%ken/A+b&c=d\xC3\xA9",
};

foreach my $program (BEARERBOX, SMSBOX, CARRIER)
{
	plan skip_all => "NOT RUN: no $program (kannel, kannel-extras)"
	  unless -x $program;
}
my $dir = PostgreSQL::Test::Utils::tempdir();
my $log = "$PostgreSQL::Test::Utils::log_path/kannel_";
my %port = map { $_ => PostgreSQL::Test::Cluster::get_free_port() }
  qw(admin box smsc send hook);
my $public = "http://127.0.0.1:$port{hook}";
my %running;    # what we started, by name
my $carriers = 0;

END
{
	my $status = $?;
	end($_) foreach sort keys %running;
	$? = $status;
}

sub escape
{
	my ($text) = @_;
	$text =~ s/([^A-Za-z0-9._-])/sprintf '%%%02X', ord $1/ge;
	return $text;
}

sub write_config
{
	my %word = (
		ADMIN_PORT => $port{admin}, BOX_PORT => $port{box}, SMSC_PORT => $port{smsc},
		SEND_PORT => $port{send}, DIR => $dir, LOG => $log, USER => USER,
		PASSWORD => PASSWORD, HOOK => "$public/webhook/kn",
		TOKEN => escape(TOKEN) =~ s/%/%%/gr);
	my $text = slurp_file('test/data/kannel/kannel.conf');

	$text =~ s/\@(\w+)\@/$word{$1} \/\/ die "no $1"/ge;
	mkdir "$dir/spool" or die "mkdir: $!";
	append_to_file("$dir/kannel.conf", $text);
	return;
}

sub begin
{
	my ($name, @command) = @_;
	$running{$name} = IPC::Run::start(\@command, '<', \undef,
		'>', "$log$name.out", '2>', "$log$name.err");
	return;
}

sub end
{
	my ($name) = @_;
	my $run = delete $running{$name} or return;
	$run->kill_kill(grace => 10);
	return;
}

sub listens
{
	my ($number) = @_;
	return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $number);
}

sub start_kannel
{
	begin('bearerbox', BEARERBOX, '-v', '4', "$dir/kannel.conf");
	wait_until('bearerbox listens', sub { listens($port{box}) && listens($port{smsc}) });
	begin('smsbox', SMSBOX, '-v', '4', "$dir/kannel.conf");
	wait_until('smsbox listens', sub { listens($port{send}) });
	return;
}

# The carrier's end, from now on; first of all it brings us a voter's text.
sub start_carrier
{
	my ($text) = @_;
	end('carrier');
	$running{carrier} = IPC::Run::start(
		[ CARRIER, '-H', '127.0.0.1', '-r', $port{smsc}, '-i', '0.1',
			'-m', defined $text ? 1 : 0, $text // '1 2 text none' ],
		'<', \undef, '>', '/dev/null', '2>', "${log}carrier.err." . ++$carriers);
	return;
}

# What the carrier has got, as [from, to, encoding, text].
sub carried
{
	my @got;

	foreach my $file (map { "${log}carrier.err.$_" } 1 .. $carriers)
	{
		foreach (split /\n/, decode('UTF-8', slurp_file($file)))
		{
			my ($from, $to, $encoding, $text) =
			  /Got message \d+: <(\S+) (\S+) (\S+) (.*)>$/ or next;
			if ($encoding eq 'ucs-2')
			{
				$text =~ tr/+/ /;
				$text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
				$text = decode('UTF-16BE', $text);
			}
			push @got, [ $from, $to, $encoding, $text ];
		}
	}
	return @got;
}

sub carried_is
{
	my ($n, $what) = @_;
	wait_until($what, sub { carried() >= $n });
	is(scalar carried(), $n, '... and nothing else');
	return;
}

write_config();
start_kannel();
my $node = start_cluster('kannel',
	'p2ptext.port' => $port{hook},
	'p2ptext.public_url' => $public);
append_to_file($node->basedir . '/secrets',
	'kn = ' . PASSWORD . "\nkn.webhook = " . TOKEN . "\nany = " . PASSWORD . "\nany.webhook = other\n");
value($node, <<SQL);
CREATE EXTENSION p2ptext;
CREATE TABLE voters (id int PRIMARY KEY, first_name text, cell text);
INSERT INTO voters
SELECT n, 'Voter ' || n, '+1919555' || lpad(n::text, 4, '0') FROM generate_series(1, 50) n;
SELECT p2ptext.add_source('voters', 'voters', key => 'id', phone => 'cell');
SELECT p2ptext.add_segment('all', 'voters', 'true');
SELECT p2ptext.add_gateway('kn', 'kannel', account => '@{[USER]}', senders => '{@{[SENDER]}}',
	base_url => 'http://127.0.0.1:$port{send}');
SELECT p2ptext.create_campaign('c', 'all', 'kn', 'Hi {{first_name}}, {sure} @ 5€?',
	mode => 'broadcast', hours_start => '00:00', hours_end => '24:00');
SELECT p2ptext.launch('c');
SQL
wait_for($node, "SELECT state FROM p2ptext.stat_worker WHERE kind = 'receiver'",
	'idle', 'the receiver listens');

# Kannel takes a text for a carrier that is away.
value($node, "SELECT p2ptext.approve_batch('c', 1)");
wait_for($node, 'SELECT status, provider_id IS NULL FROM p2ptext.message', 'sent|t',
	'a text that Kannel keeps for later is sent, and has no id');
is(scalar carried(), 0, '... though the carrier has not got it');
start_carrier();
carried_is(1, 'the carrier gets it when it is back');
wait_for($node, 'SELECT status FROM p2ptext.message', 'delivered', '... and its receipt comes');

# Texts and receipts.
value($node, "SELECT p2ptext.approve_batch('c', 29)");
carried_is(30, 'the carrier gets 30 texts');
my $wrong = grep {
	my ($from, $to, $encoding, $text) = @$_;
	my ($n) = $to =~ /^\+1919555(\d{4})$/;
	$from ne SENDER || $encoding ne 'text'
	  || $text ne 'Hi Voter ' . ($n + 0) . ', {sure} @ 5€?';
} carried();
is($wrong, 0, 'with the right numbers and words, in GSM-7');
wait_for($node, 'SELECT status, count(*), count(provider_id) FROM p2ptext.message GROUP BY 1',
	'delivered|30|30', 'receipts make all of it delivered, and bring the ids');
wait_for($node, "SELECT status, count(DISTINCT ref) FROM p2ptext.inbound
				 WHERE kind = 'receipt' GROUP BY 1 ORDER BY 1",
	"delivered|30\nsent|30", 'two receipts each: accepted and delivered');

# Voters write.
my $sender = SENDER;
start_carrier("+19195550007 $sender text Where do I vote & when? 100%");
wait_for($node, 'SELECT phone, body FROM p2ptext.inbox',
	'+19195550007|Where do I vote & when? 100%', 'a text of a voter is in the inbox');
start_carrier("+19195550008 $sender ucs2 " . escape(encode('UTF-16BE', 'Sí 👋')));
wait_for($node, "SELECT body FROM p2ptext.inbox WHERE phone = '+19195550008'",
	encode('UTF-8', 'Sí 👋'), 'so is one in UCS-2');
start_carrier("+19195550009 $sender data " . escape(encode('latin1', 'café')));
wait_for($node, "SELECT body FROM p2ptext.inbox WHERE phone = '+19195550009'",
	encode('UTF-8', 'café'), 'and one in bytes');
start_carrier("+19195550010 $sender text STOP");
wait_for($node, 'SELECT phone, how, detail FROM p2ptext.opt_out',
	'+19195550010|keyword|STOP', 'an opt-out is kept');

# A reply with an emoji.
my $conversation = value($node,
	"SELECT conversation_id FROM p2ptext.inbox WHERE phone = '+19195550007'");
value($node, "SELECT p2ptext.reply($conversation, '" . encode('UTF-8', 'Léo’s school 🏫 & 7–8 pm') . "')");
carried_is(31, 'the reply arrives; what we answered to webhooks was texted to nobody');
is_deeply((carried())[-1],
	[ SENDER, '+19195550007', 'ucs-2', 'Léo’s school 🏫 & 7–8 pm' ],
	'in UCS-2, character for character');

# Only who has the token is heard.
my $texts = "SELECT count(*) FROM p2ptext.inbound WHERE kind = 'text'";
my $forged = 'from=%2B19195550011&to=%2B12025550100&text=STOP&id=1';
my $http = HTTP::Tiny->new(timeout => PATIENCE_S);
is($http->get("$public/webhook/kn?$forged")->{status}, 403, 'no token, no text');
is($http->get("$public/webhook/kn?$forged&token=" . escape(PASSWORD))->{status},
	403, 'nor with the password');
is($http->get("$public/webhook/kn/status/1-x?d=1")->{status}, 403, 'no token, no receipt');
is(value($node, $texts), 4, '... and nothing is stored');
my $answer = $http->get("$public/webhook/kn?$forged&token=" . escape(TOKEN));
is("$answer->{status} <$answer->{content}>", '200 <>', 'the token opens, and is answered by nothing');
is(value($node, $texts), 5, '... and the text is stored');

# Down, and up again.  Without bearerbox, smsbox ends too or waits for it.
end('bearerbox');
wait_until('without bearerbox nobody takes texts', sub { !listens($port{send}) });
value($node, "SELECT p2ptext.approve_batch('c')");
wait_for($node, "SELECT bool_or(error_code = 'connect'), count(*) FROM p2ptext.outbox", 't|20',
	'texts that find nobody wait');
is(scalar carried(), 31, '... and the carrier gets nothing');
end('smsbox');
start_kannel();
start_carrier();
wait_for($node, 'SELECT count(*) FROM p2ptext.outbox', 0, 'all of it leaves once Kannel is up');
carried_is(51, 'and arrives');
my %times;
$times{ $_->[1] }++ foreach grep { $_->[2] eq 'text' } carried();
is(scalar(grep { $_ != 1 } values %times), 0, 'to each phone once');
wait_for($node, "SELECT status, count(*) FROM p2ptext.message WHERE direction = 'out' GROUP BY 1",
	'delivered|51', 'everything is delivered');

# The same Kannel, without our adapter for it: settings alone tell how.
value($node, encode('UTF-8', <<'SQL'));
SELECT p2ptext.add_segment('one', 'voters', 'id = 50');
SELECT p2ptext.add_gateway('any', 'generic', account => 'p2ptext', senders => '{+12025550101}',
	base_url => (SELECT base_url FROM p2ptext.gateway WHERE name = 'kn'), settings => '{
	"method": "GET", "path": "/cgi-bin/sendsms",
	"query": {"username": "{{account}}", "password": "{{secret}}", "from": "{{from}}", "to": "{{to}}",
		"text": "{{body}}", "charset": "UTF-8", "coding": "{{encoding}}",
		"validity": "{{validity_min}}", "dlr-mask": "31", "dlr-url": "{{status_url}}&d=%d&f=%F"},
	"encodings": ["0", "2"],
	"error": {"code": "", "text": ""},
	"codes": {"0: Accepted for delivery": "sent", "http-403": "mend", "http-503": "deferred"},
	"token": {"query": "token"},
	"receipt": {"status": "/d", "id": "/f",
		"statuses": {"1": "delivered", "2": "undelivered", "8": "sent", "16": "failed"}}}');
SELECT p2ptext.create_campaign('any', 'one', 'any', 'Hi {{first_name}} ☺', mode => 'broadcast',
	hours_start => '00:00', hours_end => '24:00');
SELECT p2ptext.launch('any');
SELECT p2ptext.approve_batch('any');
SQL
carried_is(52, 'a text by settings alone');
is_deeply((carried())[-1], [ '+12025550101', '+19195550050', 'ucs-2', 'Hi Voter 50 ☺' ], '... as it should be');
wait_for($node, "SELECT status, provider_id <> '' FROM p2ptext.message WHERE sender = '+12025550101'",
	'delivered|t', '... and its receipt');
is(value($node, "SELECT count(*) FROM p2ptext.inbound WHERE outcome = 'error'"), 0, 'no event failed');

$node->stop;
done_testing();
