package fcgi

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"time"
)

// TestHeadAndBody takes requests apart, wherever they are cut.
func TestHeadAndBody(t *testing.T) {
	octets := request(1, 1, "the body", "NAME", "value")
	for cut := range octets {
		web, app := connect(t)
		s := NewServerConn(app, ServerConfig{})
		web.Write(octets[:cut])
		go web.Write(octets[cut:])
		req, err := s.Head()
		if err != nil || string(req.Params.Get("NAME")) != "value" || len(req.Stdin) > 0 {
			t.Fatalf("cut at %d: %+v %v", cut, req, err)
		}
		var body []byte
		if err := s.Body(func(p []byte) error { body = append(body, p...); return nil }); err != nil || string(body) != "the body" {
			t.Fatalf("cut at %d: %q %v", cut, body, err)
		}
		if s.AtBoundary() {
			t.Error("at a boundary with a request in hand")
		}
		if _, err := s.Head(); err != ErrActive {
			t.Errorf("Head: %v", err)
		}
		if err := s.Finish(EndRequest{AppStatus: 7, ProtocolStatus: Overloaded}); err != nil || !s.Done() || !s.AtBoundary() {
			t.Error(err)
		}
		want := AppendEnd(AppendStreamEnd(nil, TypeStdout, 1), 1, EndRequest{AppStatus: 7, ProtocolStatus: Overloaded})
		got := make([]byte, len(want))
		if _, err := io.ReadFull(web, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%x %v", got, err)
		}
	}
}

// TestEarlyAnswer answers before the body, which is skipped.
func TestEarlyAnswer(t *testing.T) {
	web, app := connect(t)
	s := NewServerConn(app, ServerConfig{})
	go web.Write(append(request(1, 1, string(make([]byte, 200000))), request(2, 1, "next")...))
	if _, err := s.Head(); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if err := s.Body(func(p []byte) error { return refused }); err != refused {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, web)
	if err := s.End(0); err != nil {
		t.Fatal(err)
	}
	if req, err := s.Next(); err != nil || req.ID != 2 || string(req.Stdin) != "next" {
		t.Fatalf("%+v %v", req, err)
	}
}

// TestBodyAborted: the end of a request that is aborted meanwhile is sent by Body.
func TestBodyAborted(t *testing.T) {
	web, app := connect(t)
	s := NewServerConn(app, ServerConfig{})
	b := request(1, 1, "half")
	web.Write(append(AppendAbort(b[:len(b)-HeaderLen], 1), request(2, 1, "")...))
	if _, err := s.Head(); err != nil {
		t.Fatal(err)
	}
	if err := s.Body(func([]byte) error { return nil }); err != ErrAborted {
		t.Fatal(err)
	}
	if err := s.End(0); err != ErrNoRequest {
		t.Errorf("a second end: %v", err)
	}
	if req, err := s.Next(); err != nil || req.ID != 2 {
		t.Errorf("%+v %v", req, err)
	}
	want := AppendEnd(nil, 1, EndRequest{})
	got := make([]byte, len(want))
	if _, err := io.ReadFull(web, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x %v", got, err)
	}
}

// TestCurtail answers a request whose parameters do not come.
func TestCurtail(t *testing.T) {
	web, app := connect(t)
	s := NewServerConn(app, ServerConfig{})
	if s.Curtail() != nil {
		t.Error("a request that nobody has begun")
	}
	b := request(1, 1, "", "NAME", "value")
	web.Write(b[:HeaderLen+bodyLen+HeaderLen+2])
	app.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := s.Head(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	if req := s.Curtail(); req == nil || req.ID != 1 {
		t.Fatalf("%+v", req)
	}
	if err := s.End(0); err != nil {
		t.Error(err)
	}
}

// TestReset goes on with another connection, as if there had been none.
func TestReset(t *testing.T) {
	web, app := connect(t)
	s := NewServerConn(app, ServerConfig{})
	web.Write(request(1, 0, "", "SECRET", "s")[:30])
	app.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := s.Head(); err == nil {
		t.Fatal("half of a request")
	}
	web, app = connect(t)
	s.Reset(app)
	web.Write(request(1, 1, "", "NAME", "value"))
	req, err := s.Next()
	if err != nil || req.Params.Len() != 1 || string(req.Params.Get("NAME")) != "value" {
		t.Errorf("%+v %v", req, err)
	}
}

func TestParamsRepeated(t *testing.T) {
	var p, q Params
	p.MaxCount, q.MaxCount = 5, 7
	p.Write(AppendParam(AppendParam(AppendParam(nil, "A", "1"), "B", "2"), "A", "3"))
	p.Swap(&q)
	if p.Len() != 0 || q.Len() != 3 || p.MaxCount != 5 || q.MaxCount != 7 {
		t.Errorf("%+v %+v", p, q)
	}
	if !q.Repeated(0) || q.Repeated(1) || q.Repeated(2) {
		t.Error("which pairs count")
	}
}
