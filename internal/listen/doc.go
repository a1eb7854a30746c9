// Package listen binds listen addresses.
//
// An address is bound exclusively: a second server that wants the same one gets
// an error that names it, and errors.Is finds syscall.EADDRINUSE in it. For UNIX
// sockets that means telling a server that is alive, which keeps its path, from
// the file that a dead one left behind, which is replaced, and from a file that
// is no socket, which is never touched. The path is removed on Close only if it
// still leads to the same socket.
//
// On Linux a bound listener can be taken apart (Detach) and be given siblings:
// more sockets on the same TCP address, among which the kernel spreads
// connections (SO_REUSEPORT). They are added after the first one was bound
// exclusively, since with SO_REUSEPORT from the beginning a second server would
// silently get a part of the connections.
package listen
