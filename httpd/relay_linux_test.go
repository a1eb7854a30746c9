package httpd_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestRelayed: a child that has begun its last request begins no other one, and yet no
// client with TLS is left without an answer: another child has it.
func TestRelayed(t *testing.T) {
	atOnce(t, slices.Concat(kinds[3:4], acceptingKinds[:2]), func(t *testing.T, k kind) {
		const limit, pipelined = 10, 12
		s := start(t, overTLS(t, k), pool.Config{MaxServers: 1, MaxRequests: limit})
		idle, crowd := keptTLS(t, s), adopted(keptTLS(t, s))
		first := s.workers(t)[0].PID
		var all []caught
		for i := range catches {
			all = append(all, catch(t, s, i))
		}
		s.awaitStatus(t, "all connections", func(st *httpd.Status) bool {
			return st.Totals.Connections == int64(2+len(catches))
		})
		// Three requests have begun. Those behind the last one were read, too.
		crowd.send(t, strings.Repeat("GET /pid HTTP/1.1\r\nHost: t\r\n\r\n", pipelined))
		for i := range pipelined {
			resp := crowd.receive(t, "GET")
			text, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != 200 || resp.Close != (i == pipelined-1) {
				t.Errorf("answer %d: %s, closes: %t, %v", i, resp.Status, resp.Close, err)
			}
			var pid, served int
			if _, err := fmt.Sscanf(string(text), "pid=%d served=%d\n", &pid, &served); err != nil {
				t.Errorf("answer %d: %q", i, text)
			}
			if there := i < limit-3; (pid == first) != there || there && served != i+4 {
				t.Errorf("answer %d is by process %d, its request %d; the first process is %d", i, pid, served, first)
			}
		}
		dismissed(t, idle)
		dismissed(t, crowd.conn)
		for i, c := range all {
			t.Run(catches[i].name, func(t *testing.T) {
				if text := c.last(t); strings.HasPrefix(text, fmt.Sprintf("pid=%d ", first)) {
					t.Errorf("answer of the process that has begun its last request: %q", text)
				}
			})
			c.close()
		}
		s.awaitStatus(t, "the end of the first process", func(st *httpd.Status) bool {
			return !slices.ContainsFunc(st.Workers, func(w httpd.StatusWorker) bool { return w.PID == first })
		})
		if life := s.lives()[0]; strings.Contains(life, "kill") || !strings.HasSuffix(life, "exited(max_requests)") {
			t.Errorf("life: %s", life)
		}
	})
}
