// Package nethttp runs a net/http handler for a request that fasthttp has read,
// on the goroutine that calls it: a lane of a worker.
//
// # Story
//
// Serve turns the head that fasthttp has parsed into a fresh *http.Request, calls
// the handler with a http.ResponseWriter, and leaves the answer in one of three
// places:
//
//   - whole in ctx.Response, if the handler has returned before more than 16 KiB
//     came together (64 KiB if it has declared a Content-Length): nothing was sent
//     yet, and the front sends it like the answer of any fasthttp handler;
//   - in a Stream, begun with Exchange.Start when the handler has flushed or
//     written more than that, or when its answer has trailers. The Stream is
//     closed after a whole answer only: one that is not closed when Serve returns
//     or panics must be cut, visibly for the client;
//   - nowhere, because the handler has hijacked the connection.
//
// The front that carries the request is known as an Exchange: it looks out for the
// client, reads the body, sends. This package never reads from or writes to a
// connection, but for the head of an answer whose connection is hijacked after
// WriteHeader (as websocket libraries do).
//
// # What is promised
//
// What the documentation of net/http promises to handlers. The differences, all
// deliberate:
//
//   - net/http begins to send after 2048 octets, this package after 16 KiB, so
//     more answers have a Content-Length;
//   - a Transfer-Encoding set by the handler is ignored: framing is the front's;
//   - of Content-Type and Server only the first value is sent, and several values
//     of Content-Encoding are sent in one field line;
//   - all control characters in field values become spaces, not CR and LF only;
//   - an HTTP/1.0 client gets no 1xx answers (RFC 9110, section 15.2);
//   - http.CloseNotifier, deprecated long ago, is not implemented;
//   - http.MaxBytesReader tells only net/http's own ResponseWriter that a body is
//     too large (by a method that no other package can have). Here the connection
//     is closed if more than 256 KiB are left to read when the answer begins, and
//     otherwise what is left is read and thrown away.
//
// # Memory
//
// A handler may keep its *http.Request: the request, its URL, its body and the
// ResponseWriter are one piece of memory made for it, all strings of the head are
// parts of one string. Nothing that a handler can keep is used again. After the
// handler has returned, the body, the ResponseWriter and the context have let go
// of the front and only say that the request is over.
//
// # Goroutines
//
// None is started here. Writes of several goroutines of a handler are safe beside
// each other and beside the end of the request. The Exchange is asked for its
// Context only when the handler asks for the end of the request's, so that a front
// need not look out for clients of which nobody wants to know.
package nethttp
