package httpd_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// habit is how a strict client asks on a connection that it keeps: what it sends, in
// pieces with a pause between them, and the bodies that it must get.
type habit struct {
	name   string
	pieces []string
	bodies []string
}

var habits = []habit{
	{"kept", []string{"GET /echo HTTP/1.1\r\nHost: t\r\n\r\n"}, []string{""}},
	{"POST", []string{"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello"}, []string{"hello"}},
	{"pipelined", []string{strings.Repeat("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx", 3)}, []string{"x", "x", "x"}},
	{"in fragments", []string{"PO", "ST /echo HTTP/1.1\r\nHo", "st: t\r\nContent-Length: 5\r\n\r\nhe", "llo"}, []string{"hello"}},
	{"half of the next one at once", []string{
		"GET /echo HTTP/1.1\r\nHost: t\r\n\r\nPOST /echo HTTP/1.1\r\nHost: t\r\nContent-Le", "ngth: 2\r\n\r\nxy",
	}, []string{"", "xy"}},
	{"in chunks", []string{"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "2\r\nde\r\n0\r\n\r\n"}, []string{"abcde"}},
}

// ask asks once. Every deviation from what must come is an error: the connection is
// never closed by the server.
func (h *habit) ask(c net.Conn, r *bufio.Reader) error {
	_ = c.SetDeadline(time.Now().Add(patience))
	for i, piece := range h.pieces {
		if i > 0 {
			time.Sleep(2 * time.Millisecond) // so that servers see pieces
		}
		if _, err := io.WriteString(c, piece); err != nil {
			return err
		}
	}
	for _, want := range h.bodies {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK || resp.Close || string(body) != want {
			return fmt.Errorf("status %d, close %t, %q, %v", resp.StatusCode, resp.Close, body, err)
		}
	}
	return nil
}

// TestNothingLost: no client notices that workers are recycled, or that generations
// follow each other, whatever it is doing at that moment.
func TestNothingLost(t *testing.T) {
	const recycles, reloadEach = 12, 4 // cmd/bident's TestLives goes on for longer
	sideBySide(t, append([]kind{kinds[2], kinds[3], rareKinds[0]}, acceptingKinds...), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxRequests: pool.NoLimit})
		over := make(chan struct{})
		var served atomic.Int64
		var wg sync.WaitGroup
		for _, h := range habits {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			r := bufio.NewReader(conn)
			wg.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-over:
						return
					default:
					}
					if err := h.ask(conn, r); err != nil {
						t.Errorf("%s, request %d: %v", h.name, n, err)
						return
					}
					served.Add(1)
				}
			})
		}
		for i := range recycles {
			var err error
			if i%reloadEach == 0 {
				err = s.Reload(t.Context())
			} else {
				st := s.awaitStatus(t, "two workers", func(st *httpd.Status) bool { return len(st.Workers) == 2 })
				err = s.Recycle(t.Context(), st.Workers[i%2].Slot)
			}
			if err != nil {
				t.Error(err)
			}
		}
		close(over)
		wg.Wait()
		// A connection on its way counts twice until its arrival is acknowledged.
		st := s.awaitStatus(t, "as many connections as clients", func(st *httpd.Status) bool {
			return st.Totals.Connections == int64(len(habits))
		})
		t.Logf("%d times answered, %d connections have migrated", served.Load(), st.Totals.Migrated)
		if st.Totals.Exits["crash"] > 0 || st.Totals.Shed > 0 {
			t.Errorf("totals %+v", st.Totals)
		}
	})
}
