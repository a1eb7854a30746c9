package httpd_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestChildRecords: what a child logs itself is one record of the server's log,
// with its level and attributes, also if all that is wanted are warnings.
func TestChildRecords(t *testing.T) {
	each(t, kinds[2:4], func(t *testing.T, k kind) {
		j := newJournal()
		s := start(t, k.with(func(s *httpd.Server) {
			s.SlowRequest = 20 * time.Millisecond
			s.Log = slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: slog.LevelWarn}))
		}), pool.Config{MaxRequests: pool.NoLimit})

		// Two at once; whichever children they get.
		a, b := newClient(t, s.url), newClient(t, s.url)
		a.send(t, "GET /sleep?ms=300&a HTTP/1.1\r\nHost: test\r\n\r\n")
		b.send(t, "GET /sleep?ms=300&b HTTP/1.1\r\nHost: test\r\n\r\n")
		for _, which := range []string{"a", "b"} {
			r := readRecord(t, j.await(t, `"slow request"`, "ms=300&"+which))
			r.expect(t, "WARN", "slow request", "request", "GET /sleep?ms=300&"+which, "age", "stack")
			if k.name == "fork request c=1" && !strings.Contains(r.text("stack"), "suiteHandler") {
				t.Errorf("stack: %v", r["stack"])
			}
		}
		answered(t, a, 200, "slept")
		answered(t, b, 200, "slept")

		c := newClient(t, s.url)
		pid, _ := c.pid(t)
		c.send(t, "GET /panic HTTP/1.1\r\nHost: test\r\n\r\n")
		r := readRecord(t, j.await(t, `"handler panicked"`))
		r.expect(t, "ERROR", "handler panicked", "request", "GET /panic", "panic", "asked for", "stack")
		if n := strings.Count(r.text("stack"), "\n"); n < 4 || !strings.Contains(r.text("stack"), "suiteHandler") {
			t.Errorf("stack of %d lines: %v", n, r["stack"])
		}
		if got := fmt.Sprint(r["pid"]); k.name != "fork request c=1" && got != fmt.Sprint(pid) {
			t.Errorf("pid %s, expected %v", got, pid)
		}
		s.stop()
		for what, want := range map[string]int{`"slow request"`: 2, `"handler panicked"`: 1, "bident-log": 0, `"INFO"`: 0} {
			if n := j.count(what); n != want {
				t.Errorf("%s: %d times, expected %d, in\n%s", what, n, want, j.text.String())
			}
		}
	})
}

// logRecord is a record of a log of JSON.
type logRecord map[string]any

func readRecord(t *testing.T, line string) (r logRecord) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	for _, once := range []string{`"slot":`, `"pid":`} {
		if strings.Count(line, once) != 1 {
			t.Errorf("%s is not there once: %s", once, line)
		}
	}
	return r
}

func (r logRecord) text(key string) string {
	s, _ := r[key].(string)
	return s
}

// expect checks level and message, that attributes are there, and the values of
// those that a value follows: all but age and stack.
func (r logRecord) expect(t *testing.T, level, msg string, attrs ...string) {
	t.Helper()
	if r["level"] != level || r["msg"] != msg {
		t.Errorf("%v %v", r["level"], r["msg"])
	}
	if slot, ok := r["slot"].(float64); !ok || slot < 0 || slot > 1 {
		t.Errorf("slot %v", r["slot"])
	}
	if pid, ok := r["pid"].(float64); !ok || pid <= 1 {
		t.Errorf("pid %v", r["pid"])
	}
	for i := 0; i < len(attrs); i++ {
		key := attrs[i]
		switch {
		case r[key] == nil:
			t.Errorf("%s is missing: %v", key, r)
		case key != "age" && key != "stack":
			if i++; r[key] != attrs[i] {
				t.Errorf("%s: %v, expected %s", key, r[key], attrs[i])
			}
		}
	}
}
