# README.md is true: its examples are run, in order, on one cluster, and must
# give what is printed there; its table of settings is the server's, and
# everything that it names in the schema exists.
#
# Every ```sql block is followed by a ```text block with its output.  Comments
# that a reader does not see may stand before a block, each on a line:
#	  <!-- run -->		run the ```sh block that follows
#	  <!-- as ROLE -->	run the ```sql block that follows as that role
#	  <!-- silent -->	its output is not shown, but it must not complain
#	  <!-- wait: SQL -->	first wait until the query gives t
#
# After a drift the logs have a README.md as it would be true.

use strict;
use warnings;

use lib 'test/t/lib';
use IPC::Run;
use P2pText;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_cluster('readme', secrets => secrets());
my $readme = slurp_file('README.md');
my $dir = PostgreSQL::Test::Utils::tempdir();
# The superuser of a test cluster has the name of whoever runs the test.
$node->safe_psql('postgres', 'CREATE ROLE postgres SUPERUSER LOGIN')
  unless $node->safe_psql('postgres', "SELECT 1 FROM pg_roles WHERE rolname = 'postgres'");
local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
local $ENV{PGDATABASE} = 'postgres';
local $ENV{PGUSER} = 'postgres';
local $ENV{PGCLIENTENCODING} = 'UTF8';

# For the gateways that are added.
sub secrets
{
	return { map { $_ => "for-$_:only" } qw(sw tx bw pl vo kn any) };
}

# What psql prints, as the README has it: no blanks at the ends of lines.
sub run_sql
{
	my ($sql, $role) = @_;
	my $out = '';

	IPC::Run::run(
		[ 'psql', '-X', '-v', 'SHOW_CONTEXT=never', '-P', 'footer=off', '-U', $role ],
		'<', \$sql, '>&', \$out);
	$out =~ s/[ \t]+$//mg;
	$out =~ s/\n*\z/\n/;
	return $out;
}

sub difference
{
	my ($wanted, $got) = @_;
	my @files = ("$dir/wanted", "$dir/got");

	unlink @files;
	append_to_file($files[0], $wanted);
	append_to_file($files[1], $got);
	return `diff -u --label README.md "$files[0]" --label now "$files[1]"`;
}

# Run one example; returns its output as it is now.
sub check_example
{
	my ($place, $role, $sql, $wanted) = @_;
	my $out = run_sql($sql, $role);

	ok(defined $wanted && $out eq $wanted, "line $place: the example gives this")
	  or diag(defined $wanted
		? difference($wanted, $out)
		: 'No ```text block follows.');
	return $out;
}

sub check_silent
{
	my ($place, $role, $sql) = @_;

	unlike(run_sql($sql, $role), qr/^(?:ERROR|WARNING|psql)/m, "line $place: the example works");
	return;
}

sub check_commands
{
	my ($place, $script) = @_;

	is(system('sh', '-ec', $script), 0, "line $place: the commands work");
	return;
}

# A fence, and what a reader sees and does not see before it.
my $block = qr{
	(?<before> .*? )
	^```(?<kind> \w+)\n (?<text> .*? ) ^```\n
	(?: (?<between> \n*) ^```text\n (?<output> .*? ) ^```\n )?
}xms;
my ($true, $line) = ('', 1);

while ($readme =~ /\G$block/gc)
{
	my %b = %+;
	my $whole = $&;
	my $place = $line + ($b{before} =~ tr/\n//);
	my ($role) = $b{before} =~ /^<!-- as (\w+) -->$/m;

	wait_for($node, $1, 't', "line $place: what it waits for happens")
	  while $b{before} =~ /^<!-- wait: (.*) -->$/mg;
	check_commands($place, $b{text})
	  if $b{kind} eq 'sh' && $b{before} =~ /^<!-- run -->$/m;
	if ($b{kind} eq 'sql' && $b{before} =~ /^<!-- silent -->$/m)
	{
		check_silent($place, $role // 'postgres', $b{text});
		$true .= $whole;
	}
	elsif ($b{kind} eq 'sql')
	{
		my $out = check_example($place, $role // 'postgres', $b{text}, $b{output});
		$true .= "$b{before}```sql\n$b{text}```\n"
		  . ($b{between} // '')
		  . "```text\n$out```\n";
	}
	else
	{
		$true .= $whole;
	}
	$line += $whole =~ tr/\n//;
}
$true .= substr($readme, pos($readme) // 0);
pos($readme) = undef;
append_to_file("$ENV{TESTLOGDIR}/README.md", $true)
  if $true ne $readme && $ENV{TESTLOGDIR};

# The table of settings.
my %settings;
$settings{$1} = "$2|$3"
  while $readme =~ /^\| `(p2ptext\.\w+)` \| (.*?) \| (.*?) \|/mg;
my %known = map { split /=/, $_, 2 } split /\n/, value($node, <<'SQL');
SELECT name || '=' || coalesce(nullif(boot_val || coalesce(' ' || unit, ''), ''), '(empty)') || '|' ||
	CASE vartype WHEN 'bool' THEN 'on or off' ELSE coalesce(min_val || ' to ' || max_val, 'text') END
FROM pg_settings WHERE name LIKE 'p2ptext.%'
SQL
is_deeply(\%settings, \%known, 'the table of settings is true');

# Whatever is named p2ptext.something, or called something().
my %exists = map { $_ => 1 } keys %known, split /\n/, value($node, <<'SQL');
SELECT 'p2ptext.' || proname FROM pg_proc WHERE pronamespace = 'p2ptext'::regnamespace
UNION SELECT 'p2ptext.' || relname FROM pg_class WHERE relnamespace = 'p2ptext'::regnamespace
UNION SELECT 'p2ptext.' || typname FROM pg_type WHERE typnamespace = 'p2ptext'::regnamespace
UNION SELECT proname || '()' FROM pg_proc
WHERE pronamespace IN ('p2ptext'::regnamespace, 'pg_catalog'::regnamespace)
SQL
my %named = map { $_ => 1 } $readme =~ /\b(p2ptext\.[a-z]\w*)/g, $readme =~ /(?<![\w.])([a-z]\w*\(\))/g;
cmp_ok(scalar keys %named, '>', 60, 'it names a lot');
is_deeply([ grep { !$exists{$_} } sort keys %named ], [], 'and all of that exists');

# And the columns of the view that shows the workers.
my ($table) = $readme =~ /^(\| column of `p2ptext\.stat_worker`.*?)\n\n/ms;
my @shown = $table =~ /`(\w+)`(?=[^|\n]*\|[^|\n]*\|$)/mg;
is( join(' ', sort @shown),
	value($node, "SELECT string_agg(attname, ' ' ORDER BY attname COLLATE \"C\") FROM pg_attribute
				  WHERE attrelid = 'p2ptext.stat_worker'::regclass AND attnum > 0"),
	'the columns of stat_worker are explained');

$node->stop;
done_testing();
