package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// console is a terminal that a program runs in.
type console struct {
	t       *testing.T
	master  *os.File
	slave   *os.File
	mu      sync.Mutex
	changed sync.Cond
	shown   bytes.Buffer
}

// openConsole makes a terminal.
func openConsole(t *testing.T, columns, rows uint16) *console {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &console{t: t, master: master}
	c.changed.L = &c.mu
	var number int
	c.control(master, func(fd int) (err error) {
		if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		}
		return err
	})
	if c.slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	c.resize(columns, rows)
	read := make(chan struct{})
	go func() {
		defer close(read)
		var b [4096]byte
		for {
			n, err := master.Read(b[:])
			c.mu.Lock()
			c.shown.Write(b[:n])
			c.changed.Broadcast()
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		c.slave.Close()
		master.Close()
		<-read
	})
	return c
}

// control calls f with the descriptor of a file.
func (c *console) control(file *os.File, f func(fd int) error) {
	c.t.Helper()
	raw, err := file.SyscallConn()
	if err != nil {
		c.t.Fatal(err)
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil || inner != nil {
		c.t.Fatal(err, inner)
	}
}

func (c *console) resize(columns, rows uint16) {
	c.t.Helper()
	c.control(c.master, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows})
	})
}

func (c *console) settings() (s unix.Termios) {
	c.t.Helper()
	c.control(c.slave, func(fd int) error {
		now, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err == nil {
			s = *now
		}
		return err
	})
	return s
}

// await waits until what was shown since the byte from holds text, and returns
// where the text ends.
func (c *console) await(from int, text string) int {
	c.t.Helper()
	begun := time.Now()
	timer := time.AfterFunc(patience, c.changed.Broadcast)
	defer timer.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if i := strings.Index(c.shown.String()[from:], text); i >= 0 {
			return from + i + len(text)
		}
		if time.Since(begun) >= patience {
			c.t.Fatalf("%q was not shown after %d: %q", text, from, c.shown.String())
		}
		c.changed.Wait()
	}
}

// run starts bident in the terminal.
func (c *console) run(args ...string) (cmd *exec.Cmd, ended chan error) {
	c.t.Helper()
	file, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd = &exec.Cmd{
		Path: file, Args: append([]string{"bident"}, args...), Stdin: c.slave, Stdout: c.slave, Stderr: c.slave,
		Env:         append(os.Environ(), "TERM=xterm", "NO_COLOR="),
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true},
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	ended = make(chan error, 1)
	over := make(chan struct{})
	go func() {
		ended <- cmd.Wait()
		close(over)
	}()
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-over
	})
	return cmd, ended
}

// TestTopInTerminal: it follows the terminal's size and gives the terminal back as
// it was, however it ends.
func TestTopInTerminal(t *testing.T) {
	for name, end := range map[string]func(*console, *exec.Cmd){
		"q":      func(c *console, _ *exec.Cmd) { io.WriteString(c.master, "xq") },
		"Ctrl-C": func(c *console, _ *exec.Cmd) { io.WriteString(c.master, "\x03") },
		"TERM":   func(_ *console, cmd *exec.Cmd) { cmd.Process.Signal(syscall.SIGTERM) },
		"HUP":    func(_ *console, cmd *exec.Cmd) { cmd.Process.Signal(syscall.SIGHUP) },
		"frames": func(*console, *exec.Cmd) {},
	} {
		t.Run(name, func(t *testing.T) {
			srv := adminOf(t)
			c := openConsole(t, 100, 12)
			before := c.settings()
			args := []string{"top", "--admin", srv.URL, "--interval", "100ms"}
			if name == "frames" {
				args = append(args, "--frames", "40")
			}
			cmd, ended := c.run(args...)
			at := c.await(0, enterScreen)
			at = c.await(at, "bident fork/request")
			if now := c.settings(); now.Lflag&(unix.ICANON|unix.ECHO) != 0 {
				t.Errorf("the terminal is not raw: %+v", now)
			}
			at = c.await(at, home)
			c.resize(30, 6)
			at = c.await(at, "pid 7  ge\x1b[0m"+clearLine) // cut at 30 columns
			end(c, cmd)
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("it ended with %v", err)
				}
			case <-time.After(patience):
				t.Fatal("it does not end")
			}
			c.await(at, leaveScreen)
			if after := c.settings(); after != before {
				t.Errorf("the terminal was %+v and is %+v", before, after)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if text := c.shown.String(); strings.Contains(text, "/\x1b[2J\r") || strings.Contains(text, "\u202e") {
				t.Errorf("a request steers the terminal: %q", text)
			}
		})
	}
}
