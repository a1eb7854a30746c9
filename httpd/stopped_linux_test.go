package httpd_test

import (
	"context"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// halt stops a child, which then does nothing, but is there.
func halt(t *testing.T, pid int) {
	t.Helper()
	if _, parent := processState(pid); parent != syscall.Getpid() {
		t.Fatalf("%d is no child", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	until(t, func() string {
		if state, _ := processState(pid); state != "T" {
			return "state " + state
		}
		return ""
	})
}

// occupy makes a worker have a request in hand for as long as it lives, and says
// which.
func occupy(t *testing.T, s *server) (*client, httpd.StatusWorker) {
	t.Helper()
	const request = "GET /sleep?ms=60000"
	c := newClient(t, s.url)
	c.send(t, request+" HTTP/1.1\r\nHost: test\r\n\r\n")
	var busy httpd.StatusWorker
	s.awaitStatus(t, "request in hand", func(st *httpd.Status) bool {
		return slices.ContainsFunc(st.Workers, func(w httpd.StatusWorker) bool {
			busy = w
			return slices.ContainsFunc(w.Lanes, func(l httpd.StatusLane) bool { return l.Request == request })
		})
	})
	return c, busy
}

// elsewhere is a client whose connection is not with the worker of a pid, if
// workers have connections.
func elsewhere(t *testing.T, s *server, pid int) *client {
	t.Helper()
	for range 1000 {
		c := newClient(t, s.url)
		if whose, _ := c.pid(t); whose != pid {
			return c
		}
		c.close()
	}
	t.Fatal("all connections go to one worker")
	return nil
}

// TestStopped: a child that does not run keeps nobody from being served, and can be
// replaced like any other.
func TestStopped(t *testing.T) {
	const limit = 100 * time.Millisecond
	each(t, processKinds(), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{RetireTimeout: limit, DieTimeout: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		victim, w := occupy(t, s)
		other := elsewhere(t, s, w.PID)
		halt(t, w.PID)
		for range 20 {
			if pid, _ := other.pid(t); pid == w.PID {
				t.Fatal("answered by a process that does not run")
			}
		}
		if err := s.Recycle(ctx, w.Slot); err != nil {
			t.Fatal(err)
		}
		// Killed, and its client knows: not that nobody had time, but that a handler
		// has not finished.
		if !k.owns() {
			if resp := victim.receive(t, "GET"); resp.StatusCode != http.StatusBadGateway || resp.Header.Get("Retry-After") != "" {
				t.Errorf("the client of a worker that was killed gets %d", resp.StatusCode)
			}
		} else if _, err := victim.r.Peek(1); err == nil {
			t.Error("an answer came from the dead")
		}
		const whole = "start ready"
		recycled := "start ready expiring(recycle) retire(recycle) kill(killed) exited(killed)"
		s.expect(whole, whole, recycled)
		other.pid(t)
		if st, err := s.Status(t.Context()); err != nil || st.Totals.Shed != 0 {
			t.Errorf("%d requests were shed, %v", st.Totals.Shed, err)
		}

		for _, pid := range pids(t, s) {
			halt(t, pid)
		}
		if err := s.Reload(ctx); err != nil {
			t.Fatal(err)
		}
		reloaded := "start ready retire(reload) kill(killed) exited(killed)"
		s.expect(whole, whole, recycled, reloaded, reloaded)
		newClient(t, s.url).pid(t)

		for _, pid := range pids(t, s) {
			halt(t, pid)
		}
		if err := s.Scale(ctx, 3); err != nil {
			t.Fatal(err)
		}
		s.expect(whole, whole, whole, recycled, reloaded, reloaded)
		if err := s.Scale(ctx, 1); err != nil {
			t.Fatal(err)
		}
		for _, pid := range pids(t, s) {
			halt(t, pid)
		}
		if err := s.stop(); !notClean(err) {
			t.Errorf("Run: %v, expected that a worker had to be killed", err)
		}
		if have := children(t); len(have) > 0 {
			t.Errorf("left behind: %v", have)
		}
	})
}

// TestStoppedInHand: request_timeout holds also if the child cannot know of it.
func TestStoppedInHand(t *testing.T) {
	each(t, []kind{kinds[2], kinds[4]}, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{RequestTimeout: 300 * time.Millisecond})
		c, w := occupy(t, s)
		halt(t, w.PID)
		answered(t, c, http.StatusGatewayTimeout, "Gateway Timeout\n")
		s.expect("start ready", "start ready wedged(timeout) retire(timeout) exited(timeout)", "start ready")
		c.pid(t)
	})
}

// pids are the workers' processes.
func pids(t *testing.T, s *server) (list []int) {
	t.Helper()
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range st.Workers {
		list = append(list, w.PID)
	}
	return list
}
