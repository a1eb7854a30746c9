package httpd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/bident/bident/fork"
	"github.com/bident/bident/pool"
)

// Outcomes that a caller may want to tell apart.
var (
	// ErrConfig says that the Server's fields contradict each other or that a
	// value is impossible. It is joined from all problems found.
	ErrConfig = errors.New("httpd: configuration")
	// ErrListen says that an address could not be bound.
	ErrListen = errors.New("httpd: cannot listen")
	// ErrRunning says that Run was called before.
	ErrRunning = errors.New("httpd: server has been run")
	// ErrNotRunning says that the server is not running, or not any more.
	ErrNotRunning = errors.New("httpd: server is not running")
)

// Server serves requests with a pool of workers.
//
// The zero value of every field is its documented default. In fork mode Run
// starts this program again for every worker: main runs again there, and its
// call of Run is the worker.
type Server struct {
	// Name tells this server from others of the same program. Needed only if
	// a program has two.
	Name string
	// Title is what ps shows of the server's processes in place of their command
	// lines, on Linux: with "bident" this is "bident: supervisor (fork)", a worker
	// is "bident: worker 3 [idle]", or, with the Name of the server or of a pool,
	// "bident: worker 3 api [idle]". The words are starting, idle, busy, kept (it
	// holds connections, without a request) and retiring; they are up to a second
	// late. The command line is not put back when Run returns. A title is written over
	// the memory of the arguments: os.Args and the name of flag.CommandLine are copies,
	// but a part of os.Args that a package has kept which is initialised before this
	// one (a logger's filepath.Base(os.Args[0])) becomes a part of the title; so does
	// the beginning of the environment as C code sees it, if the title is longer than
	// the arguments were. Default "": titles are left alone.
	Title string
	// Mode is the kind of worker. Default Emulate; Fork for a Program.
	Mode Mode
	// Accept says who accepts connections in fork mode. Default AcceptAuto.
	Accept Accept
	// LockFile is the file that children lock around accept, with AcceptFlock: a regular
	// one, which is made if it is not there, and no symbolic link. Default: a temporary
	// one, without a name.
	LockFile string
	// PerRequest serves each connection by a child of its own, which ends with it: the
	// way of servers that fork for every connection, but the child was started before
	// the client came. Kept connections stay with their child. Pool.MaxServers is how
	// many children there are, but for the Pool.MaxSurge that may be starting; connections
	// on which there is a request and no child for it wait as requests do elsewhere
	// (Pool.QueueSize, Pool.QueueTimeout). It needs fork mode and a Go handler, accepts
	// by AcceptDispatch, and makes the default of Pool.MaxRequests NoLimit.
	PerRequest bool
	// Listen are the addresses: http://host:port, https://host:port, where port 0
	// picks one, and http+unix:///path. https needs certificates: see TLS. http+fd://3
	// and http+systemd://NAME are sockets that listen already: by the number of their
	// descriptor, or by their name in LISTEN_FDNAMES (sd_listen_fds(3)). With fcgi in
	// place of http requests come over FastCGI, from web servers; in fork mode that
	// needs AcceptRequest, which is the default then, and so do sockets that listen
	// already. Default http://127.0.0.1:8080.
	Listen []string
	// Backlog is the length of the queue of connections that wait to be
	// accepted. Default: the system's most (SOMAXCONN).
	Backlog int
	// SocketMode are the permissions of UNIX sockets. Default: by umask, which
	// mostly lets only the server's own user connect; 0660 lets in its group, as a
	// proxy in front needs it.
	SocketMode fs.FileMode
	// SocketOwner is whose UNIX sockets are: USER (and the user's own group),
	// USER:GROUP or :GROUP. Only root may change it (ErrListen). Default: the server's.
	SocketOwner string
	// WebServers are the addresses that may connect to those for FastCGI over TCP.
	// Default: those in the variable FCGI_WEB_SERVER_ADDRS, else everybody.
	WebServers []string
	// TLS is what https addresses need.
	TLS TLS
	// RedirectHTTPS makes http addresses answer every request with a redirect to
	// the same host's https port, which is RedirectPort; default 443.
	RedirectHTTPS bool
	RedirectPort  int
	// Access says who may use the server. Default: everybody.
	Access Access
	// TrustedProxies are the peers whose word counts on who the client is
	// (X-Forwarded-For, X-Forwarded-Proto): addresses, networks as
	// 10.0.0.0/8, or "unix", "loopback", "private". Default: nobody's.
	TrustedProxies []string
	// ProxyProtocol makes every connection begin with a header of the PROXY
	// protocol, version 1 or 2, that says who the client is; other connections
	// are closed. If there are TrustedProxies, nobody else may send it. Connections
	// for FastCGI have none.
	ProxyProtocol bool
	// AccessLog is the file that gets a line for every request; "-" is standard
	// output. Default: none.
	AccessLog string
	// AccessLogFormat is the format of AccessLog: combined, the default, common,
	// vhost_combined, json, or codes of Apache's mod_log_config, such as
	// `%h "%r" %>s %D`. What a request has no value for is "-". Most of Apache's
	// codes are there and mean the same; these are ours, or differ:
	//
	//	%{slot}W %{pid}W  the worker that had the request
	//	%{generation}W    which reload it came with
	//	%{served}W        which of its requests this was, from 1
	//	%{queue_us}W      microseconds in the queue, until a worker took it
	//	%{queue_ms}W      the same in milliseconds
	//	%{shed}W          why no worker had it: queue-full, queue-timeout, stopping,
	//	                  client-left or error
	//	%L                id of the request, see RequestIDs; there is always one
	//	%P                the worker's pid; a serial number in emulate mode
	//	%U                path as received, neither decoded nor normalised
	//	%p                the local port
	//
	// json is an object for each request. New fields may come at the end, names do
	// not change:
	//
	//	time client peer host method target proto
	//	status            0 if there was no answer
	//	bytes             of the body sent
	//	duration_us       microseconds from the arrival to the end of the answer
	//	queue_us          those of them in the queue
	//	referer user_agent id
	//	slot              -1 if no worker had it
	//	pid generation served
	//	kept              requests on the connection before this one
	//	user shed         "" if there is none
	//
	// A code that is not known is an error of Validate.
	AccessLogFormat string
	// RequestIDs gives every request an id: the X-Request-ID that it came with, if
	// that is 1 to 128 letters, digits and -._~+/=:@, else a new one. Handlers and
	// programs find it in the request's X-Request-ID, clients in the answer's, and
	// the access log has it.
	RequestIDs bool
	// SlowRequest is the time after which a request is logged with the stack of
	// its lane, once, while it is still running: after one and a half times as long
	// at the latest. Default: never.
	SlowRequest time.Duration
	// Admin is the address of the admin listener, in the form of Listen.
	// Default: none.
	Admin string
	// Handler answers the requests. Required, unless there are Routes: then what
	// matches none of them is 404.
	Handler Handler
	// UpstreamKeep is how long an idle connection to an Upstream is kept; negative
	// for not at all: each request has a connection of its own. Default 1 s. Most
	// programs serve one connection per process, and a kept one holds its process
	// even while it is idle, from other clients of the program as well. Between the
	// lanes themselves nobody starves: while new connections get no answer within
	// 20 ms, and for 5 s after, none is kept. It is best to have as many lanes
	// (Pool.MaxServers times Pool.Concurrency) as the program has processes:
	// requests that cannot be served wait in the server's queue then, where
	// QueueTimeout counts, and not in the program's.
	UpstreamKeep time.Duration
	// Routes send requests to other handlers, by host and path.
	Routes []Route
	// Pool is how many workers there are and how long they live. MaxServers
	// defaults to twice the number of CPUs in fork mode.
	Pool pool.Config
	// Hooks are called at certain points.
	Hooks Hooks
	// Reconfigure gives the pool's new configuration when the server is told
	// to reload. Default: the present one.
	Reconfigure func() (pool.Config, error)
	// Limits bound what clients may send and how long they may take.
	Limits Limits
	// GOMAXPROCS is how many threads of a child run Go code at a time, in fork
	// mode. Default: the processors of this process divided by MaxServers,
	// rounded up; what the environment variable says, if it is set.
	GOMAXPROCS int
	// Env are variables, as NAME=value, that children get in addition, in fork
	// mode. ClearEnv keeps the server's own variables from them.
	Env      []string
	ClearEnv bool
	// Isolation is what workers may do and have. In fork mode it is put on the
	// children, and this process keeps its rights; route pools must be of processes,
	// too. In emulate mode it is put on this process, for good, when the addresses
	// are bound and the log files open, before the first request: User, Group,
	// Groups, Chroot, Dir and Umask are possible then. What is opened later, such as
	// certificates at a reload, must be within reach; sockets and pid files that
	// cannot be removed any more are left behind. Run returns ErrPrivilege if it is
	// not possible.
	Isolation Isolation
	// Signals makes Run act on the process's signals; see the package comment.
	Signals bool
	// Notify makes Run tell the service manager that NOTIFY_SOCKET names when the
	// server is ready, reloads, stops, and which process it is after an upgrade; see
	// sd_notify(3).
	Notify bool
	// HUPStops makes HUP stop the server instead of reloading it.
	HUPStops bool
	// Log gets what happens. Default slog.Default(). It is not used in a child:
	// what a child has to say goes to its parent's Log, with level, message and
	// attributes, and slot and pid. What handlers write to standard output or
	// standard error gets there, too, line by line, with level INFO.
	Log *slog.Logger
	// Observe is told of every step of every worker's life, in order. It must
	// not block.
	Observe func(pool.Step)

	mu      sync.Mutex
	running *instance
	begun   bool
	down    bool // Shutdown was called
	ready   chan struct{}
	over    chan struct{}
}

// InChild reports whether this process is a worker of a server in fork mode. It
// is true from the start of the program on, so that main can keep to itself
// what only the parent should do: bind metrics ports, run migrations.
func InChild() bool { return fork.InChild() }

func (s *Server) channels() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready == nil {
		s.ready = make(chan struct{})
		s.over = make(chan struct{})
	}
}

// Ready is closed when the server listens and its first workers are ready.
func (s *Server) Ready() <-chan struct{} {
	s.channels()
	return s.ready
}

// Run serves until ctx ends or Shutdown is called, lets the requests in hand
// finish, and returns when all workers are gone.
//
// The error is nil after a clean end; it is pool.ErrNotClean if workers had to
// be killed after Pool.DieTimeout, ErrConfig if the server cannot be run as it
// is, or says which address could not be bound. In a child of this server Run
// is the worker and does not return; in a child of another server of the same
// program it waits until ctx ends.
func (s *Server) Run(ctx context.Context) (err error) {
	s.channels()
	if self := fork.Current(); self != nil {
		if self.Name != s.Name {
			<-ctx.Done()
			return ctx.Err()
		}
		return s.runChild(self)
	}
	s.mu.Lock()
	if s.begun {
		s.mu.Unlock()
		return ErrRunning
	}
	s.begun = true
	down := s.down
	s.mu.Unlock()
	defer close(s.over)
	if down {
		return nil
	}
	h, err := s.inheritance()
	if err != nil {
		return err
	}
	if h != nil {
		defer func() {
			if err != nil && !h.taken.Load() {
				h.Failed(err)
			}
		}()
	}
	plan, err := s.settings()
	if err != nil {
		return err
	}
	forks := plan.forks(s)
	if !names.claim(s.Name, forks) {
		return fmt.Errorf("%w: two servers of this program have the name %q: give each a Name, from which children learn whose they are",
			ErrConfig, s.Name)
	}
	defer names.release(s.Name, forks)
	r, err := s.open(plan, h)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.running = r
	if s.down {
		r.stop(pool.NoLimit)
	}
	s.mu.Unlock()
	err = r.run(ctx)
	s.mu.Lock()
	s.running = nil
	s.mu.Unlock()
	return err
}

// instance is the running server, or ErrNotRunning.
func (s *Server) instance() (*instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		return nil, ErrNotRunning
	}
	return s.running, nil
}

// Addrs are the URLs of the addresses that are bound, in the order of Listen;
// nil before they are.
func (s *Server) Addrs() []string {
	r, err := s.instance()
	if err != nil {
		return nil
	}
	return r.urls
}

// AdminAddr is the URL of the admin listener, "" if there is none.
func (s *Server) AdminAddr() string {
	r, err := s.instance()
	if err != nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.admin == nil {
		return ""
	}
	return r.admin.url
}

// Shutdown lets the requests in hand finish, ends the workers and returns when
// Run is about to. When ctx ends first, what is left is killed and the error is
// ctx's; it is nil if the server was not running. A Run that comes after returns
// at once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.down = true
	r, begun := s.running, s.begun
	s.mu.Unlock()
	if r == nil {
		if !begun {
			return nil // Run will return at once
		}
		select { // it may be about to listen
		case <-s.over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.stop(pool.NoLimit)
	select {
	case <-s.over:
		return nil
	case <-ctx.Done():
		r.stop(0)
		<-s.over
		return ctx.Err()
	}
}

// Validate reports every problem of the Server's fields at once, nil if there is
// none. Run does the same before anything else.
func (s *Server) Validate() error {
	_, err := s.settings()
	return err
}
