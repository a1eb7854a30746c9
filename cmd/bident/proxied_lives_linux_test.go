package main

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// crowd are clients that send requests of all sorts until they are told to stop, and
// hold every answer to what it must be.
type crowd struct {
	t       *testing.T
	stop    chan struct{}
	clients sync.WaitGroup
	answers atomic.Int64
	failed  atomic.Int64
}

func gather(t *testing.T, base string, clients int) *crowd {
	c := &crowd{t: t, stop: make(chan struct{})}
	b := newBrowser(t, base, clients)
	pattern := make([]byte, 100_000)
	for i := range pattern {
		pattern[i] = byte(i % 251)
	}
	for g := range clients {
		c.clients.Go(func() {
			for i := g; ; i++ {
				select {
				case <-c.stop:
					return
				default:
				}
				if err := oneRequest(b.client, b.base, i, pattern); err != nil && c.failed.Add(1) < 10 {
					t.Errorf("request %d: %v", i, err)
				}
				c.answers.Add(1)
			}
		})
	}
	t.Cleanup(c.disperse)
	return c
}

// disperse ends the clients.
func (c *crowd) disperse() {
	select {
	case <-c.stop:
	default:
		close(c.stop)
	}
	c.clients.Wait()
}

// check ends the clients, and the test if something has failed.
func (c *crowd) check(least int64) {
	c.t.Helper()
	c.disperse()
	c.t.Logf("%d answers", c.answers.Load())
	if n := c.failed.Load(); n > 0 || c.answers.Load() < least {
		c.t.Errorf("%d failures, %d answers (at least %d)", n, c.answers.Load(), least)
	}
}

// TestProxiedLives: no request through nginx or Apache fails while generations, and
// servers, follow each other behind their kept connections, nor when the server stops.
func TestProxiedLives(t *testing.T) {
	for _, way := range []string{"emulate", "request", "slot", "classic"} {
		for _, proxy := range []string{"nginx keep_conn", "Apache"} {
			t.Run(way+" "+proxy, func(t *testing.T) {
				t.Parallel()
				dir := shortDir(t)
				if err := os.Chmod(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				u := startUpgraded(t, append([]string{"--listen=fcgi+unix://" + dir + "/s", "--socket-mode=0666", "--max-requests=300"}, ways[way]...)...)
				base := fastcgiProxies[proxy](t, dir+"/s")
				clients := gather(t, base, 6)
				for i := range 10 {
					if out, err := u.ctl("ctl", "reload"); err != nil {
						t.Fatalf("reload %d: %v\n%s", i, err, out)
					}
					if i%4 == 1 {
						if out, err := u.ctl("ctl", "upgrade"); err != nil {
							t.Fatalf("upgrade at %d: %v\n%s", i, err, out)
						}
					}
				}
				if st := u.settled(3, way != "emulate"); st.Generation != 14 {
					t.Errorf("generation %d after 10 reloads and 3 upgrades", st.Generation)
				}
				clients.check(200)
				if way == "classic" {
					u.stop() // who waits to be accepted is in no status
				} else {
					stopInHand(u, base)
				}
			})
		}
	}
}

// stopInHand stops a server that has requests in hand and in the queue. All of them
// are answered.
func stopInHand(u *upgraded, base string) {
	t := u.t
	t.Helper()
	const requests = 6 // three for the workers, and three that wait, or that they have, too
	b := newBrowser(t, base, requests)
	var wait sync.WaitGroup
	for i := range requests {
		wait.Go(func() {
			body := strings.NewReader(strings.Repeat("b", i*10_000))
			if s, _, text, err := b.get(http.MethodPost, "/sleep?ms=700", body); err != nil || s != 200 || string(text) != "slept 700\n" {
				t.Errorf("in hand when the server was stopped: %d %q %v", s, text, err)
			}
		})
	}
	u.await("all requests there", func() bool {
		st := u.status()
		if st == nil {
			return false
		}
		there := st.Totals.Waiting
		for _, w := range st.Workers {
			for _, l := range w.Lanes {
				if l.State == "W" {
					there++
				}
			}
		}
		return there == requests
	})
	u.stop()
	wait.Wait()
}
