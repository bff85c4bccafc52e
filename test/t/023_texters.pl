# A text-a-thon: 50 texters, each a role with a session of its own, take texts,
# send them and answer voters, who write meanwhile, some of them STOP.  One
# texter goes away with a batch, another is suspended in the middle.  At the end
# everything adds up, by query.  TORTURE_MINUTES makes it that much longer.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(sleep time);

use constant TEXTERS => 50;
use constant VOTERS => $ENV{TORTURE_MINUTES} ? 9000 : 1000;

# Who goes away with a batch, and who is suspended.
use constant { LOST => 't49', BAD => 't7' };

# For a claim that had begun when the opt-out committed.
use constant HANDOVER => promised('0.5 s', '2.5 s');

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $hook = "http://127.0.0.1:$port/webhook/tw";
my $gateway = start_gateway(callbacks => 1, delay_ms => 5);
my $node = start_cluster('texters',
	'max_connections' => TEXTERS + 30,
	'p2ptext.port' => $port,
	'p2ptext.public_url' => "http://127.0.0.1:$port");

make_campaign($node, url => $gateway->url, voters => VOTERS, mode => 'p2p');
value($node, <<SQL);
UPDATE p2ptext.campaign SET batch_size = 5;
DO \$\$
BEGIN
	FOR n IN 0 .. @{[TEXTERS - 1]} LOOP
		EXECUTE format('CREATE ROLE t%s LOGIN', n);
		PERFORM p2ptext.grant_role('t' || n, 'texter', 'Texter ' || n);
	END LOOP;
END \$\$;
CREATE VIEW texter AS SELECT role FROM p2ptext.member WHERE kind = 'texter';
SQL
wait_for($node, "SELECT state FROM p2ptext.stat_worker WHERE kind = 'receiver'", 'idle', 'the receiver listens');

# What a texter does, some times over.  Each clicks twice, and often enough
# somebody else, or the voter, has been faster: those errors are part of it.
sub rounds
{
	my ($count, $batches) = @_;
	my $take = $batches ? "SELECT initials FROM p2ptext.take_batch('c');" : '';
	$take .= "\nSELECT replies FROM p2ptext.take_batch('c', 2, 'replies');";

	# A person thinks for a moment, and voters write meanwhile.
	my $round = "SELECT pg_sleep(random() / 5);\n$take\n" . <<'SQL';
SELECT outbox_id FROM p2ptext.next_text('c') \gset
\if :{?outbox_id}
SELECT status FROM p2ptext.approve(:outbox_id);
SELECT status FROM p2ptext.approve(:outbox_id);
\unset outbox_id
\endif
SELECT conversation_id, seen FROM p2ptext.inbox LIMIT 1 \gset
\if :{?conversation_id}
SELECT count(*) FROM p2ptext.thread(:conversation_id);
SELECT value FROM p2ptext.record_answer(:conversation_id, 'yes');
SELECT status FROM p2ptext.reply(:conversation_id, 'Thank you!', seen => :seen);
\unset conversation_id
\endif
SQL
	return $round x $count;
}

sub start_texter
{
	my ($name, $script) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my $s = { name => $name, err => "$dir/err" };

	append_to_file("$dir/script", $script);
	$s->{pid} = fork // die "fork: $!";
	if ($s->{pid} == 0)
	{
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', $s->{err};
		exec 'psql', '-XAtq', '-U', $name, '-d', $node->connstr('postgres'), '-f', "$dir/script";
	}
	return $s;
}

# Waits for the end, or without patience says whether it has come.
sub ended
{
	my ($s, $flags) = @_;
	$s->{ended} ||= waitpid($s->{pid}, $flags // 0) != 0;
	return $s->{ended};
}

# Voters answer what they got, each by the number they have.
my @says = ('Stop', 'y', 'No.', 'where do I vote?', undef);
my %heard;
sub voters_write
{
	my $sent = value($node, "SELECT phone FROM p2ptext.message
		WHERE direction = 'out' AND kind = 'initial' AND status IN ('sent', 'delivered')");

	foreach my $phone (grep { !$heard{$_}++ } split /\n/, $sent)
	{
		my $body = $says[ substr($phone, -4) % @says ] // next;
		$gateway->tell('inbound', url => $hook, from => $phone, to => SENDER, body => $body);
	}
	return;
}

ended(start_texter(LOST, "SELECT p2ptext.take_batch('c');\n"));
my $each = 4 + int(VOTERS / TEXTERS);
my %session = map { $_ => start_texter($_, rounds($_ eq BAD ? 1000 : $each, substr($_, 1) % 2)) }
  grep { $_ ne LOST } map { "t$_" } 0 .. TEXTERS - 1;
my $give_up = time + PATIENCE_S * ($ENV{TORTURE_MINUTES} ? 10 : 2);
my $suspended;

while (grep { !ended($_, WNOHANG) } values %session)
{
	die 'texters do not come to an end' if time > $give_up;
	if (!$suspended && value($node, "SELECT count(*) FROM p2ptext.message WHERE approved_by = '" . BAD . "'") > 0)
	{
		$suspended = value($node, "SELECT p2ptext.suspend('" . BAD . "')");
	}
	voters_write();
}
ok(defined $suspended, 'a texter is suspended in the middle');
foreach my $s (values %session)
{
	next if $s->{name} eq BAD;
	my @odd = grep { !/no rows returned for \\gset|not a draft|outbox has no text|is held by|you hold|wait for you|has opted out|has moved on|is closed|is (not )?waiting|has answered|was answered/ }
	  grep { /ERROR|FATAL|PANIC|gset/ } split /\n/, slurp_file($s->{err});
	is("@odd", '', "$s->{name} saw no odd error") if @odd;
}
like(slurp_file($session{ +BAD }{err}), qr/terminating connection|suspended/, 'whose session ended, or could do nothing more');

# What the one who went away holds comes back, and others send it.
is(value($node, "SELECT count(*) FROM p2ptext.outbox WHERE texter = '" . LOST . "' AND status = 'draft'"),
	5, 'a texter is gone with a batch');
is( value($node, "SELECT texter, initials FROM p2ptext.release_stale('c', '0') WHERE texter = '" . LOST . "'"),
	LOST . '|-5', '... which comes back');
while (value($node, "SELECT count(*) FROM p2ptext.outbox WHERE status = 'draft' AND kind = 'initial'") > 0)
{
	die 'drafts do not come to an end' if time > $give_up;
	value($node, "SELECT count(*) FROM p2ptext.release_stale('c', '0')");
	ended(start_texter('t0', rounds(20, 1)));
	voters_write();
}
wait_for($node, "SELECT count(*) FROM p2ptext.outbox WHERE status IN ('approved', 'sending', 'unknown')",
	0, 'all that was approved has left');
$gateway->until_quiet;
voters_write();
wait_for($node, "SELECT count(*) FROM p2ptext.inbound WHERE applied_at IS NULL", 0, 'all that came is applied');

sub none
{
	my ($query, $what) = @_;
	is(value($node, $query), '', $what);
	return;
}

# The gateway's own record, and ours.
my %initials;
$initials{ $_->{to} }++ foreach grep { $_->{body} =~ /^Hi / } $gateway->messages;
is(scalar(grep { $_ > 1 } values %initials), 0, 'the gateway accepted one first text for each phone, not two');
is(scalar keys %initials, VOTERS, '... for every voter');
none("SELECT c.id, count(m.id) FROM p2ptext.conversation c
	LEFT JOIN p2ptext.message m ON m.conversation_id = c.id AND m.kind = 'initial' AND m.direction = 'out'
	GROUP BY c.id HAVING count(m.id) <> 1", 'one first text for each contact');
none("SELECT m.id, m.approved_by FROM p2ptext.message m WHERE m.direction = 'out'
	AND NOT EXISTS (SELECT FROM texter t WHERE t.role = m.approved_by)", 'each text was approved by a texter');
none("SELECT m.id FROM p2ptext.message m WHERE m.direction = 'out' AND m.kind = 'initial'
	AND (SELECT count(*) FROM p2ptext.access_log l WHERE l.outbox_id = m.id AND l.action = 'approved'
		 AND l.texter = m.approved_by) <> 1", '... by one action, which is on record');
none("SELECT m.id, m.approved_by FROM p2ptext.message m WHERE m.direction = 'out' AND m.kind = 'initial'
	AND NOT EXISTS (SELECT FROM p2ptext.access_log l WHERE l.outbox_id = m.id AND l.action = 'shown'
					AND l.texter = m.approved_by AND l.at <= m.approved_at)", '... of somebody who had been shown it');
none("SELECT m.id, m.kind, m.sent_at - o.created_at FROM p2ptext.message m
	JOIN p2ptext.opt_out o ON o.phone = m.phone
	WHERE m.direction = 'out' AND m.sent_at > o.created_at + interval '@{[HANDOVER]}'",
	'nothing left after an opt-out');
cmp_ok(value($node, 'SELECT count(*) FROM p2ptext.opt_out'), '>=', VOTERS / 5, 'of which there were many');
none("SELECT r.id FROM p2ptext.question_response r
	LEFT JOIN p2ptext.message m ON m.id = r.message_id AND m.conversation_id = r.conversation_id AND m.direction = 'in'
	WHERE m.id IS NULL OR (r.how = 'texter' AND NOT EXISTS (SELECT FROM texter t WHERE t.role = r.recorded_by))",
	'each answer goes back to a text of the voter, and to a person unless it was just the answer');
is(value($node, "SELECT count(DISTINCT how) FROM p2ptext.question_response"), 2, '... and there are both');
none("SELECT m.id FROM p2ptext.message m JOIN p2ptext.member b ON b.role = m.approved_by
	WHERE b.suspended_at IS NOT NULL AND m.approved_at > b.suspended_at", 'nothing of who was suspended, after that');
none("SELECT id FROM p2ptext.conversation WHERE texter = '" . BAD . "' AND message_status <> 'closed'
	UNION ALL SELECT id FROM p2ptext.outbox WHERE texter = '" . BAD . "' AND status IN ('draft', 'approved')",
	'... who holds nothing more');
none("SELECT a.texter, sum(a.initials), max(m.n) FROM p2ptext.assignment a
	LEFT JOIN (SELECT approved_by, count(*) AS n FROM p2ptext.message WHERE direction = 'out' AND kind = 'initial' GROUP BY 1) m
	ON m.approved_by = a.texter
	GROUP BY 1 HAVING sum(a.initials) <> coalesce(max(m.n), 0)", 'what each was given, less what went back, is what they sent');
is( $node->safe_psql('postgres', "SELECT count(*) FROM p2ptext.conversation WHERE texter <> current_user",
		extra_params => [ '-U', 't1' ]), 0, 'a texter sees no conversation of another');
is( value($node, "SELECT bool_or(kind = 'reply') FROM p2ptext.message WHERE direction = 'out'"), 't', 'voters were answered');

done_testing();
