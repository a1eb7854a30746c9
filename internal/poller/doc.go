// Package poller waits for many descriptors at once, and reads, writes and accepts
// on them, below the runtime's own poller: on Linux with epoll, elsewhere not at
// all ([Supported]).
//
// A goroutine that waits for one connection costs a stack and, for every request,
// a read that fails, the runtime's poller and two switches. A loop over a [Poller]
// has none of that. The price is that calls here keep their thread, and with it the
// right to run Go code, until they return: Poll waits a millisecond at most. Park
// waits for as long as it takes, in the runtime's poller like any goroutine, in
// which the Poller's own descriptor is one among others.
//
// Descriptors are reported when something new has come, not as long as something
// is there (EPOLLET): whoever reads must read until nothing is left, or know that
// it has taken all. Listeners are the exception.
//
// A Poller has no goroutine. Poll, Park and Yield are for one goroutine at a time;
// the other methods for any. The descriptors belong to the caller, but for the two
// of the Poller itself, which are close-on-exec.
package poller
