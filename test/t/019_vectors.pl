# The providers' own vectors of signed webhooks, test/data/payloads/*-signatures.json,
# through the database: each is taken as it is, and refused when anything that
# its provider signs is not as it was.  What a provider does not sign, and which
# vectors are no webhooks of texts, stands below by name.

use strict;
use warnings;

use lib 'test/t/lib';
use Digest::SHA qw(hmac_sha1_base64 hmac_sha256_base64 sha256_hex);
use JSON::PP;
use MIME::Base64 qw(decode_base64url encode_base64);
use P2pText;
use Receiving;
use Test::More;

use constant {
	PAYLOADS => 'test/data/payloads',
	OTHER => 'of-somebody-else-1d5e957f297893487b',
	URL => 'https://text.example.org/webhook/main?a=b',
	FORM => 'application/x-www-form-urlencoded',
	JSON => 'application/json',
	NOW => 1700000000,
	WINDOW_S => 300,
	# how many bytes of each part are changed, one at a time
	SPREAD => 12,
};

# Vectors that no webhook of ours can be.
my %not_taken = (
	'sig-md5hash' => 'MD5 proves little; SHA-1 or SHA-256 is to be chosen',
	'sig-md5hmac' => 'MD5 proves little; SHA-1 or SHA-256 is to be chosen',
	'sig-sha512hmac' => 'SHA-1 or SHA-256 is to be chosen',
	'jwt-hs256-webhook' => 'the body that it was made for is not published',
	'jwt-hs256-python' => 'it is for no body',
	'rfc8032-test1-empty-message' => 'it is for no webhook');

# Vectors for callbacks of calls: well signed, and no text.  The same URL and
# secret must do for a text, signed here as the vector was.
my %is_call = map { $_ => 1 }
  qw(form-basic form-https-port-stripped form-http-port-kept form-https-443-added form-http-80-added
  form-userinfo form-userinfo-443 form-quote-in-query form-array form-array-dup
  json-bodySHA256 json-bodySHA256-empty-object json-bodySHA256-only-param
  v3-post-with-query v3-get-with-query v3-post-no-query v3-get-no-query v2);

# What may change without anybody seeing it, by the provider's own scheme.
my %unsigned = (
	'v2' => { query => 'version 2 signs the URL without its query', body => '... and no parameters' },
	'telnyx' => { url => 'the URL is not signed', query => '... nor its query' },
	'vonage-messages' => { url => 'the URL is not signed', query => '... nor its query' },
	'vonage-sms' => { url => 'the URL of a POST is not signed', query => '... nor its query' },
	'bandwidth' => { map { $_ => 'a password signs nothing' } qw(url query body) },
	'kannel' => { map { $_ => 'a token signs nothing' } qw(url query body) },
	'generic' => { map { $_ => 'a token signs nothing' } qw(url query body) },
	'twilio' => { same => 'a pair that comes twice is signed as one, and says no more than one' },
	'form-https-port-stripped' => { port => 'Twilio may sign a URL without its port' });

sub vectors
{
	my ($provider) = @_;
	my $file = JSON::PP->new->utf8->decode(read_file(PAYLOADS . "/$provider-signatures.json"));
	return map { { %$_, provider => $provider } } @{ $file->{vectors} };
}

sub bytes
{
	my ($text) = @_;
	utf8::encode($text);
	return $text;
}

# Pairs of names and values, as bytes, in some order that is always the same.
sub pairs_of
{
	my ($params) = @_;
	return map {
		my $name = $_;
		map { [ bytes($name), bytes($_) ] } ref $params->{$name} ? @{ $params->{$name} } : $params->{$name}
	} sort keys %$params;
}

sub form_of
{
	return join '&', map { form_encode($_->[0]) . '=' . form_encode($_->[1]) } @_;
}

sub payload
{
	my ($name) = @_;
	my $body = read_file(PAYLOADS . "/$name");
	chomp $body;
	return $body;
}

sub pairs_in
{
	my ($form) = @_;
	return map { [ map { tr/+/ /r =~ s/%(..)/chr hex $1/ger } split /=/, $_, 2 ] } split /&/, $form;
}

# What the vector's provider would have signed, here with these pairs; given a
# text instead of its own, the vector has the hash of that in its URL.
sub sign_twilio
{
	my ($v, @pairs) = @_;
	my %seen;
	my @sorted = sort { $a->[0] cmp $b->[0] || $a->[1] cmp $b->[1] } grep { !$seen{"@$_"}++ } @pairs;
	return hmac_sha1_base64(join('', $v->{url_signed}, map { @$_ } @sorted), $v->{auth_token}) . '=';
}

sub sign_plivo
{
	my ($v, @pairs) = @_;
	my ($url, $query) = split /\?/, $v->{url};
	my $joined = sub { join '&', map { "$_->[0]=$_->[1]" } sort { $a->[0] cmp $b->[0] } @_ };
	my @query = pairs_in($query // '');
	my $text =
	    $v->{name} eq 'v2' ? $url
	  : $v->{method} eq 'GET' ? "$url?" . $joined->(@query, @pairs) . '.'
	  : "$url?" . $joined->(@query) . (@query ? '.' : '')
	  . join('', map { @$_ } sort { $a->[0] cmp $b->[0] } @pairs) . '.';
	return hmac_sha256_base64($text . $v->{nonce}, $v->{auth_token}) . '=';
}

sub issued
{
	my ($token) = @_;
	return decode_json(decode_base64url((split /\./, $token)[1]))->{iat};
}

# From a vector to a request: gateway, method, url, headers, body, at.
my %request = (
	twilio => sub {
		my ($v, @pairs) = @_;
		return {
			url => $v->{request_url}, body => bytes($v->{raw_body} // form_of(@pairs)), secret => $v->{auth_token},
			headers => { 'Content-Type' => defined $v->{raw_body} ? JSON : FORM, 'X-Twilio-Signature' => $v->{expected} } };
	},
	plivo => sub {
		my ($v, @pairs) = @_;
		my $version = $v->{name} eq 'v2' ? 'V2' : 'V3';
		my $get = ($v->{method} // '') eq 'GET';
		return {
			method => $get ? 'GET' : 'POST', secret => $v->{auth_token},
			url => $v->{url} . ($get ? ($v->{url} =~ /\?/ ? '&' : '?') . form_of(@pairs) : ''),
			body => $get ? '' : form_of(@pairs),
			headers => { $get ? () : ('Content-Type' => FORM), "X-Plivo-Signature-$version" => $v->{expected},
				"X-Plivo-Signature-$version-Nonce" => $v->{nonce} } };
	},
	telnyx => sub {
		my ($v) = @_;
		return {
			body => bytes($v->{raw_body} // payload('telnyx-inbound.json')), at => $v->{timestamp} // NOW,
			secret => $v->{public_key_base64},
			headers => { 'Content-Type' => JSON, %{ $v->{headers} // { 'telnyx-timestamp' => NOW,
					'telnyx-signature-ed25519' => encode_base64(pack('H*', $v->{expected_signature_hex}), '') } } } };
	},
	vonage => sub {
		my ($v, @pairs) = @_;
		return { body => form_of(@pairs, [ sig => $v->{expected} ]), secret => $v->{secret}, headers => { 'Content-Type' => FORM } }
		  if $v->{params};
		return {
			body => bytes($v->{raw_body} // payload('vonage-messages-inbound.json')), at => issued($v->{jwt}), secret => $v->{secret},
			headers => { 'Content-Type' => JSON, Authorization => "Bearer $v->{jwt}" } };
	},
	bandwidth => sub {
		my ($v) = @_;
		return {
			body => payload('bandwidth-inbound.json'), secret => "$v->{user}:$v->{password}",
			headers => { 'Content-Type' => JSON, Authorization => $v->{expected} } };
	});

# A text in the place of the call that a vector tells of.
sub as_text
{
	my ($v) = @_;
	my @pairs = pairs_in(payload("$v->{provider}-inbound.form"));
	my %v = %$v;

	if (defined $v{raw_body})
	{
		$v{raw_body} = JSON::PP->new->canonical->encode({ map { @$_ } @pairs });
		s/bodySHA256=\K\w+/sha256_hex($v{raw_body})/e for @v{qw(url_signed request_url)};
		@pairs = ();
	}
	# the vector's own parameters stay, which are what is special about some
	push @pairs, grep { $_->[0] !~ /^(?:From|To)$/ } pairs_of($v{params} // {});
	$v{expected} = $v{provider} eq 'twilio' ? sign_twilio(\%v, @pairs) : sign_plivo(\%v, @pairs);
	return $request{ $v{provider} }->(\%v, @pairs);
}

# All requests, each with a gateway of its own.
my (@requests, @refused, %gateways, %secrets);

sub add_request
{
	my ($list, $name, $kind, $provider, $r, $settings) = @_;
	my $gateway = 'g' . (1 + keys %gateways);
	my @at = defined $r->{at} ? ($r->{at}) : ();

	$gateways{$gateway} = [ $provider, $settings // '{}' ];
	@secrets{ $gateway, "$gateway.webhook" } = (SECRET, $r->{secret});
	push @$list, { method => 'POST', url => URL, %$r, name => $name, kind => $kind, provider => $provider,
		gateway => $gateway, timed => scalar @at, at => $at[0] // NOW };
	return;
}

foreach my $v (map { vectors($_) } qw(twilio plivo telnyx vonage bandwidth))
{
	my $provider = $v->{provider};
	my $name = $v->{name};
	my $kind = $name eq 'v2' ? $name : $provider ne 'vonage' ? $provider : $v->{params} ? 'vonage-sms' : 'vonage-messages';
	my @pairs = pairs_of($v->{params} // {});

	is(sign_twilio($v, @pairs), $v->{expected}, "$name: is signed as we think") if $provider eq 'twilio';
	is(sign_plivo($v, @pairs), $v->{expected}, "$name: is signed as we think") if $provider eq 'plivo';
	my $list = $not_taken{$name} || $is_call{$name} ? \@refused : \@requests;
	add_request($list, $name, $kind, $provider, $request{$provider}->($v, @pairs));
	add_request(\@requests, $name, $kind, $provider, as_text($v)) if $is_call{$name};
}
my %token = (secret => 'not-for-others-b3b1c3a5');
my $kannel = payload('kannel-inbound.form') =~ s/token=[^&]*/token=$token{secret}/r;
add_request(\@requests, 'kannel', 'kannel', 'kannel',
	{ %token, method => 'GET', body => '', headers => {}, url => "https://text.example.org/webhook/main?$kannel" });
add_request(\@requests, 'generic', 'generic', 'generic',
	{ %token, body => '{"id":"1","from":"+1","to":"+2","text":"Hi"}', headers => { 'Content-Type' => JSON, 'X-Token' => $token{secret} } },
	'{"token": {"header": "X-Token"}, "inbound": {"id": "/id", "from": "/from", "to": "/to", "text": "/text"}}');

my $node = start_cluster('vectors', secrets => \%secrets);
value($node, 'CREATE EXTENSION p2ptext');
value($node, join ";\n", map {
		"SELECT p2ptext.add_gateway('$_', '$gateways{$_}[0]', account => 'A', base_url => 'https://x.example', settings => '$gateways{$_}[1]')"
	} sort keys %gateways);

sub literal
{
	my ($text) = @_;
	return "'" . $text =~ s/'/''/gr . "'";
}

# What becomes of some requests: "200 1", the status and how many events.
sub query_of
{
	my (@list) = @_;
	my $rows = join ",\n", map {
		my $r = $list[$_];
		"($_, '$r->{gateway}', '$r->{method}', " . literal($r->{url}) . ', '
		  . literal(JSON::PP->new->canonical->encode($r->{headers}))
		  . ", '\\x" . unpack('H*', $r->{body}) . "'::bytea, to_timestamp($r->{at}))"
	} 0 .. $#list;
	return <<SQL;
SELECT t.status || ' ' || coalesce(cardinality(t.keys), 0)
FROM (VALUES $rows) v (n, gateway, method, url, headers, body, at)
JOIN p2ptext.gateway g ON g.name = v.gateway
CROSS JOIN LATERAL p2ptext.take_apart(g.id, v.method, v.url, '', v.headers, v.body, v.at, true) t
ORDER BY v.n
SQL
}

sub outcomes
{
	return split /\n/, value($node, query_of(@_));
}

# One request changed in some ways, all of which must have the same end.  What
# is taken has a session each, since one remembers some signatures.
sub all_are
{
	my ($taken, $name, @changed) = @_;
	my %seen;
	$seen{$_}++ for $taken ? map { outcomes($_) } @changed : outcomes(@changed);
	my @wrong = grep { $taken ? !/^200 [1-9]/ : !/^40[03] 0$/ } sort keys %seen;
	ok(@changed && !@wrong, $name) or diag(scalar(@changed), ' changed: ', join ', ', map { "$_: $seen{$_}" } sort keys %seen);
	return;
}

sub with
{
	my ($r, %change) = @_;
	return { %$r, %change };
}

# A string with one byte changed, at places from end to end.
sub one_changed
{
	my ($text, $first, $last) = @_;
	my $step = int(($last - $first) / SPREAD) + 1;
	my @changed;

	for (my $at = $first; $at < $last; $at += $step)
	{
		my $copy = $text;
		substr($copy, $at, 1) = chr(ord(substr $copy, $at, 1) ^ 1);
		push @changed, $copy;
	}
	return @changed;
}

# The header or the parameter with the proof: its name, and where it is.
sub proof_of
{
	my ($r) = @_;
	my ($header) = grep { /signature(?!.*nonce)|authorization|token/i } keys %{ $r->{headers} };
	return $header ? ($header, 'headers') : $r->{kind} eq 'kannel' ? ('token', 'url') : ('sig', 'body');
}

# The request with another proof, or without one.
sub with_proof
{
	my ($r, $proof) = @_;
	my ($name, $where) = proof_of($r);
	my %headers = %{ $r->{headers} };

	if ($where eq 'headers')
	{
		$headers{$name} = $proof;
		delete $headers{$name} if !defined $proof;
		return with($r, headers => \%headers);
	}
	return with($r, $where => $r->{$where} =~ s/(?<=[?&])$name=[^&]*/defined $proof ? "$name=$proof" : 'x=1'/er);
}

sub proof_in
{
	my ($r) = @_;
	my ($name, $where) = proof_of($r);
	return $where eq 'headers' ? $r->{headers}{$name} : $r->{$where} =~ /(?<=[?&])$name=([^&]*)/ ? $1 : die "no $name";
}

# What was signed; two vectors may be of the same text.
sub without_sig
{
	my ($r) = @_;
	return $r->{body} =~ s/&sig=.*//r;
}

# Without the last characters, where base64 has bits that mean nothing.
sub test_proof
{
	my ($r) = @_;
	my $proof = proof_in($r);
	my ($another) = map { proof_in($_) }
	  grep { $_->{kind} eq $r->{kind} && without_sig($_) ne without_sig($r) } @requests;

	all_are(0, "$r->{name}: with another signature",
		map { with_proof($r, $_) } one_changed($proof, 0, length($proof) - 3));
	all_are(0, "$r->{name}: with none", with_proof($r, undef), with_proof($r, ''));
	all_are(0, "$r->{name}: with that of another vector", with_proof($r, $another)) if defined $another;
	foreach my $name (grep { /nonce|timestamp/i } keys %{ $r->{headers} })
	{
		my $value = $r->{headers}{$name};
		all_are(0, "$r->{name}: with another $name",
			map { with($r, headers => { %{ $r->{headers} }, $name => $_ }) } one_changed($value, 0, length $value));
	}
	return;
}

sub test_url
{
	my ($r, $unsigned) = @_;
	my ($base, $query) = $r->{url} =~ /^([^?]*)(?:\?(.*))?$/;
	my $tail = defined $query ? "?$query" : '';
	my @bases = one_changed($base, 0, length $base);

	if ($unsigned->{port})
	{
		@bases = grep { !m{^\Qhttps://mycompany.com\E:\d+/myapp\.php$} } @bases;
		all_are(1, "$r->{name}: with another port" . reason($unsigned->{port}), with($r, url => $r->{url} =~ s/:\d+/:4321/r));
	}

	all_are($unsigned->{url}, "$r->{name}: with another URL" . reason($unsigned->{url}),
		map { with($r, url => $_ . $tail) } $unsigned->{url} ? 'https://other.example/webhook/main' : @bases);
	my @queries = ($r->{url} . (defined $query ? '&' : '?') . 'z=1', "$base?z=1" . $tail =~ tr/?/&/r);
	push @queries, map { "$base?$_" } one_changed($query, 0, length $query) if defined $query && !$unsigned->{query};
	all_are($unsigned->{query}, "$r->{name}: with another query" . reason($unsigned->{query}),
		map { with($r, url => $_) } @queries);
	return;
}

sub reason
{
	my ($why) = @_;
	return defined $why ? " ($why)" : '';
}

# Where the parameters are: in the body, or in the URL of a GET.
sub test_parameters
{
	my ($r, $unsigned) = @_;
	my $where = $r->{method} eq 'GET' ? 'url' : 'body';
	my ($first) = $r->{$where} =~ /(?:^|\?|&)((?:Body|Text|text|MessageStatus)=[^&]*)/ or die "nothing to change in $r->{name}";
	my $taken = $unsigned->{body};
	my $why = reason($taken);

	all_are($taken, "$r->{name}: with one more parameter$why", with($r, $where => "$r->{$where}&zz=1"));
	all_are($taken || $unsigned->{same}, "$r->{name}: with a parameter twice" . ($why || reason($unsigned->{same})),
		with($r, $where => "$r->{$where}&$first"));
	all_are($taken, "$r->{name}: with another value for a parameter$why",
		with($r, $where => "$r->{$where}&${first}x"), with($r, $where => $r->{$where} =~ s/\Q$first\E/${first}x&$first/r));
	return;
}

sub test_body
{
	my ($r, $unsigned) = @_;

	if ($unsigned->{body})
	{
		all_are(1, "$r->{name}: with another body" . reason($unsigned->{body}),
			with($r, body => $r->{body} =~ s/Hello|Hey|Hi/Hu/r));
		return;
	}
	all_are(0, "$r->{name}: with another body", map { with($r, body => $_) } one_changed($r->{body}, 0, length $r->{body}));
	all_are(0, "$r->{name}: with a longer body", map { with($r, body => $r->{body} . $_) } ' ', "\n");
	return;
}

is_deeply([ sort map { $_->{name} } grep { $not_taken{ $_->{name} } } @refused ], [ sort keys %not_taken ],
	'the vectors that are not taken are there');
is((outcomes($_))[0], '403 0', "$_->{name}: is not taken ($not_taken{ $_->{name} })")
  foreach grep { $not_taken{ $_->{name} } } @refused;
is((outcomes($_))[0], '400 0', "$_->{name}: tells of no text") foreach grep { $is_call{ $_->{name} } } @refused;

foreach my $r (@requests)
{
	my $unsigned = { %{ $unsigned{ $r->{kind} } // {} }, %{ $unsigned{ $r->{name} } // {} } };
	my $json = ($r->{headers}{'Content-Type'} // '') eq JSON;

	all_are(1, "$r->{name}: is taken" . ($is_call{ $r->{name} } ? ', as a text' : ''), $r);
	test_proof($r);
	test_url($r, $unsigned);
	test_parameters($r, $unsigned) if !$json;
	test_body($r, $unsigned) if $r->{method} eq 'POST';
	next if !$r->{timed};
	all_are(1, "$r->{name}: within its time", map { with($r, at => $r->{at} + $_) } -WINDOW_S(), WINDOW_S);
	all_are(0, "$r->{name}: outside of it", map { with($r, at => $r->{at} + $_) } -WINDOW_S() - 1, WINDOW_S + 1);
}

# What version 2 signed once is good for one text only, as long as a session
# remembers it.
my ($old) = grep { $_->{name} eq 'v2' } @requests;
my $session = start_session($node);
is(join(', ', map { ask($session, query_of($_)) } $old, with($old, body => "$old->{body}&zz=1"), $old),
	'200 1, 403 0, 200 1', 'v2: a signature comes again with its own text only');

# A stranger may list others beside it, but cannot have it forgotten so.
my $header = 'X-Plivo-Signature-V2';
my $two = with($old, headers => { %{ $old->{headers} }, $header => "$old->{headers}{$header}," . encode_base64('x' x 32, '') });
is(join(', ', map { ask($session, query_of($_)) } $two, with($old, body => "$old->{body}&zz=1")),
	'200 1, 403 0', 'v2: ... also when another was listed beside it');
$session->{run}->finish;

# Each gateway has these secrets, or its own where that is said.
sub have_secrets
{
	my (@secrets) = @_;
	my @lines = map {
		my $r = $_;
		map { "$r->{gateway}.webhook = " . ($_ eq 'own' ? $r->{secret} : $_) . "\n" } @secrets
	} @requests;
	write_file($node->basedir . '/secrets', join('', @lines), 0600);
	return;
}

have_secrets(OTHER);
all_are(0, "$_->{name}: by another secret", $_) foreach @requests;
have_secrets(OTHER, 'own');
all_are(1, "$_->{name}: by the second of two secrets", $_) foreach @requests;
have_secrets('own', OTHER);
all_are(1, "$_->{name}: by the first of two", $_) foreach @requests;
have_secrets();
all_are(0, "$_->{name}: without a secret", $_) foreach @requests;

is(value($node, 'SELECT count(*) FROM p2ptext.inbound'), 0, 'to take a webhook apart keeps nothing');
$node->stop;
done_testing();
