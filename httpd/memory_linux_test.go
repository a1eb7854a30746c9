package httpd_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestMemory: a child over its limit is replaced, or killed, and nobody else notices.
func TestMemory(t *testing.T) {
	const limit, more = 150 << 20, "192"
	each(t, []kind{kinds[2], kinds[3]}, func(t *testing.T, k kind) {
		for _, one := range []struct {
			name, path, life string
			config           pool.Config
		}{
			{"max", "/grow?mb=" + more, "start ready expiring(max_memory) retire(max_memory) exited(max_memory)",
				pool.Config{MaxMemory: limit}},
			{"kill", "/grow?hang=1&mb=" + more, "start ready exited(max_memory)",
				pool.Config{MaxMemory: limit, KillMemory: limit}},
		} {
			t.Run(one.name, func(t *testing.T) {
				one.config.MaxRequests = pool.NoLimit
				s, d := start(t, k, one.config), conduct(t)
				// The strict clients are with the other worker, if it owns connections.
				c, p := hold(t, s, d)
				over := make(chan struct{})
				var wg sync.WaitGroup
				for range 3 {
					other := elsewhere(t, s, p.pid)
					wg.Go(func() {
						for served := 0; ; served++ {
							select {
							case <-over:
								if other.closed > 0 || served == 0 {
									t.Errorf("%d requests, a connection was closed %d times", served, other.closed)
								}
								return
							default:
							}
							if _, _, err := other.whose(); err != nil {
								t.Error(err)
								return
							}
						}
					})
				}
				p.cue("go")
				answered(t, c, http.StatusOK, "held\n")
				status, _, err := c.try("GET", one.path, "")
				switch {
				case one.name == "max":
					if err != nil || status != http.StatusOK {
						t.Errorf("the request that took the memory: %d %v", status, err)
					}
				case !k.owns():
					if err != nil || status != http.StatusBadGateway {
						t.Errorf("the request of a worker that was killed: %d %v", status, err)
					}
				case !errors.Is(err, errUnanswered):
					t.Errorf("the request of a worker that was killed: %d %v", status, err)
				}
				s.awaitLives(t, one.life, 1)
				close(over)
				wg.Wait()
				s.expect("start ready", "start ready", one.life)
				st := s.awaitStatus(t, "memory", func(st *httpd.Status) bool {
					return len(st.Workers) == 2 && st.Workers[0].RSS > 1<<20 && st.Workers[1].RSS > 1<<20
				})
				if st.Totals.Exits["max_memory"] != 1 || st.Exits[0].Cause != "max_memory" {
					t.Errorf("exits: %+v", st.Totals.Exits)
				}
				if request := st.Exits[0].Request; (request == "") != (one.name == "max") {
					t.Errorf("request in hand: %q", request)
				}
			})
		}
	})
}

// TestMemoryEmulated: goroutines have no memory of their own.
func TestMemoryEmulated(t *testing.T) {
	for _, config := range []pool.Config{{MaxMemory: 1}, {KillMemory: 1}} {
		s := &httpd.Server{Handler: httpd.Fast(suiteHandler), Pool: config}
		if err := s.Validate(); !errors.Is(err, httpd.ErrConfig) {
			t.Errorf("%+v: %v", config, err)
		}
	}
}
