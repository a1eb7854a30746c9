package main

import (
	"syscall"
	"testing"
)

// TestManagerLeaves: a daemon under FCGI::ProcManager as a worker, with a lane for each
// of its processes. They leave at once when they are idle, and no request waits for
// them, even if accept takes no notice of SIGTERM.
func TestManagerLeaves(t *testing.T) {
	needPerl(t, "FCGI", "FCGI::ProcManager")
	for name, env := range map[string]string{"stubborn": "STUBBORN=1", "attentive": "STUBBORN="} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Whoever waited for the end of die_timeout would wait for longer than the test does.
			d := serveForTest(t, "--listen=http://127.0.0.1:0", "--max-servers=1", "--concurrency=3", "--max-requests=40",
				"--die-timeout=10m", "--env=PROCESSES=3", "--env="+env, "--", "perl", fixture(t, "perl/manager.pl"))
			d.errs = true // it complains of what it does
			before := manage(t, d.urls[0], 6)
			if out, code := d.bident("ctl", "reload"); code != 0 {
				t.Errorf("reload: %d %s", code, out)
			}
			for pid := range manage(t, d.urls[0], 6) {
				if before[pid] {
					t.Errorf("process %s has outlived a reload", pid)
				}
			}
			d.end(0)
		})
	}
}

// TestProgramStays: a program that does not leave holds up nobody who comes after it,
// and when it is killed at last the log says so.
func TestProgramStays(t *testing.T) {
	needPerl(t, "FCGI")
	t.Parallel()
	d := serveForTest(t, "--listen=http://127.0.0.1:0", "--max-servers=1", "--max-requests=5", "--die-timeout=10m", "--",
		"perl", fixture(t, "perl/stays.pl"))
	d.errs = true
	pids := make(map[string]int)
	for range 15 {
		_, text := do(t, "GET", d.urls[0]+"/", nil)
		pids[text]++
	}
	if len(pids) != 3 {
		t.Errorf("processes and their requests: %v", pids)
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	d.waitLog("msg=stopping")
	d.end(1) // the second signal does not wait

	d = serveForTest(t, "--listen=http://127.0.0.1:0", "--max-servers=1", "--max-requests=5", "--die-timeout=1s", "--",
		"perl", fixture(t, "perl/stays.pl"))
	d.errs = true
	for range 30 {
		do(t, "GET", d.urls[0]+"/", nil)
	}
	d.waitLog("killing worker: it has nothing in hand and does not leave")
	d.end(1)
}
