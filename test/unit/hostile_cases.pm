# hostile_cases.pm
#	What a hostile courier does to its worker, see hostile.pm, and what is to
#	become of it: "ends" is what the worker says when it ends that courier;
#	without it the courier is kept, and what it saw, with "sees", is this.
package hostile_cases;

use strict;
use warnings;
use lib 'test/unit';
use hostile;

# In every database of the test: one that wants proof, one that does not, and
# a simulated one.
use constant { STRICT => 1, OPEN => 2, LOOPBACK => 3 };
use constant MAX_FRAME => 256 * 1024;

our $seed = $ENV{HOSTILE_SEED} || 20260;

my $random = sub {
	my ($n) = @_;
	return join '', map { chr rand 256 } 1 .. $n;
};
my @odd = ("a\0b", "caf\xE9!", "\xED\xA0\xBD x", "\xF0\x9F", "\xFF\xFE", "\xC0\x80", '%s%n', 'q' x 50000);
my $raw = sub { my ($data) = @_; return sub { hostile::raw($data) } };

# A proof that proves nothing.
sub forge
{
	my $n = 0;
	my @proofs = ({});

	foreach my $proof (0 .. 4, 5, 99, 0xFFFFFFFF)
	{
		push @proofs, map { { proof => $proof, signatures => $_, signed => ['signed'] } }
		  [''], ['signed'], [ $random->(20), $random->(64), $random->(64) ];
		push @proofs, { proof => $proof, signatures => [] }, { proof => $proof, signatures => [ '', "\0" ] };
	}
	hostile::raw(hostile::webhook(request => ++$n, gateway => STRICT, %$_)) foreach @proofs;
	hostile::raw(hostile::webhook(request => ++$n, gateway => $_)) foreach LOOPBACK, 0, 4711, 0xFFFFFFFF;
	hostile::note(join ' ', sort keys %{ { map { $_ => 1 } split / /, hostile::answers($n) } });
	return;
}

# Bytes that are no text in every field of an event, and events of no kind.
sub write_oddly
{
	my @fields = qw(key provider_id ref from to body status code detail);
	my $n = 0;

	foreach my $odd (@odd)
	{
		foreach my $field (@fields)
		{
			my $key = 'odd' . ++$n;
			hostile::raw(hostile::webhook(request => $n, gateway => OPEN, headers => '{"a":"b"}', raw => $odd,
					events => [ hostile::event(key => $key, kind => 1 + $n % 2, $field => $field eq 'key' ? "$key$odd" : $odd) ]));
		}
	}
	hostile::raw(hostile::webhook(request => ++$n, gateway => OPEN,
			events => [ hostile::event(kind => $_, key => "kind$_", status => 'exploded') ])) foreach 0, 2, 99, 0xFFFFFFFF;
	hostile::raw(hostile::webhook(request => ++$n, gateway => OPEN, events => []));
	hostile::note(scalar(grep { $_ eq 200 } split / /, hostile::answers($n)) . " of $n");
	# Numbers that were used, and none.
	hostile::raw(hostile::webhook(request => $_, gateway => OPEN, events => [ hostile::event(key => 'again') ]))
	  foreach 0, 0, 5, 5, 5;
	hostile::next_of('A') foreach 1 .. 5;
	hostile::note('all answered');
	return;
}

# What the database cannot hold, between what it can.
sub spoil
{
	my %bad = (
		2 => { events => [ hostile::event(key => 'media', media => '{"') ] },
		3 => { headers => 'no JSON', events => [ hostile::event(key => 'headers') ] },
		4 => { events => [ hostile::event(key => 'nul', media => '["\u0000"]') ] },
		5 => { events => [ hostile::event(key => 'x' . join('', map { chr(33 + rand 90) } 1 .. 60000)) ] },
		6 => { events => [ hostile::event(key => 'good6'), hostile::event(key => 'beside', media => '[') ] });

	hostile::raw(join '', map {
			hostile::webhook(request => $_, gateway => OPEN,
				%{ $bad{$_} // { events => [ hostile::event(key => "good$_") ] } })
		} 1 .. 8);
	hostile::note(hostile::answers(8));
	return;
}

# Much that is refused, and answers that nobody reads.
sub flood
{
	foreach my $n (1 .. 1000)
	{
		hostile::raw(hostile::webhook(request => $n, gateway => STRICT, raw => 'x' x 60000));
		hostile::next_of('A');
	}
	hostile::note('flooded');
	return;
}

sub never_read
{
	my $many = hostile::webhook(gateway => STRICT, events => []) x 2000;

	foreach (1 .. 1500)
	{
		return if !hostile::raw($many);
	}
	hostile::note('was not ended');
	return;
}

our @listen = (
	{ name => 'a frame of length 0', do => $raw->(pack 'L', 0), ends => 'broken frame' },
	{ name => 'a frame that is too long', do => $raw->(pack 'L', MAX_FRAME + 1), ends => 'broken frame' },
	{ name => 'a frame without end', do => $raw->(pack 'L', 0xFFFFFFFF), ends => 'broken frame' },
	{ name => 'a type and nothing else', do => $raw->(hostile::packed('W', '')), ends => 'broken frame' },
	{ name => 'a type that there is not', do => $raw->(hostile::packed("\xFF", '')), ends => 'unknown frame' },
	{ name => 'a result, from a listener', do => $raw->(hostile::result(id => 1)), ends => 'unknown frame' },
	{ name => 'its own acknowledgment', do => $raw->(hostile::packed('A', pack 'QL', 1, 200)), ends => 'unknown frame' },
	{ name => 'another version', do => $raw->(hostile::packed('H', pack 'L', 99)), ends => 'another version' },
	{ name => 'too many signatures', ends => 'broken frame',
		do => $raw->(hostile::packed('W', pack('QLLL', 1, OPEN, 1, 0xFFFFFFFF) . 'x' x 1000)) },
	{ name => 'too many events', do => sub { hostile::raw(hostile::webhook(gateway => OPEN, n => 0xFFFFFFFF)) },
		ends => 'broken frame' },
	{ name => 'a field that goes beyond the frame', ends => 'broken frame',
		do => sub { hostile::raw(hostile::webhook(gateway => OPEN, n => 2, more => pack('LL', 1, 0xFFFFFFF0) . 'x')) } },
	{ name => 'a frame that goes on', do => sub { hostile::raw(hostile::webhook(gateway => OPEN, more => 'x')) },
		ends => 'broken frame' },
	{ name => 'half a frame, and its end', ends => 'courier exited with code 0',
		do => sub { hostile::raw(pack('L', 1000) . 'W' . 'x' x 10); POSIX::_exit(0) } },
	{ name => 'last words that are cut within a character', ends => '^aa(é)+$',
		do => $raw->(hostile::packed('L', pack('L', 3) . hostile::str('aa' . "\xC3\xA9" x 500))) },
	{ name => 'random bytes', ends => 'frame|version|^$',
		do => sub { srand $seed; while (hostile::raw(pack('L', 1 + int rand 40) . (qw(W W L R D))[ rand 5 ] . $random->(300))) { } } },
	{ name => 'forged proofs', do => \&forge, sees => '403' },
	{ name => 'odd strings', do => \&write_oddly, sees => 'all answered' },
	{ name => 'what cannot be stored', do => \&spoil, sees => '200 503 503 503 503 503 200 200' },
	{ name => 'a flood of what is refused', do => \&flood, sees => 'flooded' },
	{ name => 'deafness', do => \&never_read, ends => '.' });

# A result is said of a text that was given.
my $of_text = sub {
	my (%r) = @_;
	return sub { hostile::raw(hostile::result(id => scalar hostile::next_text(), %r)) };
};
# The first time, texts are lost; then their fate is asked for.
my $found = sub {
	my ($n, @ids) = @_;
	return sub {
		if ($_[0] == 0) { hostile::next_text() foreach 1, 2; POSIX::_exit(0) }
		my $id = hostile::next_text('F');
		hostile::frame('D', pack('QLL', $id, 1, $n) . join '', map { hostile::str($_) } @ids);
	};
};

# One that tells both texts' results, after what the case is about.
sub with_results
{
	my ($before, %r) = @_;

	return sub {
		my @ids = map { scalar hostile::next_text() } 1, 2;
		hostile::raw($before) if $before ne '';
		hostile::raw(hostile::result(id => $_, %r)) foreach @ids;
		hostile::note('told');
	};
}

our @send = (
	{ name => 'a text that was never given', do => $raw->(hostile::result(id => 424242)), ends => 'was not given' },
	{ name => 'an id below zero', do => $raw->(hostile::result(id => ~0)), ends => 'was not given' },
	{ name => 'no outcome', do => $of_text->(outcome => 0), ends => 'was not given' },
	{ name => 'an outcome that there is not', do => $of_text->(outcome => 0x80000001), ends => 'was not given' },
	{ name => 'a scope that there is not', do => $of_text->(scope => 9), ends => 'was not given' },
	{ name => 'a result twice', ends => 'was not given',
		do => sub { my $id = hostile::next_text(); hostile::raw(hostile::result(id => $id) x 2) } },
	{ name => 'half a result', do => sub { hostile::frame('R', pack 'QL', scalar hostile::next_text(), 1) },
		ends => 'was not given' },
	{ name => 'a webhook of a true gateway', do => $raw->(hostile::webhook(gateway => STRICT)), ends => 'cannot have' },
	{ name => 'a webhook of none', do => $raw->(hostile::webhook(gateway => 4711)), ends => 'cannot have' },
	{ name => 'an order', do => $raw->(hostile::packed('S', 'x')), ends => 'unknown frame' },
	{ name => 'half a frame, and its end', ends => 'courier exited with code 0',
		do => sub { hostile::next_text(); hostile::raw(pack('L', 1000) . 'R' . 'x' x 10); POSIX::_exit(0) } },
	{ name => 'random bytes', ends => 'frame|version|given|event',
		do => sub { srand $seed; while (hostile::raw(pack('L', 1 + int rand 40) . (qw(R R D L W))[ rand 5 ] . $random->(300))) { } } },
	{ name => 'more findings than there may be, and none', do => $found->(1000), times => 2, ends => 'broken frame' },
	{ name => 'findings without end', do => $found->(0xFFFFFFFF, 'SM1'), times => 2, ends => 'broken frame' },
	{ name => 'one finding too many', do => $found->(17, map { "SM$_" } 1 .. 17), times => 2, ends => 'broken frame' },
	{ name => 'a finding that nobody asked for', sees => 'told', status => 'sent',
		do => with_results(hostile::packed('D', pack('QLL', 1, 1, 1) . hostile::str('SM1'))) },
	{ name => 'odd strings', sees => 'told', status => 'sent', do => sub {
			my @ids = map { scalar hostile::next_text() } 1, 2;
			hostile::raw(hostile::result(id => $ids[0], provider_id => "S\0\xFFM" . 'p' x 60000, code => "\xED\xA0\x80c",
					text => join('', map { chr(33 + rand 90) } 1 .. 60000), segments => 0xFFFFFFFF));
			hostile::raw(hostile::result(id => $ids[1], provider_id => '', text => "\0" x 1000, segments => 0));
			hostile::note('told');
		} },
	{ name => 'a delay without end', sees => 'told', status => 'approved',
		do => with_results('', outcome => 5, code => 'later', retry_after_ms => 0xFFFFFFFF) },
	{ name => 'a reason that is cut within a character', sees => 'told', status => 'approved',
		do => with_results('', outcome => 5, scope => 2, retry_after_ms => 600000, text => 'aa' . "\xC3\xA9" x 500) },
	{ name => 'an event that cannot be stored', sees => 'told', status => 'sent',
		do => with_results(hostile::webhook(gateway => LOOPBACK, events => [ hostile::event(media => '{') ])) });

1;
