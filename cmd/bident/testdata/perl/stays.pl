# A program that answers, ignores SIGTERM, and never ends.
use strict;
use warnings;
use FCGI;

$SIG{TERM} = 'IGNORE';
my %env;
my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%env, 0);
while ($request->Accept >= 0) {
    print "Content-Type: text/plain\r\n\r\n$$\n";
    $request->Finish;
}
sleep 1 while 1;
