package httpd_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

// TestFCGIStorm: web servers that abort and leave at any moment, among others that do
// not, while workers come and go. Whoever does not gets its own answers.
func TestFCGIStorm(t *testing.T) {
	each(t, fcgiKinds, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxServers: 3, MaxRequests: 40, RequestTimeout: 20 * time.Second})
		var wg sync.WaitGroup
		for n := range 12 {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			wg.Go(func() {
				w := dialFCGI(t, s.url)
				for i := range 40 {
					body := strings.Repeat(fmt.Sprintf("%d of %d;", i, n), 1+random.IntN(6000))
					path := []string{"/echo", "/stream", "/sleep?ms=3", "/wait", "/complain"}[random.IntN(5)]
					octets := octetsOf(1, fcgi.RoleResponder, 1, params("POST", path, len(body)), []byte(body))
					cut := len(octets)
					if path == "/wait" || random.IntN(3) == 0 {
						if random.IntN(2) == 0 {
							cut = random.IntN(cut)
						}
						w.write(octets[:cut])
						if random.IntN(2) == 0 {
							time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
						}
						if cut == len(octets) && random.IntN(2) == 0 {
							w.write(fcgi.AppendAbort(nil, 1))
							if _, err := w.answer(1); err != nil && !strings.Contains(err.Error(), "before the end of a stream") {
								t.Errorf("aborted %s: %v", path, err)
							}
							continue
						}
						w.conn.Close()
						w = dialFCGI(t, s.url)
						continue
					}
					w.write(octets)
					a, err := w.answer(1)
					if err != nil || a.status != 200 || path == "/echo" && a.body != body || path == "/complain" && a.stderr != "woe" {
						t.Errorf("%s: %d %.100q %v", path, a.status, a.body, err)
					}
				}
			})
		}
		wg.Wait()
		s.awaitStatus(t, "at rest", func(st *httpd.Status) bool {
			for _, w := range st.Workers {
				for _, l := range w.Lanes {
					if l.State != "_" {
						return false
					}
				}
			}
			return st.Totals.Lost == 0
		})
	})
}
