package httpd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// hookVariable tells children in which directory hooks keep their diary.
const hookVariable = "BIDENT_TEST_HOOKS"

func childHooks() httpd.Hooks {
	if dir := os.Getenv(hookVariable); dir != "" {
		return diaryHooks(dir)
	}
	return suiteHooks
}

// diaryHooks note each call in a file, from whatever process. The init hook fails
// with what is in the file "refuse", if there is one.
func diaryHooks(dir string) httpd.Hooks {
	note := func(format string, args ...any) error {
		f, err := os.OpenFile(filepath.Join(dir, "diary"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(f, format+"\n", args...)
		return errors.Join(err, f.Close())
	}
	return httpd.Hooks{
		WorkerInit: func(w httpd.Worker) (any, error) {
			if why, err := os.ReadFile(filepath.Join(dir, "refuse")); err == nil {
				return nil, errors.New(string(why))
			}
			return fmt.Sprintf("state of %d", w.PID), note("init state of %d", w.PID)
		},
		WorkerFinish: func(state any) { _ = note("finish %v", state) },
	}
}

// withDiary is a kind whose workers keep a diary in dir.
func withDiary(k kind, dir string) kind {
	return k.with(func(s *httpd.Server) {
		s.Hooks = diaryHooks(dir)
		if s.Mode == httpd.Fork {
			s.Env = []string{hookVariable + "=" + dir}
		}
	})
}

// diary is what the hooks have noted: how often each.
func diary(t *testing.T, dir string) map[string]int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "diary"))
	if err != nil {
		t.Fatal(err)
	}
	notes := make(map[string]int)
	for line := range strings.Lines(string(b)) {
		notes[strings.TrimSuffix(line, "\n")]++
	}
	return notes
}

// TestWorkerState: handlers see the state that their own worker's hook has made,
// and each worker that leaves by itself is finished once.
func TestWorkerState(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		dir := t.TempDir()
		s := start(t, withDiary(k, dir), pool.Config{MaxRequests: 4})
		c := newClient(t, s.url)
		for range 5 {
			// The same worker answers both: a worker's four requests are
			// used up in order.
			pid, _ := c.pid(t)
			if state, want := c.must(t, "/state"), fmt.Sprintf("state of %d\n", pid); state != want {
				t.Errorf("state of worker %d is %q", pid, state)
			}
		}
		if err := s.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		born := len(s.lives())
		notes := diary(t, dir)
		inits := 0
		for note, n := range notes {
			if n != 1 {
				t.Errorf("%q happened %d times", note, n)
			}
			if state, ok := strings.CutPrefix(note, "init "); ok {
				inits++
				if notes["finish "+state] != 1 {
					t.Errorf("worker with %s has not been finished", state)
				}
			}
		}
		if inits != born || len(notes) != 2*born {
			t.Errorf("%d workers were born, diary: %v", born, notes)
		}
	})
}

// TestReloadThatDoesNotStart: the old generation goes on serving when the new one
// dies before it is ready, and the failure is reported.
func TestReloadThatDoesNotStart(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		dir := t.TempDir()
		s := start(t, withDiary(k, dir), pool.Config{})
		c := newClient(t, s.url)
		refuse := filepath.Join(dir, "refuse")
		if err := os.WriteFile(refuse, []byte("the database is away"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "the database is away") {
			t.Errorf("Reload: %v, expected why the workers do not start", err)
		}
		for range 10 {
			c.pid(t)
		}
		if k.moves && c.closed > 0 {
			t.Error("connection was closed")
		}
		st, err := s.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Totals.Exits["start"] < 3 || st.Exits[0].Cause != "start" {
			t.Errorf("status: %+v %+v", st.Totals.Exits, st.Exits)
		}
		serving := 0
		for _, w := range st.Workers {
			if w.Generation == 1 && w.State != "S" {
				serving++
			}
		}
		if serving != 2 {
			t.Errorf("workers: %+v, expected both of the first generation", st.Workers)
		}
		// Each death makes the pause longer: it is no endless loop of births.
		if st.Totals.Spawned > 12 {
			t.Errorf("%d workers were started in that time", st.Totals.Spawned)
		}
		if err := os.Remove(refuse); err != nil {
			t.Fatal(err)
		}
		if err := s.Reload(t.Context()); err != nil {
			t.Errorf("Reload once the database is back: %v", err)
		}
		c.pid(t)
	})
}

// TestDone: a handler has its worker replaced.
func TestDone(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		c := newClient(t, s.url)
		if text := c.must(t, "/done"); text != "done\n" {
			t.Errorf("answer of the worker that leaves: %q", text)
		}
		s.expect("start ready", "start ready", "start ready expiring(done) retire(done) exited(done)")
		c.pid(t)
		st, err := s.Status(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(st.Exits, func(e httpd.StatusExit) bool {
			return e.Cause == "done" && e.Status == "" && e.Requests == 1
		}) {
			t.Errorf("exits: %+v", st.Exits)
		}
	})
}
