// Package fcgi is the wire format of FastCGI 1.0, both sides of it: Client is
// what a web server does with a FastCGI program, ServerConn what a program
// does for a web server. It knows nothing of HTTP, processes or listeners.
//
// # Layers
//
// Records are written by functions that append (AppendRecord, AppendBegin,
// AppendParam, ...) and taken apart by Reader, which delivers content in
// fragments from a pooled buffer of 16 KiB, so that a record of 65535 octets
// never needs 64 KiB. Params collects name-value pairs, cut anywhere, in one
// reused buffer. Client and ServerConn are built on these three.
//
// # One exchange at a time
//
// Neither side multiplexes: a connection carries one request, then the next.
// That is what every web server asks for and every FastCGI library supports,
// and it gives exact dispatch: whoever holds the connection holds the worker.
// As a web server a Client uses ids from 1 to 255 in turn, so that what a program sends
// too late is not taken for the next answer. As a program a ServerConn
// tells FCGI_MPXS_CONNS=0 and refuses a second request that is begun while it
// still reads the first; one begun while the first is answered waits.
//
// # Cost
//
// An exchange allocates nothing on either side once its buffers have grown.
// A request up to 64 KiB is one write, an answer up to 16 KiB is one write.
// Memory is bounded by the limits of ServerConfig, by what the caller of a
// Client puts into the parameters, and by 16 KiB for each direction. On Linux
// a side that waits holds no buffer for reading.
//
// # Goroutines
//
// ServerConn starts one only for Watch; it ends when the request is over and
// the connection says anything, or is closed, and Next waits for it. Client
// starts one only to send a body that is large, of unknown length, or does not
// fit the socket at once, while the caller's goroutine reads the answer;
// Client.Do ends it before it returns. A program that answers before it reads
// therefore never blocks the exchange. (Client learns that a request does not
// fit by a write that does not wait, which only Linux offers; elsewhere a
// request beyond 4 KiB is sent by the goroutine.)
//
// # Strictness
//
// What the peer may not send ends the connection with an error that wraps
// ErrProtocol; what it may send but we do not allow, with one that wraps
// ErrLimit. Clauses named in comments are those of the FastCGI Specification,
// version 1.0, 29 April 1996. Where it leaves a choice:
//
//   - Records with a fixed body have exactly its length; FCGI_ABORT_REQUEST
//     has none. Padding is skipped, wherever it is, and never sent.
//   - Request id 0 means a management record, whatever its type (clause 3.3);
//     types other than FCGI_GET_VALUES are answered FCGI_UNKNOWN_TYPE.
//   - Records of an inactive request are ignored by the program (clause 3.3).
//     To the web server any id but its own is a violation.
//   - An authorizer's request is whole at the end of its parameters, since the
//     role has no FCGI_STDIN (clause 6.3). The empty FCGI_STDIN that some web
//     servers send all the same falls to an inactive or answered request.
//   - A program may end without ending FCGI_STDOUT first, as PHP does.
//   - A program closes with the connection in two cases only: without
//     KEEP_CONN, and after a violation. Closing is always left to the caller.
package fcgi
