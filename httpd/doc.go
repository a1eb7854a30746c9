// Package httpd serves HTTP with a pool of workers that are goroutines or
// processes: [Server] is a pre-forking server around a handler, in a program of
// one's own or around an external FastCGI or CGI program.
//
// # The way of a request
//
//	client -> front -> queue -> a lane pulls -> begin -> run -> end -> answer
//
// The front owns the clients' connections, mostly a goroutine for each, and reads one
// request at a time, whole, before it asks for a worker: a slow client holds none.
// One that is slow to take its answer holds none if that has up to 64 KiB, or is a file
// of [Files]. An answer that a handler streams ([Stream], or more than that through
// [HTTP]) holds its lane until the client has taken all but 64 KiB of it; with
// AcceptRequest and programs so does every longer one, files included.
// A worker owns a request only while it runs, so it can leave
// without any client noticing. A request takes its place among the worker's
// MaxRequests when it begins: 7 means 7, under any load. One that finds the queue
// full, or waits there for too long, is answered 503 with Retry-After.
//
// What "run" means is the only difference between the kinds of worker:
//
//   - Emulate: the lane, a goroutine, calls the handler.
//   - Fork with AcceptRequest: the parent's lane exchanges the request with its
//     child over a private connection, framed as FastCGI. The child gets the head
//     of the request octet for octet, and calls the handler.
//   - Fork with AcceptSlot and those after it: front, queue and lanes are in the
//     child. All limits and decisions are the parent's.
//     On Linux a child with one thread for Go code (GOMAXPROCS 1, which each has
//     if there are as many as processors) has no goroutine for each connection, but
//     a loop: one goroutine waits for all connections without TLS (package poller), reads
//     what has come, and calls the handler itself, in the place of an idle lane,
//     with its ticket and its line of the scoreboard. Whatever blocks it, a handler
//     or a slow client, costs it the lead, which a standby takes over. Loop and
//     hands end with the front; their two descriptors, of epoll and an eventfd, are
//     close-on-exec. Requests that find no idle lane, and all where RequestTimeout
//     is set, go through the queue like others.
//   - Program: as AcceptRequest, with the CGI variables of RFC 3875 for the head. If
//     one accepts no more connections, the worker's lanes keep none while they are
//     idle, so that a program which takes one at a time serves all of them.
//   - CGI, CGIBin: the lane, a goroutine of this process, starts a process for the
//     request, see below.
//   - Upstream: the same with a FastCGI listener that somebody else runs, from lanes
//     of emulated workers.
//
// Everything else is the same: the supervisor (package pool), the configuration,
// the scoreboard behind Status, and the behaviour suite of this package's tests,
// which does not ask what kind of worker it runs over.
//
// # The front
//
// A request is framed by the letter of RFC 9110 and 9112. What could be read in two
// ways is 400 and the end of the connection: it would be the way into somebody
// else's request behind a proxy that reads it otherwise. [Limits] bound heads,
// bodies, answers and idle connections in size and time; bodies over 1 MiB wait in
// temporary files. [Access] says who may come, TrustedProxies and ProxyProtocol whose
// word counts on who that is.
//
// Handlers are fasthttp's ([Fast]), net/http's ([HTTP]), the files of a directory
// ([Files]), an external program ([Program]), CGI programs ([CGI], [CGIBin]), a
// directory of scripts that one of these runs ([Scripts]), or a FastCGI listener that
// somebody else runs ([Upstream]); [Route] sends hosts and paths to others, which can
// have workers of their own ([Pool]). The body has been read when a handler is called. One that serves
// http.DefaultServeMux to the public serves what every imported package has put
// there. Make a ServeMux of your own.
//
// The front itself finds the scripts of Scripts, before the body of the request is
// read, and answers with what is no script; a lane is asked for what a program is to
// run. When the lane is free again, the front gets what the program wants to be
// answered instead: the answer to another path, which may take the request to a lane
// once more, up to ten times, or a file.
//
// [TLS] is HTTP/1.1 over TLS 1.2 and 1.3. HTTP/2 ends in front of the server, in
// nginx, Caddy or HAProxy: a worker runs one request at a time, so its multiplexing
// would end in the front, and what makes workers exact rests on one request after
// the other. A reload reads the certificates again; a bad one changes nothing. In
// children that do not accept, handlers see neither the TLS connection
// (http.Request.TLS, ctx.IsTLS) nor the keys, but the scheme of the URI, and
// HTTPS among the variables of [Variables], say that there was one.
//
// The admin listener answers /status (HTML), /status.json, /metrics (OpenMetrics, of
// all workers), /healthz, /readyz, /debug/pprof/ and POST /ctl/...: it is for
// operators, and has no password. AccessLog has a line for each request, in whichever
// process it ended; SlowRequest logs the stack of a lane that takes too long.
//
// # FastCGI
//
// At an address whose URL begins with fcgi web servers send requests by FastCGI 1.0,
// as nginx (fastcgi_pass) and Apache (mod_proxy_fcgi) do, for the same handlers: a head
// is composed of FCGI_PARAMS and parsed as strictly as HTTP's, so that nothing in a
// parameter becomes a field of its own, and bodies wait in temporary files as they do
// over HTTP. An idle connection has no buffers and no lane, one connection carries one
// request at a time (FCGI_MPXS_CONNS is 0; FCGI_MAX_CONNS and FCGI_MAX_REQS are the
// lanes and the places in the queue of all pools, in a child that has connections as
// they were when it was started), and connections move to the successor in an upgrade,
// and from a child that owns them to another one, but for those with a request that has
// begun: of any other what has come is encoded again, and goes with the connection.
// [Variables] are the parameters as the web server has sent them, of several with one
// name the last; [ErrorStream] writes FCGI_STDERR, too; [RoleOf] tells responders and
// authorizers from each other. Filters are refused (FCGI_UNKNOWN_ROLE).
//
// The web server's word counts: on the client's address (REMOTE_ADDR, REMOTE_PORT), on
// HTTPS, on REQUEST_URI, or SCRIPT_NAME, PATH_INFO and QUERY_STRING where that is
// missing. The environment variable FCGI_WEB_SERVER_ADDRS, a list of IP addresses with
// commas between them, says who may connect. Of FCGI_PARAMS as much as
// Limits.MaxHeaderSize may be the client's, and 64 KiB the web server's; more is 431. A
// body that is shorter than CONTENT_LENGTH is 400, what is beyond it is not read. No
// more than Limits.HeaderTimeout passes until the end of FCGI_PARAMS.
//
// FCGI_ABORT_REQUEST, like the end of the connection, ends [Context] with ErrClientLeft,
// and takes a request that waits out of the queue. A request that nobody has time for is
// answered 503, and the end of it says FCGI_OVERLOADED; the application status is 0, 1
// after a panic, and a program's own. An answer that is cut has no FCGI_END_REQUEST: the
// connection is closed. There are no interim responses, trailers or upgraded connections.
// An external program behind such an address gets the parameters that the web server has
// sent, but for HTTP_PROXY.
//
// # Fork mode
//
// A child is this program, executed anew from its file with the same arguments:
// main runs again, and its call of Run with the same Name is the worker. What
// main does before must be fit for that; [InChild] tells. A program deployed
// over the file is what the next child runs. Children have the server's
// environment, unless ClearEnv is set, and the variables of Env. Each child runs Go
// code on its share of the processors: with as many children as processors, on one
// thread, since more of them cost more than they bring; see Server.GOMAXPROCS.
//
// With [Isolation] children run as another user, in another root directory, with
// limits, and so on; this process keeps its rights, and stays outside. It tries that
// before the first child is started: ErrPrivilege says which step was refused. An
// emulating server gives its own rights up instead, when it has bound its addresses.
//
// A child that crashes costs the requests that it had in hand: a clean 502 with
// AcceptRequest, elsewhere closed connections, all that it owned. A child that leaves
// in good order gives its connections to the parent, each after an answer or before
// the next request has begun, with what was read of it, and the parent gives them to
// other children; new connections that wait in its socket go to its successor. Those
// with TLS cannot move. A request that has begun to come is answered, and so is the
// first one of a new connection, in the time of Limits.HeaderTimeout and three quarters
// of RetireTimeout or DieTimeout; that answer is the last one. Others are closed. A child
// that has begun its last request begins no other one: it relays such requests to another
// child, by a pair of sockets, and has two goroutines for each of these connections.
//
// What no child owns the parent holds: idle connections without a goroutine or a
// buffer for each, while there is nobody to take them, or until there is a request on
// them if children serve one connection at a time (PerRequest). Those with a request
// wait for a child as requests do, within Pool.QueueSize and Pool.QueueTimeout.
//
// # CGI
//
// The workers of [CGI] and [CGIBin] are those of package emulate, whose lanes start
// processes with a fork.Launcher. They live, count, retire and show as emulated ones;
// their number in Status is no process id. Each process is
//
//	started   by the launcher's thread, with pipes for 0, 1 and 2 and nothing else; the
//	          body is written to the first, the second becomes the answer
//	ended     a zombie, so that its number still is its process group's
//	buried    when the answer is over: what is left of the group is killed
//
// and has up to four goroutines beside the lane: for a long body, for its standard
// error, and two that wait for its end; they end with it. A lane that has
// been given up (504, or the client has left) has its process told to end, and holds on
// for the second that this may take. When the server is killed, so is the process; what
// that has started itself is not, it only loses its pipes.
//
// # One connection at a time
//
// With AcceptClassic a child waits in accept, and reads and writes in the blocking
// way (package internal/blocking); it has a turn, and whoever is served has it:
//
//	waiting   in accept, or parked there by a signal while the parent's connection
//	          takes the turn (a claim)
//	seated    one connection is served; nothing else is accepted
//	vacated   the connection is over, has gone to the parent, or only lingers for its
//	          client's end: then it waits in package net's way, beside the next one
//
// A connection that is idle for a moment while others wait, or for longer, goes to the
// parent, and so does one that has had its turn for long enough, or is slow with its
// head: that is looked at by the connection's own goroutine between reads. Others are
// those in the listener's queue, which the child asks the kernel about, and those at
// the parent, which it says in the child's row of the scoreboard. The parent looks for
// a child without a connection when there is a request on one that it holds. If that
// child has accepted another one in the same moment the connection comes back, and
// keeps its place. A connection with TLS cannot go: idle, it is closed if others wait.
//
// With a lock around accept (AcceptFlock and its like) connections are served as with
// AcceptShared; one goroutine on a thread of its own takes the lock, waits for a
// connection, gives the lock back and hands the connection over.
//
// # Upstreams
//
// A lane that exchanges requests with an [Upstream] has no connection before it needs
// one, and at most one:
//
//	none     the next request connects, and waits meanwhile
//	in hand  an exchange is under way
//	idle     kept for Server.UpstreamKeep, then closed by a timer; at once if another
//	         lane's new connection has no answer, for it may be that no process of the
//	         upstream is left to accept it
//
// Who cannot connect tries again, 5 ms later at first, for two seconds, which is
// longer than a restart takes. Then the upstream is down: requests are answered 503
// with Retry-After at once, and one goroutine for each such listener connects from
// time to time, at least once in a second or so, until it is up again. The log tells,
// and what is known of each listener is in the status (upstreams of /status.json, see
// [StatusUpstream]) and the metrics (bident_upstream_up, _connections,
// _idle_connections, _connections_opened_total, _failures_total, _requests_total,
// _retries_total and _errors_total, with the label upstream). For want of room, in the
// upstream's queue or here, it is not down: the request tries for Pool.QueueTimeout, and
// is 503 then.
// Readiness (/readyz) does not depend on it: a balancer that takes all servers away
// because of what they have in common helps nobody.
//
// A request of which the connection has not taken one octet, because it was ended as
// soon as it was accepted (as libfcgi does when a signal comes in that moment), is sent
// over another one, up to four times. One that may have begun is not, with one
// exception: the program may close a kept connection, as one does after so many
// requests, in the moment in which the next request is on its way. So only GET, HEAD,
// OPTIONS and TRACE go over connections that have carried others; if such a connection
// ends without an octet of an answer, within 100 ms after the request, and the answer
// before was no longer ago, the request is sent again, once, over a new one. That it was
// not begun cannot be known then: one that kills its process at once may do so twice.
// Without kept connections, UpstreamKeep -1, nothing is sent twice. What ends otherwise
// is 502, or cut if the answer has begun; FCGI_OVERLOADED is 503.
//
// RequestTimeout closes the connection, also when the answer has begun and nothing more
// has come of it for so long: then the answer is cut. A client that leaves is told to
// the program by FCGI_ABORT_REQUEST; if it has not ended the request a second later, the
// connection is closed.
//
// # Where the modes differ
//
// A goroutine cannot be killed: a handler that outlives RequestTimeout is
// abandoned, holds its slot of the scoreboard (state X) until it returns, and is
// made up for by a new worker, MaxLost times. A child with such a handler is
// ended, once its other lanes have finished or RetireTimeout is over; what it was
// doing is in the log. Once a handler streams its answer RequestTimeout ends. That of a
// program (Program, CGI, Upstream) then bounds the time in which the program says
// nothing more, while nobody else is waited for: the answer is cut, visibly for the
// client, and program and worker fare as after a 504. A panic in
// the handler is answered 500 and is the death of its worker in both modes;
// os.Exit, or a panic in a goroutine that a handler has started, ends one child,
// but all of an emulating process. Globals are shared by emulated workers; what a
// worker shall have for itself is made by Hooks.WorkerInit and found with [State].
//
// # Signals
//
// With Server.Signals Run acts on these, on systems that have them:
//
//	TERM, INT   graceful stop within Pool.DieTimeout; a second one kills at once
//	QUIT        graceful stop without limit
//	HUP         reload, certificates included; or as TERM, with HUPStops
//	USR2        upgrade
//	USR1        reopen AccessLog, then Hooks.ReopenLogs
//	TTIN, TTOU  a worker more, a worker less
//	WINCH       retire all workers; requests wait for the next HUP or Scale
//
// # Upgrade
//
// [Server.Upgrade] executes the program's file anew, as the successor of this process:
// with the same arguments, environment and directory, all listening sockets with what
// waits in them, and the next generation number. The successor reads its configuration
// afresh. An address that the old process has, too, is inherited, however it is written;
// others are bound, and those that nobody wants any more are closed. The path of a UNIX
// socket is the newest process's to remove, but for sockets that listened already when
// the first one was started: their paths stay. Its workers accept nothing before it
// has taken over, which happens when the first of them are all ready: it opens the
// admin listener, calls Hooks.TakeOver, and serves. Until then the old process is the
// server, and if the successor fails, dies or takes too long it stays so and nobody has
// noticed.
//
// Afterwards the old process finishes the requests in hand, and gives all other
// connections to the successor, with what was read of them; those with TLS are
// ended as a child's that leaves. Signals that reach it are passed on, one to stop is for both,
// and those that come during an upgrade wait for its outcome. It ends when the process
// before it, if there is still one, has ended: in a quick succession of upgrades
// connections and signals come through all of them to the newest.
//
// When the old process is killed before the take-over, so is the successor: whoever
// killed the server wants it gone, or is a manager that is about to start another one.
// Killed after it, the successor goes on. Package internal/succession has the words that
// the two of them say.
//
// A program that runs two servers cannot be upgraded: a new process would start both.
//
// # Goroutines
//
// All are ended before Run returns, but for emulated handlers that never return.
// One supervisor for each pool; one that looks at the times of connections, and one
// that sends answers while somebody pipelines; one for each listener, each connection
// and each lane; one that takes signals, and one for each that is being acted on. An
// upgrade has one for the successor's words, one for its output and one for its end,
// and while there are two processes those of the ferry between them. A connection
// whose handler asked for [Context] has another one while the handler runs, which
// looks out for the client; with FastCGI so has one that streams its answer. With accepting children there are one more for each
// connection on its way to a child, and two for those that are parked.
package httpd
