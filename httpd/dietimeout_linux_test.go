package httpd_test

import (
	"bufio"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/pool"
)

// TestDieTimeoutInHand: at the end of die_timeout a request that a handler has begun is
// answered 502, and none of them counts as shed, in the access log either.
func TestDieTimeoutInHand(t *testing.T) {
	each(t, []kind{kinds[2], kinds[4]}, func(t *testing.T, k kind) {
		k, path := logged(t, k, `%U %>s %{slot}W %{shed}W`)
		s := start(t, k, pool.Config{MaxServers: 1, DieTimeout: 500 * time.Millisecond})
		c, w := occupy(t, s)
		halt(t, w.PID)
		if err := s.stop(); !notClean(err) {
			t.Errorf("Run: %v", err)
		}
		resp := c.receive(t, "GET")
		if resp.StatusCode != http.StatusBadGateway || !resp.Close || resp.Header.Get("Retry-After") != "" {
			t.Errorf("%s %q", resp.Status, resp.Header)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if line := lines.Text(); strings.HasPrefix(line, "/sleep") {
				if line != "/sleep 502 0 " && line != "/sleep 502 0 -" {
					t.Errorf("access log: %q", line)
				}
				return
			}
		}
		t.Error("the access log has no line for it")
	})
}
