package httpd_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// otherHandler is the handler of the second server of this program.
func otherHandler(ctx *fasthttp.RequestCtx) {
	fmt.Fprintf(ctx, "pid=%d served=%d\n", httpd.WorkerOf(ctx).PID, httpd.WorkerOf(ctx).Served)
	ctx.Response.Header.Set("X-Server", otherName)
}

// serverName asks which server answers.
func serverName(t *testing.T, c *client) string {
	t.Helper()
	c.send(t, "GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
	resp := c.receive(t, "GET")
	defer c.close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d", resp.StatusCode)
	}
	return resp.Header.Get("X-Server")
}

// TestTwoServers: a program may have two; the children of one are not workers of
// the other, and each ends by itself.
func TestTwoServers(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		one := start(t, k, pool.Config{})
		two := start(t, kinds[2].with(func(s *httpd.Server) {
			s.Name, s.Hooks, s.Handler = otherName, httpd.Hooks{}, httpd.Fast(otherHandler)
		}), pool.Config{})
		for range 4 {
			if name := serverName(t, newClient(t, one.url)); name != "" {
				t.Errorf("first server was answered for by %q", name)
			}
			if name := serverName(t, newClient(t, two.url)); name != otherName {
				t.Errorf("second server was answered for by %q", name)
			}
		}
		if err := one.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-one.ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		close(one.ended)
		if name := serverName(t, newClient(t, two.url)); name != otherName {
			t.Error("the end of the first server is noticed by the second")
		}
		one.expect(times(2, "start ready retire(stop) exited(stop)")...)
		two.expect(times(2, "start ready")...)
	})
}

// TestShutdownImpatient: what is left when Shutdown's context ends is killed.
func TestShutdownImpatient(t *testing.T) {
	everyKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		c := newClient(t, s.url)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _, _ = c.try("GET", "/stuck", "")
		}()
		s.await(t, func(state string) bool { return state == "W" })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-s.ended; !notClean(err) {
			t.Errorf("Run: %v, expected that workers had to be killed", err)
		}
		close(s.ended)
		<-ended
	})
}

// TestServerOnce: a server runs once; what needs a running one says so before and
// after.
func TestServerOnce(t *testing.T) {
	fresh := &httpd.Server{}
	s := start(t, kinds[0], pool.Config{})
	if err := s.Run(t.Context()); !errors.Is(err, httpd.ErrRunning) {
		t.Errorf("second Run: %v", err)
	}
	s.cancel()
	if err := <-s.ended; err != nil {
		t.Fatal(err)
	}
	close(s.ended)
	if err := s.Run(t.Context()); !errors.Is(err, httpd.ErrRunning) {
		t.Errorf("Run after the end: %v", err)
	}
	for name, one := range map[string]*httpd.Server{"before": fresh, "after": s.Server} {
		_, status := one.Status(t.Context())
		for what, err := range map[string]error{
			"Reload": one.Reload(t.Context()), "Scale": one.Scale(t.Context(), 1),
			"Recycle": one.Recycle(t.Context(), 0), "Status": status,
		} {
			if !errors.Is(err, httpd.ErrNotRunning) {
				t.Errorf("%s %s: %v", what, name, err)
			}
		}
		if err := one.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown %s: %v", name, err)
		}
		if one.Addrs() != nil || one.AdminAddr() != "" {
			t.Errorf("%s: addresses %v %q", name, one.Addrs(), one.AdminAddr())
		}
	}
}

// TestBadFields: every problem is reported at once, and nothing is half started.
func TestBadFields(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	s := &httpd.Server{
		Listen: []string{"http+unix://" + path, "ftp://x", "http://127.0.0.1", "http://h:99999"},
		Admin:  "gopher://x", Accept: httpd.AcceptSlot, Limits: httpd.Limits{MaxBodySize: -2}, GOMAXPROCS: -3,
		Env: []string{"A=b"}, Pool: pool.Config{MaxServers: -7, Concurrency: -8},
	}
	err := s.Run(t.Context())
	if !errors.Is(err, httpd.ErrConfig) || !errors.Is(err, pool.ErrConfig) {
		t.Fatalf("Run: %v", err)
	}
	for _, problem := range []string{
		"Handler", "ftp", "host and a port", "99999", "gopher", "Accept slot", "MaxBodySize", "GOMAXPROCS",
		"MaxServers", "Concurrency",
	} {
		if !strings.Contains(err.Error(), problem) {
			t.Errorf("nothing is said of %s:\n%v", problem, err)
		}
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("a socket was left behind")
	}
}

// TestAddressInUse: if one address cannot be bound, none is.
func TestAddressInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	everyKind(t, func(t *testing.T, k kind) {
		for name, change := range map[string]func(*httpd.Server){
			"second": func(s *httpd.Server) { s.Listen = append(s.Listen, "http://"+taken.Addr().String()) },
			"first": func(s *httpd.Server) {
				s.Listen = append([]string{"http://" + taken.Addr().String()}, s.Listen...)
			},
			"admin": func(s *httpd.Server) { s.Admin = "http://" + taken.Addr().String() },
		} {
			path := filepath.Join(t.TempDir(), "socket")
			s := &httpd.Server{
				Name: suiteName, Listen: []string{"http+unix://" + path},
				Log: slog.New(slog.DiscardHandler), Pool: pool.Config{MaxServers: 2},
			}
			k.make(t, s)
			change(s)
			err := s.Run(t.Context())
			if !errors.Is(err, httpd.ErrListen) || !strings.Contains(err.Error(), taken.Addr().String()) {
				t.Errorf("%s address in use: %v", name, err)
			}
			if _, err := os.Lstat(path); err == nil {
				t.Errorf("%s address in use: a socket was left behind", name)
			}
		}
	})
}

// TestAddresses: every kind of worker serves at every kind of address, at several
// at once, and leaves nothing behind.
func TestAddresses(t *testing.T) {
	everyKind(t, func(t *testing.T, k kind) {
		path := filepath.Join(t.TempDir(), "s")
		list := []string{"http://127.0.0.1:0", "http://[::1]:0", "http+unix://" + path, "http://localhost:0"}
		s := start(t, k.with(func(s *httpd.Server) { s.Listen = list }), pool.Config{})
		if len(s.Addrs()) != len(list) {
			t.Fatalf("addresses: %v", s.Addrs())
		}
		for i, url := range s.Addrs() {
			scheme, _, _ := strings.Cut(list[i], "//")
			if !strings.HasPrefix(url, scheme) || strings.HasSuffix(url, ":0") {
				t.Errorf("%s is bound as %s", list[i], url)
			}
			for range 3 {
				c := newClient(t, url)
				c.pid(t)
				c.pid(t)
				c.close()
			}
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket was left behind: %v", err)
		}
		for _, url := range list {
			if c := newClient(t, url); c.network == "unix" && c.dial() == nil {
				t.Errorf("somebody still listens at %s", url)
			}
		}
	})
}

// TestOwnAddressInUse: a second server of the same program does not share a port.
func TestOwnAddressInUse(t *testing.T) {
	everyKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		second := &httpd.Server{
			Name: "second", Log: slog.New(slog.DiscardHandler), Pool: pool.Config{MaxServers: 2},
		}
		k.make(t, second)
		second.Listen = s.Addrs()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := second.Run(ctx); !errors.Is(err, httpd.ErrListen) {
			t.Errorf("second server at the same address: %v", err)
		}
		newClient(t, s.url).pid(t)
	})
}

// TestRunEnds: Run can be given a context that has ended.
func TestRunEnds(t *testing.T) {
	everyKind(t, func(t *testing.T, k kind) {
		s := &httpd.Server{
			Name: suiteName, Listen: []string{"http://127.0.0.1:0"}, Hooks: suiteHooks,
			Log: slog.New(slog.DiscardHandler), Pool: pool.Config{MaxServers: 2, DieTimeout: patience},
		}
		k.make(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(2 * patience):
			t.Fatal("Run has not returned")
		}
	})
}
