package accesslog

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFullDisk: ENOSPC is reported once, lines are kept up to the bound, and
// those go to the file that comes instead.
func TestFullDisk(t *testing.T) {
	reports := make(chan error, 10)
	told := make(chan uint64, 10)
	l := open(t, "/dev/full", Options{OnError: func(err error) { reports <- err }, OnLoss: func(n uint64) { told <- n }})
	const lines = 2 * MaxPending / 10
	for range lines {
		l.Write([]byte("012345678\n"))
	}
	for range 3 {
		if err := l.Flush(); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	if err := l.Err(); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	if err := <-reports; !errors.Is(err, syscall.ENOSPC) || len(reports) != 0 {
		t.Errorf("%v and %d more", err, len(reports))
	}
	lost := l.Lost()
	if lost == 0 || len(told) != 0 {
		t.Fatalf("%d lost, told %d times", lost, len(told))
	}
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Use(f); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != lost {
		t.Errorf("told of %d, lost %d", got, lost)
	}
	if got := read(t, path); got != strings.Repeat("012345678\n", lines-int(lost)) {
		t.Errorf("%d octets", len(got))
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestCloseFullDisk counts what is lost.
func TestCloseFullDisk(t *testing.T) {
	told := make(chan uint64, 1)
	l := open(t, "/dev/full", Options{OnLoss: func(n uint64) { told <- n }})
	l.Write([]byte("one\n"))
	l.Write([]byte("two\n"))
	if err := l.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	if got := <-told; got != 2 || l.Lost() != 2 {
		t.Errorf("told %d, lost %d", got, l.Lost())
	}
}

// TestPartOfALine: a sink that took half of a line gets the other half when it
// works again; if another comes instead, that gets the whole line.
func TestPartOfALine(t *testing.T) {
	const full = 64 << 10
	long := strings.Repeat("l", 2*full) + "\n"
	for _, another := range []bool{false, true} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		failed := make(chan error, 1)
		l := FromFile(w, Options{OnError: func(err error) { failed <- err }})
		defer l.Close()
		l.Write([]byte("short\n"))
		l.Write([]byte(long))
		conn, err := r.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		// A pipe is filled by pages, and a few octets may not have fitted.
		for filled := 0; filled < full/2; runtime.Gosched() {
			if err := conn.Control(func(fd uintptr) { filled, err = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.SetWriteDeadline(time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if err := w.SetWriteDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		l.Write([]byte("last\n"))
		path := filepath.Join(t.TempDir(), "log")
		if another {
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			// So that the old file takes nothing more.
			if err := w.SetWriteDeadline(time.Now()); err != nil {
				t.Fatal(err)
			}
			if err := l.Use(f); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); got != long+"last\n" {
				t.Errorf("%d octets, not %d", len(got), len(long)+len("last\n"))
			}
			continue
		}
		text := make(chan []byte)
		go func() {
			b, _ := io.ReadAll(r)
			text <- b
		}()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if got := <-text; string(got) != "short\n"+long+"last\n" || l.Lost() != 0 {
			t.Errorf("%d octets, %d lost", len(got), l.Lost())
		}
	}
}

// TestNamedPipe is opened though nobody reads it, and survives its reader.
func TestNamedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	l := open(t, path, Options{})
	for _, line := range []string{"one\n", "two\n"} {
		l.Write([]byte(line))
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
		r, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 10)
		n, err := r.Read(b)
		if err != nil || string(b[:n]) != line {
			t.Errorf("%q, %v", b[:n], err)
		}
		r.Close()
		if err := l.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
}
