package httpd_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/bident/bident/pool"
)

// TestUpstreamFickle: an upstream that ends kept connections whenever it likes, as one
// whose processes leave after some requests, costs no request, runs none but safe ones
// twice, and nothing of one gets into another.
func TestUpstreamFickle(t *testing.T) {
	p := play(t, "unix")
	s := p.front(keepLong, pool.Config{MaxServers: 2, Concurrency: 2})
	var mu sync.Mutex
	runs := make(map[string]int)
	var conns sync.WaitGroup
	defer conns.Wait()
	defer s.stop()
	defer p.l.Close()
	_ = p.l.(*net.UnixListener).SetDeadline(time.Time{})
	fickle := func(conn net.Conn, seed uint64) {
		defer conn.Close()
		random := rand.New(rand.NewPCG(seed, 1))
		w := &wire{t, conn, bufio.NewReader(conn), 1}
		for {
			a, err := w.request()
			if err != nil {
				return
			}
			mu.Lock()
			runs[a.method+a.uri]++
			mu.Unlock()
			if _, err := io.WriteString(w, forRequest(w.id, answer(a.method+a.uri+a.body))); err != nil {
				return
			}
			switch random.IntN(6) {
			case 0:
				return
			case 1: // as libfcgi and PHP do it
				_ = conn.(*net.UnixConn).CloseWrite()
				_, _ = io.Copy(io.Discard, w.r)
				return
			}
		}
	}
	conns.Go(func() {
		for seed := uint64(0); ; seed++ {
			conn, err := p.l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { fickle(conn, seed) })
		}
	})
	var clients sync.WaitGroup
	for id := range 8 {
		c := newClient(t, s.url)
		clients.Go(func() {
			for i := range 200 {
				method, path, body := "GET", fmt.Sprintf("/%d/%d", id, i), ""
				if i%4 == 0 {
					method, body = "POST", fmt.Sprintf("body of %d", i)
				}
				status, text, err := c.try(method, path, body)
				if err != nil || status != http.StatusOK || text != method+path+body {
					t.Errorf("%s %s: %d %q %v", method, path, status, text, err)
					return
				}
			}
		})
	}
	clients.Wait()
	mu.Lock()
	defer mu.Unlock()
	for what, n := range runs {
		if n != 1 {
			t.Errorf("%s ran %d times", what, n)
		}
	}
	if u := s.upstream(t); u.Opened < 100 {
		t.Errorf("status: %+v", u)
	}
}
