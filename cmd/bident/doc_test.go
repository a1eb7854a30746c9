//go:build unix

// The tests of this package are scripts that use the command as its users do.
// They have these commands beside those of testscript:
//
//	serve NAME args...    start "bident serve args..." and wait until it is ready;
//	                      its log is the file NAME.log. From then on $NAME_URL,
//	                      $NAME_URL2, ... are where it listens, $NAME_PID is
//	                      its process
//	start NAME args...    the same without waiting; if the first argument is a path,
//	                      that file is executed and not the usual one
//	ready NAME            wait for a server that was started to be ready
//	signal NAME SIG...    send signals, one after the other
//	exits NAME STATUS     wait for its end and compare the exit status
//	fails STATUS cmd...   run a command, which must end with that exit status
//	until REGEXP cmd...   run a command again and again until it succeeds and its
//	                      standard output matches
//	[!] logged FILE RE    wait until the file matches; with ! it must not match now
//	get URL               print status and body of the answer to a GET
//	hold NAME URL         send a GET and do not wait for the answer
//	held NAME RE [TIME]   wait for that answer, as get prints it, to match; it
//	                      must not have come before that time
//	occupy VAR tcp        listen on a port of 127.0.0.1, which is put into VAR
//	occupy VAR PATH       listen on a UNIX socket
//	stale PATH            leave a UNIX socket behind on which nobody listens
//	workers NAME VAR      put the process numbers of the server's children into VAR
//	gone PID...           wait until none of the processes is there any more
//	matches VAR FILE RE   put what the regular expression's group matches into VAR
//	freeport VAR          put the number of a port that nobody uses into VAR
//	raw URL FILE          send what is in the file and print what comes back until
//	                      the server closes the connection
//	same FILE             compare the printed configuration with the server's limits
//
// The condition [ci] is true if the variable CI is set, [root] for root.
//
// What waits gives up after a deadline that only a broken server misses.
package main
