package httpd_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// haltedKinds are all ways in which a worker that is a process gets its requests.
func haltedKinds() []kind { return slices.Concat(kinds[2:5], acceptingKinds, rareKinds[2:]) }

// ask sends requests on connections of their own and returns how they end, once each
// is on its way.
func ask(t *testing.T, s *server, n int) <-chan error {
	t.Helper()
	ends := make(chan error, n)
	for range n {
		c := newClient(t, s.url)
		if err := c.dial(); err != nil {
			t.Fatal(err)
		}
		go func() {
			status, text, err := c.try("GET", "/pid", "")
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("status %d: %s", status, text)
			}
			ends <- err
		}()
	}
	return ends
}

// TestHaltedReplaced: a worker that is stopped is replaced, whatever it holds: the
// accept lock, connections that were given to it, its lanes.
func TestHaltedReplaced(t *testing.T) {
	atOnce(t, haltedKinds(), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{CheckForDead: 50 * time.Millisecond})
		const replaced = "start ready spent(killed) retire(killed) exited(killed)"
		for stopped, victims := range [][]int{pids(t, s)[:1], nil} {
			if victims == nil {
				victims = pids(t, s) // all of them, so that one of them has the lock
			}
			for _, pid := range victims {
				halt(t, pid)
			}
			const clients = 10
			ends := ask(t, s, clients)
			for range clients {
				// What a lane has in hand is lost with the child.
				if err := <-ends; err != nil && !(!k.owns() && strings.HasPrefix(err.Error(), "status 502")) {
					t.Errorf("phase %d: %v", stopped, err)
				}
			}
			want := times(1+2*stopped, replaced)
			s.expect(append(want, "start ready", "start ready")...)
			ends = ask(t, s, clients)
			for range clients {
				if err := <-ends; err != nil {
					t.Errorf("phase %d, after the replacement: %v", stopped, err)
				}
			}
		}
		if n := s.count(t, "killed"); n != 3 {
			t.Errorf("%d were killed", n)
		}
	})
}

// TestHaltedReload: a worker that is stopped, idle, and of which nobody knows, holds
// no reload up. All kinds at the same time, because it takes a while to believe it.
func TestHaltedReload(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var servers []*server
	for _, k := range haltedKinds() {
		s := start(t, k.with(func(s *httpd.Server) {
			s.Name = fmt.Sprintf("%s %d", suiteName, suites.Add(1))
			s.Env = append(s.Env, nameVariable+"="+s.Name)
		}), pool.Config{CheckForDead: pool.NoLimit})
		halt(t, pids(t, s)[0])
		servers = append(servers, s)
	}
	ends := make(chan error, len(servers))
	for _, s := range servers {
		go func() { ends <- s.Reload(ctx) }()
	}
	for range servers {
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
	for _, s := range servers {
		s.expect("start ready", "start ready", "start ready retire(reload) exited(reload)",
			"start ready retire(reload) exited(killed)")
	}
}
