// Package fork makes workers that are real processes: children of this program,
// executed anew from its file, or an external program. [Backend] is the
// pool.Backend for them, [Current] is what a child finds out about itself.
//
// # How requests reach a child
//
// With Request the parent owns the connections. It has the worker's lanes, a
// pool.Crew, and each lane exchanges requests with the child over a connection
// of its own to a private listener, which the child finds on descriptor 0, as
// FastCGI programs expect it. What is said there is up to the pool.Runner that
// Config.Runner makes; this package knows neither HTTP nor FastCGI. Otherwise the
// child owns connections and runs its lanes itself: it accepts on its seat, which
// is its own with Slot and everybody's with the others, or with Dispatch it gets
// from the parent what the parent has accepted.
//
// # Connections that move
//
// Parent and children that own connections pass them to each other over a ferry,
// with the octets that were read and not used (see package ferry). Config.Join
// names a child that takes some, from the moment that it is ready, before that is
// reported; Config.Leave says that it does no more. What a child gives away comes
// to Config.Arrive as long as it lives, and so does what it had sent when it was
// killed. A connection belongs to one process at any time: to the sender until the
// receiver has said that it has it.
//
// # What a child is given
//
//	0      the private listener, or /dev/null
//	1, 2   pipes to the parent, which logs every line with slot and pid
//	3      the control socket; its end means that the other side is gone
//	4      the scoreboard, shared memory of a sealed size
//	5      the payload, a frozen file
//	6      the ferry, of children that own connections
//	7...   their seat: a listening socket for each address, none with Dispatch
//
// An external program gets the first three. The variable BIDENT_CHILD makes a
// process a child; it is removed before any other package sees it, and
// everything from 3 on is close-on-exec, so that what a handler starts is no
// child by mistake. A child says hello with the version of the protocol, and
// ready when it can serve; a version that differs is ErrProtocol.
//
// # States
//
//	started -> forked -> ready -> leaving -> ended -> reported
//
// A worker that leaves first loses its lanes (its seat's connections go to
// another worker), and once nothing is in hand it is told to go: by a message,
// which says whether the whole server stops (Backend.Drain), an external program
// by SIGTERM. If it does not go within DieTimeout it is killed, and with it all
// processes of its group. Exited is the last report of every worker, after the rest
// of its output has been logged, the connections that it gave away have arrived, and
// its lanes have ended.
//
// # Goroutines
//
// In the parent: the spawner, one locked thread for all children of a Backend,
// from New to Close. For each child, all of them until its exit has been
// reported: one that waits for its end (through a pidfd, so that it costs no
// thread), two for its output, one for its messages, two for its ferry, and one for
// each lane. In the child, for its whole life: one reads the control socket, one
// hands out commands, one takes signals, two are the ferry's.
//
// # Signals
//
// The parent's are none of this package's business. A child is in a process
// group of its own, takes no notice of INT, HUP, USR1, USR2, TTIN, TTOU and
// WINCH, and on TERM asks for a replacement, after which it is retired. When the
// parent is gone a child ends at once: the kernel kills it (PR_SET_PDEATHSIG),
// and should that be lost, the end of the control socket does.
//
// On systems other than Linux there is no backend, and no process is a child.
package fork
