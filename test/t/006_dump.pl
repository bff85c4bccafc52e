# A campaign is data: pg_dump and restore carry all of it, and no secret.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $gateway = start_gateway(hang => 0.1);
my $node = start_cluster('dump', 'p2ptext.request_timeout' => '60s');
my $file = $node->basedir . '/dump.sql';

make_campaign($node, url => $gateway->url, voters => 300);
value($node, "CREATE ROLE maria LOGIN");
value($node, "SELECT p2ptext.grant_role('maria', 'texter', first_name => 'Maria')");
value($node, "INSERT INTO p2ptext.snippet VALUES ('paid', 'Paid for by us')");
value($node, "SELECT p2ptext.approve_batch('c', 200)");
wait_for($node, "SELECT status, count(*) > 0 FROM p2ptext.outbox GROUP BY 1 ORDER BY 1",
	"draft|t\nsending|t", 'some are sent, some hang, some are drafts');
value($node, "SELECT p2ptext.opt_out('+19195550299')");

my $everything = <<'SQL';
SELECT string_agg(t || ' ' || n, ', ' ORDER BY t)
FROM (SELECT c.relname, (xpath('/row/n/text()', query_to_xml(
		format('SELECT count(*) AS n FROM p2ptext.%I', c.relname), false, true, '')))[1]::text
	  FROM pg_class c WHERE c.relnamespace = 'p2ptext'::regnamespace AND c.relkind = 'r') AS x(t, n)
SQL
my $sums = <<'SQL';
SELECT md5(string_agg(o::text, '|' ORDER BY id)) FROM p2ptext.outbox o;
SELECT md5(string_agg(m::text, '|' ORDER BY id)) FROM p2ptext.message m;
SELECT md5(string_agg(c::text, '|' ORDER BY id)) FROM p2ptext.conversation c;
SELECT script, p2ptext.script_fields(script) FROM p2ptext.interaction_step;
SQL
value($node, 'SELECT pg_terminate_backend(pid) FROM p2ptext.stat_worker');
value($node, 'ALTER SYSTEM SET p2ptext.databases = nowhere');
value($node, 'SELECT pg_reload_conf()');
wait_for($node, 'SELECT count(pid) FROM p2ptext.stat_worker', 0, 'no worker runs in a database that is not listed');
my ($count, $sum) = (value($node, $everything), value($node, $sums));
$node->command_ok([ 'pg_dump', '-f', $file, $node->connstr('postgres') ], 'pg_dump');
unlike(slurp_file($file), qr/@{[SECRET]}/, 'the secret is not in it');

$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-f', $file, $node->connstr('restored') ],
	'restore');
is($node->safe_psql('restored', $everything), $count, 'every row of every table is there');
is($node->safe_psql('restored', $sums), $sum, 'and is what it was');
is( $node->safe_psql('restored', "SELECT has_function_privilege('maria', 'p2ptext.next_text(text)', 'execute'),
		has_table_privilege('maria', 'p2ptext.opt_out', 'select'),
		(SELECT count(*) FILTER (WHERE secured) = count(*) FROM p2ptext.voter_table),
		(SELECT count(*) FROM pg_policy)"),
	't|f|t|' . value($node, 'SELECT count(*) FROM pg_policy'), 'so are the privileges and policies');
my $next = $node->safe_psql('restored', "SELECT nextval('p2ptext.message_id') > max(id) FROM p2ptext.outbox");
is($next, 't', 'sequences go on');

# There the workers run: what hung is of unknown fate, and drafts can leave.
my $unknown = value($node, "SELECT count(*) FROM p2ptext.outbox WHERE status IN ('sending', 'unknown')");
value($node, 'ALTER SYSTEM SET p2ptext.databases = restored');
value($node, 'SELECT pg_reload_conf()');
$gateway->tell('config', hang => 0);
$node->poll_query_until('restored',
	"SELECT last_error ~ 'copy.*start_sending' FROM p2ptext.stat_worker WHERE kind = 'sender' AND datname = 'restored'");
$node->poll_query_until('restored', 'SELECT p2ptext.start_sending() >= 0');
$node->poll_query_until('restored',
	"SELECT count(*) = $unknown FROM p2ptext.outbox WHERE status = 'unknown'");
is($node->safe_psql('restored', "SELECT p2ptext.approve_batch('c')"), 99, 'drafts are approved');
ok($node->poll_query_until('restored',
		"SELECT count(*) = 299 - $unknown FROM p2ptext.message"), 'and leave');
my $times = $gateway->accepted;
is(scalar(grep { $_ > 1 } values %$times), 0, 'nobody got two texts');

$node->stop;
$gateway->stop;
done_testing();
