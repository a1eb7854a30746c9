package httpd_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// phpKind are workers that run php-cgi.
func phpKind(t *testing.T) kind {
	t.Helper()
	name, err := exec.LookPath("php-cgi")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("this needs php-cgi (Debian: php-cgi): %v", err)
		}
		t.Skipf("this needs php-cgi (Debian: php-cgi): %v", err)
	}
	return kind{make: func(t *testing.T, s *httpd.Server) { s.Handler = httpd.Program(name) }}
}

// askPHP makes that many, over one connection. There is no script, and PHP says
// so: to php-cgi it is a request like any other.
func (s *server) askPHP(t *testing.T, n int) {
	t.Helper()
	c := newClient(t, s.url)
	defer c.close()
	for i := range n {
		status, text, err := c.do("GET", "/none.php", "")
		if err != nil || status != http.StatusNotFound || !strings.Contains(text, "No input file") {
			t.Fatalf("request %d: %d %q %v", i, status, text, err)
		}
	}
}

// TestPHPLeavesWhenItIsTold: how many requests a php-cgi serves and how many
// processes there are is for us to say, whatever the environment says.
func TestPHPLeavesWhenItIsTold(t *testing.T) {
	t.Setenv("PHP_FCGI_MAX_REQUESTS", "20")
	t.Setenv("PHP_FCGI_CHILDREN", "3")
	const n = 650 // more than php-cgi's own limit
	s := start(t, phpKind(t), pool.Config{MaxServers: 1, MaxRequests: pool.NoLimit})
	s.askPHP(t, n)
	st := s.awaitStatus(t, "all of them", func(st *httpd.Status) bool { return st.Totals.Requests == n })
	if len(st.Workers) != 1 || st.Workers[0].Requests != n || st.Totals.Spawned != 1 || len(st.Exits) != 0 {
		t.Errorf("workers %+v, totals %+v, exits %+v", st.Workers, st.Totals, st.Exits)
	}
	pid := itoa(st.Workers[0].PID)
	if children, err := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children")); err == nil && len(children) > 0 {
		t.Errorf("php-cgi has started %s", children)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

func TestPHPMaxRequests(t *testing.T) {
	const n, limit = 650, 100
	s := start(t, phpKind(t), pool.Config{MaxServers: 1, MaxRequests: limit})
	s.askPHP(t, n)
	st := s.awaitStatus(t, "all of them", func(st *httpd.Status) bool {
		return st.Totals.Requests == n && len(st.Workers) == 1 && len(st.Exits) >= n/limit
	})
	sum := int64(st.Workers[0].Requests)
	for _, e := range st.Exits {
		if sum += e.Requests; e.Requests > limit || e.Cause != "max_requests" {
			t.Errorf("exit %+v", e)
		}
	}
	if sum != n {
		t.Errorf("workers have served %d requests of %d", sum, n)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// TestPHPOnDemand: processes come when there are requests, as many as these need,
// and leave when they have had nothing to do for their time.
func TestPHPOnDemand(t *testing.T) {
	s := start(t, phpKind(t), pool.Config{MaxServers: 3, MinServers: pool.NoLimit, MaxIdle: 500 * time.Millisecond})
	for range 3 {
		if st := s.awaitStatus(t, "none", func(st *httpd.Status) bool { return len(st.Workers) == 0 }); st.Totals.Exits["idle"] != st.Totals.Spawned {
			t.Errorf("totals %+v", st.Totals)
		}
		s.askPHP(t, 5)
		s.awaitStatus(t, "some", func(st *httpd.Status) bool { return len(st.Workers) > 0 })
	}
	st := s.awaitStatus(t, "none", func(st *httpd.Status) bool { return len(st.Workers) == 0 })
	if st.Totals.Requests != 15 || st.Totals.Spawned < 3 || st.Totals.Exits["idle"] != st.Totals.Spawned {
		t.Errorf("totals %+v", st.Totals)
	}
}
