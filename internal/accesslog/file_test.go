package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// open opens a log in a directory of the test and closes it at the end.
func open(t *testing.T, path string, o Options) *File {
	t.Helper()
	l, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// patient are options for tests that must lose nothing, however slow the disk is.
var patient = Options{MaxWait: time.Minute, Patience: time.Minute}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// write sends n numbered lines of different lengths from each of several writers.
func write(l *File, name string, writers, n int) {
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			var line []byte
			for i := range n {
				line = fmt.Appendf(line[:0], "%s %d %d ", name, w, i)
				line = append(line, bytes.Repeat([]byte{'x'}, (i*31+w)%300)...)
				l.Write(append(line, " end\n"...))
			}
		})
	}
	wg.Wait()
}

// check reads what write sent: every line once and whole, over all files, and
// those of one writer in their order.
func check(t *testing.T, files []string, names []string, writers, n int) {
	t.Helper()
	next := make(map[string]int)
	for _, file := range files {
		text := read(t, file)
		if text != "" && !strings.HasSuffix(text, "\n") {
			t.Errorf("%s ends with a torn line", file)
		}
		for line := range strings.Lines(text) {
			part := strings.Split(strings.TrimSuffix(line, "\n"), " ")
			if len(part) != 5 || part[4] != "end" {
				t.Fatalf("%s: torn line %q", file, line)
			}
			w, err := strconv.Atoi(part[1])
			i, err2 := strconv.Atoi(part[2])
			if err != nil || err2 != nil || part[3] != strings.Repeat("x", (i*31+w)%300) {
				t.Fatalf("%s: torn line %q", file, line)
			}
			key := part[0] + " " + part[1]
			if i != next[key] {
				t.Fatalf("%s: line %d of %s, want %d", file, i, key, next[key])
			}
			next[key]++
		}
	}
	for _, name := range names {
		for w := range writers {
			if key := fmt.Sprint(name, " ", w); next[key] != n {
				t.Errorf("%s: %d lines, want %d", key, next[key], n)
			}
		}
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"", dir, filepath.Join(dir, "none", "log"), filepath.Join(dir, "file", "log")} {
		os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)
		l, err := Open(path, Options{})
		if err == nil || l != nil {
			t.Errorf("%q was opened", path)
			continue
		}
		if path != "" && !strings.Contains(err.Error(), path) {
			t.Errorf("%v does not name %s", err, path)
		}
		if path == dir && !strings.Contains(err.Error(), "is a directory") {
			t.Error(err)
		}
	}
	path := filepath.Join(dir, "log")
	os.WriteFile(path, []byte("old\n"), 0o640)
	l := open(t, path, Options{})
	l.Write(nil)
	l.Write([]byte("a\n"))
	l.Write([]byte("no newline"))
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "old\na\nno newline\n" {
		t.Errorf("%q", got)
	}
	l.Write([]byte("last\n"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "old\na\nno newline\nlast\n" {
		t.Errorf("%q", got)
	}
	l.Write([]byte("late\n"))
	if l.Lost() != 1 {
		t.Errorf("%d lost", l.Lost())
	}
	for _, err := range []error{l.Close(), l.Flush(), l.Reopen()} {
		if !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	}
}

func TestModeOfNewFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	open(t, path, Options{})
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&^0o640 != 0 {
		t.Error(info.Mode())
	}
}

// TestLinesArriveByThemselves waits for a line that nobody flushes, and for the
// end of the flusher after it.
func TestLinesArriveByThemselves(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l := FromFile(w, Options{})
	defer l.Close()
	l.Write([]byte("one\n"))
	b := make([]byte, 10)
	n, err := r.Read(b)
	if err != nil || string(b[:n]) != "one\n" {
		t.Fatalf("%q, %v", b[:n], err)
	}
	for running := true; running; runtime.Gosched() {
		l.mu.Lock()
		running = l.running
		l.mu.Unlock()
	}
}

func TestUse(t *testing.T) {
	dir := t.TempDir()
	var files [2]*os.File
	for i := range files {
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprint(i)), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = f
	}
	l := FromFile(files[0], Options{})
	l.Write([]byte("one\n"))
	if err := l.Reopen(); !errors.Is(err, ErrNoPath) {
		t.Fatal(err)
	}
	if err := l.Use(files[1]); err != nil {
		t.Fatal(err)
	}
	l.Write([]byte("two\n"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"one\n", "two\n"} {
		if got := read(t, filepath.Join(dir, fmt.Sprint(i))); got != want {
			t.Errorf("%q", got)
		}
		if err := files[i].Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("file %d was left open: %v", i, err)
		}
	}
	if err := l.Use(files[1]); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

// TestLongLines: a line longer than one write, and one longer than all memory.
func TestLongLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := open(t, path, Options{})
	long := strings.Repeat("l", 3*MaxWrite)
	l.Write([]byte("a\n" + long + "\nb\n"))
	l.Write(bytes.Repeat([]byte{'h'}, MaxPending))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "a\n"+long+"\nb\n" {
		t.Errorf("%d octets", len(got))
	}
	if l.Lost() != 1 {
		t.Errorf("%d lost", l.Lost())
	}
}

func TestWholeLines(t *testing.T) {
	for _, c := range []struct {
		lines string
		want  int
	}{{"a\n", 2}, {"abc\n", 4}, {"abc\nd\n", 4}, {"a\nb\ncd\n", 4}, {"abcdef\ng\n", 7}, {"abcdef", 6}, {"a\nbcdefgh\n", 2}} {
		if got := wholeLines([]byte(c.lines), 4); got != c.want {
			t.Errorf("%q: %d, want %d", c.lines, got, c.want)
		}
	}
}
