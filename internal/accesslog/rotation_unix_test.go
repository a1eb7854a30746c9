//go:build unix

package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Elsewhere an open file cannot be renamed, nor a write to a pipe be ended.

func TestReopen(t *testing.T) {
	const writers, lines = 8, 10_000
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	l := open(t, path, patient)
	done := make(chan struct{})
	go func() {
		defer close(done)
		write(l, "a", writers, lines)
	}()
	var files []string
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for going := true; going; {
		select {
		case <-done:
			going = false
		case <-tick.C:
			old := fmt.Sprintf("%s.%d", path, len(files))
			if err := os.Rename(path, old); err != nil {
				t.Fatal(err)
			}
			files = append(files, old)
			if err := l.Reopen(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	check(t, append(files, path), []string{"a"}, writers, lines)
	if l.Lost() != 0 {
		t.Errorf("%d lost", l.Lost())
	}
	t.Logf("%d files", len(files)+1)
}

// TestReopenFails keeps the old file, as long as it takes.
func TestReopenFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path, moved := filepath.Join(dir, "log"), dir+".old"
	l := open(t, path, Options{})
	l.Write([]byte("one\n"))
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	l.Write([]byte("two\n"))
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(moved, "log")); got != "one\ntwo\n" {
		t.Errorf("%q", got)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l.Write([]byte("three\n"))
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Write([]byte("four\n"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if old, new := read(t, filepath.Join(moved, "log")), read(t, path); old != "one\ntwo\nthree\n" || new != "four\n" {
		t.Errorf("%q, %q", old, new)
	}
}

// TestTwoFilesOnePath writes through two logs, of which one is reopened.
func TestTwoFilesOnePath(t *testing.T) {
	const writers, lines = 4, 5000
	path := filepath.Join(t.TempDir(), "log")
	a, b := open(t, path, patient), open(t, path, patient)
	var wg sync.WaitGroup
	wg.Go(func() { write(a, "a", writers, lines) })
	wg.Go(func() { write(b, "b", writers, lines) })
	wg.Wait()
	if err := os.Rename(path, path+".0"); err != nil {
		t.Fatal(err)
	}
	if err := a.Reopen(); err != nil {
		t.Fatal(err)
	}
	a.Write([]byte("new\n"))
	b.Write([]byte("old 0 0 x end\n"))
	if err := errors.Join(a.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "new\n" {
		t.Errorf("%q", got)
	}
	if got := strings.Count(read(t, path+".0"), "old 0 0"); got != 1 {
		t.Errorf("%d lines", got)
	}
	text := strings.Replace(read(t, path+".0"), "old 0 0 x end\n", "", 1)
	if err := os.WriteFile(path+".1", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, []string{path + ".1"}, []string{"a", "b"}, writers, lines)
}

// TestBlockedPipe: nobody reads, writers go on, lines are dropped and counted,
// and the number is told when somebody reads.
func TestBlockedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	told := make(chan uint64, 100)
	l := FromFile(w, Options{Patience: time.Millisecond, OnLoss: func(n uint64) { told <- n }})
	defer l.Close()
	const lines = 200_000
	for i := range lines {
		l.Write(fmt.Appendf(nil, "line %06d\n", i))
	}
	lost := l.Lost()
	if lost == 0 {
		t.Fatal("nothing lost: there is no bound")
	}
	l.mu.Lock()
	if n := len(l.buf) + l.held; n > MaxPending {
		t.Errorf("%d octets kept", n)
	}
	l.mu.Unlock()
	if err := l.Flush(); !errors.Is(err, ErrBlocked) {
		t.Error(err)
	}
	other, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Use(other); !errors.Is(err, ErrBlocked) {
		t.Error(err)
	}
	if err := other.Close(); err != nil {
		t.Errorf("a file that was not taken: %v", err)
	}
	// Somebody reads.
	text := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		text <- string(b)
	}()
	if got := <-told; got != lost {
		t.Errorf("told of %d lines, %d lost", got, lost)
	}
	l.Write([]byte("line last\n"))
	l.options.Patience = time.Minute
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	n, last := 0, ""
	for line := range strings.Lines(<-text) {
		if len(line) != len("line 000000\n") && line != "line last\n" || line <= last {
			t.Fatalf("torn line %q after %q", line, last)
		}
		n++
		last = line
	}
	if n != lines-int(lost)+1 || last != "line last\n" {
		t.Errorf("%d lines of %d, %d lost, the last is %q", n, lines+1, lost, last)
	}
}

// TestCloseBlockedPipe gives up, counts and tells.
func TestCloseBlockedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	told := make(chan uint64, 1)
	l := FromFile(w, Options{Patience: time.Millisecond, OnLoss: func(n uint64) { told <- n }})
	const lines = 20_000
	for range lines {
		l.Write([]byte("0123456789\n"))
	}
	if err := l.Close(); !errors.Is(err, ErrBlocked) {
		t.Error(err)
	}
	lost := <-told
	b, err := io.ReadAll(r) // the write end is closed
	if err != nil {
		t.Fatal(err)
	}
	// A line that is there in part counts as lost.
	if whole := bytes.Count(b, newline); uint64(whole)+lost != lines || l.Lost() != lost {
		t.Errorf("%d whole and %d lost of %d; Lost is %d", whole, lost, lines, l.Lost())
	}
}

// TestReaderGoesAway: a broken pipe is an error that is reported, and a new sink
// gets the lines that the old one did not take.
func TestReaderGoesAway(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	reported := make(chan error, 1)
	l := FromFile(w, Options{OnError: func(err error) { reported <- err }})
	defer l.Close()
	l.Write([]byte("one\n"))
	if err := l.Flush(); err == nil {
		t.Error("written to nobody")
	}
	if err := <-reported; err == nil || l.Err() == nil {
		t.Errorf("%v, %v", err, l.Err())
	}
	l.Write([]byte("two\n"))
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Use(f); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil || l.Err() != nil {
		t.Fatal(err, l.Err())
	}
	if got := read(t, path); got != "one\ntwo\n" || l.Lost() != 0 {
		t.Errorf("%q, %d lost", got, l.Lost())
	}
}
