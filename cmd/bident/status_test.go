package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
)

// withPools is a sample of a server whose routes have pools of their own.
func withPools(n, workers int, names ...string) *sample {
	s := sampleOf(n, workers)
	for i, name := range names {
		p := httpd.StatusPool{Name: name, Mode: "fork", Generation: 3 + i}
		p.Totals = httpd.StatusTotals{Requests: int64(10 * n), Waiting: 6, Shed: 8, Exits: map[string]int64{"idle": 2}}
		p.Workers = []httpd.StatusWorker{{Slot: 1, PID: 900 + i, State: "W", Requests: int64(5 * n), Age: 5, RSS: 3 << 20,
			Lanes: []httpd.StatusLane{{State: "W", Request: "GET /" + name, Age: 100}}}}
		p.Exits = []httpd.StatusExit{{PID: 800 + i, Cause: "idle"}}
		s.status.Pools = append(s.status.Pools, p)
	}
	return s
}

// someUpstreams are the listeners of an upstream at second n, one of them down.
func someUpstreams(n int64) []httpd.StatusUpstream {
	return []httpd.StatusUpstream{
		{URL: "fcgi://one:9005", Up: true, Requests: 10 * n, Connections: 3, Idle: 2, Opened: 9, Retries: 1, Errors: 4},
		{URL: "fcgi+unix:///two\x1b[2J", Failures: 7},
	}
}

func TestUpstreamsShown(t *testing.T) {
	const one, two = "connections 3  idle 2  opened 9  failures 0  retries 1  errors 4", "connections 0  idle 0  opened 0  failures 7  retries 0  errors 0"
	now, before := withPools(4, 2, "reports"), withPools(2, 2, "reports")
	for _, s := range []*sample{now, before} {
		list := someUpstreams(s.status.Totals.Requests)
		s.status.Upstreams, s.status.Pools[0].Upstreams = list, list[:1]
	}
	var out bytes.Buffer
	if err := writeStatus(&out, &now.status); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\nupstream fcgi://one:9005  up  requests 4000  " + one + "\nupstream fcgi+unix:///two", "  DOWN  requests 0  " + two + "\nexits",
		"spawned 0\nupstream fcgi://one:9005  up  requests 4000  " + one + "\nexits  idle 2\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
	v := view{now: now, before: before, width: 160, height: 40}
	got := strings.Join(v.lines(), "\n")
	for _, want := range []string{
		"\nupstream fcgi+unix:///two?[2J  DOWN  requests 0 (0/s)  " + two + "\nupstream fcgi://one:9005  up  requests 4000 (1000/s)  " + one + "\nworkers 2",
		"exits  idle 2\nupstream fcgi://one:9005  up  requests 4000 (1000/s)  " + one + "\nworkers 1",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	for range 3 {
		now.status.Upstreams = append(now.status.Upstreams, someUpstreams(1)...)
	}
	v.before = nil
	if got := strings.Join(v.lines(), "\n"); strings.Count(got, "DOWN") != 4 || !strings.Contains(got, "\n... 4 upstreams more\n") || strings.Contains(got, "/s)") {
		t.Errorf("many upstreams:\n%s", got)
	}
	for height := 1; height < 40; height++ {
		checkFrame(t, &view{now: now, before: before, width: 60, height: height, color: true})
	}
}

func TestTopOfPools(t *testing.T) {
	if got := strings.Join((&view{now: sampleOf(4, 5), width: 120, height: 40}).lines(), "\n"); strings.Contains(got, "POOL") || strings.Contains(got, "pool ") {
		t.Errorf("pools that are not there:\n%s", got)
	}
	v := view{now: withPools(4, 5, "reports", "a very long name of a pool"), before: withPools(2, 5, "reports"), width: 140, height: 40}
	got := strings.Join(v.lines(), "\n")
	for _, want := range []string{
		"\n_W__W\npool reports  fork  generation 3\nrequests 40 (10/s)  queue 6  queued 0  shed 8  timeouts 0  lost 0  spawned 0  exits  idle 2\nworkers 1  W 1\n.W\n",
		"\npool a very long name of a pool  fork  generation 4\nrequests 40  queue 6 ",
		"\nS  POOL          SLOT      PID",
		"\nW  a very long      1      901    0           20      -      0",
		"\nW  reports          1      900    0           20    5.0      0",
		"\nW                   4      104    0           40     10      0",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	// Workers of pools are where their urgency puts them.
	if strings.Index(got, "GET /reports") > strings.Index(got, "\nW                   4") {
		t.Errorf("not in the order of urgency:\n%s", got)
	}
	// Many pools leave room for the workers.
	many := withPools(4, 5, "a", "b", "c", "d", "e", "f", "g")
	v = view{now: many, width: 80, height: 24}
	if got := strings.Join(v.lines(), "\n"); !strings.Contains(got, "\n... 4 pools more\n") || !strings.Contains(got, "\nW  c                1") {
		t.Errorf("many pools:\n%s", got)
	}
	for _, width := range []int{1, 20, 80, 500} {
		for height := 1; height < 40; height++ {
			for _, color := range []bool{false, true} {
				checkFrame(t, &view{now: withPools(9, 5, "a", nasty), before: withPools(8, 5, nasty), width: width, height: height, color: color})
			}
		}
	}
}

func TestStatusOfPools(t *testing.T) {
	var out bytes.Buffer
	if err := writeStatus(&out, &sampleOf(4, 2).status); err != nil || strings.Contains(out.String(), "pool") {
		t.Errorf("%v\n%s", err, &out)
	}
	out.Reset()
	if err := writeStatus(&out, &withPools(4, 2, "reports", "other").status); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\n\npool reports  fork  generation 3\nrequests 40  queue 6  queued 0  shed 8  timeouts 0  lost 0  spawned 0\nexits  idle 2\n\nSLOT  PID",
		"\n1     900  W ", "3.0M  GET /reports (100.0s)\n", "exit: pid 800 slot 0 idle", "\npool other  fork  generation 4\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
}

// TestStatusWatch: a status for each tick, until a signal or the server's end.
func TestStatusWatch(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		srv := adminOf(t)
		c, err := newAdminClient(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		ticks, signals, ended := make(chan time.Time), make(chan os.Signal), make(chan error, 1)
		p := &statusPrinter{target: target{admin: srv.URL}, client: c, out: &out, asJSON: asJSON, lines: true}
		go func() { ended <- p.watch(ticks, signals) }()
		for range 2 { // each after a status was printed
			select {
			case ticks <- time.Now():
			case err := <-ended:
				t.Fatalf("ended with %v", err)
			}
		}
		ticks <- time.Now()
		signals <- os.Interrupt
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if !asJSON {
			// The first one, and each other after an empty line.
			if text := out.String(); !strings.HasPrefix(text, "bident fork/request  pid 7") || strings.Count(text, "\n\nbident fork/request") < 2 {
				t.Errorf("%s", text)
			}
			continue
		}
		lines := strings.SplitAfter(out.String(), "\n")
		if len(lines) < 4 || lines[len(lines)-1] != "" {
			t.Fatalf("%d lines", len(lines))
		}
		for i, line := range lines[:len(lines)-1] {
			var st httpd.Status
			if err := json.Unmarshal([]byte(line), &st); err != nil || st.Totals.Requests != int64(100*(i+1)) {
				t.Errorf("line %d: %v %s", i, err, line)
			}
		}
	}
	srv := adminOf(t)
	var out, errs bytes.Buffer
	stopping := &stopAfter{out: &out, lines: 1, stop: func() { srv.CloseClientConnections(); srv.Listener.Close() }}
	if code := status([]string{"--watch", "--json", "--admin", srv.URL}, stopping, &errs); code != exitFailed ||
		!strings.Contains(errs.String(), "cannot reach the server") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("status %d %s %s", code, &errs, &out)
	}
	if code := status([]string{"--watch", "--admin=http://127.0.0.1:1"}, &out, &errs); code != exitFailed {
		t.Errorf("status %d for a server that is not there", code)
	}
}
