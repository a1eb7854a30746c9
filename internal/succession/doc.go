// Package succession puts a new process in the place of an old one, which serves
// until the new one is ready and goes on serving if it never is.
//
// The old process starts the program file with its own arguments, environment and
// directory, and a variable, BIDENT_UPGRADE, that makes the new one its successor
// ([Start]). What the successor finds open:
//
//	0, 1   those of the old process
//	2      a pipe to it: what is said there until the take-over is passed on, and
//	       the last lines are the reason why a successor has died
//	3      the control socket; its end means that the other side is gone
//	4      the ferry: a socket for clients' connections
//	5      the manifest, a frozen file
//	6      the standard error of the old process, which becomes 2 at the take-over
//	7...   the sockets, in the order of the manifest
//
// All but the first three are close-on-exec in the successor, and the variable is
// removed before any other package sees it. The successor is in a process group of
// its own and does not die with its parent.
//
// # What is said
//
// Each message on the control socket is a datagram of text.
//
//	successor            old
//	hello VERSION PID                at once, before main runs
//	ready                            the workers of the successor are ready
//	                     yours       the successor takes what there is one of: pid
//	                                 file, admin listener, paths of sockets
//	taken                            from now on the old process only drains
//	failed TEXT                      instead of ready or taken
//	                     no          instead of yours: the successor is to end
//	                     signal NAME one that has reached the old process
//	stop MILLISECONDS                the successor stops: so must the old process
//
// # Who lives
//
// One of them must, and not both. Until "taken" has arrived the old process is the
// server: a successor that loses it before "yours" ends, because whoever killed the
// server wants it gone, or is a manager that is about to start another one, which
// would find the addresses taken. After "yours" the successor goes on: the pid file
// may name it already.
//
// # Goroutines
//
// In the old process, from Start until the successor is gone: one waits for its
// end, one reads the control socket, one the pipe. In the successor, from the start
// of the program until the old process is gone: one reads the control socket.
package succession
