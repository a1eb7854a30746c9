// Package hello is the one handler that every peer serves, so that a
// comparison differs in how requests reach the handler and in nothing else.
//
// The programs beside it are the peers that bench/ compares Bident with: plain
// (fasthttp alone), semaphore (fasthttp with a limit of requests at work) and
// prefork (fasthttp's own preforking, with either of its two kinds of socket).
// They are no part of Bident, and Bident imports none of them.
package hello
