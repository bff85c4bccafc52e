# A courier that somebody has taken over may not hurt its worker, the server or
# anybody else's texts, whatever it says.  Each case has a database of its own,
# with a sender and a receiver whose couriers are not what they should be; in
# one more, which keeps the true ones, work goes on all the while.

use strict;
use warnings;

use lib 'test/t/lib', 'test/unit';
use Cwd qw(getcwd);
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Receiving;
use Sending;
use Test::More;
use Time::HiRes qw(sleep time);
use hostile;
use hostile_cases;

# A worker keeps no more than that, in kB, of what it was told.
use constant MOST_KB => 48 * 1024;

my $n_cases = @hostile_cases::listen > @hostile_cases::send ? @hostile_cases::listen : @hostile_cases::send;
my @databases = map { "case$_" } 0 .. $n_cases - 1;
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $said = PostgreSQL::Test::Utils::tempdir() . '/said';
my $gateway = start_gateway();
my $node = start_cluster('hostile',
	'p2ptext.port' => $port,
	'p2ptext.public_url' => "http://127.0.0.1:$port",
	'p2ptext.databases' => 'none',
	'max_worker_processes' => 4 * $n_cases,
	'max_connections' => 100,
	secrets => { good => SECRET, strict => SECRET, map { $_ => SECRET } @databases });
my $n_good = 0;

sub in_database
{
	my ($name, $query) = @_;
	return $node->safe_psql($name, $query);
}

sub postmaster
{
	return (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
}

# A database as all cases find it: three gateways, and two texts to be sent.
sub make_mold
{
	value($node, 'CREATE DATABASE mold');
	in_database('mold', <<SQL);
CREATE EXTENSION p2ptext;
SELECT p2ptext.add_gateway('strict', 'twilio', account => '@{[ACCOUNT]}', senders => '{@{[SENDER]}}',
	base_url => '@{[$gateway->url]}');
SELECT p2ptext.add_gateway('zopen', 'twilio', account => '@{[ACCOUNT]}', senders => '{+12025550101}');
SELECT p2ptext.add_gateway('zloop', 'loopback');
UPDATE p2ptext.gateway SET verify_webhooks = false WHERE name = 'zopen';
CREATE TABLE voters AS SELECT n AS id, '+1919555000' || n AS cell FROM generate_series(1, 4) n;
ALTER TABLE voters ADD PRIMARY KEY (id);
SELECT p2ptext.add_source('voters', 'voters', key => 'id', phone => 'cell');
SELECT p2ptext.add_segment('voters', 'voters', 'true');
SELECT p2ptext.create_campaign('c', 'voters', 'strict', 'Hi {{id}}', mode => 'broadcast',
	hours_start => '00:00', hours_end => '24:00');
SELECT p2ptext.launch('c');
SELECT p2ptext.approve_batch('c', 2);
UPDATE p2ptext.gateway SET enabled = false WHERE name = 'zopen';
SQL
	return;
}

# The good one's texts leave, and its webhooks are taken.
sub goes_on
{
	my ($what) = @_;
	my $give_up = time + PATIENCE_S;
	my $status = 0;

	$n_good++;
	value($node, "SELECT p2ptext.approve_batch('good', 5)");
	wait_for($node, "SELECT count(*) FROM p2ptext.message WHERE status = 'sent'", 5 * $n_good, "$what: others' texts leave");
	while ($status != 200 && time < $give_up)
	{
		sleep 0.1 if $status;
		$status = post($port, webhook($port, '/webhook/good',
				MessageSid => "SM$n_good", From => phone_of(1), To => SENDER, Body => "text $n_good"));
	}
	is($status, 200, "$what: others are heard");
	return;
}

# Does a worker's courier do as the case says?
sub check_case
{
	my ($kind, $i, $case) = @_;
	my $worker = $kind eq 'send' ? 'sender' : 'receiver';
	my $stat = "FROM p2ptext.stat_worker WHERE datname = 'case$i' AND kind = '$worker'";
	my $what = "$worker, $case->{name}";

	if (defined $case->{ends})
	{
		wait_for($node, "SELECT last_error ~ '$case->{ends}' $stat", 't', "$what: ends it")
		  or diag(value($node, "SELECT state, last_error $stat"), grep { /^case$i $kind / } split /^/, read_file($said));
	}
	else
	{
		my $give_up = time + PATIENCE_S;
		sleep 0.1 until read_file($said) =~ /^case$i $kind \Q$case->{sees}\E$/m || time > $give_up;
		like(read_file($said), qr/^case$i $kind \Q$case->{sees}\E$/m, "$what: is answered")
		  or diag(grep { /^case$i $kind / } split /^/, read_file($said));
		is(value($node, "SELECT state IN ('idle', 'busy') $stat"), 't', "$what: no reason to end it");
	}
	is(value($node, "SELECT convert_from(convert_to(coalesce(last_error, ''), 'UTF8'), 'UTF8') IS NOT NULL, starts $stat"),
		't|1', "$what: the worker lives on");
	is( in_database("case$i", "SELECT (SELECT count(*) FROM p2ptext.inbound WHERE gateway_id = 1) || ' '
		|| (SELECT count(DISTINCT phone) FROM (SELECT phone FROM p2ptext.outbox
			UNION ALL SELECT phone FROM p2ptext.message WHERE direction = 'out') AS t)"),
		'0 4', "$what: nothing unsigned is kept, and every text")
	  if $kind eq 'send';
	wait_for_texts($i, $case->{status}, $what) if $case->{status};
	return;
}

sub wait_for_texts
{
	my ($i, $status, $what) = @_;
	my $give_up = time + PATIENCE_S;
	my $ask = "SELECT string_agg(DISTINCT status, ' ') || ' ' || count(*) FROM (
		SELECT status FROM p2ptext.message WHERE direction = 'out'
		UNION ALL SELECT status FROM p2ptext.outbox WHERE status <> 'draft') AS t";

	sleep 0.1 until in_database("case$i", $ask) eq "$status 2" || time > $give_up;
	is(in_database("case$i", $ask), "$status 2", "$what: texts are $status");
	return;
}

sub case_number
{
	my ($cases, $name) = @_;
	return (grep { $cases->[$_]{name} eq $name } 0 .. $#$cases)[0];
}

note("HOSTILE_SEED=$hostile_cases::seed");
make_mold();
create_extension($node);
add_gateway($node, 'good', $gateway->url, [SENDER]);
add_campaign($node, 'good', 'good', voters => 100);
$node->stop;

my $true = courier_path() . '.true';
my $version = hostile::version('src/courier/wire.h');
my $here = getcwd();
replace_courier(<<"PROGRAM");
#!$^X
use lib '$here/test/unit';
use hostile;
use hostile_cases;
hostile::act(true => '$true', said => '$said', version => $version,
	cases => { listen => \\\@hostile_cases::listen, send => \\\@hostile_cases::send });
PROGRAM
$node->start;
foreach my $name (@databases)
{
	value($node, "CREATE DATABASE $name TEMPLATE mold");
	in_database($name, "UPDATE p2ptext.gateway SET name = '$name' WHERE name = 'strict'; SELECT p2ptext.start_sending()");
}
value($node, 'DROP DATABASE mold');
my $postmaster = postmaster();
my $session = start_session($node);
my $backend = ask($session, 'SELECT pg_backend_pid()');
# Before the first byte of a courier.
my $log = -s $node->logfile;
reload_with($node, 'p2ptext.databases', join ', ', 'postgres', @databases);
value($node, 'SELECT pg_reload_conf()');

goes_on('at the beginning');
# Where texts were lost, their gateway is to be asked for them.
foreach my $i (grep { ($hostile_cases::send[$_]{times} // 1) > 1 } 0 .. $#hostile_cases::send)
{
	my $give_up = time + PATIENCE_S;
	my $ask = "SELECT count(*) FROM p2ptext.outbox WHERE status = 'unknown'";

	sleep 0.1 until in_database("case$i", $ask) == 2 || time > $give_up;
	is(in_database("case$i", "SELECT p2ptext.reconcile('c')"), 2, 'texts are of unknown fate, and asked for');
}
foreach my $i (0 .. $n_cases - 1)
{
	check_case('listen', $i, $hostile_cases::listen[$i]) if $hostile_cases::listen[$i];
	check_case('send', $i, $hostile_cases::send[$i]) if $hostile_cases::send[$i];
}
goes_on('at the end');

# What odd strings have become: text, or nothing.
my $odd = 'case' . case_number(\@hostile_cases::listen, 'odd strings');
my $columns = 'dedupe_key || coalesce(provider_id, \'\') || coalesce(ref, \'\') || coalesce(phone, \'\')
	|| coalesce(sender, \'\') || coalesce(body, \'\') || coalesce(status, \'\') || coalesce(code, \'\') || coalesce(detail, \'\')';
cmp_ok(in_database($odd, 'SELECT count(*) FROM p2ptext.inbound'), '>', 50, 'what is kept of odd strings');
is(in_database($odd, "SELECT count(*) FROM p2ptext.inbound WHERE convert_from(convert_to($columns, 'UTF8'), 'UTF8') IS NULL"),
	0, '... is text');
is(in_database($odd, 'SELECT count(*) FROM p2ptext.inbound WHERE gateway_id <> 2'), 0, '... and nobody else\'s');
my $spoilt = 'case' . case_number(\@hostile_cases::listen, 'what cannot be stored');
is(in_database($spoilt, "SELECT string_agg(dedupe_key, ' ' ORDER BY dedupe_key) FROM p2ptext.inbound"),
	'good1 good7 good8', 'what cannot be stored takes nothing along');
my $delayed = 'case' . case_number(\@hostile_cases::send, 'a delay without end');
is(in_database($delayed, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'approved' AND not_before > now() + interval '25 h'"),
	0, 'a delay without end is one of a day');
my $cut = 'case' . case_number(\@hostile_cases::send, 'a reason that is cut within a character');
is( in_database($cut, "SELECT convert_from(convert_to(why, 'UTF8'), 'UTF8') ~ '^aaé+\$'
		FROM p2ptext.stat_limit WHERE kind = 'gateway' AND why IS NOT NULL AND why <> ''"),
	't', 'a reason is cut between characters');

# The server and everybody in it.
my %fat;
foreach (split /\n/, value($node, "SELECT datname, kind, pid FROM p2ptext.stat_worker WHERE pid IS NOT NULL"))
{
	my ($name, $kind, $pid) = split /\|/;
	my ($kb) = read_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m;
	$fat{"$name $kind"} = $kb if ($kb // 0) > MOST_KB;
}
is_deeply(\%fat, {}, 'no worker keeps what it was told');
is(value($node, "SELECT count(*) FROM p2ptext.stat_worker WHERE starts <> 1"), 0, 'no worker was started again');
is(postmaster(), $postmaster, 'the postmaster is the same');
is(ask($session, 'SELECT pg_backend_pid()'), $backend, 'so is the session that was there');
unlike(substr(slurp_file($node->logfile), $log), qr/terminated by signal|PANIC|crash of another/, 'the server saw no crash');

# With the true courier all is well, also where the other one was.
restore_courier();
reload_with($node, 'p2ptext.databases', 'case0');
$node->restart;
my $sent = "SELECT count(*) FROM p2ptext.message WHERE status = 'sent'";
my $give_up = time + PATIENCE_S;
in_database('case0', "SELECT p2ptext.approve_batch('c', 2)");
sleep 0.1 until in_database('case0', $sent) == 2 || time > $give_up;
is(in_database('case0', $sent), 2, 'with the true courier texts leave');
my $status = 0;
while ($status != 200 && time < $give_up)
{
	sleep 0.1 if $status;
	$status = post($port, webhook($port, '/webhook/case0', MessageSid => 'SM1', From => '+19195550003', To => SENDER, Body => 'Hi'));
}
is($status, 200, 'and come');
is(in_database('case0', "SELECT string_agg(body, ' ') FROM p2ptext.inbound"), 'Hi', 'as they are');
is_deeply(twice(records($gateway)), [], 'nobody got a text twice');

$node->stop;
$gateway->stop;
done_testing();
