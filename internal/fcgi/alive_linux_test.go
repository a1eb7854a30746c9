package fcgi

import (
	"testing"
	"time"
)

func TestAlive(t *testing.T) {
	web, app := connect(t)
	cl := NewClient(web)
	if !cl.Alive() || !cl.Alive() {
		t.Error("an idle connection is not alive")
	}
	app.Close()
	if cl.Alive() || !cl.MustClose() {
		t.Error("a closed connection is alive")
	}
	web, app = connect(t)
	cl = NewClient(web)
	app.Write([]byte{1})
	if cl.Alive() {
		t.Error("a connection with stray octets is alive")
	}
	web, _ = connect(t)
	cl = NewClient(web)
	web.Close()
	if cl.Alive() {
		t.Error("a connection closed here is alive")
	}
	web, _ = connect(t)
	if cl = NewClient(plain{web}); !cl.Alive() {
		t.Error("a connection that cannot be looked at must be taken to be alive")
	}
}

// TestWaitingHoldsNoBuffer: an idle ServerConn costs no read buffer.
func TestWaitingHoldsNoBuffer(t *testing.T) {
	web, app := connect(t)
	s := NewServerConn(app, ServerConfig{})
	for range 3 {
		web.Write(request(1, 1, "x"))
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
		s.End(0)
		app.SetReadDeadline(past)
		s.Next()
		if s.rd.buf != nil || s.out.k != nil {
			t.Error("a buffer is held after waiting")
		}
		app.SetReadDeadline(time.Time{})
	}
}
