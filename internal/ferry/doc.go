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
// the kernel bounds the descriptors that are (RLIMIT_NOFILE, per user).
package ferry
