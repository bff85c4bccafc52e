# What strangers write, in every field of a webhook: it arrives as it was, or
# is refused in so many words; what cannot be applied does not hold up the
# rest; and receipts in any order never move a message backwards.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Receiving;
use Sending;
use Test::More;
use Time::HiRes qw(sleep time);

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $gateway = start_gateway();
my $node = start_cluster('receivetext',
	'p2ptext.port' => $port,
	'p2ptext.public_url' => "http://127.0.0.1:$port");
my @statuses = qw(queued sending sent delivered);
my %rank = map { $statuses[$_] => $_ } 0 .. $#statuses;
my $n_posts = 0;

create_extension($node);
add_gateway($node, 'tw', $gateway->url, [SENDER]);
add_campaign($node, 'c', 'tw', voters => 100);
value($node, "SELECT p2ptext.approve_batch('c', 60)");
wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE status = 'sent'", 60, 'texts leave');
my %ref = map { split /\|/ } split /\n/, value($node, 'SELECT phone, ref FROM p2ptext.message');

sub hook
{
	my (%form) = @_;
	my $ref = delete $form{ref};

	return webhook($port, '/webhook/tw' . ($ref ? "/status/$ref" : ''), %form);
}

# As a provider would, until there is an answer that stays.
sub send_hook
{
	my (%form) = @_;
	my $give_up = time + PATIENCE_S;
	my $status;

	do { sleep 0.1 if $status; $status = post($port, hook(%form)) }
	  while (($status == 503 || $status == 0) && time < $give_up);
	return $status;
}

sub all_applied
{
	wait_for($node, 'SELECT count(*) FROM p2ptext.inbound WHERE applied_at IS NULL', 0, $_[0]);
	return;
}

# Strings that mean something to somebody, as bytes.
my %texts = (
	sql => "'; DROP TABLE p2ptext.inbound; --",
	quotes => q(''' """ `` E'\\' U&'\\0041'),
	dollars => '$$ $1 $body$ ${x}',
	backslashes => '\\ \\\\ \\n \\x41 \\u0000 \\N',
	percents => '%s%n%x %% %00',
	array => '{a,"b",NULL}',
	json => '{"a": ["\\ud800", 1e999]}, "',
	null => 'NULL',
	mustache => '{{first_name}} {{{x}}} {{#a}} {{=<% %>=}}',
	newlines => "a\nb\r\nc\n\n\\.\n",
	controls => join('', map { chr } 1 .. 31, 127),
	emoji => "\xF0\x9F\x97\xB3\xEF\xB8\x8F \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80",
	directions => "\xE2\x80\xAE\xD7\xA9\xD7\x9C\xE2\x80\xAC \xE2\x81\xA6\xD8\xA7\xE2\x81\xA9\xE2\x80\x8F",
	combining => 'Z' . "\xCC\x81\xCC\xA7" x 40,
	noncharacters => "\xEF\xBF\xBF \xF4\x8F\xBF\xBF \xEF\xBB\xBF",
	markup => '<script>alert(1)</script><![CDATA[ ]]>&amp;',
	form => 'a=b&c=d;e+f%2Bg',
	spaces => "  \t x \xC2\xA0 ",
	long => 'Lorem ipsum dolor ' x 88 . 'sit amet, end...',
	longemoji => "\xF0\x9F\x97\xB3" x 1600,
	empty => '',
);
# No text at all.
my %bytes = (
	nul => "a\0b",
	latin => "caf\xE9",
	surrogate => "\xED\xA0\xBD\xED\xB7\xB3",
	overlong => "\xC0\xAF",
	cut => "\xF0\x9F\x97",
	beyond => "\xF4\x90\x80\x80",
);
# Where each field goes: what it is part of, and the column that has it.
my %fields = (
	Body => [ 'text', 'body' ],
	From => [ 'text', 'phone' ],
	To => [ 'text', 'sender' ],
	MessageSid => [ 'text', 'provider_id' ],
	MediaUrl0 => [ 'text', "media -> 0 ->> 'url'" ],
	MediaContentType0 => [ 'text', "media -> 0 ->> 'content_type'" ],
	OptOutType => [ 'text', 'NULL::text' ],
	Other => [ 'text', 'NULL::text' ],
	ErrorCode => [ 'receipt', 'code' ],
	ErrorMessage => [ 'receipt', 'detail' ],
	MessageStatus => [ 'receipt', 'NULL::text' ],
);

sub form_for
{
	my ($field, $text) = @_;
	my $sid = sprintf 'SM%06d', ++$n_posts;
	my %form =
	  $fields{$field}[0] eq 'text'
	  ? (From => phone_of(70), To => SENDER, Body => 'x', NumMedia => 1, MediaUrl0 => 'https://x/')
	  : (From => SENDER, To => phone_of(50), MessageStatus => 'failed', ref => $ref{ phone_of(50) });
	return (MessageSid => $sid, %form, $field => $text);
}

my (%wanted, @odd, @kept_bytes);
foreach my $field (sort keys %fields)
{
	foreach my $name (sort keys %texts)
	{
		my %form = form_for($field, $texts{$name});
		my $status = send_hook(%form);
		push @odd, "$field $name: $status" if $status !~ /^(2\d\d|400|413)$/;
		next if $status !~ /^2/ || $fields{$field}[1] eq 'NULL::text';
		my $key = $field eq 'MessageSid' ? $texts{$name} : $form{MessageSid};
		$key .= ":$form{MessageStatus}" if $fields{$field}[0] eq 'receipt';
		$wanted{"$field $name"} = [ $key, $fields{$field}[1], $texts{$name} ];
	}
	foreach my $name (sort keys %bytes)
	{
		my $status = send_hook(form_for($field, $bytes{$name}));
		push @kept_bytes, "$field $name: $status" if $status ne 400;
	}
}
is_deeply(\@odd, [], 'whatever is written is taken or refused in so many words');
is_deeply(\@kept_bytes, [], 'what is no text is refused');
cmp_ok(scalar(keys %wanted), '>', 8 * keys(%texts) - 20, 'almost all of it is taken');
all_applied('all that is applied');

sub hex_of
{
	return unpack 'H*', $_[0];
}

my @wrong;
my %got = map { my ($name, $hex) = split /\|/; ($name => $hex // '') } split /\n/, value($node, join ' UNION ALL ',
	map {
		my ($key, $column) = @{ $wanted{$_} };
		"SELECT '$_', encode(convert_to(coalesce($column, ''), 'UTF8'), 'hex')
		 FROM p2ptext.inbound WHERE dedupe_key = convert_from('\\x" . hex_of($key) . "', 'UTF8')"
	} sort keys %wanted);
foreach my $name (sort keys %wanted)
{
	my $hex = hex_of($wanted{$name}[2]);
	push @wrong, "$name: " . ($got{$name} // 'is not there') . " for $hex" if ($got{$name} // 'nothing') ne $hex;
}
is_deeply(\@wrong, [], 'and is there as it was, byte for byte');
is(value($node, "SELECT count(*) FROM p2ptext.inbound WHERE outcome = 'error'"), 0, 'nothing of it could not be applied');
my @bodies = map { hex_of($texts{$_}) } sort keys %texts;
is_deeply(
	[ split /\n/, value($node, "SELECT encode(convert_to(body, 'UTF8'), 'hex') FROM p2ptext.message
		WHERE direction = 'in' AND body <> 'x' ORDER BY id") ],
	\@bodies, 'conversations hold it too');
is(value($node, 'SELECT count(*) FROM p2ptext.opt_out'), 0, 'and nobody was opted out by any of it');

# Longer than an index takes, and no two bytes alike.
srand(1);
my $long = join '', map { chr(33 + rand 90) } 1 .. 9000;
foreach my $field (qw(MessageSid From To))
{
	my $status = send_hook(form_for($field, $long), Body => 'STOP');
	like($status, qr/^(2\d\d|4\d\d)$/, "a $field without end is taken or refused");
}
all_applied('... and no burden');

# One that cannot be applied, among others of its batch.
value($node, "ALTER TABLE p2ptext.message ADD CONSTRAINT no_poison CHECK (body <> 'poison')");
my $session = start_session($node);
ask($session, 'BEGIN');
ask($session, 'LOCK TABLE p2ptext.message IN SHARE MODE');
my @batch = map {
	[ "B$_", hook(MessageSid => "B$_", From => phone_of(60 + $_), To => SENDER, Body => $_ % 7 ? "good $_" : 'poison') ]
} 0 .. 29;
my $client = start_client($port, PostgreSQL::Test::Utils::tempdir() . '/batch', \@batch, PATIENCE_S);
release($client, scalar @batch);
ok(client_done($client, 1), 'webhooks are acknowledged while none can be applied');
is(value($node, 'SELECT count(*) FROM p2ptext.inbound WHERE applied_at IS NULL'), 30, 'they wait, all of them');
ask($session, 'COMMIT');
all_applied('then they are applied');
is( value($node, "SELECT outcome, error ~ 'no_poison', count(*) FROM p2ptext.inbound
		WHERE dedupe_key ~ '^B' GROUP BY 1, 2 ORDER BY 1"),
	"applied||25\nerror|t|5", 'but those that cannot be, which are kept with their error');
is(value($node, "SELECT count(*), count(DISTINCT body) FROM p2ptext.message WHERE body ~ '^good'"), '25|25',
	'the others are in their conversations, once');

# Every order of receipts, for a message each.
sub orders
{
	my (@left) = @_;
	return [] if !@left;
	return map { my $i = $_; map { [ $left[$i], @$_ ] } orders(@left[ grep { $_ != $i } 0 .. $#left ]) } 0 .. $#left;
}

my @orders = orders(@statuses);
my @best = map { 'sent' } @orders;
my $receipt = sub {
	my ($n, $status) = @_;
	return send_hook(MessageSid => "R$n", MessageStatus => $status, From => SENDER, To => phone_of($n), ref => $ref{ phone_of($n) });
};
my $known = "SELECT m.status FROM p2ptext.message m WHERE direction = 'out' AND phone < '@{[phone_of(24)]}' ORDER BY phone";
foreach my $nth (0 .. $#statuses)
{
	my $refused = 0;
	foreach my $n (0 .. $#orders)
	{
		my $status = $orders[$n][$nth];
		$refused++ if $receipt->($n, $status) != 200;
		$best[$n] = $status if $rank{$status} > $rank{ $best[$n] };
	}
	is($refused, 0, 'receipts are taken');
	all_applied('and applied');
	is_deeply([ split /\n/, value($node, $known) ], \@best, 'each message is as far as the best of them says');
}
my $kept = value($node, 'SELECT count(*) FROM p2ptext.inbound');
foreach my $n (0 .. $#orders)
{
	$receipt->($n, $_) foreach reverse @statuses;
}
is(value($node, 'SELECT count(*) FROM p2ptext.inbound'), $kept, 'again they change nothing');
$receipt->($_, $_ % 2 ? 'failed' : 'undelivered') foreach 0 .. $#orders;
all_applied('what comes after the end is applied');
is_deeply([ split /\n/, value($node, $known) ], \@best, '... and changes nothing');

$node->stop;
$gateway->stop;
done_testing();
