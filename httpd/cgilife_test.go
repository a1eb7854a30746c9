//go:build linux

package httpd_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// gone waits until there is no such process, nor a zombie that this one would have to
// bury: those of others are init's affair.
func gone(t *testing.T, pid int) {
	t.Helper()
	until(t, func() string {
		if state, parent := processState(pid); state != "" && (state != "Z" || parent == os.Getpid()) {
			return fmt.Sprintf("process %d is still there", pid)
		}
		return ""
	})
}

// ids are the files in a directory that are named after processes.
func ids(t *testing.T, dir string) (list []int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			list = append(list, n)
		}
	}
	return list
}

// marked waits for n processes that have made a file named after them.
func marked(t *testing.T, dir string, n int) (list []int) {
	t.Helper()
	until(t, func() string {
		if list = ids(t, dir); len(list) != n {
			return fmt.Sprintf("%d processes, expected %d", len(list), n)
		}
		return ""
	})
	return list
}

// TestCGIEnds checks that nothing is left of a program whose answer nobody wants any
// more, be it that it takes too long, that the client leaves, or that the worker is
// killed, before the first octet or in mid-answer.
func TestCGIEnds(t *testing.T) {
	for name, before := range map[string]string{"silent": "", "streaming": plain + "echo begun\n"} {
		for _, stubborn := range []bool{false, true} {
			marks := t.TempDir()
			// The program, and one that it starts.
			text := before + `touch "` + marks + `/$$"; sleep 1000 & touch "` + marks + `/$!"; wait; echo late` + "\n"
			if stubborn {
				text = "trap '' TERM\n" + text
			}
			t.Run(fmt.Sprintf("%s, stubborn %t", name, stubborn), func(t *testing.T) {
				s := serveScript(t, text, pool.Config{})
				conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				io.WriteString(conn, "GET /cgi-bin/x HTTP/1.1\r\nHost: a\r\n\r\n")
				pids := marked(t, marks, 2)
				st := s.awaitStatus(t, "request in hand", func(st *httpd.Status) bool { return idle(st) == 1 })
				if got := st.Workers[0].Lanes[0].Request + st.Workers[1].Lanes[0].Request; got != "GET /cgi-bin/x" {
					t.Errorf("%q", got)
				}
				conn.Close()
				gone(t, pids[0])
				gone(t, pids[1])
				s.awaitStatus(t, "idle again", func(st *httpd.Status) bool { return idle(st) == 2 })
				if err := s.stop(); err != nil {
					t.Error(err)
				}
				for _, pid := range pids {
					os.Remove(filepath.Join(marks, strconv.Itoa(pid)))
				}
			})
			t.Run(fmt.Sprintf("%s, worker killed, stubborn %t", name, stubborn), func(t *testing.T) {
				s := serveScript(t, text, pool.Config{DieTimeout: 100 * time.Millisecond})
				resp := make(chan error, 1)
				go func() {
					r, err := http.Get(s.url + "/cgi-bin/x")
					if err == nil {
						_, err = io.ReadAll(r.Body)
						if r.StatusCode >= 500 {
							err = errors.New(r.Status)
						}
						r.Body.Close()
					}
					resp <- err
				}()
				pids := marked(t, marks, 2)
				if err := s.stop(); !notClean(err) {
					t.Errorf("%v", err)
				}
				// The launcher is closed with the server.
				for _, pid := range pids {
					gone(t, pid)
					os.Remove(filepath.Join(marks, strconv.Itoa(pid)))
				}
				if err := <-resp; err == nil {
					t.Error("a whole answer")
				}
			})
		}
	}
}

func TestCGITimeout(t *testing.T) {
	marks := t.TempDir()
	s := serveCGI(t, &httpd.CGIBin{Dir: scripts(t, map[string]string{
		"slow": `touch "` + marks + `/$$"; sleep 1000`, "quick": plain + "echo quick",
	})}, pool.Config{RequestTimeout: time.Second}, nil)
	c := newClient(t, s.url)
	for range 2 {
		status, body, err := c.get("/cgi-bin/slow")
		if status != 504 || err != nil {
			t.Errorf("%d %q %v", status, body, err)
		}
		if got := c.must(t, "/cgi-bin/quick"); got != "quick\n" {
			t.Errorf("%q", got)
		}
	}
	for _, pid := range marked(t, marks, 2) {
		gone(t, pid)
	}
	s.awaitStatus(t, "nobody lost", func(st *httpd.Status) bool {
		return st.Totals.Lost == 0 && st.Totals.Timeouts == 2 && idle(st) == 2
	})
}

// TestCGIBound checks that there are never more processes than lanes, those of
// max_surge among them, that each request has one of its own, and that a worker leaves
// after its last request.
func TestCGIBound(t *testing.T) {
	running := t.TempDir()
	s := serveScript(t, `mkdir "`+running+`/$$"; ls "`+running+`" | wc -l > /dev/fd/2
n=$(ls "`+running+`" | wc -l); sleep 0.01; rmdir "`+running+`/$$"
`+plain+`echo "$$ $n"`, pool.Config{MaxServers: 2, Concurrency: 2, MaxRequests: 10})
	var mu sync.Mutex
	pids := make(map[string]bool)
	var clients sync.WaitGroup
	for range 10 {
		clients.Go(func() {
			c := newClient(t, s.url)
			for range 10 {
				status, body, err := c.get("/cgi-bin/x")
				pid, n, _ := strings.Cut(strings.TrimSpace(body), " ")
				if most, _ := strconv.Atoi(n); err != nil || status != 200 || most < 1 || most > 6 {
					t.Errorf("%d %q %v", status, body, err)
				}
				mu.Lock()
				if pids[pid] {
					t.Errorf("process %s has served two requests", pid)
				}
				pids[pid] = true
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	s.awaitStatus(t, "ten workers have left", func(st *httpd.Status) bool {
		return st.Totals.Exits["max_requests"] >= 9 && st.Totals.Requests == 100 && st.Mode == "fork" &&
			st.Workers[0].RSS == 0
	})
}

// TestCGILeaks checks that nothing is left of 240 requests of all kinds.
func TestCGILeaks(t *testing.T) {
	s := serveCGI(t, &httpd.CGIBin{Dir: scripts(t, map[string]string{
		"ok": plain + "cat", "bad": "exit 3", "slow": "sleep 1000", "flood": plain + "cat /dev/zero",
		"held": plain + "sleep 1000 2>&1 &", "closed": plain + "exec <&- >&-; exec sleep 0.2",
	})}, pool.Config{MaxServers: 8, RequestTimeout: 200 * time.Millisecond, MaxRequests: pool.NoLimit}, nil)
	one := func(path string, i int) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		body := strings.Repeat("x", i%3*100_000)
		go fmt.Fprintf(conn, "POST /cgi-bin/%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
		if path == "flood" || i%4 == 0 { // leaves early
			io.CopyN(io.Discard, bufio.NewReader(conn), 1)
			return
		}
		io.Copy(io.Discard, conn)
	}
	round := func() {
		var all sync.WaitGroup
		for _, path := range []string{"ok", "bad", "slow", "flood", "closed"} {
			all.Go(func() {
				for i := range 16 {
					one(path, i)
				}
			})
		}
		all.Wait()
		s.awaitStatus(t, "idle again", func(st *httpd.Status) bool { return idle(st) == 8 && st.Totals.Lost == 0 })
	}
	round()
	fds, goroutines := len(descriptors(t)), runtime.NumGoroutine()
	round()
	round()
	until(t, func() string {
		if list := descriptors(t); len(list) > fds+2 {
			return fmt.Sprintf("%d descriptors, %d before: %q", len(list), fds, list)
		}
		if n := runtime.NumGoroutine(); n > goroutines+4 {
			return fmt.Sprintf("%d goroutines, %d before", n, goroutines)
		}
		if list := children(t); len(list) > 0 {
			return fmt.Sprintf("children: %q", list)
		}
		return ""
	})
}
