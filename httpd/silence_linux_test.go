package httpd_test

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// silentLimit is request_timeout where a program falls silent.
const silentLimit = time.Second

// journaled is a kind whose log is kept.
func (k kind) journaled() (kind, *journal) {
	j := newJournal()
	return k.with(func(s *httpd.Server) { s.Log = slog.New(slog.NewTextHandler(j, nil)) }), j
}

// cutAfter reads an answer that begins with a line, and is cut.
func (c *client) cutAfter(t *testing.T, line string) {
	t.Helper()
	body := bufio.NewReader(c.receive(t, "GET").Body)
	if got, err := body.ReadString('\n'); err != nil || got != line {
		t.Fatalf("%q %v", got, err)
	}
	if rest, err := io.ReadAll(body); len(rest) > 0 || !errors.Is(err, io.ErrUnexpectedEOF) && (err == nil || !strings.Contains(err.Error(), "reset")) {
		t.Errorf("end of the answer: %q %v, expected a cut", rest, err)
	}
}

// TestProgramFallsSilent: a program that stops in the middle of its answer is found out
// by request_timeout, and replaced; its client can tell that the answer is cut.
func TestProgramFallsSilent(t *testing.T) {
	for name, concurrency := range map[string]int{"c=1": 1, "c=2": 2} {
		t.Run(name, func(t *testing.T) {
			k, j := kinds[4].journaled()
			s, d := start(t, k, pool.Config{Concurrency: concurrency, RequestTimeout: silentLimit}), conduct(t)
			c := newClient(t, s.url)
			c.send(t, "GET /paced"+d.by()+" HTTP/1.1\r\nHost: test\r\n\r\n")
			p := d.next()
			p.cue("one")
			c.cutAfter(t, "piece one\n")
			p.gone() // with its process
			newClient(t, s.url).pid(t)
			s.expect("start ready wedged(timeout) retire(timeout) exited(timeout)", "start ready", "start ready")
			j.await(t, "level=WARN", "fallen silent", "program=/", "GET /paced"+d.by(), "limit="+silentLimit.String())
			s.awaitStatus(t, "nobody lost", func(st *httpd.Status) bool {
				return st.Totals.Lost == 0 && st.Totals.Timeouts == 1 && st.Totals.Exits["timeout"] == 1
			})
		})
	}
}

// TestProgramFallsSilentOverFCGI: a web server gets no end of the request.
func TestProgramFallsSilentOverFCGI(t *testing.T) {
	s, d := start(t, overFCGI(kinds[4]), pool.Config{RequestTimeout: silentLimit}), conduct(t)
	w := dialFCGI(t, s.url)
	id := w.send(directed(d, "/paced"), nil)
	p := d.next()
	p.cue("one")
	if a, err := w.answer(id); !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "piece one") {
		t.Errorf("%+v %v", a, err)
	}
	p.gone()
	dialFCGI(t, s.url).warm()
}

// TestUpstreamFallsSilent: the connection is closed.
func TestUpstreamFallsSilent(t *testing.T) {
	p := play(t, "unix")
	j := newJournal()
	s := p.front(func(s *httpd.Server) {
		keepLong(s)
		s.Log = slog.New(slog.NewTextHandler(j, nil))
	}, pool.Config{MaxServers: 1, RequestTimeout: silentLimit})
	c := newClient(t, s.url)
	c.send(t, "GET /still HTTP/1.1\r\nHost: test\r\n\r\n")
	w := p.next()
	w.expect("GET /still")
	w.say(record(stdout, "Content-Type: a/b\r\n\r\nstart\n"))
	c.cutAfter(t, "start\n")
	w.over()
	got := request(t, s.url, "GET", "/next", "")
	w = p.next()
	w.expect("GET /next")
	w.say(answer("next\n"))
	got.is(t, "200 next\n")
	j.await(t, "level=WARN", "fallen silent", "program="+p.url, "GET /still")
	s.await(t, func(state string) bool { return state == "_" })
	s.awaitStatus(t, "the timeout", func(st *httpd.Status) bool { return st.Totals.Lost == 0 && st.Totals.Timeouts == 1 })
}

// TestCGIFallsSilent: nothing is left of the process and of what it has started.
func TestCGIFallsSilent(t *testing.T) {
	for name, first := range map[string]string{"": "", "stubborn": "trap '' TERM\n"} {
		t.Run(name, func(t *testing.T) {
			marks := t.TempDir()
			k, j := kind{"cgi", func(t *testing.T, s *httpd.Server) {
				s.Handler = &httpd.CGIBin{Dir: scripts(t, map[string]string{
					"still": first + `touch "` + marks + `/$$"; sleep 1000 & touch "` + marks + `/$!"` + "\n" + plain + "echo start; wait; wait",
					"quick": plain + "echo quick",
				})}
			}, true}.journaled()
			s := start(t, k, pool.Config{MaxServers: 1, RequestTimeout: silentLimit})
			c := newClient(t, s.url)
			c.send(t, "GET /cgi-bin/still HTTP/1.1\r\nHost: test\r\n\r\n")
			c.cutAfter(t, "start\n")
			for _, pid := range marked(t, marks, 2) {
				gone(t, pid)
			}
			j.await(t, "level=WARN", "fallen silent", "program=/", "/still", "GET /cgi-bin/still")
			if n := j.count("failed"); n > 0 {
				t.Errorf("%d failures logged", n)
			}
			s.awaitStatus(t, "idle again", func(st *httpd.Status) bool {
				return st.Totals.Lost == 0 && st.Totals.Timeouts == 1 && idle(st) == 1
			})
		})
	}
}

// TestHandlerMayBeSilent: handlers in Go that stream are left alone.
func TestHandlerMayBeSilent(t *testing.T) {
	each(t, kinds[:3], func(t *testing.T, k kind) {
		s, d := start(t, k, pool.Config{RequestTimeout: silentLimit}), conduct(t)
		c := newClient(t, s.url)
		c.send(t, "GET /paced"+d.by()+" HTTP/1.1\r\nHost: test\r\n\r\n")
		p := d.next()
		p.cue("one")
		body := bufio.NewReader(c.receive(t, "GET").Body)
		if line, err := body.ReadString('\n'); err != nil || line != "piece one\n" {
			t.Fatalf("%q %v", line, err)
		}
		// Another one tells when the time has passed.
		if status, text, err := newClient(t, s.url).do("GET", "/held"+d.by(), ""); err != nil || status != 504 {
			t.Fatalf("%d %q %v", status, text, err)
		}
		p.cue("two")
		if line, err := body.ReadString('\n'); err != nil || line != "piece two\n" {
			t.Fatalf("%q %v", line, err)
		}
		p.conn.Close()
		if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
			t.Errorf("rest: %q %v", rest, err)
		}
	})
}
