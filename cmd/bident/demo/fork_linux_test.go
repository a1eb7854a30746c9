package demo

import (
	"regexp"
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestForked asks for everything of processes: over the exchange with the parent,
// and directly.
func TestForked(t *testing.T) {
	for accept, lanes := range map[httpd.Accept]int{httpd.AcceptRequest: 1, httpd.AcceptSlot: 4} {
		t.Run(accept.String(), func(t *testing.T) {
			s := server(Options{}, pool.Config{MaxServers: 1, MaxRequests: pool.NoLimit, Concurrency: lanes})
			s.Mode, s.Accept = httpd.Fork, accept
			c := run(t, s, false)
			check(t, c, true, regexp.MustCompile(`^fork/0/\d+/1/[1-9]\d*$`))
			if all := bare(t, c.base, "/hello"); !strings.HasSuffix(all, "\r\n\r\nhello\n") {
				t.Errorf("%q", all)
			}
		})
	}
}
