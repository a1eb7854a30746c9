package httpd_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestUploads: a program gets bodies of all sizes with their length, however they
// came.
func TestUploads(t *testing.T) {
	s := start(t, kind{make: func(t *testing.T, s *httpd.Server) {
		s.Handler, s.Env = scriptedProgram(t), []string{scriptedVariable + "=1"}
	}}, pool.Config{})
	c := newClient(t, s.url)
	for _, size := range []int{0, 1, 8100, 65535, 65536, 1 << 20, 1<<20 + 1, 5 << 20} {
		body := strings.Repeat("0123456789abcde\n", size/16+1)[:size]
		for _, chunked := range []bool{false, true} {
			fields := fmt.Sprintf("Content-Length: %d\r\n", size)
			sent := body
			if chunked {
				fields, sent = "Transfer-Encoding: chunked\r\n", ""
				for rest := body; rest != ""; {
					n := min(len(rest), 100_000)
					sent += fmt.Sprintf("%x\r\n%s\r\n", n, rest[:n])
					rest = rest[n:]
				}
				sent += "0\r\n\r\n"
			}
			c.send(t, "POST /x HTTP/1.1\r\nHost: x\r\n"+fields+"\r\n"+sent)
			resp := c.receive(t, "POST")
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			variables, got, _ := strings.Cut(string(b), "\n\n")
			if got != body || !strings.Contains("\n"+variables+"\n", fmt.Sprintf("\nCONTENT_LENGTH=%d\n", size)) || strings.Contains(variables, "TRANSFER_ENCODING") {
				t.Errorf("%d octets, chunked %v: status %d, %d octets\n%s", size, chunked, resp.StatusCode, len(got), variables)
			}
		}
	}
}
