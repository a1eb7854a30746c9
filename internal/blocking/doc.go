// Package blocking accepts connections and reads and writes them in the way of
// the old pre-forking servers: a thread of the process waits in the kernel, and
// one connection is served at a time. Linux only.
//
// A blocking accept(2) on a socket that many processes share wakes one of them,
// the one that has waited longest: the load is even, and nobody wakes in vain. poll
// and epoll, with which the runtime waits, wake all of them.
//
// A [Listeners] is the addresses that a process accepts from, and its turn: after a
// connection was accepted no other one is until [Listeners.Vacate]. Whoever has a
// connection from elsewhere asks for the turn with [Listeners.Claim], which
// interrupts the accept.
//
// Whoever waits in accept is served in the order of coming; under load nobody waits,
// and the share that a process has of the connections is the one that it has of the
// processors: those beside a busy client have less.
//
// [Serialize] is the other way to share a socket: the process that has a lock waits in
// poll, and gives the lock back as soon as it has a connection.
//
// A [Conn] is not registered with the runtime's poller. A read waits in recv(2)
// without telling the scheduler, which keeps the thread's P: giving it up and
// getting it back costs more than a request. Nothing else of a process with one P
// runs meanwhile, garbage collection included, hence such a wait is bounded by a
// tick of the kernel (4 ms with HZ=250), and others get their turn after each. A
// connection on which nothing comes for some of them, or that does not take what is
// written, is settled: from then on it is an ordinary one of package net.
//
// # Descriptors
//
// The listening sockets are in blocking mode, which all processes share that have
// them; if another process makes them non-blocking again, poll is waited in
// instead. Hence nothing is done to them before this process is to accept: until then
// they may be those of a process that waits in another way.
//
// With one address the kernel keeps a TCP connection to itself until its first octets
// have come, or a second is over (TCP_DEFER_ACCEPT). Times that bound silence begin
// after that. Whoever has the socket next and wants otherwise has to say so.
//
// # Goroutines and signals
//
// One for Serialize, on a thread of its own, until the listeners are closed and the
// lock for which it may wait has come. A thread that waits in accept is interrupted by SIGURG, which
// the runtime uses for the same purpose.
package blocking
