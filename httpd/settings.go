package httpd

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/bident/bident/fork"
	"github.com/bident/bident/internal/certs"
	"github.com/bident/bident/internal/listen"
	"github.com/bident/bident/pool"
)

// settings are a Server's fields after they were checked, with the defaults.
type settings struct {
	mode      Mode
	accept    Accept
	addresses []address
	admin     *address
	pool      pool.Config
	pools     []*Pool // of routes
	front     frontConfig
	owner     *listen.Owner // of UNIX sockets
	log       *slog.Logger
}

// settings checks all fields and reports every problem at once.
func (s *Server) settings() (*settings, error) {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...)))
	}
	p := &settings{mode: s.Mode, accept: s.Accept, log: s.Log}
	if p.log == nil {
		p.log = slog.Default()
	}
	problem := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	problem(s.Limits.Validate())
	program := s.program() != nil
	switch {
	case s.Handler == nil && len(s.Routes) == 0:
		bad("Handler is missing")
	case s.Handler == nil:
	case program:
		p.mode = programMode(s.Handler)
	case upstreamOf(s.Handler) != nil:
		upstreamOf(s.Handler).check(s.Mode, bad)
		if p.accept == AcceptRequest {
			p.accept = AcceptAuto // it is what happens
		}
	case s.Handler.fast() == nil:
		bad("Handler is nil")
	}
	if f, ok := s.Handler.(*Files); ok && f != nil {
		problem(f.check(s.Isolation.Outside(f.Root)))
	}
	if h, ok := s.Handler.(*Scripts); ok && h != nil {
		problem(h.check(&s.Isolation))
	}
	if p.mode == Fork && runtime.GOOS != "linux" {
		bad("fork mode needs Linux, this is %s", runtime.GOOS)
	}
	if p.mode == Emulate {
		if p.accept != AcceptAuto {
			bad("Accept %s makes no sense in emulate mode", p.accept)
		}
		if s.GOMAXPROCS != 0 || (s.Env != nil || s.ClearEnv) && !program {
			bad("GOMAXPROCS, Env and ClearEnv are for children: they make no sense in emulate mode")
		}
	}
	if p.mode != Emulate && p.mode != Fork {
		bad("Mode %d is none", int(p.mode))
	}
	if p.accept < AcceptAuto || p.accept > AcceptDispatch {
		bad("Accept %d is none", int(p.accept))
	}
	if s.Backlog < 0 {
		bad("Backlog %d is negative", s.Backlog)
	}
	if s.SocketMode&^fs.ModePerm != 0 {
		bad("SocketMode %o has bits beside permissions", uint32(s.SocketMode))
	}
	owner, err := fork.FindOwner(s.SocketOwner)
	if p.owner = owner; err != nil {
		bad("SocketOwner: %v", err)
	}
	if s.GOMAXPROCS < 0 {
		bad("GOMAXPROCS %d is negative", s.GOMAXPROCS)
	}
	if program && p.accept.inChildren() {
		bad("Accept %s needs a Go handler: a program is served by request", p.accept)
	}
	s.ways(p, bad)
	if err := s.Pool.Validate(); err != nil {
		problems = append(problems, fmt.Errorf("%w: %w", ErrConfig, err))
	}
	problem(checkMemory(s.Pool, p.mode))
	problem(checkCGI(s.Handler, s.Pool, &s.Isolation))
	p.pool = s.poolDefaults(s.Pool, p.mode)
	list := s.Listen
	if len(list) == 0 {
		list = []string{"http://127.0.0.1:8080"}
	}
	outside := false
	for _, one := range list {
		a, err := parseAddress(one)
		if err != nil {
			bad("%v", err)
		}
		p.addresses = append(p.addresses, a)
		outside = outside || a.outside()
	}
	if p.mode == Fork && p.accept == AcceptAuto {
		p.accept = AcceptRequest
		if !outside && p.pool.Concurrency > 1 && !program && !s.hasPools() {
			p.accept = AcceptSlot
		}
	}
	if p.accept == AcceptClassic && p.pool.Concurrency > 1 {
		bad("Accept classic serves one connection at a time: Concurrency %d makes no sense with it", p.pool.Concurrency)
	}
	s.checkRoutes(p, bad)
	problem(s.checkIsolation(p, bad))
	problem(s.frontSettings(p))
	s.checkListen(p, bad)
	if s.Admin != "" {
		a, err := parseAddress(s.Admin)
		if err != nil {
			bad("admin: %v", err)
		}
		if a.fcgi || a.outside() {
			bad("admin %q: use http://127.0.0.1:port or http+unix:///path", s.Admin)
		}
		p.admin = &a
	}
	return p, errors.Join(problems...)
}

// checkMemory reports limits of memory where workers have none of their own.
func checkMemory(c pool.Config, mode Mode) error {
	if mode == Emulate && (c.MaxMemory > 0 || c.KillMemory > 0) {
		return fmt.Errorf("%w: MaxMemory and KillMemory are for children: they make no sense in emulate mode", ErrConfig)
	}
	return nil
}

// ways checks the fields that belong to certain ways to accept, and settles what
// PerRequest means for Accept.
func (s *Server) ways(p *settings, bad func(string, ...any)) {
	if s.LockFile != "" && p.accept != AcceptFlock {
		bad("LockFile is for Accept flock, not %s", p.accept)
	}
	if !s.PerRequest {
		return
	}
	switch {
	case s.program() != nil:
		bad("PerRequest needs a Go handler: a program is no child for each connection")
	case p.mode == Emulate:
		bad("PerRequest makes no sense in emulate mode: its workers are processes")
	case p.accept != AcceptAuto && p.accept != AcceptDispatch:
		bad("PerRequest makes no sense with Accept %s: the parent accepts and passes each connection to a child", p.accept)
	case s.Pool.Concurrency > 1:
		bad("PerRequest makes no sense with Concurrency %d: a child serves one connection", s.Pool.Concurrency)
	case p.accept == AcceptAuto:
		p.accept = AcceptDispatch
	}
}

// poolDefaults are the defaults of a pool, some of which depend on the mode.
func (s *Server) poolDefaults(c pool.Config, mode Mode) pool.Config {
	if mode == Fork && c.MaxServers == 0 {
		c.MaxServers = 2 * runtime.NumCPU()
	}
	if s.PerRequest && c.MaxRequests == 0 {
		c.MaxRequests = pool.NoLimit
	}
	return c.WithDefaults()
}

// dieTimeout is the time that a graceful stop may take, as supervisors count it.
func dieTimeout(c pool.Config) time.Duration {
	if c.DieTimeout == 0 {
		return pool.NoLimit
	}
	return c.DieTimeout
}

// frontSettings checks what the front has to know.
func (s *Server) frontSettings(p *settings) error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...)))
	}
	p.front = frontConfig{
		Limits: s.Limits.withDefaults(), Redirect: s.RedirectHTTPS, RedirectPort: s.RedirectPort,
		Routes: table(s.Routes), Access: s.Access, Trusted: s.TrustedProxies, ProxyProtocol: s.ProxyProtocol,
		AccessLog: s.AccessLog != "", AccessLogFormat: s.AccessLogFormat, RequestIDs: s.RequestIDs,
		SlowRequest: s.SlowRequest,
	}
	if _, err := newAccessLog(s.AccessLogFormat, true); err != nil {
		problems = append(problems, err)
	}
	if s.SlowRequest < 0 {
		bad("SlowRequest %s is negative", s.SlowRequest)
	}
	if p.front.RedirectPort == 0 {
		p.front.RedirectPort = 443
	}
	if n := p.front.RedirectPort; n < 1 || n > 65535 {
		bad("RedirectPort %d is not between 1 and 65535", n)
	}
	secure := false
	for _, a := range p.addresses {
		p.front.Secure, p.front.Records = append(p.front.Secure, a.secure), append(p.front.Records, a.fcgi)
		secure = secure || a.secure
	}
	pairs, err := s.TLS.check()
	if err != nil {
		problems = append(problems, err)
	}
	acme := len(s.TLS.ACME.Hosts) > 0
	switch {
	case !secure && (len(s.TLS.CertFiles) > 0 || acme):
		bad("TLS has certificates, but no address in Listen begins with https")
	case secure && len(s.TLS.CertFiles) == 0 && !acme:
		bad("an https address needs a certificate: set TLS.CertFiles, or TLS.ACME.Hosts")
	case acme && p.accept.inChildren():
		bad("TLS.ACME makes no sense with accept %s: each child would order certificates of its own", p.accept)
	}
	if secure {
		p.front.TLS = &secureConfig{
			Pairs: pairs, Secret: certs.NewSecret(), OnlyTLS13: s.TLS.OnlyTLS13, ACME: s.TLS.ACME,
		}
	}
	_, err = s.Access.list()
	problems = append(problems, err)
	_, err = trusted(s.TrustedProxies)
	problems = append(problems, err)
	return errors.Join(problems...)
}

// forChildren leaves out of the certificates what cannot be written down: the
// warnings, which were logged.
func forChildren(pairs []certs.Pair) []certs.Pair {
	pairs = slices.Clone(pairs)
	for i := range pairs {
		pairs[i].Warning = nil
	}
	return pairs
}

// forks reports whether the server starts this program again for its workers.
func (p *settings) forks(s *Server) bool {
	if p.mode == Fork && s.program() == nil {
		return true
	}
	for _, r := range s.Routes {
		if r.Pool != nil && r.Pool.Mode == Fork && r.Handler.program() == nil {
			return true
		}
	}
	return false
}
