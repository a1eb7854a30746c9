package fcgi

import (
	"errors"
	"io"
	"testing"
	"time"
)

// watched gives a ServerConn with a request in hand, watched, and the other end.
func watched(t *testing.T) (*ServerConn, io.ReadWriteCloser, chan error) {
	t.Helper()
	web, app := connect(t)
	s := NewServerConn(app, ServerConfig{})
	if _, err := web.Write(request(1, 1, "")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 2)
	s.Watch(func(cause error) { gone <- cause })
	return s, web, gone
}

func TestWatchAbort(t *testing.T) {
	s, web, gone := watched(t)
	web.Write(join(AppendStream(nil, TypeStdin, 7, []byte("ignored")), AppendGetValues(nil, MpxsConns), AppendAbort(nil, 1)))
	if err := <-gone; err != ErrAborted {
		t.Errorf("cause %v", err)
	}
	if err := s.End(0); err != nil {
		t.Fatal(err)
	}
	web.Write(request(2, 0, "next"))
	req, err := s.Next()
	if err != nil || req.ID != 2 || string(req.Stdin) != "next" {
		t.Fatalf("%+v, %v", req, err)
	}
	s.End(0)
	r := NewReader(web)
	var ends int
	for range 6 { // values; two times STDOUT and END
		f, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if f.Type == TypeEndRequest {
			if ends++; ends == 2 {
				break
			}
		}
	}
	if ends != 2 {
		t.Errorf("%d END_REQUEST for two requests", ends)
	}
}

func TestWatchClientLeft(t *testing.T) {
	_, web, gone := watched(t)
	web.Close()
	if err := <-gone; err != io.EOF {
		t.Errorf("cause %v", err)
	}
}

func TestWatchGarbage(t *testing.T) {
	s, web, gone := watched(t)
	web.Write([]byte("GET / HTTP/1.1\r\n"))
	if err := <-gone; !errors.Is(err, ErrVersion) {
		t.Errorf("cause %v", err)
	}
	s.End(0)
	if _, err := s.Next(); !errors.Is(err, ErrVersion) {
		t.Errorf("Next: %v", err)
	}
}

// TestWatchKeepsTheNextRequest sends the next request in pieces before, while
// and after the first is ended.
func TestWatchKeepsTheNextRequest(t *testing.T) {
	next := request(2, 1, "the body", "NAME", "value")
	for cut := 0; cut <= len(next); cut += 3 {
		s, web, gone := watched(t)
		web.Write(next[:cut])
		if err := s.End(0); err != nil {
			t.Fatal(err)
		}
		web.Write(next[cut:])
		req, err := s.Next()
		if err != nil || req.ID != 2 || string(req.Stdin) != "the body" || string(req.Params.Get("NAME")) != "value" {
			t.Fatalf("cut at %d: %+v, %v", cut, req, err)
		}
		select {
		case err := <-gone:
			t.Fatalf("cut at %d: gone with %v", cut, err)
		default:
		}
	}
}

func TestWatchDeadlineIsQuiet(t *testing.T) {
	s, web, gone := watched(t)
	s.conn.SetReadDeadline(past)
	s.watching.Wait()
	s.conn.SetReadDeadline(time.Time{})
	s.End(0)
	web.Write(request(2, 1, ""))
	if req, err := s.Next(); err != nil || req.ID != 2 {
		t.Fatal(err)
	}
	if len(gone) > 0 {
		t.Errorf("gone with %v", <-gone)
	}
}

func TestWatchEndsWithTheConnection(t *testing.T) {
	s, _, gone := watched(t)
	s.End(0)
	s.conn.Close()
	s.watching.Wait()
	if len(gone) > 0 {
		t.Errorf("gone with %v after End", <-gone)
	}
	s.Watch(func(error) { t.Error("watching without a request") })
}
