package httpd_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// elasticKinds are kinds whose handlers can be directed, with all that differs in
// where connections wait for a worker.
func elasticKinds(t *testing.T) []kind {
	unix := kinds[3].with(func(s *httpd.Server) {
		s.Listen = []string{"http+unix://" + filepath.Join(t.TempDir(), "socket")}
	})
	unix.name = "fork slot c=4 on a UNIX socket"
	list := append([]kind{kinds[0], kinds[2], kinds[3]}, acceptingKinds...)
	if runtime.GOOS == "linux" {
		list = append(list, unix)
	}
	return list
}

// hasty is a pool that follows the load as fast as it can look at it.
func hasty(c pool.Config) pool.Config {
	c.CheckForWaiting, c.CheckForSpawn, c.MinChildTTL = pool.NoLimit, 300*time.Millisecond, pool.NoLimit
	return c
}

// TestOnDemand: there are no workers until somebody calls, whoever calls meanwhile is
// answered, and when nobody does there are none again.
func TestOnDemand(t *testing.T) {
	sideBySide(t, elasticKinds(t), func(t *testing.T, k kind) {
		s := start(t, k, hasty(pool.Config{MinServers: pool.NoLimit, MaxServers: 3}))
		kept := newClient(t, s.url)
		for round := range 3 {
			s.awaitStatus(t, "nobody is left", func(st *httpd.Status) bool { return len(st.Workers) == 0 })
			// A kept connection is served by one worker after the other.
			if kept.must(t, "/pid"); k.moves && kept.closed > 0 {
				t.Errorf("round %d: a kept connection was closed", round)
			}
			s.awaitStatus(t, "nobody is left", func(st *httpd.Status) bool { return len(st.Workers) == 0 })
			var callers sync.WaitGroup
			for i := range 100 {
				c := newClient(t, s.url)
				if err := c.dial(); err != nil {
					t.Fatal(err)
				}
				callers.Go(func() {
					status, text, err := c.do("POST", "/echo", itoa(i))
					if err != nil || status != http.StatusOK || text != itoa(i) || k.moves && c.closed > 0 {
						t.Errorf("round %d: %d %q %v, %d times closed", round, status, text, err, c.closed)
					}
					c.close()
				})
			}
			callers.Wait()
		}
		st, err := s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Totals.Requests != 303 || st.Totals.Shed != 0 || st.Totals.Exits["crash"]+st.Totals.Exits["killed"] != 0 {
			t.Errorf("totals %+v", st.Totals)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestSpareServers: workers are started as others become busy, and let go when they
// are idle.
func TestSpareServers(t *testing.T) {
	each(t, elasticKinds(t), func(t *testing.T, k kind) {
		k = k.with(func(s *httpd.Server) {
			if s.Pool.Concurrency > 1 {
				s.Pool.Concurrency = 128 // whoever accepts what follows has a lane for it
			}
		})
		s := start(t, k, hasty(pool.Config{MinServers: 1, MaxServers: 4, MinSpareServers: 1, MaxSpareServers: 1}))
		d := conduct(t)
		s.awaitStatus(t, "one to begin with", func(st *httpd.Status) bool { return len(st.Workers) == 1 && idle(st) == 1 })
		var held []*player
		var callers []*client
		busy := map[int]bool{}
		for len(busy) < 3 && len(held) < 100 {
			c, p := hold(t, s, d)
			busy[p.pid], held, callers = true, append(held, p), append(callers, c)
			s.awaitStatus(t, "a spare one", func(st *httpd.Status) bool { return idle(st) >= 1 })
		}
		s.awaitStatus(t, "three busy ones and a spare one", func(st *httpd.Status) bool {
			return len(busy) == 3 && len(st.Workers) == 4 && idle(st) == 1
		})
		for i, p := range held {
			p.cue("go")
			answered(t, callers[i], http.StatusOK, "held\n")
			callers[i].close()
		}
		st := s.awaitStatus(t, "one in the end", func(st *httpd.Status) bool { return len(st.Workers) == 1 })
		if st.Totals.Exits["idle"] != st.Totals.Spawned-1 {
			t.Errorf("exits %v of %d", st.Totals.Exits, st.Totals.Spawned)
		}
	})
}

// TestNobodyNoticesHowMany: the number of workers goes up and down, by itself and by
// order, follows the load and does not, while clients count every answer.
func TestNobodyNoticesHowMany(t *testing.T) {
	each(t, elasticKinds(t), func(t *testing.T, k kind) {
		elastic := hasty(pool.Config{MinServers: 1, MaxServers: 4, MinSpareServers: 1, MaxSpareServers: 2})
		var fixed atomic.Bool
		s := start(t, k.with(func(s *httpd.Server) {
			lanes := s.Pool.Concurrency
			s.Reconfigure = func() (pool.Config, error) {
				c := elastic
				if fixed.Load() {
					c = pool.Config{MaxServers: 3}
				}
				c.Concurrency = lanes
				return c, nil
			}
		}), elastic)
		var over atomic.Bool
		var asked atomic.Int64
		var callers sync.WaitGroup
		for i := range 8 {
			c := newClient(t, s.url)
			callers.Go(func() {
				for n := 0; !over.Load(); n++ {
					if n%20 == i { // and a new connection every now and then
						c.close()
					}
					body := strings.Repeat(itoa(i), n%100+1)
					status, text, err := c.do("POST", "/echo", body)
					if err != nil || status != http.StatusOK || text != body {
						t.Errorf("%d %q %v", status, text, err)
						return
					}
					asked.Add(1)
				}
				if k.moves && c.closed > 0 {
					t.Errorf("a connection was closed %d times", c.closed)
				}
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for round := range 2 {
			for _, n := range []int{1, 6, 2, 4} { // six are more than there are seats
				if err := s.Scale(ctx, n); err != nil {
					t.Errorf("round %d: scale %d: %v", round, n, err)
				}
			}
			fixed.Store(round%2 == 0)
			if err := s.Reload(ctx); err != nil {
				t.Errorf("round %d: reload: %v", round, err)
			}
			if fixed.Load() {
				s.awaitStatus(t, "a fixed number", func(st *httpd.Status) bool { return len(st.Workers) == 3 })
			}
		}
		over.Store(true)
		callers.Wait()
		st, err := s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Totals.Requests != asked.Load() || st.Totals.Exits["crash"]+st.Totals.Exits["killed"] != 0 {
			t.Errorf("%d answers, totals %+v", asked.Load(), st.Totals)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestSeatsAreExclusive: whatever is added, a second server cannot have the address.
func TestSeatsAreExclusive(t *testing.T) {
	for _, k := range elasticKinds(t)[2:4] {
		t.Run(k.name, func(t *testing.T) {
			s := start(t, k, pool.Config{MaxServers: 2})
			for _, n := range []int{2, 5, 1} {
				if err := s.Scale(t.Context(), n); err != nil {
					t.Fatal(err)
				}
				second := &httpd.Server{Name: otherName, Listen: []string{s.url}, Hooks: suiteHooks, Log: s.Log}
				k.make(t, second)
				if err := second.Run(t.Context()); !errors.Is(err, httpd.ErrListen) || !errors.Is(err, syscall.EADDRINUSE) ||
					!strings.Contains(fmt.Sprint(err), strings.TrimPrefix(s.url, "http://")) {
					t.Errorf("with %d workers: %v", n, err)
				}
			}
			newClient(t, s.url).must(t, "/pid")
		})
	}
}
