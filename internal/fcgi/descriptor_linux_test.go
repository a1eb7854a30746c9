package fcgi

import (
	"io"
	"testing"
	"time"
)

func TestAlive(t *testing.T) {
	web, app := connect(t)
	cl := NewClient(web)
	for range 2 {
		if !cl.Alive() {
			t.Error("an idle connection is not alive")
		}
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

// fillSocket leaves no room in the client's socket, by records that the
// program ignores because their request is not active.
func fillSocket(t *testing.T, cl *Client) {
	t.Helper()
	filler := AppendStreamEnd(nil, TypeStdin, 9)
	for {
		n, err := cl.desc.write(filler)
		if err != nil || n != 0 && n != len(filler) {
			t.Errorf("%d octets, %v", n, err)
		}
		if n == 0 {
			return
		}
	}
}

// TestAbortFindsNoRoom: an abort during an upload that found no room is sent
// once there is some.
func TestAbortFindsNoRoom(t *testing.T) {
	web, app := connect(t)
	read := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		<-read
		_, err := NewServerConn(app, ServerConfig{MaxBody: -1}).Next()
		ended <- err
	}()
	cl := NewClient(web)
	cl.Begin(RoleResponder, true)
	reads := 0
	cl.BodyReader(readFunc(func(p []byte) (int, error) {
		if reads++; reads == 1 {
			fillSocket(t, cl)
			if err := cl.Abort(); err != nil || cl.aborting.Load() != abortWanted {
				t.Errorf("Abort: %v, state %d", err, cl.aborting.Load())
			}
			close(read)
		}
		return len(p), nil
	}), -1, nil)
	if end, err := cl.Do(&collected{}); err != nil || end != (EndRequest{}) || !cl.MustClose() || reads != 1 {
		t.Errorf("%+v, %v, %d reads", end, err, reads)
	}
	web.Close()
	if err := <-ended; err != io.EOF {
		t.Error(err)
	}
}

// TestAbortOfADeafProgram: the whole request is sent, and nobody reads.
func TestAbortOfADeafProgram(t *testing.T) {
	web, app := connect(t)
	read := make(chan struct{})
	go func() {
		app.Write(AppendStream(nil, TypeStdout, 1, []byte("x")))
		<-read
		app.Write(AppendEnd(nil, 1, EndRequest{}))
	}()
	cl := NewClient(web)
	cl.Begin(RoleResponder, true)
	_, err := cl.Do(&collected{onStdout: func() {
		fillSocket(t, cl)
		for range 2 {
			if err := cl.Abort(); err != errAbortBlocked {
				t.Errorf("Abort: %v", err)
			}
		}
		close(read)
	}})
	if err != nil {
		t.Error(err)
	}
}
