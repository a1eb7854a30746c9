//go:build !race

package fcgi

import (
	"runtime/debug"
	"testing"
)

// The race detector makes sync.Pool drop what it is given at random, so that
// buffers are allocated again; hence the gate is not in race builds.

// TestExchangeAllocatesNothing is the gate for the hot path: a small GET with
// CGI variables, both sides, over a UNIX socket, with the look at the idle
// connection that a dispatcher takes first.
func TestExchangeAllocatesNothing(t *testing.T) {
	web, app := connect(t)
	cl := NewClient(web)
	done := make(chan error, 1)
	go func() { done <- answerAll(app) }()
	sink := new(counted)
	exchange := func() {
		if !cl.Alive() {
			t.Fatal("not alive")
		}
		small(cl)
		if end, err := cl.Do(sink); err != nil || end != (EndRequest{}) || cl.MustClose() {
			t.Fatal(end, err)
		}
	}
	for range 100 {
		exchange()
	}
	// A collection empties pools, which is an allocation nobody made.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	if n := testing.AllocsPerRun(2000, exchange); n != 0 {
		t.Errorf("%v allocations per exchange", n)
	}
	web.Close()
	<-done
}

// TestSystemCalls counts what the two sides write for a small exchange.
func TestSystemCalls(t *testing.T) {
	conn := &countedWrites{scripted: *script(AppendEnd(nil, 1, EndRequest{}))}
	cl := NewClient(conn)
	small(cl)
	if _, err := cl.Do(new(counted)); err != nil || conn.writes != 1 {
		t.Errorf("request: %d writes, %v", conn.writes, err)
	}
	app := &countedWrites{scripted: scripted{in: &conn.out}}
	if err := answerAll(app); err == nil || app.writes != 1 {
		t.Errorf("answer: %d writes, %v", app.writes, err)
	}
}
