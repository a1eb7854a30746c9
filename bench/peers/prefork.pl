#!/usr/bin/perl
# Net::Server::PreFork as it is used for a raw protocol: a child accepts, reads,
# writes and goes on with the same connection until the client closes it. It
# looks for the end of the head and for "Connection: close", and parses nothing
# else: what is left is the price of the model.
#
# usage: prefork.pl PORT CHILDREN
package Hello;
use strict;
use warnings;
use parent 'Net::Server::PreFork';

my ($port, $children) = @ARGV;
my $body = "hello\n";
my $answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
	. length($body) . "\r\n\r\n" . $body;

sub process_request {
	my $client = shift->{server}{client};
	my $in = '';
	while (sysread $client, $in, 4096, length $in) {
		while ((my $end = index $in, "\r\n\r\n") >= 0) {
			my $head = substr $in, 0, $end + 4, '';
			return unless syswrite $client, $answer;
			return if $head =~ /^connection:\s*close/mi;
		}
	}
}

@ARGV = (); # Net::Server has options of its own
Hello->run(
	host => '127.0.0.1', port => $port, log_level => 0, serialize => 'flock',
	min_servers => $children, max_servers => $children, min_spare_servers => 0,
	max_spare_servers => $children - 1, max_requests => 1_000_000_000,
);
