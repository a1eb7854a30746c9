package httpd_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestStormOwned kills children at random moments under load: a death breaks no more
// connections than the child owned, as the scoreboard says, but for one that it was about
// to count, and whoever else is a
// client sees nothing of it. The child is stopped before it is killed, so that the
// scoreboard does not change in between.
func TestStormOwned(t *testing.T) {
	const workers, clients = 3, 12
	each(t, []kind{kinds[3], acceptingKinds[0], acceptingKinds[1], acceptingKinds[2]}, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxServers: workers, MaxRequests: pool.NoLimit})
		var broken, served atomic.Int64
		var tries [clients]atomic.Int64
		over := make(chan struct{})
		var wg sync.WaitGroup
		stop := sync.OnceFunc(func() { close(over); wg.Wait() })
		defer stop()
		for i := range clients {
			c := newClient(t, s.url)
			wg.Go(func() {
				for n := i; ; n++ {
					select {
					case <-over:
						return
					default:
					}
					tries[i].Add(1)
					status, text, err := c.try("GET", fmt.Sprint("/sleep?ms=", n%5), "")
					if n%64 == 0 {
						c.close() // or all would be with the child that was ready first
					}
					switch {
					case err == nil && status == http.StatusOK && text == "slept\n":
						served.Add(1)
					case err != nil && c.conn == nil:
						broken.Add(1)
					default:
						t.Errorf("%d %q %v", status, text, err)
						return
					}
				}
			})
		}
		var owned int64
		deaths := 0
		for ends := time.Now().Add(2 * time.Second); time.Now().Before(ends) && !t.Failed(); deaths++ {
			var owners []int
			s.awaitStatus(t, "everybody is connected", func(now *httpd.Status) bool {
				there := now.Totals.Parked
				owners = owners[:0]
				for _, w := range now.Workers {
					there += w.Connections
					if w.Connections > 0 {
						owners = append(owners, w.PID)
					}
				}
				if k.name == acceptingKinds[2].name {
					there = clients // they move all the time
				}
				return len(now.Workers) == workers && there == clients && len(owners) > 1
			})
			time.Sleep(rand.N(20 * time.Millisecond)) // any moment will do
			before := broken.Load()
			victim := owners[rand.IntN(len(owners))]
			halt(t, victim)
			st, err := s.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			has := int64(-1)
			for _, w := range st.Workers {
				if w.PID == victim {
					has = w.Connections
				}
			}
			if has < 0 {
				t.Fatalf("no worker is %d: %+v", victim, st.Workers)
			}
			if !murder(t, victim) {
				t.Fatalf("%d is no child", victim)
			}
			has++ // one that it has just accepted or acknowledged, and not counted yet
			owned += has
			s.awaitStatus(t, "it is replaced", func(now *httpd.Status) bool {
				return now.Totals.Exits["crash"]+now.Totals.Exits["start"] == int64(deaths+1) && len(now.Workers) == workers
			})
			// Everybody has noticed, and counted, when each has begun another request.
			var seen [clients]int64
			for i := range tries {
				seen[i] = tries[i].Load()
			}
			until(t, func() string {
				for i := range tries {
					if tries[i].Load() == seen[i] && !t.Failed() {
						return fmt.Sprintf("client %d is still at its request %d", i, seen[i])
					}
				}
				return ""
			})
			if n := broken.Load() - before; n > has {
				t.Errorf("death %d: %d connections broke, the child had %d", deaths+1, n, has)
			}
		}
		stop()
		t.Logf("%d served, %d deaths, %d connections owned, %d broken", served.Load(), deaths, owned, broken.Load())
		if n := broken.Load(); n > owned {
			t.Errorf("%d connections broke, the dead had %d", n, owned)
		}
		if deaths == 0 || served.Load() == 0 {
			t.Error("nothing happened")
		}
	})
}
