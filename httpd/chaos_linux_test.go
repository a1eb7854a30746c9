package httpd_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// murder kills a child of this process with SIGKILL, and nobody else: the handle
// is the process's own, so its number cannot be another's by then.
func murder(t *testing.T, pid int) bool {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	if state, parent := processState(pid); parent != os.Getpid() || state == "Z" {
		return false // gone already
	}
	return p.Kill() == nil
}

// processState is what /proc knows of a process, "" and 0 if there is none.
func processState(pid int) (state string, parent int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	text := string(b)
	_, _ = fmt.Sscanf(text[strings.LastIndexByte(text, ')')+1:], "%s %d", &state, &parent)
	return state, parent
}

// children are the processes, dead or alive, that this one is the parent of, as
// "number state".
func children(t *testing.T) (list []string) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		var pid int
		_, _ = fmt.Sscanf(filepath.Base(path), "%d", &pid)
		if state, parent := processState(pid); parent == os.Getpid() {
			list = append(list, fmt.Sprint(pid, " ", state))
		}
	}
	return list
}

func descriptors(t *testing.T) (list []string) {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		target, err := os.Readlink("/proc/self/fd/" + n.Name())
		if err == nil {
			list = append(list, n.Name()+" "+target)
		}
	}
	return list
}

// TestKilledChildren kills children at random under load: they are always
// replaced, the counts stay true, each death costs no more than what the child had
// in hand, and nothing is left behind.
func TestKilledChildren(t *testing.T) {
	const workers, clients, deaths = 4, 6, 25 // one each 50 ms
	each(t, processKinds(), func(t *testing.T, k kind) {
		// The first server of a process also makes what is never given back.
		warm := start(t, k, pool.Config{})
		c := newClient(t, warm.url)
		c.pid(t)
		c.close()
		if err := warm.stop(); err != nil {
			t.Fatal(err)
		}
		before, routines := descriptors(t), runtime.NumGoroutine()

		s := start(t, k, pool.Config{MaxServers: workers, MaxRequests: pool.NoLimit})
		var served, failed, closed atomic.Int64
		over := make(chan struct{})
		var wg sync.WaitGroup
		for i := range clients {
			c := newClient(t, s.url)
			wg.Go(func() {
				defer c.close()
				for n := i; ; n++ {
					select {
					case <-over:
						return
					default:
					}
					status, text, err := c.try("GET", fmt.Sprint("/sleep?ms=", n%5), "")
					switch {
					case err == nil && status == http.StatusOK && text == "slept\n":
						served.Add(1)
					case err == nil && status == http.StatusBadGateway && text == "bad gateway\n":
						failed.Add(1)
					case errors.Is(err, errUnanswered):
						closed.Add(1)
					case err != nil && k.owns():
						closed.Add(1) // refused, or cut by the death of its owner
					case errors.Is(err, io.ErrUnexpectedEOF) && k.name != kinds[2].name:
						// A program that says no length was killed after
						// it had begun its answer.
						failed.Add(1)
					default:
						t.Errorf("%d %q %v", status, text, err)
						return
					}
				}
			})
		}
		var dead []int
		tick := time.NewTicker(50 * time.Millisecond)
		for range deaths {
			<-tick.C
			st, err := s.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(st.Workers) == 0 {
				continue // all are dead at this moment
			}
			w := st.Workers[rand.IntN(len(st.Workers))]
			// The kernel may take a while to clear a dead one away.
			if w.PID > 0 && !slices.Contains(dead, w.PID) && murder(t, w.PID) {
				dead = append(dead, w.PID)
			}
		}
		tick.Stop()
		kills := int64(len(dead))
		close(over)
		wg.Wait()
		var st *httpd.Status
		s.awaitStatus(t, "all replaced", func(now *httpd.Status) bool {
			st = now
			exits := now.Totals.Exits["crash"] + now.Totals.Exits["start"]
			return len(now.Workers) == workers && idle(now) == workers && exits >= kills // the last one is noticed
		})
		t.Logf("%d served, %d failed, %d connections closed, %d killed", served.Load(), failed.Load(), closed.Load(), kills)
		exits := st.Totals.Exits["crash"] + st.Totals.Exits["start"]
		if exits != kills {
			t.Errorf("%d children were killed, status counts %+v", kills, st.Totals.Exits)
		}
		if st.Totals.Spawned-exits != workers {
			t.Errorf("%d started, %d exited, %d are there", st.Totals.Spawned, exits, workers)
		}
		if served.Load() == 0 {
			t.Error("nothing was served")
		}
		least, most := served.Load()+failed.Load(), served.Load()+failed.Load()
		if !k.owns() {
			if failed.Load() > kills || closed.Load() > 0 {
				t.Errorf("%d requests failed and %d connections were closed by %d deaths", failed.Load(), closed.Load(), kills)
			}
		} else {
			most += closed.Load()
		}
		if n := st.Totals.Requests; n < least || n > most {
			t.Errorf("%d requests are counted, between %d and %d have begun", n, least, most)
		}
		if have := children(t); len(have) != workers {
			t.Errorf("%d workers, children are %v", workers, have)
		}
		if err := s.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		if have := children(t); len(have) > 0 {
			t.Errorf("after the end there are children: %v", have)
		}
		until(t, func() string {
			if after := descriptors(t); len(after) > len(before) {
				return fmt.Sprintf("descriptors before: %v\nafter: %v", before, after)
			}
			return ""
		})
		until(t, func() string {
			if n := runtime.NumGoroutine(); n > routines {
				stacks := make([]byte, 1<<20)
				return fmt.Sprintf("%d goroutines before, %d after:\n%s", routines, n, stacks[:runtime.Stack(stacks, true)])
			}
			return ""
		})
	})
}

// TestKilledInHand: the exit of a child that is killed names its request.
func TestKilledInHand(t *testing.T) {
	each(t, processKinds(), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		const path = "/sleep?ms=60000"
		c := newClient(t, s.url)
		c.send(t, "GET "+path+" HTTP/1.1\r\nHost: test\r\n\r\n")
		var pid int
		s.awaitStatus(t, "request in hand", func(st *httpd.Status) bool {
			for _, w := range st.Workers {
				if slices.ContainsFunc(w.Lanes, func(l httpd.StatusLane) bool {
					return l.State == "W" && l.Request == "GET "+path
				}) {
					pid = w.PID
				}
			}
			return pid > 0
		})
		if !murder(t, pid) {
			t.Fatalf("%d is no child", pid)
		}
		if !k.owns() {
			answered(t, c, http.StatusBadGateway, "bad gateway\n")
			c.pid(t)
			if c.closed > 0 {
				t.Error("the connection was closed")
			}
		} else if _, err := c.r.Peek(1); err == nil {
			t.Error("an answer came from the dead")
		}
		s.expect("start ready", "start ready", "start ready exited(crash)")
		st, err := s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := httpd.StatusExit{
			PID: pid, Slot: st.Exits[0].Slot, Cause: "crash", Status: "signal: " + syscall.SIGKILL.String(),
			Request: "GET " + path, Requests: 1, At: st.Exits[0].At,
		}
		if len(st.Exits) != 1 || st.Exits[0] != want {
			t.Errorf("exits: %+v, expected %+v", st.Exits, want)
		}
	})
}

// TestNothingLeft: servers of every kind give everything back, also with
// connections open and requests behind them.
func TestNothingLeft(t *testing.T) {
	everyKind(t, func(t *testing.T, k kind) {
		round := func() {
			s := start(t, k.with(func(s *httpd.Server) { s.Admin = "http://127.0.0.1:0" }), pool.Config{})
			for range 5 {
				newClient(t, s.url).pid(t)
			}
			admin := newClient(t, s.AdminAddr())
			admin.must(t, "/status.json")
			admin.close()
			if err := s.stop(); err != nil {
				t.Error(err)
			}
			// The client's side.
			http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		}
		t.Run("first", func(t *testing.T) { round() })
		before, routines := len(descriptors(t)), runtime.NumGoroutine()
		for range 3 {
			round()
		}
		until(t, func() string {
			// Each round's clients stay open until the test ends.
			if after := descriptors(t); len(after) > before+3*5 {
				return fmt.Sprintf("%d descriptors before, after: %v", before, after)
			}
			return ""
		})
		until(t, func() string {
			if n := runtime.NumGoroutine(); n > routines {
				stacks := make([]byte, 1<<20)
				return fmt.Sprintf("%d goroutines before, %d after:\n%s", routines, n, stacks[:runtime.Stack(stacks, true)])
			}
			return ""
		})
	})
}
