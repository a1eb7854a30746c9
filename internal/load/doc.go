// Package load is a closed-loop load generator for HTTP/1.1 servers and FastCGI
// responders that trusts nobody.
//
// [Run] opens a number of connections; each of them sends its next request
// only when the answer to the last one is whole (a closed loop: the server
// sets the pace, so the latencies are those of a server that is never asked
// faster than it answers). The octets of the request are built once; answers
// are read by a small strict reader over a reused buffer, and a request on a
// kept connection allocates nothing. To a responder the generator is a web server
// with one request at a time on each connection, kept (FCGI_KEEP_CONN) or not; what
// it reads of the answer is the head that a CGI program would write. What a server must not do is counted by
// [Kind] and never hidden; whether the run was good is the caller's decision
// ([Report.Failures]).
//
// # The life of a run
//
// Run resolves the address, starts the connections and lets them work for
// [Config.Warmup]. Then the measured interval begins: the clocks of the
// generator and of the servers are read, and every request *begun* from then on
// belongs to the report. The interval ends after [Config.Duration], or when
// [Config.Requests] are answered; the clocks are read again, nothing new is
// sent, and the answers still on their way are awaited (they are in the
// counts and in the histogram, and are named Tail; they are not in the rate).
//
// # Goroutines
//
// One per connection (owner: Run; it ends when the interval is over and its
// answers are in, or when ctx ends), one watchdog that looks for overdue
// answers a few times per timeout, so that no request pays for setting a
// deadline (it ends with the last connection), and for requests larger than
// 16 KiB one writer per connection, because a server may begin to answer
// before it has read everything. Run returns after all of them have ended. The
// package installs no signal handler and starts no process.
//
// # Files
//
// config.go and target.go say what is asked; request.go and params.go build the
// octets; framer.go is what frames answers: answer.go, head.go and chunk.go those
// of HTTP, records.go and cgihead.go those of FastCGI; connection.go and
// exchange.go are the loop; run.go is the clock; tally.go and waits.go count;
// report.go tells;
// failure.go names what can go wrong; cpu*.go and rusage*.go read processor
// time.
package load
