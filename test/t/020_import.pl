# An import that was cancelled, or killed with the server, goes on where it
# stopped: the table is the same as if nothing had happened.

use strict;
use warnings;

use lib 'test/t/lib';
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX qw(mkfifo);
use Receiving;
use Sending;
use Test::More;

my $lines = 30_000;
my $node = start_cluster('import');
my $file = $node->basedir . '/voters.csv';

create_extension($node);

# A record of two lines now and then, and bad lines from the middle on.
sub write_voters
{
	open(my $out, '>', $file) or die "$file: $!";
	print $out "id,name,note\n";
	foreach my $n (1 .. $lines)
	{
		print $out $n % 97 == 0 ? qq($n,Voter $n,"two\nlines $n"\n)
		  : $n % 3 == 0 ? qq($n,"Voter, $n",\n)
		  : "$n,Voter $n,a note\n";
		print $out "$n,bad\n" if $n > $lines / 2 && $n % 100 == 0;
	}
	close $out;
	return;
}

sub import_voters
{
	my ($table) = @_;
	return "CALL p2ptext.import_voters('$table', '$file', part_size => 20000)";
}

sub progress
{
	my ($table) = @_;
	return value($node, "SELECT status || ' ' || rows || ' ' || rejected FROM p2ptext.import_progress
		WHERE relation = 'public.$table' ORDER BY id DESC LIMIT 1");
}

# Rows in the order of the file, and what was rejected where.
sub content
{
	my ($table) = @_;
	return value($node, <<SQL);
SELECT count(*), md5(string_agg(t::text, '|' ORDER BY ctid)),
	(SELECT count(*) || ' ' || md5(string_agg(r.line || r.reason || r.content, '|' ORDER BY line))
	 FROM p2ptext.import_reject r JOIN p2ptext.import i ON i.id = import_id WHERE relation = 'public.$table')
FROM $table t
SQL
}

# An import in a session of its own that waits at its first bad line for
# somebody else's lock: the session, its process, and what ends the wait.
sub start_import
{
	my ($table) = @_;
	my $holder = start_session($node);
	my %import = (holder => $holder, out => '', err => '');

	ask($holder, 'BEGIN');
	ask($holder, 'LOCK TABLE p2ptext.import_reject IN SHARE MODE');
	$import{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', import_voters($table) ],
		'<', \undef, '>', \$import{out}, '2>', \$import{err});
	my $waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'CALL%'";
	wait_for($node, "SELECT count(*) FROM ($waiting) a", 1, "the import of $table waits in the middle");
	$import{pid} = value($node, $waiting);
	return \%import;
}

sub end_import
{
	my ($import) = @_;
	$import->{run}->finish;
	return $import->{err};
}

write_voters();
value($node, import_voters('whole'));
my $whole = content('whole');
my ($rows, $rejected) = split ' ', progress('whole') =~ s/done //r;
is($rows, $lines, 'every voter is there');
is($rejected, int($lines / 2 / 100), '... and every bad line is rejected');
is(value($node, "SELECT count(*) FROM whole WHERE note LIKE E'two\\nlines %'"), int($lines / 97), 'records of two lines are whole');

# Somebody cancels it.
my $import = start_import('stopped');
my ($status, $done) = split ' ', progress('stopped');
is($status, 'running', 'it is running');
ok($done > $lines / 4 && $done < $lines, "... and $done rows are there before it is done");
is(value($node, 'SELECT count(*) FROM stopped'), $done, '... for everybody');
my ($code, undef, $error) = $node->psql('postgres', import_voters('stopped'));
isnt($code, 0, 'another session cannot import it too');
like($error, qr/another session is importing .*HINT:.*import_progress/s, '... and learns why');
value($node, "SELECT pg_cancel_backend($import->{pid})");
like(end_import($import), qr/canceling statement/, 'it can be cancelled');
ask($import->{holder}, 'COMMIT');
is(progress('stopped'), "stopped $done 0", '... and stays where it was');

# The table is changed meanwhile, and the file.
value($node, 'CREATE INDEX in_the_way ON stopped (id)');
($code, undef, $error) = $node->psql('postgres', import_voters('stopped'));
like($error, qr/was altered before its import was done.*has an index/s, 'it does not go on with a table that was altered');
value($node, 'DROP INDEX in_the_way');
my @times = (stat $file)[ 8, 9 ];
my $size = -s $file;
append_to_file($file, "0,late,\n");
($code, undef, $error) = $node->psql('postgres', import_voters('stopped'));
like($error, qr/has changed since its import began.*HINT:/s, '... nor with a file that was');
truncate $file, $size;
utime @times, $file;

# The server goes down.
$import = start_import('stopped');
kill 'KILL', $import->{pid};
end_import($import);
wait_for($node, 'SELECT NOT pg_is_in_recovery()', 't', 'the server is back');
is(progress('stopped'), "stopped $done 0", 'nothing was lost, nothing added');
$import = start_import('stopped');
$node->stop('immediate');
end_import($import);
$node->start;
is(progress('stopped'), "stopped $done 0", '... nor when all of it goes down');
value($node, import_voters('stopped'));
is(progress('stopped'), "done $rows $rejected", 'it goes on to the end');
is(content('stopped'), $whole, '... and the table and the rejects are what they had been without');
($code, undef, $error) = $node->psql('postgres', import_voters('stopped'));
like($error, qr/already exists.*Import \d+ made it/s, 'it is done then');

# The table is dropped: the import begins again.
$import = start_import('dropped');
value($node, "SELECT pg_cancel_backend($import->{pid})");
end_import($import);
ask($import->{holder}, 'COMMIT');
value($node, 'DROP TABLE dropped');
is(progress('dropped'), "dropped $done 0", 'the table of an import is dropped');
value($node, import_voters('dropped'));
is(value($node, 'SELECT count(*) FROM dropped'), $rows, '... and the next begins anew');

# The file is changed while it is read.
$import = start_import('shrunk');
truncate $file, $size / 2;
ask($import->{holder}, 'COMMIT');
like(end_import($import), qr/has changed since its import began/, 'a file that shrinks stops its import');

# What is no file keeps nobody waiting.
mkfifo("$file.fifo", 0644) or die "mkfifo: $!";
($code, undef, $error) = $node->psql('postgres', "CALL p2ptext.import_voters('f', '$file.fifo')");
like($error, qr/is not a regular file.*HINT:.*cat/s, 'a FIFO is no file');

# A program is cancelled with the import.
my %import = (out => '', err => '');
$import{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
		"CALL p2ptext.import_voters('p', program => 'echo a,b; echo 1,2; sleep 600')" ],
	'<', \undef, '>', \$import{out}, '2>', \$import{err});
wait_for($node, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL%sleep 600%' AND pid <> pg_backend_pid()", 1, 'a program runs');
value($node, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL%sleep 600%' AND pid <> pg_backend_pid()");
like(end_import(\%import), qr/canceling statement/, '... and is cancelled');
is(value($node, "SELECT to_regclass('p') IS NULL"), 't', '... with all that it gave');

done_testing();
