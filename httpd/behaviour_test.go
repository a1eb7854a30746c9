package httpd_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bident/bident/pool"
)

// The behaviour suite: the same scenarios, with the same answers, the same
// counts and the same steps of the supervisor, over every kind of worker.

func TestStart(t *testing.T) {
	everyRareKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		c := newClient(t, s.url)
		if _, served := c.pid(t); served != 1 {
			t.Errorf("first request of a worker is number %d", served)
		}
		s.expect(times(2, "start ready")...)
	})
}

func TestMaxRequestsOneByOne(t *testing.T) {
	everyRareKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxServers: 1, MaxRequests: 7})
		c := newClient(t, s.url)
		var counts []int
		const used = "start ready spent(max_requests) retire(max_requests) exited(max_requests)"
		for i := range 21 {
			_, served := c.pid(t)
			counts = append(counts, served)
			if served == 7 {
				s.awaitLives(t, used, (i+1)/7)
			}
		}
		want := []int{1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7}
		if !slices.Equal(counts, want) {
			t.Errorf("served: %v, expected 1 to 7 three times", counts)
		}
		if k.moves && c.closed > 0 {
			t.Errorf("connection was closed %d times", c.closed)
		}
		s.expect(append(times(3, used), "start ready")...)
	})
}

func TestMaxRequestsUnderLoad(t *testing.T) {
	sideBySide(t, loadedKinds(), func(t *testing.T, k kind) {
		const limit, clients, each = 7, 64, 2 // some 18 lives
		s := start(t, k, pool.Config{MaxRequests: limit})
		var mu sync.Mutex
		seen := make(map[[2]int]bool)
		var wg sync.WaitGroup
		for range clients {
			c := newClient(t, s.url)
			wg.Go(func() {
				for range each {
					pid, served, err := c.whose()
					mu.Lock()
					switch {
					case err != nil:
						t.Error(err)
					case served < 1 || served > limit:
						t.Errorf("worker %d served request %d, its limit is %d", pid, served, limit)
					case seen[[2]int{pid, served}]:
						t.Errorf("worker %d served request %d twice", pid, served)
					}
					seen[[2]int{pid, served}] = true
					mu.Unlock()
				}
				if k.moves && c.closed > 0 {
					t.Errorf("a connection was closed %d times", c.closed)
				}
			})
		}
		wg.Wait()
		if len(seen) != clients*each {
			t.Errorf("%d requests were served, %d were answered", len(seen), clients*each)
		}
	})
}

func TestCrash(t *testing.T) {
	everyRareKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		c := newClient(t, s.url)
		status, text, err := c.get("/panic")
		if err != nil || status != http.StatusInternalServerError || text != "internal server error\n" {
			t.Errorf("answer of the worker that crashes: %d %q %v", status, text, err)
		}
		s.expect("start ready", "start ready exited(crash)", "start ready")
		for range 10 {
			c.pid(t)
		}
		st, err := s.Status(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if len(st.Exits) != 1 || st.Exits[0].Cause != "crash" {
			t.Errorf("exits in status: %+v", st.Exits)
		}
		if st.Totals.Requests != 11 {
			t.Errorf("status counts %d requests, 11 were made", st.Totals.Requests)
		}
	})
}

func TestReloadUnderLoad(t *testing.T) {
	sideBySide(t, loadedKinds(), func(t *testing.T, k kind) {
		const reloads, clients = 4, 4
		s := start(t, k, pool.Config{MaxRequests: pool.NoLimit})
		over := make(chan struct{})
		var wg sync.WaitGroup
		for i := range clients {
			c := newClient(t, s.url)
			body := strings.Repeat("x", 1+i*1000)
			wg.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-over:
						if k.moves && c.closed > 0 {
							t.Errorf("a connection was closed %d times", c.closed)
						}
						return
					default:
					}
					if n%2 == 0 {
						if _, _, err := c.whose(); err != nil {
							t.Error(err)
							return
						}
						continue
					}
					status, text, err := c.do("POST", "/echo", body)
					if err != nil || status != http.StatusOK || text != body {
						t.Errorf("POST /echo: status %d, %d octets of %d, %v", status, len(text), len(body), err)
						return
					}
				}
			})
		}
		for i := range reloads {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			if err := s.Reload(ctx); err != nil {
				t.Errorf("reload %d: %v", i, err)
			}
			cancel()
		}
		close(over)
		wg.Wait()
		s.expect(append(times(2, "start ready"),
			times(2*reloads, "start ready retire(reload) exited(reload)")...)...)
	})
}

func TestStuckHandler(t *testing.T) {
	everyRareKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{RequestTimeout: 300 * time.Millisecond})
		c := newClient(t, s.url)
		status, text, err := c.get("/stuck")
		if err != nil || status != http.StatusGatewayTimeout || text != "Gateway Timeout\n" {
			t.Errorf("answer for a handler that is stuck: %d %q %v", status, text, err)
		}
		s.expect("start ready", "start ready wedged(timeout) retire(timeout) exited(timeout)", "start ready")
		for range 10 {
			c.pid(t)
		}
	})
}

func TestScale(t *testing.T) {
	everyRareKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c := newClient(t, s.url)
		c.pid(t)
		if err := s.Scale(ctx, 4); err != nil {
			t.Fatal(err)
		}
		s.expect(times(4, "start ready")...)
		c.pid(t)
		if err := s.Scale(ctx, 1); err != nil {
			t.Fatal(err)
		}
		s.expect(append(times(3, "start ready retire(scale) exited(scale)"), "start ready")...)
		// Whichever way the connections were spread, the one that is left
		// answers them all.
		for range 20 {
			one := newClient(t, s.url)
			one.pid(t)
			one.close()
		}
	})
}

func TestRecycle(t *testing.T) {
	everyRareKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Recycle(ctx, 1); err != nil {
			t.Fatal(err)
		}
		s.expect("start ready", "start ready", "start ready expiring(recycle) retire(recycle) exited(recycle)")
		newClient(t, s.url).pid(t)
	})
}

func TestStopIdle(t *testing.T) {
	everyRareKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		c := newClient(t, s.url)
		c.pid(t)
		if err := s.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		s.expect(times(2, "start ready retire(stop) exited(stop)")...)
		if _, _, err := c.try("GET", "/pid", ""); err == nil {
			t.Error("a request was answered after the end")
		}
	})
}

func TestStopBusy(t *testing.T) {
	everyRareKind(t, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		c := newClient(t, s.url)
		answer := make(chan string, 1)
		go func() {
			status, text, err := c.get("/sleep?ms=300")
			answer <- fmt.Sprint(status, " ", text, err)
		}()
		s.await(t, func(st string) bool { return st == "W" })
		if err := s.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		if got := <-answer; got != "200 slept\n<nil>" {
			t.Errorf("the request in hand was answered: %s", got)
		}
		s.expect(times(2, "start ready retire(stop) exited(stop)")...)
	})
}

func TestStopStuck(t *testing.T) {
	atOnce(t, append(frontKinds(), rareKinds[2]), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{DieTimeout: 3 * time.Second})
		c := newClient(t, s.url)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _, _ = c.try("GET", "/stuck", "")
		}()
		s.await(t, func(st string) bool { return st == "W" })
		if err := s.stop(); !notClean(err) {
			t.Errorf("Run: %v, expected that a worker had to be killed", err)
		}
		<-ended
		s.expect("start ready retire(stop) exited(stop)", "start ready retire(stop) kill(killed) exited(killed)")
	})
}

// await waits until one of the workers is in a state.
func (s *server) await(t *testing.T, is func(state string) bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		st, err := s.Status(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range st.Workers {
			if is(w.State) {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("workers: %+v", st.Workers)
		}
		time.Sleep(time.Millisecond) // between two looks, not for readiness
	}
}
