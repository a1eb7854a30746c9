package httpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/pool"
)

// Upstream serves requests with FastCGI listeners that somebody else runs, such as
// php-fpm or a daemon with FCGI::ProcManager: fcgi://host:port or
// fcgi+unix:///path. It needs Emulate: each lane exchanges requests with an upstream
// over a connection of its own, so that Pool.MaxServers times Pool.Concurrency
// bounds the connections. Several upstreams take turns; those that cannot be
// reached are left out. See Server.UpstreamKeep, and the package comment for what
// is tried again.
//
// The server starts whether they are there or not.
func Upstream(urls ...string) Handler { return upstreamHandler(urls) }

type upstreamHandler []string

func (h upstreamHandler) fast() fasthttp.RequestHandler { return nil }
func (h upstreamHandler) program() []string             { return nil }

// upstreamOf are the upstreams that answer for a handler, nil if it is another one.
func upstreamOf(h Handler) upstreamHandler {
	up, _ := executor(h).(upstreamHandler)
	return up
}

// defaultUpstreamKeep is short, since every connection that a program holds open,
// idle or not, is one of its processes that can serve nobody else.
const defaultUpstreamKeep = time.Second

// check reports every problem of the upstreams, given the mode of their workers.
func (h upstreamHandler) check(mode Mode, bad func(string, ...any)) {
	if mode == Fork {
		bad("an Upstream's processes belong to somebody else: Mode fork makes no sense with it")
	}
	for _, one := range h {
		if _, err := parseUpstream(one); err != nil {
			bad("%v", err)
		}
	}
}

// parseUpstream reads the URL of an upstream: fcgi://host:port or fcgi+unix:///path.
func parseUpstream(s string) (address, error) {
	fail := func(format string, args ...any) (address, error) {
		return address{}, fmt.Errorf("upstream %q: %s", s, fmt.Sprintf(format, args...))
	}
	const forms = "use fcgi://host:port or fcgi+unix:///path"
	u, err := url.Parse(s)
	if err != nil {
		return fail("is no URL; %s", forms)
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil || u.Opaque != "" {
		return fail("only host and port, or a path; %s", forms)
	}
	switch u.Scheme {
	case "fcgi":
		n, err := strconv.Atoi(u.Port())
		switch {
		case u.Path != "" && u.Path != "/":
			return fail("a path makes no sense here; %s", forms)
		case u.Hostname() == "" || err != nil || n < 1 || n > 65535:
			return fail("needs a host and a port from 1 to 65535; %s", forms)
		}
		return address{network: "tcp", address: u.Host}, nil
	case "fcgi+unix":
		if u.Host != "" || !filepath.IsAbs(u.Path) || strings.IndexByte(u.Path, 0) >= 0 {
			return fail("needs an absolute path; %s", forms)
		}
		return address{network: "unix", address: u.Path}, nil
	}
	return fail("%s", forms)
}

// poolUpstream are the upstreams that the workers of a pool of routes have, nil if
// they have none.
func (s *Server) poolUpstream(p *Pool) upstreamHandler {
	for _, route := range s.Routes {
		if up := upstreamOf(route.Handler); route.Pool == p && up != nil {
			return up
		}
	}
	return nil
}

// upstreamBackend makes workers of goroutines that exchange requests with upstreams.
// name is the pool's.
func (r *instance) upstreamBackend(o *pool.Options, q *pool.Queue, c pool.Config, urls upstreamHandler, name string) error {
	keep := r.server.UpstreamKeep
	if keep == 0 {
		keep = defaultUpstreamKeep
	}
	u, err := openUpstream(urls, keep, c.QueueTimeout, r.log)
	if err != nil {
		return err
	}
	r.closers = append(r.closers, u.close)
	if r.upstreams == nil {
		r.upstreams = make(map[string]*upstream)
	}
	r.upstreams[name] = u
	return r.emulateBackend(o, q, c.Concurrency, func(l *pool.Lane) pool.Runner {
		x := newExchangeRunner(nil, l, r.log)
		x.watch = r.front.slow
		x.up = u.lane(x)
		x.child = x.up
		x.silence.limit, x.silence.giveUp = q.RunLimit, x.hangUp
		return x
	})
}

// openUpstream makes the upstreams of those URLs, and looks whether they are there.
// keep and wait are as UpstreamKeep and pool.Config.QueueTimeout, 0 for no limit.
func openUpstream(urls upstreamHandler, keep, wait time.Duration, log *slog.Logger) (*upstream, error) {
	u := newUpstream(keep, wait, log)
	var problems []error
	for _, one := range urls {
		a, err := parseUpstream(one)
		problems = append(problems, err)
		u.origins = append(u.origins, &origin{up: u, url: one, network: a.network, address: a.address})
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	for _, t := range u.origins {
		u.probes.Go(t.look)
	}
	return u, nil
}

// upstream is what the lanes of a pool exchange requests with instead of children.
type upstream struct {
	origins []*origin
	turn    atomic.Uint32 // whose it is to be connected to
	keep    time.Duration // how long an idle connection is kept, negative for none
	wait    time.Duration // how long a request may wait for a connection, 0 for ever
	log     *slog.Logger

	ctx    context.Context // of the probes
	cancel context.CancelFunc
	probes sync.WaitGroup

	held    atomic.Int64 // connections that lanes have kept, idle or not
	crowded atomic.Bool  // no connection is kept
	relief  *time.Timer  // ends that
	mu      sync.Mutex
	lanes   map[*upstreamLane]struct{}
}

func newUpstream(keep, wait time.Duration, log *slog.Logger) *upstream {
	u := &upstream{keep: keep, wait: wait, log: log, lanes: make(map[*upstreamLane]struct{})}
	u.ctx, u.cancel = context.WithCancel(context.Background())
	u.relief = time.AfterFunc(time.Hour, func() { u.crowded.Store(false) })
	u.relief.Stop()
	return u
}

// close ends the probes. The lanes have ended before.
func (u *upstream) close() {
	u.cancel()
	u.relief.Stop()
	u.probes.Wait()
}

// keeps reports whether connections are kept at the moment.
func (u *upstream) keeps() bool { return u.keep > 0 && !u.crowded.Load() }

// crowd makes room for a connection that is not accepted: whoever keeps one while
// idle gives it up now, and whoever is busy after the request in hand.
func (u *upstream) crowd() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.crowded.Store(true)
	u.relief.Reset(crowdedTime)
	for x := range u.lanes {
		x.yield()
	}
}

// dial connects to the origin whose turn it is, or to the next one that is there.
func (u *upstream) dial(ctx context.Context) (net.Conn, *origin, error) {
	err := errUpstreamDown
	turn := u.turn.Add(1)
	for i := range u.origins {
		t := u.origins[(int(turn%uint32(len(u.origins)))+i)%len(u.origins)]
		if t.down.Load() {
			continue
		}
		conn, e := t.dial(ctx)
		if e == nil || ctx.Err() != nil {
			return conn, t, e
		}
		err = e
	}
	return nil, nil, err
}
