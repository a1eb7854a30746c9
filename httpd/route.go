package httpd

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/pool"
)

// Route sends some requests to another handler than the server's.
//
// Of several routes that match, one for a host goes before one for all hosts, a
// host before a wildcard, then the longer path before the shorter one.
type Route struct {
	// Host is a host name, without port, or *.example.com for all names below it.
	// Default: all hosts.
	Host string
	// Path is a path of the request, decoded; one that ends with a slash stands
	// for everything below it. Default: all paths.
	Path string
	// Handler answers the requests. Required. A Program needs a Pool. It sees the
	// whole path: nothing of it is stripped, see Files.
	Handler Handler
	// MaxBodySize is the most octets that a request's body may have. Default: the
	// server's Limits.MaxBodySize.
	MaxBodySize int
	// Pool are workers for this route, so that it cannot take those of others.
	// Routes with the same Pool share them. Default: the server's workers.
	Pool *Pool
}

// Pool is a pool of workers beside the server's own. It has the server's hooks,
// its Env and its Isolation.
type Pool struct {
	// Name tells it from other pools. Required.
	Name string
	// Mode is the kind of worker. Default Emulate; Fork for a Program, with
	// AcceptRequest.
	Mode Mode
	// Config is how many workers there are and how long they live. Its queue is the
	// pool's own: QueueSize and QueueTimeout count what waits for these workers,
	// beside the queues of other pools and the server's.
	Config pool.Config
}

// path is a route as the front and the workers look it up.
type path struct {
	Host, Path string
	MaxBody    int    `json:",omitempty"`
	Pool       string `json:",omitempty"`
	index      int    // in Server.Routes
}

// paths is a table of routes, the best first.
type paths []path

// table makes the table of a server's routes.
func table(routes []Route) paths {
	var t paths
	for i, r := range routes {
		p := path{Host: strings.ToLower(r.Host), Path: r.Path, MaxBody: r.MaxBodySize, index: i}
		if r.Pool != nil {
			p.Pool = r.Pool.Name
		}
		t = append(t, p)
	}
	slices.SortStableFunc(t, func(a, b path) int {
		return cmp.Or(
			cmp.Compare(hostRank(b.Host), hostRank(a.Host)),
			cmp.Compare(len(b.Host), len(a.Host)),
			cmp.Compare(len(b.Path), len(a.Path)),
		)
	})
	return t
}

// hostRank says how much a host of a route says.
func hostRank(host string) int {
	switch {
	case host == "":
		return 0
	case strings.HasPrefix(host, "*."):
		return 1
	default:
		return 2
	}
}

// find is the route of a request, nil for none.
func (t paths) find(ctx *fasthttp.RequestCtx) *path {
	if len(t) == 0 {
		return nil
	}
	host, where := hostName(ctx.Host()), ctx.Path()
	for i := range t {
		if t[i].matches(host, where) {
			return &t[i]
		}
	}
	return nil
}

func (p *path) matches(host, where []byte) bool {
	switch {
	case p.Path == "":
	case p.Path[len(p.Path)-1] == '/':
		if len(where) < len(p.Path) || string(where[:len(p.Path)]) != p.Path {
			return false
		}
	case string(where) != p.Path:
		return false
	}
	switch hostRank(p.Host) {
	case 0:
		return true
	case 1:
		below := p.Host[1:]
		return len(host) > len(below) && equalFold(host[len(host)-len(below):], below)
	default:
		return equalFold(host, p.Host)
	}
}

// hostName is a Host field without its port.
func hostName(host []byte) []byte {
	if len(host) > 0 && host[0] == '[' {
		if end := bytes.IndexByte(host, ']'); end > 0 {
			return host[:end+1]
		}
	}
	if colon := bytes.LastIndexByte(host, ':'); colon >= 0 {
		host = host[:colon]
	}
	return bytes.TrimSuffix(host, []byte{'.'})
}

// routed is the handler of the workers of a pool: "" is the server's own.
func (s *Server) routed(pool string) fasthttp.RequestHandler {
	var own fasthttp.RequestHandler
	if s.Handler != nil {
		own = s.Handler.fast()
	}
	if len(s.Routes) == 0 {
		return own
	}
	t := table(s.Routes)
	handlers := make([]fasthttp.RequestHandler, len(s.Routes))
	for i, r := range s.Routes {
		if (r.Pool == nil && pool == "" || r.Pool != nil && r.Pool.Name == pool) && r.Handler != nil {
			handlers[i] = r.Handler.fast()
		}
	}
	return func(ctx *fasthttp.RequestCtx) {
		h := own
		if p := t.find(ctx); p != nil {
			h = handlers[p.index]
		}
		if h == nil {
			ctx.Error("not found\n", fasthttp.StatusNotFound)
			return
		}
		h(ctx)
	}
}

// hasPools reports whether a route has workers of its own.
func (s *Server) hasPools() bool {
	return slices.ContainsFunc(s.Routes, func(r Route) bool { return r.Pool != nil })
}

// checkRoutes reports every problem of the routes.
func (s *Server) checkRoutes(p *settings, bad func(string, ...any)) {
	names := make(map[string]*Pool)
	places := make(map[string]int)
	for i, r := range s.Routes {
		name := fmt.Sprintf("Routes[%d] (%s%s)", i, r.Host, r.Path)
		place := strings.ToLower(r.Host) + " " + r.Path
		if other, taken := places[place]; taken {
			bad("%s is for the same requests as Routes[%d]", name, other)
		}
		places[place] = i
		switch {
		case r.Handler == nil:
			bad("%s has no Handler", name)
			continue
		case r.Path != "" && r.Path[0] != '/':
			bad("%s: Path does not begin with a slash", name)
		case strings.Contains(strings.TrimPrefix(r.Host, "*."), "*") || strings.ContainsAny(r.Host, " /:"):
			bad("%s: Host is a host name, or one after \"*.\"", name)
		case r.MaxBodySize < 0:
			bad("%s: MaxBodySize %d is negative", name, r.MaxBodySize)
		}
		program := r.Handler.program() != nil
		if f, ok := r.Handler.(*Files); ok {
			if err := f.check(s.Isolation.Outside(f.Root)); err != nil {
				bad("%s: %v", name, err)
			}
		}
		if up := upstreamOf(r.Handler); up != nil {
			program = true
			if r.Pool != nil {
				up.check(r.Pool.Mode, bad)
			}
		}
		if r.Pool != nil {
			if err := checkCGI(r.Handler, r.Pool.Config, &s.Isolation); err != nil {
				bad("%s: %v", name, err)
			}
		}
		if h, ok := r.Handler.(*Scripts); ok {
			if err := h.check(&s.Isolation); err != nil {
				bad("%s: %v", name, err)
			}
		}
		if r.Pool == nil {
			if program || s.Handler != nil && (s.Handler.program() != nil || upstreamOf(s.Handler) != nil) {
				bad("%s needs a Pool: a program's workers run nothing but the program", name)
			}
			continue
		}
		switch known := names[r.Pool.Name]; {
		case r.Pool.Name == "":
			bad("%s: Pool has no Name", name)
		case known == nil:
			names[r.Pool.Name] = r.Pool
			p.pools = append(p.pools, r.Pool)
			if err := r.Pool.Config.Validate(); err != nil {
				bad("pool %q: %v", r.Pool.Name, err)
			}
			if err := checkMemory(r.Pool.Config, r.Pool.Mode); err != nil && r.Handler.program() == nil {
				bad("pool %q: %v", r.Pool.Name, err)
			}
		case known != r.Pool:
			bad("%s: there is another Pool named %q", name, r.Pool.Name)
		case program:
			bad("%s: a program needs a Pool for itself", name)
		}
	}
	if len(p.pools) > 0 && p.accept.inChildren() {
		bad("routes with a Pool need a front in the parent: set Accept to AcceptRequest, not %s", p.accept)
	}
}
