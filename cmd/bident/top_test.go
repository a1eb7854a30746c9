package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
)

// A server that is not what it seems says what would play tricks on a terminal.
const nasty = "GET /\x1b[2J\r\n\x9b1;1H\u202e\u00e9\x00"

// sampleOf is a server with some workers at second n of its life.
func sampleOf(n, workers int) *sample {
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := &sample{at: started.Add(time.Duration(n) * time.Second)}
	s.status = httpd.Status{
		Mode: "fork", Accept: "request", PID: 7, Generation: 2, Started: started,
		Listeners: []string{"http://127.0.0.1:8080", nasty},
	}
	t := &s.status.Totals
	t.Requests, t.Connections, t.Waiting, t.Exits = int64(100*n), int64(n), 3, map[string]int64{"crash": 1, nasty: 2}
	t.Duration = httpd.StatusHistogram{Count: int64(100 * n), Buckets: []httpd.StatusBucket{{LE: 0.0005, Count: 90}, {LE: 0.25, Count: int64(100*n) - 90}}}
	for i := range workers {
		w := httpd.StatusWorker{Slot: i, PID: 100 + i, State: "_", Requests: int64(10 * n), Age: float64(n), Lanes: []httpd.StatusLane{{State: "_"}}}
		if i%3 == 1 {
			w.State, w.Lanes[0] = "W", httpd.StatusLane{State: "W", Request: nasty, Age: float64(i)}
		}
		s.status.Workers = append(s.status.Workers, w)
	}
	return s
}

func TestTopView(t *testing.T) {
	v := view{now: sampleOf(4, 5), before: sampleOf(2, 4), width: 120, height: 40}
	got := strings.Join(v.lines(), "\n")
	for _, want := range []string{
		"bident fork/request  pid 7  generation 2  up 4s  http://127.0.0.1:8080",
		"requests 400 (100/s)  connections 4 (1.0/s)  queue 3 ",
		"duration p50 <=250ms p99 <=250ms  wait -  exits",
		"\nworkers 5  W 2  _ 3\n_W__W\n",
		"\nW     4      104    0           40      -      0",
		"\nW     1      101    0           40     10      0",
		"1/1  4s GET /?[2J",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if i := strings.Index(got, "\nW     4"); i < 0 || i > strings.Index(got, "\nW     1") || i > strings.Index(got, "\n_ ") {
		t.Errorf("not in the order of urgency:\n%s", got)
	}
	v.before = nil
	if got := strings.Join(v.lines(), "\n"); strings.Contains(got, "/s)") || !strings.Contains(got, "duration p50 <=250ms") {
		t.Errorf("the first frame:\n%s", got)
	}
	other := sampleOf(2, 4)
	other.status.PID = 8
	if v.before = other; strings.Contains(strings.Join(v.lines(), "\n"), "/s)") {
		t.Error("rates of two servers")
	}
	v.trouble = errors.New("refused " + nasty)
	if got := strings.Join(v.lines(), "\n"); !strings.Contains(got, "no answer: refused GET /?[2J") {
		t.Errorf("trouble:\n%s", got)
	}
}

var colorCode = regexp.MustCompile("\x1b\\[[0-9;]*m")

// checkFrame checks what holds for every frame: it fits, and nothing in it but
// colours is not printable ASCII.
func checkFrame(t *testing.T, v *view) {
	t.Helper()
	lines := v.lines()
	if len(lines) > v.height {
		t.Errorf("%d lines in a height of %d", len(lines), v.height)
	}
	for _, line := range lines {
		plain := line
		if v.color {
			plain = colorCode.ReplaceAllString(line, "")
		}
		if len(plain) > v.width || strings.ContainsFunc(plain, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("width %d: %q", v.width, line)
		}
	}
}

func TestTopViewFits(t *testing.T) {
	for _, workers := range []int{0, 1, 50, 300} {
		for _, width := range []int{1, 20, 80, 500} {
			for _, height := range []int{1, 2, 5, 8, 24, 100} {
				for _, color := range []bool{false, true} {
					v := view{now: sampleOf(9, workers), before: sampleOf(8, workers), width: width, height: height, color: color}
					checkFrame(t, &v)
				}
			}
		}
	}
	v := view{now: sampleOf(9, 50), width: 80, height: 24}
	if lines := v.lines(); len(lines) != 24 || lines[23] != "... 34 workers more" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

// FuzzTopView: no status, of whatever server, makes a frame that does not fit or
// steers the terminal.
func FuzzTopView(f *testing.F) {
	seed, err := json.Marshal(sampleOf(3, 4).status)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, uint16(80), uint16(24), true)
	f.Add([]byte(`{"workers":[{"slot":-5,"state":"\u001b","age_s":1e300,"lanes":null},{"slot":2147483647}]}`), uint16(3), uint16(9), false)
	f.Add([]byte(`{"totals":{"request_duration":{"count":-1,"buckets":[{"le_s":-1,"count":9223372036854775807},{"le_s":-2,"count":1}]}}}`), uint16(0), uint16(0), true)
	f.Fuzz(func(t *testing.T, status []byte, width, height uint16, color bool) {
		now, before := sample{at: time.Unix(9, 0)}, sample{at: time.Unix(8, 0)}
		if json.Unmarshal(status, &now.status) != nil {
			return
		}
		before.status = now.status
		v := view{now: &now, before: &before, width: int(width)%300 + 1, height: int(height)%100 + 1, color: color}
		checkFrame(t, &v)
	})
}

// adminOf is the admin listener of a server that does not exist.
func adminOf(t *testing.T) *httptest.Server {
	t.Helper()
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++ // one asks at a time
		if r.URL.Path != "/status.json" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		b, err := json.Marshal(sampleOf(n, 5).status)
		if err != nil {
			panic(err)
		}
		w.Write(b)
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestTopWithoutTerminal(t *testing.T) {
	var out, errs bytes.Buffer
	srv := adminOf(t)
	if code := top([]string{"--admin", srv.URL, "--frames=3", "--interval=100ms"}, &out, &errs); code != exitOK || errs.Len() > 0 {
		t.Fatalf("status %d\n%s", code, &errs)
	}
	if n := strings.Count(out.String(), "bident fork/request  pid 7"); n != 3 || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%d frames:\n%q", n, out.String())
	}
	if !regexp.MustCompile(`requests 300 \([0-9.]+/s\)`).Match(out.Bytes()) {
		t.Errorf("no rate:\n%s", &out)
	}
	for _, test := range []struct {
		args string
		code int
		says string
	}{
		{"--frames=-1", exitUsage, "--frames -1 is negative"},
		{"--interval=10ms", exitUsage, "less than 100ms"},
		{"--interval=-1s", exitUsage, "is not a duration"},
		{"--interval=0", exitUsage, "less than 100ms"},
		{"now", exitUsage, "takes no arguments"},
		{"--sort=x", exitUsage, "not defined"},
		{"--admin=http://127.0.0.1:1", exitFailed, "cannot reach the server"},
	} {
		out.Reset()
		errs.Reset()
		if code := top([]string{test.args}, &out, &errs); code != test.code || !strings.Contains(errs.String(), test.says) || out.Len() > 0 {
			t.Errorf("%s: %d %q %q", test.args, code, &errs, &out)
		}
	}
	// A server that goes away ends it with an error.
	ends := adminOf(t)
	stopping := &stopAfter{out: &out, lines: 1, stop: func() { ends.CloseClientConnections(); ends.Listener.Close() }}
	errs.Reset()
	if code := top([]string{"--admin", ends.URL, "--interval=100ms"}, stopping, &errs); code != exitFailed {
		t.Errorf("status %d %s", code, &errs)
	}
}

// stopAfter calls stop after so many writes.
type stopAfter struct {
	out   *bytes.Buffer
	lines int
	stop  func()
}

func (s *stopAfter) Write(p []byte) (int, error) {
	if s.lines--; s.lines == 0 {
		s.stop()
	}
	return s.out.Write(p)
}

func Example_percentiles() {
	before := httpd.StatusHistogram{Count: 10, Buckets: []httpd.StatusBucket{{LE: 0.001, Count: 10}}}
	now := httpd.StatusHistogram{Count: 21, Buckets: []httpd.StatusBucket{{LE: 0.001, Count: 19}, {LE: 0.5, Count: 1}}}
	fmt.Println(percentiles(since(now, before)))
	// Output: p50 <=1ms p99 >100s
}
