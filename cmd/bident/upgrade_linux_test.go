package main

import (
	"flag"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ways are the kinds of server that are upgraded, each with three workers.
var ways = map[string][]string{
	"emulate":  {"--mode", "emulate", "--max-servers", "3"},
	"request":  {"--mode", "fork", "--accept", "request", "--max-servers", "3"},
	"slot":     {"--mode", "fork", "--accept", "slot", "--concurrency", "8", "--max-servers", "3"},
	"shared":   {"--mode", "fork", "--accept", "shared", "--concurrency", "8", "--max-servers", "3"},
	"dispatch": {"--mode", "fork", "--accept", "dispatch", "--concurrency", "8", "--max-servers", "3"},
	"classic":  {"--mode", "fork", "--accept", "classic", "--max-servers", "3"},
	"flock":    {"--mode", "fork", "--accept", "flock", "--concurrency", "8", "--max-servers", "3"},
}

// TestUpgrade: no request fails over several upgrades, and one server is left.
func TestUpgrade(t *testing.T) {
	const upgrades = 5
	for name, flags := range ways {
		t.Run(name, func(t *testing.T) {
			u := startUpgraded(t, flags...)
			clients := strictClients(t, u.address)
			for i := range upgrades {
				before := u.pid()
				if out, err := u.ctl("ctl", "upgrade"); err != nil {
					t.Fatalf("upgrade %d: %v\n%s", i, err, out)
				}
				if u.pid() == before {
					t.Errorf("upgrade %d: the pid file still names process %d", i, before)
				}
			}
			st := u.settled(3, name != "emulate")
			if st.Generation != 1+upgrades {
				t.Errorf("generation %d after %d upgrades", st.Generation, upgrades)
			}
			clients.check(100)
			u.stop()
		})
	}
}

// rounds is how long TestLives and TestProgramLives go on.
var rounds = flag.Int("rounds", 2, "rounds of TestLives and TestProgramLives, of 10 recycled workers and a reload each; of TestLives every fifth with an upgrade")

// TestLives: no request fails while workers are recycled, generations follow each other
// and so do servers.
func TestLives(t *testing.T) {
	for name, flags := range ways {
		t.Run(name, func(t *testing.T) {
			u := startUpgraded(t, flags...)
			clients := strictClients(t, u.address)
			must := func(args ...string) {
				t.Helper()
				if out, err := u.ctl(args...); err != nil {
					t.Fatalf("%q: %v\n%s", args, err, out)
				}
			}
			for round := range *rounds {
				for i := range 10 {
					slot := strconv.Itoa(u.status().Workers[i%3].Slot)
					if out, err := u.ctl("ctl", "recycle", slot); err != nil && !strings.Contains(out, "no such worker") {
						t.Fatalf("recycle %s: %v\n%s", slot, err, out) // it may have left meanwhile
					}
				}
				must("ctl", "reload")
				if round%5 == 4 {
					must("ctl", "upgrade")
				}
			}
			st := u.settled(3, name != "emulate")
			if want := 1 + *rounds + *rounds/5; st.Generation != want {
				t.Errorf("generation %d, want %d", st.Generation, want)
			}
			if n := st.Totals.Exits["crash"] + st.Totals.Exits["killed"]; n > 0 {
				t.Errorf("exits %v", st.Totals.Exits)
			}
			clients.check(int64(100 * *rounds))
			u.stop()
		})
	}
}

// TestSignalStorm: HUP and USR2 in quick succession, to whichever process, end in
// one healthy server of the newest generation.
func TestSignalStorm(t *testing.T) {
	for name, flags := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is the storm's own pace
			u := startUpgraded(t, flags...)
			clients := strictClients(t, u.address)
			first := u.pid()
			for i := range 20 {
				to := u.pid()
				if i%4 == 3 && i < 8 {
					to = first // it passes them on, as long as it is there
				}
				sig := syscall.SIGUSR2
				if i%3 == 0 {
					sig = syscall.SIGHUP
				}
				if err := syscall.Kill(to, sig); err != nil && to != first {
					t.Error(err)
				}
				time.Sleep(250 * time.Millisecond) // the pace of the storm
			}
			if st := u.settled(3, name != "emulate"); st.Generation < 8 {
				t.Errorf("generation %d", st.Generation)
			}
			clients.check(1000)
			u.stop()
		})
	}
}
