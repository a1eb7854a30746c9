package httpd_test

import (
	"net/http"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestStoppedTaker: connections that were sent to a child which is stopped go to
// others when it has been told to leave.
func TestStoppedTaker(t *testing.T) {
	s := start(t, accepting(httpd.AcceptDispatch, 8), pool.Config{})
	halted := pids(t, s)[0]
	halt(t, halted)
	const clients = 20
	answers := make(chan error, clients)
	ask := func() {
		c := newClient(t, s.url)
		go func() {
			status, _, err := c.try("GET", "/pid", "")
			if err == nil && status != http.StatusOK {
				t.Errorf("status %d", status)
			}
			answers <- err
		}()
	}
	for range clients {
		ask()
	}
	s.awaitStatus(t, "the other one serves its share", func(st *httpd.Status) bool {
		return st.Totals.Requests >= clients/3 && len(answers) >= clients/3
	})
	sent := clients - len(answers)
	if sent == 0 {
		t.Fatal("nothing was sent to the child that is stopped")
	}
	for range clients - sent {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	reloaded := make(chan error, 1)
	go func() { reloaded <- s.Reload(t.Context()) }()
	for range sent {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if err := <-reloaded; err != nil {
		t.Error(err)
	}
	s.expect("start ready", "start ready", "start ready retire(reload) exited(reload)", "start ready retire(reload) exited(killed)")
}
