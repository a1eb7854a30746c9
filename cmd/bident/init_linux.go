package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// notifyVariable names the socket of a service manager, see sd_notify(3).
const notifyVariable = "NOTIFY_SOCKET"

// first is the first process of a container: a service manager for one server. It
// passes on signals, reaps whatever is left behind, and ends with the status of the
// server: of the newest one, after an upgrade. When it ends the kernel kills all that
// is left in the container.
//
// Servers tell it as they tell any other manager which of them is the main one. Anybody
// in the container can write to its socket, and as much as they like: one goroutine
// reads it, and drops what others say; the other one passes on signals and reaps, and
// waits for the first one for no longer than patience.
type first struct {
	main     atomic.Int64 // process number of the server
	mark     atomic.Pointer[mark]
	socket   *net.UnixConn
	outer    string // the socket of a manager outside, "" for none
	stderr   io.Writer
	patience time.Duration // for writes to a socket that may be full, and what they are for
}

// initPatience is the patience of a first process.
const initPatience = 5 * time.Second

// mark is a message of this process to itself: all that was said before has been heard
// when it is.
type mark struct {
	text  string
	heard chan struct{} // closed then
}

// runInit is the first process's life, if this is one; it gives the exit status.
func runInit(stderr io.Writer) (status int, is bool) {
	if os.Getpid() != 1 {
		return 0, false
	}
	f := &first{outer: os.Getenv(notifyVariable), stderr: stderr, patience: initPatience}
	signals := make(chan os.Signal, 64)
	signal.Notify(signals) // before there is anybody whose end could be missed
	if err := f.start(); err != nil {
		return fail(stderr, err), true
	}
	return f.run(signals), true
}

// start starts the server.
func (f *first) start() error {
	if err := f.open(); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	path, err := os.Executable()
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, notifyVariable+"=") {
			env = append(env, v)
		}
	}
	// A process group of its own: what a terminal sends to all of its group is
	// passed on once.
	pid, err := syscall.ForkExec(path, os.Args, &syscall.ProcAttr{
		Env: append(env, notifyVariable+"="+f.socket.LocalAddr().String()), Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return fmt.Errorf("init: cannot start %s: %w", path, err)
	}
	f.main.Store(int64(pid))
	return nil
}

// open opens the socket.
func (f *first) open() error {
	// The name is nobody's who could guess it: containers may share the names of
	// abstract sockets.
	name := "@bident-init-" + rand.Text()
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return err
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	f.socket = socket
	return nil
}

// run waits for the server's end.
func (f *first) run(signals <-chan os.Signal) int {
	go f.listen()
	for sig := range signals {
		switch sig {
		case syscall.SIGURG, syscall.SIGPIPE: // the runtime's own
		case syscall.SIGCHLD:
			if status, over := f.reap(); over {
				return status
			}
		default:
			_ = unix.Kill(int(f.main.Load()), sig.(syscall.Signal)) // its end is about to be seen
		}
	}
	return 0 // never
}

// reap takes the status of every process that has ended. It reports true if the
// server was among them.
func (f *first) reap() (status int, over bool) {
	for {
		var w syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &w, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil || pid <= 0:
			return 0, false
		}
		if int64(pid) == f.main.Load() {
			f.catchUp()
		}
		if int64(pid) != f.main.Load() {
			continue
		}
		if w.Signaled() {
			return 128 + int(w.Signal()), true
		}
		return w.ExitStatus(), true
	}
}

// catchUp returns when all that has been said so far was heard: a process that has
// ended may have said before that another one is the server.
func (f *first) catchUp() {
	m := &mark{rand.Text(), make(chan struct{})}
	f.mark.Store(m)
	defer f.mark.Store(nil)
	if f.write(f.socket.LocalAddr().String(), m.text) != nil {
		return
	}
	select {
	case <-m.heard:
	case <-time.After(2 * f.patience): // the other goroutine may write, too
	}
}

// write sends a message, and does not wait for longer than patience.
func (f *first) write(name, text string) error {
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetWriteDeadline(time.Now().Add(f.patience)); err != nil {
		return err
	}
	_, err = c.Write([]byte(text))
	return err
}

// message is what a process has said.
type message struct {
	text string
	pid  int // 0 for one outside of the container
}

// listen receives what processes say, until the socket is closed.
func (f *first) listen() {
	buf := make([]byte, 4<<10)
	oob := make([]byte, unix.CmsgSpace(unix.SizeofUcred)+unix.CmsgSpace(4*253))
	for {
		n, oobn, _, _, err := f.socket.ReadMsgUnix(buf, oob)
		if err != nil {
			return
		}
		m := message{text: string(buf[:n])}
		parts, _ := unix.ParseSocketControlMessage(oob[:oobn]) // what cannot be read says nothing
		for i := range parts {
			if c, err := unix.ParseUnixCredentials(&parts[i]); err == nil {
				m.pid = int(c.Pid)
			}
			if fds, err := unix.ParseUnixRights(&parts[i]); err == nil {
				for _, fd := range fds {
					unix.Close(fd) // nobody has asked for any
				}
			}
		}
		if mark := f.mark.Load(); mark != nil && m.text == mark.text {
			if f.mark.CompareAndSwap(mark, nil) {
				close(mark.heard)
			}
			continue
		}
		f.hear(m)
	}
}

// hear learns which process is the server. Nobody else has a say in that.
func (f *first) hear(m message) {
	if int64(m.pid) != f.main.Load() {
		return
	}
	var rest []string
	for line := range strings.SplitSeq(m.text, "\n") {
		number, ok := strings.CutPrefix(line, "MAINPID=")
		if !ok {
			rest = append(rest, line)
			continue
		}
		// Outside the numbers are others, and this process stays the main one.
		if pid, err := strconv.Atoi(number); err == nil && pid > 1 && alive(pid) {
			f.main.Store(int64(pid))
		}
	}
	if f.outer == "" || len(rest) == 0 {
		return
	}
	err := f.write(f.outer, strings.Join(rest, "\n"))
	if err != nil {
		fmt.Fprintln(f.stderr, "bident: init: the service manager cannot be told:", err)
	}
}
