// Package ferry takes clients' connections from one process to another, with the
// octets that were read of them and not used, and without losing one.
//
// A [Parcel] is a connection on its way. A [Port] is one end of a socket between
// two processes; what is sent at one end arrives at the other. The sender keeps its
// own descriptor until the receiver has said that it owns the connection, so a
// connection that was sent to a process which has just died is still there, and
// can be served or sent elsewhere. Whoever receives says so before it touches the
// connection: it is never served twice.
//
// How many parcels may be on their way through a port at a time is bounded, because
// the kernel bounds the descriptors that are (RLIMIT_NOFILE, per user), and so are
// their octets, because the receiver has to hold them.
//
// # The end of a port
//
// A port ends when it is closed, when the other one has ended, or when the other
// side says something that no port does. Its socket is shut down in both directions
// first, and then read to its end. An acknowledgement that was written before is
// read, and its parcel counts as sent; one that is written after cannot be written,
// and its receiver closes what it got. So there is no moment at which both sides
// have a parcel, or none, whoever closes and whenever. The same is true of a process
// that is killed: the kernel does not take back what it has said.
//
// That leaves parcels that the dead had sent, and nobody has acknowledged. The dead
// does not need them any more: whoever knows that it is dead for certain takes them
// over (Terms.Dead).
//
// # Goroutines
//
// Two for each port, until it ends: one reads, and never waits for anything else, so
// that two sides which both send much cannot block each other; one acknowledges what
// arrives and gives it away.
//
// On systems other than Linux nothing can be sent, and nothing arrives.
package ferry
