package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestOneAtATime: a program that takes one connection, and stays with it, answers what
// comes by all lanes of its worker.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	d := servePHP(t, "--max-servers=1", "--concurrency=3", "--max-requests=0")
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 60 {
				if resp, text := do(t, "GET", d.urls[0]+"/pid.php", nil); resp.StatusCode != http.StatusOK || text == "" {
					t.Errorf("%s %q", resp.Status, text)
				}
			}
		})
	}
	wait.Wait()
	d.end(0)
}

// TestNeverAccepts: a program that lives and never accepts is replaced, and the log
// says why.
func TestNeverAccepts(t *testing.T) {
	for _, lanes := range []string{"1", "2"} {
		t.Run(lanes, func(t *testing.T) {
			t.Parallel()
			d := serveForTest(t, "--listen=http://127.0.0.1:0", "--max-servers=1", "--concurrency="+lanes, "--start-timeout=1s",
				"--", "sleep", "1000")
			d.errs = true
			var wait sync.WaitGroup
			for range 3 {
				wait.Go(func() {
					if resp, _ := do(t, "GET", d.urls[0]+"/", nil); resp.StatusCode != http.StatusBadGateway {
						t.Errorf("%s", resp.Status)
					}
				})
			}
			wait.Wait()
			d.waitLog("sleep: it has accepted no connection for 1s (start_timeout)")
			d.end(0)
			if log := d.log(); strings.Contains(log, "cause=crash") || !strings.Contains(log, "cause=start") {
				t.Errorf("log:\n%s", log)
			}
		})
	}
}

// TestNeverStarts: of a program that ends at once the log says what it ends with, and
// that none stays.
func TestNeverStarts(t *testing.T) {
	t.Parallel()
	d := startForTest(t, "--listen=http://127.0.0.1:0", "--max-servers=1", "--", "sh", "-c", "exit 3")
	d.errs = true
	d.waitLog("no worker stays alive")
	if log := d.log(); strings.Contains(log, "error=<nil>") || !strings.Contains(log, "sh ended") || !strings.Contains(log, "exit 3") {
		t.Errorf("log:\n%s", log)
	}
	d.end(0)
}

// TestComplaints: what a program complains of in one request fills no log.
func TestComplaints(t *testing.T) {
	t.Parallel()
	d := serveForTest(t, "--listen=http://127.0.0.1:0", "--max-servers=1", "--", "culprit")
	d.errs = true
	p := &plaintiff{t: t, address: strings.TrimPrefix(d.urls[0], "http://"), name: "complaints"}
	for range 2 {
		if got := p.sue("floods-stderr"); got != "200" {
			t.Errorf("status %s", got)
		}
	}
	dropped := fmt.Sprintf("dropped=%d ", 100*len(strings.Repeat("complaint ", 1000))-64<<10)
	d.waitLog(dropped)
	d.end(0)
	log := d.log()
	if said, lines := strings.Count(log, "complaint "), strings.Count(log, dropped); said > 2*(64<<10)/10 || lines != 2 {
		t.Errorf("%d complaints, and %d times: %s", said, lines, dropped)
	}
}
