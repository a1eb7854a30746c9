package httpd_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// shownAs is what ps would show of a process.
func shownAs(pid int) string {
	b, _ := os.ReadFile("/proc/" + itoa(pid) + "/cmdline")
	return string(bytes.TrimRight(b, "\x00"))
}

// TestTitles: processes say what they are and what they do.
func TestTitles(t *testing.T) {
	each(t, lanesKinds[:4], func(t *testing.T, k kind) {
		s, d := start(t, k.with(func(s *httpd.Server) { s.Title = "test" }), pool.Config{MaxServers: 1}), conduct(t)
		worker := pids(t, s)[0]
		is := func(pid int, want string) {
			t.Helper()
			until(t, func() string {
				if got := shownAs(pid); got != want {
					return got + ", expected " + want
				}
				return ""
			})
		}
		is(os.Getpid(), "test: supervisor (fork)")
		is(worker, "test: worker 0 suite [idle]")
		if name, err := os.ReadFile("/proc/" + itoa(worker) + "/comm"); string(name) != "test w0\n" {
			t.Errorf("name %q %v", name, err)
		}
		c, p := hold(t, s, d)
		is(worker, "test: worker 0 suite [busy]")
		p.cue("go")
		answered(t, c, 200, "held\n")
		after := "idle"
		if k.owns() {
			after = "kept"
		}
		is(worker, "test: worker 0 suite ["+after+"]")
		c.close()
		is(worker, "test: worker 0 suite [idle]")
		// What it was started with is still there, for it and for what it starts.
		asks := newClient(t, s.url)
		if got := asks.must(t, "/environment"); got != "true true\n" {
			t.Errorf("environment: %s", got)
		}
		asks.close() // whoever is still connected is kept by the next worker
		c, p = hold(t, s, d)
		recycled := make(chan error, 1)
		go func() { recycled <- s.Recycle(t.Context(), 0) }()
		if k.owns() {
			is(worker, "test: worker 0 suite [retiring]")
		}
		p.cue("go")
		answered(t, c, 200, "held\n")
		if err := <-recycled; err != nil {
			t.Error(err)
		}
		c.close()
		is(pids(t, s)[0], "test: worker 1 suite [idle]")
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestTitleAlone: who does not ask for titles has none, and the name of its program.
func TestTitleAlone(t *testing.T) {
	s := start(t, kinds[3], pool.Config{})
	before := shownAs(pids(t, s)[0])
	newClient(t, s.url).pid(t)
	if !strings.Contains(before, ".test") || strings.Contains(before, "worker") {
		t.Errorf("shown as %q", before)
	}
	name, err := os.ReadFile("/proc/" + itoa(pids(t, s)[0]) + "/comm")
	program := filepath.Base(os.Args[0])
	if want := program[:min(len(program), 15)] + "\n"; string(name) != want {
		t.Errorf("name %q, want %q, %v", name, want, err)
	}
}
