package httpd_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/bident/bident/internal/fcgi"
	"github.com/bident/bident/pool"
)

func TestFCGIRequests(t *testing.T) {
	each(t, fcgiKinds, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		w := dialFCGI(t, s.url)
		for round := range 3 {
			if a := w.get("/pid"); a.status != 200 || a.end != (fcgi.EndRequest{}) {
				t.Errorf("%+v", a)
			}
			w.get("/none").is(t, 404, "not found\n")
			w.get("/stream").is(t, 200, "piece 0\npiece 1\npiece 2\n")
			for _, n := range []int{0, 1, 65535, 65536, 10 << 20 >> (4 * round)} { // the largest takes its time
				body := bytes.Repeat([]byte{'b'}, n)
				w.do(params("POST", "/echo", n), body).is(t, 200, string(body))
			}
		}
		if status, _, err := newClient(t, s.Addrs()[1]).get("/pid"); status != 200 || err != nil {
			t.Errorf("over HTTP: %d %v", status, err)
		}
	})
}

func TestFCGIKeptConnection(t *testing.T) {
	each(t, fcgiKinds, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxRequests: 700})
		w := dialFCGI(t, s.url)
		requests := 5000
		if s.Pool.Concurrency > 1 {
			requests = 1500 // which lane of a worker it is makes no difference to one connection
		}
		for i := range requests {
			body := fmt.Appendf(nil, "request %d", i)
			w.do(params("POST", "/echo", len(body)), body).is(t, 200, string(body))
			if t.Failed() {
				break
			}
		}
	})
}

// TestFCGIProgram: an external program gets the parameters of the web server.
func TestFCGIProgram(t *testing.T) {
	each(t, []kind{overFCGI(kinds[4]), overFCGI(kinds[5])}, func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		w := dialFCGI(t, s.url)
		for _, n := range []int{0, 1, 100000} {
			body := bytes.Repeat([]byte{'b'}, n)
			w.do(params("POST", "/echo", n), body).is(t, 200, string(body))
		}
		if a := w.get("/none"); a.status != 404 {
			t.Errorf("%+v", a)
		}
	})
}
