package succession

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/fdpass"
	"github.com/bident/bident/internal/memfd"
)

// What a successor finds open.
const (
	onStderr    = 2
	onControl   = 3
	onFerry     = 4
	onManifest  = 5
	onRealError = 6
	firstSocket = 7
)

// helloTimeout is how long a program may take to say hello, which it does before
// its main runs.
const helloTimeout = 10 * time.Second

// lastWords is how long a successor whose line has broken may take to end.
const lastWords = time.Second

// Successor is the process that is to take this one's place.
type Successor struct {
	pid     int
	path    string
	control *net.UnixConn
	ferry   *net.UnixConn
	heard   chan string   // messages; closed at the end of the line
	stops   chan string   // what stop says
	ended   chan struct{} // closed when the process is gone and reaped
	quiet   chan struct{} // closed when its output is at its end
	words   tail

	mu     sync.Mutex
	polite bool // it has said hello
	reaped bool
	kept   bool // it has taken over: its group is none of this process's business
	status syscall.WaitStatus
}

// Start starts the program file as the successor of this process. The sockets stay
// open here.
func Start(path string, args, env []string, m Manifest) (_ *Successor, err error) {
	m.Protocol = Protocol
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	manifest, err := memfd.Frozen("bident-upgrade", text)
	if err != nil {
		return nil, err
	}
	defer manifest.Close()
	s := &Successor{
		path: path, heard: make(chan string, 16), stops: make(chan string, 4),
		ended: make(chan struct{}), quiet: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	var theirs [2]int
	if s.control, theirs[0], err = fdpass.Pair(); err != nil {
		return nil, err
	}
	defer unix.Close(theirs[0])
	if s.ferry, theirs[1], err = fdpass.Pair(); err != nil {
		return nil, err
	}
	defer unix.Close(theirs[1])
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	files := []uintptr{
		0, 1, w.Fd(), uintptr(theirs[0]), uintptr(theirs[1]), manifest.Fd(), onStderr,
	}
	for _, socket := range m.Sockets {
		files = append(files, uintptr(socket.FD))
	}
	own := mark{Protocol, os.Getpid(), len(m.Sockets)}
	s.pid, err = syscall.ForkExec(path, args, &syscall.ProcAttr{
		Env: append(without(env, Variable), Variable+"="+own.String()), Files: files,
		Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("cannot start %s: %w", path, err)
	}
	go s.relay(r)
	go s.wait()
	go s.listen()
	return s, nil
}

// without is an environment without a variable.
func without(env []string, name string) []string {
	var rest []string
	for _, v := range env {
		if !strings.HasPrefix(v, name+"=") {
			rest = append(rest, v)
		}
	}
	return rest
}

// PID is the number of the successor's process.
func (s *Successor) PID() int { return s.pid }

// Ferry is this process's end of the socket for connections; it belongs to the
// caller.
func (s *Successor) Ferry() *net.UnixConn { return s.ferry }

// Stops gets the time that is left, negative for any, when the successor was told
// to stop: so was this process.
func (s *Successor) Stops() <-chan string { return s.stops }

// Ended is closed when the successor is gone.
func (s *Successor) Ended() <-chan struct{} { return s.ended }

// wait reaps the process.
func (s *Successor) wait() {
	for {
		var info unix.Siginfo
		if unix.Waitid(unix.P_PID, s.pid, &info, unix.WEXITED|unix.WNOWAIT, nil) != unix.EINTR {
			break
		}
	}
	s.mu.Lock()
	if !s.kept {
		unix.Kill(-s.pid, unix.SIGKILL) // what it has left behind
	}
	for {
		if _, err := syscall.Wait4(s.pid, &s.status, 0, nil); err != syscall.EINTR {
			break
		}
	}
	s.reaped = true
	s.mu.Unlock()
	close(s.ended)
}

// listen reads the control socket.
func (s *Successor) listen() {
	defer close(s.heard)
	buf := make([]byte, maxMessage)
	for {
		n, files, err := fdpass.Receive(s.control, buf)
		fdpass.Discard(files...) // nobody has asked for any
		if err != nil {
			return
		}
		text := string(buf[:n])
		if rest, ok := strings.CutPrefix(text, wordStop+" "); ok {
			select {
			case s.stops <- rest:
			default:
			}
			continue
		}
		select {
		case s.heard <- text:
		default:
			return // it talks too much
		}
	}
}

// relay passes on what the successor writes to its standard error.
func (s *Successor) relay(r *os.File) {
	defer close(s.quiet)
	defer r.Close()
	buf := make([]byte, 4<<10)
	for {
		n, err := r.Read(buf)
		s.words.add(buf[:n])
		_, _ = os.Stderr.Write(buf[:n])
		if err != nil {
			return
		}
	}
}

// Await waits until the successor is ready, or says why it will not be.
func (s *Successor) Await(ctx context.Context) error {
	first, cancel := context.WithTimeoutCause(ctx, helloTimeout, ErrSilent)
	defer cancel()
	text, err := s.next(first)
	if err != nil {
		return err
	}
	rest, ok := strings.CutPrefix(text, wordHello+" ")
	if !ok {
		return fmt.Errorf("%w but %.40q", ErrSilent, text)
	}
	if err := parseHello(rest); err != nil {
		return err
	}
	s.mu.Lock()
	s.polite = true
	s.mu.Unlock()
	return s.expect(ctx, wordReady)
}

// Yield tells the successor that everything is its own, and waits until it has
// taken it. After an error the successor may have begun to.
func (s *Successor) Yield(ctx context.Context) error {
	if err := s.say(wordYours); err != nil {
		return err
	}
	if err := s.expect(ctx, wordTaken); err != nil {
		return err
	}
	s.mu.Lock()
	s.kept = true
	s.mu.Unlock()
	return nil
}

// expect waits for a word.
func (s *Successor) expect(ctx context.Context, word string) error {
	text, err := s.next(ctx)
	if err != nil {
		return err
	}
	if reason, ok := strings.CutPrefix(text, wordFailed+" "); ok {
		return errors.New(reason)
	}
	if text != word {
		return fmt.Errorf("the new process says %.40q, not %s", text, word)
	}
	return nil
}

// next is the next message; an error is what has become of the successor instead.
func (s *Successor) next(ctx context.Context) (string, error) {
	select {
	case text, ok := <-s.heard:
		if ok {
			return text, nil
		}
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	select {
	case <-s.ended:
	case <-time.After(lastWords):
		return "", errors.New("the new process has closed its line")
	}
	select {
	case <-s.quiet:
	case <-time.After(lastWords): // somebody else has the pipe
	}
	s.mu.Lock()
	status := describe(s.status)
	s.mu.Unlock()
	if words := s.words.String(); words != "" {
		status += ": " + words
	}
	return "", fmt.Errorf("the new process has ended with %s", status)
}

func describe(w syscall.WaitStatus) string {
	if w.Signaled() {
		return "signal " + unix.SignalName(w.Signal())
	}
	return "exit status " + strconv.Itoa(w.ExitStatus())
}

// Abandon ends a successor that has not taken over, with its process group, and
// returns when it is gone. It gets that much time to let its workers finish what
// they may have begun.
func (s *Successor) Abandon(patience time.Duration) {
	s.mu.Lock()
	if !s.polite {
		patience = 0
	}
	s.mu.Unlock()
	if s.say(wordNo) != nil {
		patience = 0
	}
	select {
	case <-s.ended:
	case <-time.After(patience):
	}
	s.mu.Lock()
	if !s.reaped {
		unix.Kill(-s.pid, unix.SIGKILL)
	}
	s.mu.Unlock()
	<-s.ended
	s.Close()
}

// Forward passes a signal on.
func (s *Successor) Forward(name string) error { return s.say(wordSignal + " " + name) }

func (s *Successor) say(text string) error {
	if err := fdpass.TrySend(s.control, []byte(text)); err != nil {
		return fmt.Errorf("process %d: %w: %w", s.pid, ErrGone, err)
	}
	return nil
}

// Close closes this process's ends of the sockets: to the successor this process is
// gone.
func (s *Successor) Close() {
	for _, c := range []*net.UnixConn{s.control, s.ferry} {
		if c != nil {
			go c.Close() // with what nobody has read: see fdpass.Discard
		}
	}
}
