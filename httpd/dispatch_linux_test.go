package httpd_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// perRequest has a child for each connection.
var perRequest = accepting(httpd.AcceptAuto, 1).with(func(s *httpd.Server) { s.PerRequest = true })

// TestPerRequest: every connection has a child of its own, for as long as it is kept.
func TestPerRequest(t *testing.T) {
	s := start(t, perRequest, pool.Config{MaxServers: 2})
	seen := make(map[int]bool)
	for range 5 {
		c := newClient(t, s.url)
		first, _ := c.pid(t)
		for n := 2; n < 5; n++ {
			if pid, served := c.pid(t); pid != first || served != n {
				t.Errorf("request %d of process %d was the %d. of process %d", n, first, served, pid)
			}
		}
		if c.closed > 0 || seen[first] {
			t.Errorf("closed %d times, process %d seen before: %t", c.closed, first, seen[first])
		}
		seen[first] = true
		c.close()
	}
	st := s.awaitStatus(t, "five have left", func(st *httpd.Status) bool {
		return st.Totals.Exits["done"] == 5 && idle(st) == 2
	})
	if st.Accept != "dispatch" || st.Totals.Connections != 5 || st.Totals.Exits["crash"] > 0 {
		t.Errorf("accept %s, totals %+v", st.Accept, st.Totals)
	}
	// Clients that ask for nothing cost nothing, and nobody has to wait because of
	// those that ask for what no handler sees.
	for range 10 {
		c := newClient(t, s.url)
		c.send(t, "garbage\r\n\r\n")
		c.receive(t, "GET").Body.Close()
		c.close()
		newClient(t, s.url).send(t, "")
	}
	newClient(t, s.url).pid(t)
}

// TestPerRequestUnbegun: clients that go in the middle of their request are no reason
// to start fewer children for the others.
func TestPerRequestUnbegun(t *testing.T) {
	k, log := perRequest.logged()
	s := start(t, k, pool.Config{MaxServers: 4})
	const clients = 20
	for range clients {
		c := newClient(t, s.url)
		c.send(t, "GET / HT")
		c.close()
	}
	for range 3 {
		c := newClient(t, s.url)
		c.pid(t)
		c.close()
	}
	st := s.awaitStatus(t, "all have left", func(st *httpd.Status) bool { return idle(st) == 4 })
	for cause, n := range st.Totals.Exits {
		if cause != "done" && n > 0 {
			t.Errorf("%d workers left because of %s", n, cause)
		}
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	if text := log.text.String(); strings.Contains(text, "level=ERROR") {
		t.Errorf("log:\n%s", text)
	}
}

// TestPerRequestQueue: connections with a request on them wait for a child, as many as
// QueueSize says.
func TestPerRequestQueue(t *testing.T) {
	s := start(t, perRequest, pool.Config{MaxServers: 1, QueueSize: 1})
	d := conduct(t)
	c, p := hold(t, s, d)
	more, q := hold(t, s, d) // the child that is more than MaxServers
	waits := newClient(t, s.url)
	waits.send(t, "GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
	s.awaitStatus(t, "one waits", func(st *httpd.Status) bool { return st.Totals.Waiting == 1 && st.Totals.Parked == 1 })
	other := newClient(t, s.url)
	other.send(t, "GET /pid HTTP/1.1\r\nHost: test\r\n\r\n")
	answered(t, other, http.StatusServiceUnavailable, "service unavailable\n")
	p.cue("return")
	c.receive(t, "GET").Body.Close()
	c.close()
	defer func() {
		q.cue("return")
		more.receive(t, "GET").Body.Close()
	}()
	answered(t, waits, http.StatusOK, "pid=")
	if st := s.awaitStatus(t, "none waits", func(st *httpd.Status) bool { return st.Totals.Waiting == 0 }); st.Totals.Shed != 1 {
		t.Errorf("totals %+v", st.Totals)
	}
}

// TestPerRequestStop: a stop waits for the request in hand, and not for the client to
// go; a reload lets kept connections be.
func TestPerRequestStop(t *testing.T) {
	s := start(t, perRequest, pool.Config{MaxServers: 2})
	c := newClient(t, s.url)
	pid, _ := c.pid(t)
	begun := make(chan error, 1)
	go func() { begun <- s.Reload(t.Context()) }()
	s.awaitStatus(t, "a new generation", func(st *httpd.Status) bool { return st.Generation == 2 && idle(st) >= 1 })
	if again, served := c.pid(t); again != pid || served != 2 {
		t.Errorf("process %d became %d, request %d", pid, again, served)
	}
	if err := s.stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	<-begun
}

// certificateFile is a file with a certificate and its key.
func certificateFile(t *testing.T) string {
	t.Helper()
	hosts := httptest.NewUnstartedServer(nil)
	hosts.StartTLS()
	defer hosts.Close()
	pair := hosts.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pair.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestDispatchTLS: with dispatch the child speaks TLS, which the parent knows of.
func TestDispatchTLS(t *testing.T) {
	file := certificateFile(t)
	for _, k := range []kind{acceptingKinds[1], acceptingKinds[0], perRequest} {
		t.Run(k.name, func(t *testing.T) {
			s := start(t, k.with(func(s *httpd.Server) {
				s.Listen = []string{"http://127.0.0.1:0", "https://127.0.0.1:0"}
				s.TLS.CertFiles = []string{file}
			}), pool.Config{})
			newClient(t, s.Addrs()[0]).pid(t)
			conn, err := tls.Dial("tcp", strings.TrimPrefix(s.Addrs()[1], "https://"), &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			c := adopted(conn)
			t.Cleanup(c.close)
			for range 3 {
				c.pid(t)
			}
			if c.closed > 0 {
				t.Error("connection was closed")
			}
		})
	}
}

// TestAcceptUNIX: all ways to accept work with UNIX sockets.
func TestAcceptUNIX(t *testing.T) {
	for _, k := range append(rareKinds, acceptingKinds...) {
		t.Run(k.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "socket")
			s := start(t, k.with(func(s *httpd.Server) { s.Listen = []string{"http+unix://" + path} }), pool.Config{})
			c := newClient(t, s.url)
			first, _ := c.pid(t)
			slot := s.slotOf(t, first)
			if err := s.Recycle(t.Context(), slot); err != nil {
				t.Fatal(err)
			}
			if pid, _ := c.pid(t); pid == first || c.closed > 0 {
				t.Errorf("process %d, %d; closed %d times", first, pid, c.closed)
			}
		})
	}
}

// slotOf is the slot of a process.
func (s *server) slotOf(t *testing.T, pid int) int {
	t.Helper()
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range st.Workers {
		if w.PID == pid {
			return w.Slot
		}
	}
	t.Fatalf("no worker is %d", pid)
	return 0
}

// TestMigrated: a connection that moves is counted once, and so is its migration.
func TestMigrated(t *testing.T) {
	each(t, append([]kind{kinds[3]}, acceptingKinds...), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		c := newClient(t, s.url)
		for n := range int64(3) {
			pid, _ := c.pid(t)
			if err := s.Recycle(t.Context(), s.slotOf(t, pid)); err != nil {
				t.Fatal(err)
			}
			migrated, parked := n+1, int64(0)
			if k.single() { // the parent has it now, and gives it to a worker for the next request
				migrated, parked = n, 1
			}
			s.awaitStatus(t, fmt.Sprint(migrated, " migrations of one connection"), func(st *httpd.Status) bool {
				return st.Totals.Migrated == migrated && st.Totals.Connections == 1 && st.Totals.Parked == parked
			})
		}
		c.pid(t)
		if c.closed > 0 {
			t.Error("the connection was closed")
		}
	})
}
