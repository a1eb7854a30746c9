// Package fork makes workers that are real processes: children of this program,
// executed anew from its file, or an external program. [Backend] is the
// pool.Backend for them, [Current] is what a child finds out about itself.
//
// # How requests reach a child
//
// With Request the parent owns the connections. It has the worker's lanes, a
// pool.Crew, and each lane exchanges requests with the child over a connection
// of its own to a private listener. What is said there is up to the pool.Runner that
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
//	0      /dev/null
//	1, 2   pipes to the parent, which logs every line with slot and pid
//	3      the control socket; its end means that the other side is gone
//	4      the scoreboard, shared memory of a sealed size
//	5      the payload, a frozen file
//	6      the ferry, of children that own connections; the private listener of others
//	7...   their seat: a listening socket for each address, none with Dispatch; then
//	       what belongs to the lock around accept, with Flock, Semaphore and Pipe
//	last   the leash, see below
//
// An external program gets the first three, the private listener on descriptor 0, as
// FastCGI programs expect it, and the leash as descriptor 3. The variable
// BIDENT_CHILD makes a process a child; BIDENT_CHILD_LEASH says which its leash is.
// They are removed before any other package sees them, and
// everything from 3 on is close-on-exec, so that what a handler starts is no
// child by mistake. What the parent has open beside that gets into no child: [New]
// makes all of it close-on-exec, whoever has opened it, and the shim does so again. A
// child says hello with the version of the protocol, and ready when it can serve; a
// version that differs is ErrProtocol.
//
// # Isolation
//
// A child with [Isolation] first executes this program as a shim: with the variable
// BIDENT_SHIM, which is looked for before anything else of the program runs, the
// plan in a frozen file, and a pipe. In the process that will be the child, on one
// thread, it does one step after another: limits are raised, priority, processors
// and umask set, the program's file is opened, root and working directory change,
// then supplementary groups, group and user, all capabilities are given up if that is
// not root, no_new_privs; it asks again to be
// killed with its parent, which the kernel forgets when the user changes, looks
// whether that still is its parent, sets the limits and executes the program. The
// pipe closes then; if a step fails it says which one, and why. Group and limits of
// the cgroup2 file system are there before: the child is born in them. [New] goes
// through all this once, with a program that does nothing: it still has the plan, and
// exits if that is one for this purpose. A process with the variable and no plan exits
// with status 70.
//
// Nothing of /proc or /dev is needed inside a chroot. A child of this program is
// executed by a descriptor, so neither does its file have to be inside, nor must
// its new user be able to find it. With accept request the parent reaches the child
// through its own descriptor of the listener's file, whoever the child is.
//
// # States
//
//	started -> forked -> ready -> leaving -> ended -> reported
//
// A child of this program says itself that it is ready. A program counts as ready when
// it has been executed, but for the first of a generation, which has to live for 200 ms;
// one that turns out not to accept anything is Unfit, and has not started then.
//
// A worker that leaves first loses its lanes (its seat's connections go to another
// worker), and once nothing is in hand it is told to go: by a message, which says
// whether the whole server stops (Backend.Drain), an external program by SIGTERM. A
// program that is still there 200 ms later may be in accept, which many resume after a
// signal: its listener, which the parent holds open for this purpose until the program
// has ended, is shut down, what the program has started gets SIGTERM, too, and the
// worker is reported to linger, so that it holds up no successor. One that does not go
// within DieTimeout is killed, and with it all processes of its group. Exited is the
// last report of every worker, after the rest of its output has been logged, the
// connections that it gave away have arrived, and its lanes have ended.
//
// # Goroutines
//
// In the parent: the spawner, one locked thread for all children of a Backend, and the
// lookout, which looks at their memory, for their deaths, and at those that are to
// leave, and sleeps if there is nothing of that; from New to Close; one that waits for
// connections where no child accepts, from Seats.Watch to Seats.Close. For each child,
// all of them until its exit has been reported: one that waits for its end (through a
// pidfd, so that it costs no thread), two for its output, one for its messages, two for
// its ferry, one for its shim until that has executed the program, and one for each
// lane; and one more if it was told to leave while it read nothing. In the child, for
// its whole life: one reads the control socket, one hands out commands, one takes
// signals, two are the ferry's.
//
// # Errands
//
// A [Launcher] starts processes that serve one request each, from this program's point
// of view CGI programs: by a spawner and a shim as above, in a process group of its own,
// with three pipes and nothing else open, and no leash, which would be a fourth
// descriptor. Two goroutines at most belong to each: one that waits for its end, one for
// its shim. Whoever has started an [Errand] buries it.
//
// # Signals
//
// The parent's are none of this package's business. A child is in a process
// group of its own, takes no notice of INT, HUP, USR1, USR2, TTIN, TTOU and
// WINCH, and on TERM asks for a replacement, after which it is retired. When the
// parent is gone a child ends at once, with all that it has started: the leash is a
// pipe to the parent, and when the parent's end is closed the kernel kills the
// process group that owns the other one (F_SETOWN, F_SETSIG). PR_SET_PDEATHSIG, which
// spares what the child has started, stands in until the leash is worn, and for
// programs; should both be lost, the end of the control socket ends a child.
//
// # Watching
//
// A child that has more memory of its own (RSS) than MaxMemory is to be replaced; one
// that has more than KillMemory is killed. What it has started does not count. A
// child whose death nobody has noticed is found, every CheckForDead, and so is one that
// is stopped by a signal (state T), when two looks in a row find it so: it is Spent, so
// that it gets nothing more and a successor is started; its lanes in the parent end
// when they have nothing in hand. Told to leave, as soon as the successor is ready, and
// still stopped, it is killed, and with that gives up an accept lock and connections it
// has not acknowledged. One that nobody knows of is killed when it has been stopped for
// 5 s since it was told to leave, also without CheckForDead. Nothing else waits for it:
// messages to it are sent when there is room. A child that a debugger has stopped
// (state t) is told of in the log, and one in an uninterruptible wait (D) is left alone.
//
// A child of this program that is killed because of a limit of time gets SIGQUIT
// first. The Go runtime then writes what all goroutines do, which becomes one record
// of the log, cut at 64 KiB, and exits with status 2; the exit is told as the signal.
// One that has not ended after a second is killed with SIGKILL, and one that is
// stopped is at once. The clients have been answered before; nobody waits for the
// look at what it does, which a goroutine of its own takes. The runtime of a child
// finds GOTRACEBACK set to all, unless it is set. That, GOMAXPROCS and what they were
// before (BIDENT_CHILD_GOTRACEBACK, BIDENT_CHILD_GOMAXPROCS) are put back once the
// runtime has read them, so what a handler starts finds the environment of the parent.
//
// On systems other than Linux there is no backend, and no process is a child.
package fork
