package httpd_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// routesName is the server that has routes.
const routesName = "routes"

// says is a handler that answers with a word and who it was.
func says(word string) httpd.Handler {
	return httpd.Fast(func(ctx *fasthttp.RequestCtx) {
		w := httpd.WorkerOf(ctx)
		fmt.Fprintf(ctx, "%s %v %d", word, w.Mode, w.Served)
	})
}

// routedServer is the same in the parent and in children.
func routedServer() *httpd.Server {
	own := &httpd.Pool{Name: "own", Config: pool.Config{MaxServers: 1, QueueSize: 1}}
	forked := &httpd.Pool{Name: "forked", Mode: httpd.Fork, Config: pool.Config{MaxServers: 1, MaxRequests: 3}}
	return &httpd.Server{
		Name: routesName, Handler: httpd.Fast(suiteHandler), Hooks: suiteHooks,
		Routes: []httpd.Route{
			{Path: "/api/", Handler: says("api"), MaxBodySize: 10},
			{Path: "/api/v2/", Handler: says("v2")},
			{Path: "/api/exact", Handler: says("exact")},
			{Host: "other.example", Handler: says("other")},
			{Host: "*.example", Path: "/api/", Handler: says("wild")},
			{Path: "/own/", Handler: httpd.Fast(ownHandler), Pool: own},
			{Path: "/forked/", Handler: says("forked"), Pool: forked},
			{Path: "/web/", Handler: httpd.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "web "+r.URL.Path)
			})), Pool: forked},
		},
	}
}

// ownHandler holds its worker as long as a conductor says.
func ownHandler(ctx *fasthttp.RequestCtx) {
	ctx.WriteString("own")
	if by := string(ctx.QueryArgs().Peek("by")); by != "" {
		conn, cues, err := call(httpd.WorkerOf(ctx).PID, by)
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		_, _ = cues.ReadString('\n')
	}
}

// TestRoutes: the best route answers, by host and path, whatever its workers are.
func TestRoutes(t *testing.T) {
	for _, mode := range []httpd.Mode{httpd.Emulate, httpd.Fork} {
		t.Run(mode.String(), func(t *testing.T) {
			s := start(t, kind{make: func(t *testing.T, s *httpd.Server) {
				r := routedServer()
				s.Name, s.Handler, s.Routes, s.Mode = r.Name, r.Handler, r.Routes, mode
			}}, pool.Config{})
			for _, c := range []struct{ host, path, want string }{
				{"any", "/api/x", "api " + mode.String()},
				{"any", "/api/v2/x", "v2 "},
				{"any", "/api/exact", "exact "},
				{"any", "/api/exactly", "api "},
				{"other.example", "/api/x", "other "},
				{"OTHER.example:80", "/", "other "},
				{"some.example", "/api/x", "wild "},
				{"example", "/api/x", "api "},
				{"some.example", "/state", "state of "},
				{"any", "/own/x", "own"},
				{"any", "/forked/x", "forked fork 1"},
				{"any", "/web/x", "web /web/x"},
				{"any", "/forked/x", "forked fork 3"},
				{"any", "/forked/x", "forked fork 1"}, // MaxRequests of its own pool
				{"any", "/%61pi/x", "api "},
			} {
				r, _ := http.NewRequest("GET", s.url+c.path, nil)
				r.Host = c.host
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !strings.HasPrefix(string(b), c.want) {
					t.Errorf("%s%s: %q %v, want %q", c.host, c.path, b, err, c.want)
				}
			}
			for size, want := range map[int]int{10: 200, 11: 413} {
				resp, err := http.Post(s.url+"/api/x", "text/plain", strings.NewReader(strings.Repeat("x", size)))
				if err != nil || resp.StatusCode != want {
					t.Fatalf("body of %d: %v %+v", size, err, resp)
				}
				resp.Body.Close()
			}
			until(t, func() string {
				st, err := s.Status(t.Context())
				if err != nil || len(st.Pools) != 2 || st.Pools[1].Name != "forked" || st.Pools[1].Totals.Requests != 4 ||
					st.Pools[1].Totals.Exits["max_requests"] != 1 {
					return fmt.Sprintf("%v %+v", err, st.Pools)
				}
				return ""
			})
			if err := s.Reload(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOwnPool: saturating one pool leaves the others alone.
func TestOwnPool(t *testing.T) {
	s := start(t, kind{make: func(t *testing.T, s *httpd.Server) {
		r := routedServer()
		s.Name, s.Handler, s.Routes = r.Name, r.Handler, r.Routes
	}}, pool.Config{MaxServers: 1})
	d := conduct(t)
	busy, waiting := newClient(t, s.url), newClient(t, s.url)
	busy.send(t, "GET /own/x"+d.by()+" HTTP/1.1\r\nHost: test\r\n\r\n")
	p := d.next()
	waiting.send(t, "GET /own/x HTTP/1.1\r\nHost: test\r\n\r\n")
	until(t, func() string {
		st, err := s.Status(t.Context())
		if err != nil || st.Pools[0].Totals.Waiting != 1 {
			return fmt.Sprintf("nobody waits: %v", err)
		}
		return ""
	})
	c := newClient(t, s.url)
	c.send(t, "GET /own/x HTTP/1.1\r\nHost: test\r\n\r\n")
	if resp := c.receive(t, "GET"); resp.StatusCode != 503 {
		t.Errorf("the pool is full: %d", resp.StatusCode)
	} else {
		_, _ = io.ReadAll(resp.Body)
	}
	for range 100 {
		c.send(t, "GET /api/x HTTP/1.1\r\nHost: test\r\n\r\n")
		resp := c.receive(t, "GET")
		if b, err := io.ReadAll(resp.Body); resp.StatusCode != 200 || err != nil {
			t.Fatalf("the server's own workers: %d %q %v", resp.StatusCode, b, err)
		}
	}
	p.cue("end")
	p.conn.Close()
	if resp := waiting.receive(t, "GET"); resp.StatusCode != 200 {
		t.Errorf("who waited got %d", resp.StatusCode)
	}
}
