package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
)

// programs are external ones that answer what strict clients ask for, with the flags
// before them.
func programs(t *testing.T) map[string][]string {
	return map[string][]string{
		"php-cgi": {"--root", fixture(t, "php"), "--fallback", "/index.php", "--", "php-cgi"},
		"libfcgi": {"--", buildResponder(t)},
	}
}

// TestProgramLives: no request fails while the processes of an external program are
// recycled and generations follow each other. With -rounds=50 there are 500 recycled
// processes and 50 reloads of each program.
func TestProgramLives(t *testing.T) {
	needPrograms(t, "php-cgi", "cc")
	for name, flags := range programs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := startUpgraded(t, append([]string{"--max-servers=3", "--max-requests=100"}, flags...)...)
			clients := strictClients(t, u.address)
			door, err := filepath.Glob(filepath.Join(u.dir, "bident", "*"))
			if err != nil || len(door) != 1 {
				t.Fatalf("admin sockets: %q %v", door, err)
			}
			admin := newBrowser(t, "http+unix://"+door[0], 1)
			recycled := 0
			for range *rounds {
				for range 10 {
					var st httpd.Status
					_, _, text, err := admin.get("GET", "/status.json", nil)
					if err == nil {
						err = json.Unmarshal(text, &st)
					}
					if err != nil || len(st.Workers) == 0 {
						t.Fatalf("status: %v\n%s", err, text)
					}
					slot := st.Workers[recycled%len(st.Workers)].Slot
					status, _, text, err := admin.get("POST", fmt.Sprint("/ctl/recycle?slot=", slot), nil)
					if err != nil || status >= 300 && !strings.Contains(string(text), "no such worker") { // it may have left meanwhile
						t.Fatalf("recycle %d: %d %s %v", slot, status, text, err)
					}
					recycled++
				}
				if status, _, text, err := admin.get("POST", "/ctl/reload", nil); err != nil || status >= 300 {
					t.Fatalf("reload: %d %s %v", status, text, err)
				}
			}
			st := u.settled(3, true)
			if want := 1 + *rounds; st.Generation != want {
				t.Errorf("generation %d, want %d", st.Generation, want)
			}
			if n := st.Totals.Exits["crash"] + st.Totals.Exits["killed"] + st.Totals.Lost; n > 0 {
				t.Errorf("exits %v, %d lost", st.Totals.Exits, st.Totals.Lost)
			}
			clients.check(100)
			t.Logf("%d recycled, %d reloads; exits %v", recycled, *rounds, st.Totals.Exits)
			u.stop()
		})
	}
}
