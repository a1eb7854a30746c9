# The peers' answer as a PSGI application, for Starman.
sub { [200, ['Content-Type' => 'text/plain', 'Content-Length' => 6], ["hello\n"]] };
