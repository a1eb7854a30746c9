// Package hello is the one handler that every peer serves, so that a
// comparison differs in how requests reach the handler and in nothing else.
//
// The programs beside it are the peers that bench/ compares Bident with: plain
// (fasthttp alone), semaphore (fasthttp with a limit of requests at work),
// prefork (fasthttp's own preforking, with either of its two kinds of socket),
// nethttp/plain (net/http alone) and nethttp/fcgi (net/http/fcgi alone). embedded and nethttp/embedded are the
// other side: the same handlers in a program that embeds a Server. crowd is a
// client that holds connections open, and certificate makes what TLS needs.
// None of them is a part of Bident, and Bident imports none of them.
package hello
