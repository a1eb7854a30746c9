package httpd

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bident/bident/pool"
)

// TestTitleRests: the title follows what the worker does, and nothing wakes up as long
// as that does not change.
func TestTitleRests(t *testing.T) {
	mem, err := boardMemory(pool.ScoreboardSize(4, 2))
	if err != nil {
		t.Fatal(err)
	}
	board, err := pool.NewScoreboard(mem, 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorkerTitle("test", "", board, 3)
		row, line := board.Row(3), board.Line(3, 1)
		is := func(word string, awake bool) {
			t.Helper()
			synctest.Wait()
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.word != word || w.awake.Load() != awake {
				t.Errorf("%s, awake %t, expected %s, %t", w.word, w.awake.Load(), word, awake)
			}
		}
		begin := func() {
			w.touch()
			line.Begin(row, 1, []byte("GET"), []byte("/"))
		}
		is("starting", false)
		w.touch()
		time.Sleep(time.Minute)
		is("starting", false)
		w.ready()
		is("idle", false)
		begin()
		line.End() // over before anybody looks
		is("idle", true)
		time.Sleep(titleFirst)
		is("idle", true) // there may be more
		time.Sleep(titleNext)
		is("idle", false)
		begin()
		time.Sleep(titleFirst)
		is("busy", true)
		time.Sleep(time.Minute)
		is("busy", true)
		line.End()
		row.AddConnections(1)
		w.touch()
		time.Sleep(titleNext)
		is("kept", false)
		row.AddConnections(-1)
		w.touch()
		time.Sleep(titleFirst)
		is("idle", false)
		begin()
		w.retire()
		is("retiring", true)
		time.Sleep(time.Minute)
		is("retiring", false)
	})
	var none *workerTitle
	none.touch()
	none.ready()
	none.retire()
	if n := testing.AllocsPerRun(100, none.touch); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkTitleTouch is what a title costs each request.
func BenchmarkTitleTouch(b *testing.B) {
	w := new(workerTitle)
	w.awake.Store(true)
	for b.Loop() {
		w.touch()
	}
}
