package succession

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/fdpass"
	"github.com/bident/bident/internal/memfd"
)

// Heritage is what this process has from the one whose place it is to take.
type Heritage struct {
	Manifest
	pid     int
	control *net.UnixConn
	ferry   *net.UnixConn
	signals chan string
	yours   chan struct{} // closed when the old process says so
	no      chan struct{} // closed when it says no, or is gone before it has said anything
	gone    chan struct{}

	mu      sync.Mutex
	claimed bool
	fds     []int // by the manifest; -1 where somebody has it
}

// heritage and problem are set before any init function runs of packages that
// import this one.
var heritage, problem = inherit()

// Current is what this process has inherited; nil if it is nobody's successor. The
// error is ErrForged, or ErrProtocol, if it is marked as one and is none.
func Current() (*Heritage, error) { return heritage, problem }

// inherit takes over what the old process has given this one, and leaves nothing
// of it to processes that this one may start.
func inherit() (*Heritage, error) {
	text, marked := os.LookupEnv(Variable)
	if !marked {
		return nil, nil
	}
	os.Unsetenv(Variable)
	m, err := parseMark(text)
	if err != nil && err != ErrProtocol {
		return nil, err
	}
	if !childOf(m, err == nil) {
		return nil, ErrForged
	}
	for fd := onControl; fd < firstSocket+m.sockets; fd++ {
		unix.CloseOnExec(fd)
	}
	h := &Heritage{
		pid: m.pid, signals: make(chan string, 64),
		yours: make(chan struct{}), no: make(chan struct{}), gone: make(chan struct{}),
	}
	if h.control, err = fdpass.Conn(onControl); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForged, err)
	}
	// In any case: the old process is to know which version this is.
	if err := h.say(fmt.Sprintf("%s %d %d", wordHello, Protocol, os.Getpid())); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForged, err)
	}
	if m.protocol != Protocol {
		return nil, ErrProtocol
	}
	if h.ferry, err = fdpass.Conn(onFerry); err == nil {
		err = h.read(m)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForged, err)
	}
	go h.listen()
	return h, nil
}

// childOf reports whether the process that made the control socket is the one that
// the mark names, and this one's parent. whole says that the mark could be read.
func childOf(m mark, whole bool) bool {
	peer, err := unix.GetsockoptUcred(onControl, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || int(peer.Pid) != os.Getppid() {
		return false
	}
	return !whole || m.pid == os.Getppid()
}

// read reads the manifest.
func (h *Heritage) read(m mark) error {
	seals, err := unix.FcntlInt(onManifest, unix.F_GET_SEALS, 0)
	if err != nil || seals&unix.F_SEAL_WRITE == 0 {
		return fmt.Errorf("the manifest is no frozen file")
	}
	file := os.NewFile(onManifest, "manifest")
	defer file.Close()
	text, err := memfd.ReadAll(file)
	if err != nil {
		return err
	}
	if h.Manifest, err = parseManifest(text, m.sockets); err != nil {
		return err
	}
	for i := range m.sockets {
		if on, err := unix.GetsockoptInt(firstSocket+i, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || on != unix.SOCK_STREAM {
			return fmt.Errorf("descriptor %d is no socket", firstSocket+i)
		}
		h.fds = append(h.fds, firstSocket+i)
	}
	return nil
}

// listen reads the control socket.
func (h *Heritage) listen() {
	defer close(h.gone)
	var yours, no bool
	refuse := func() {
		if !yours && !no {
			no = true
			close(h.no)
			h.mu.Lock()
			defer h.mu.Unlock()
			if !h.claimed {
				os.Exit(1) // main is still on its way to the server
			}
		}
	}
	buf := make([]byte, maxMessage)
	for {
		n, files, err := fdpass.Receive(h.control, buf)
		fdpass.Discard(files...)
		if err != nil {
			refuse()
			return
		}
		text := string(buf[:n])
		switch {
		case text == wordYours && !yours && !no:
			yours = true
			// First of all: if the old process dies, nobody reads the pipe.
			_ = unix.Dup3(onRealError, onStderr, 0)
			unix.Close(onRealError)
			close(h.yours)
		case text == wordNo:
			refuse()
			if yours {
				os.Exit(1) // the old process has lost its patience, and is the server
			}
		case strings.HasPrefix(text, wordSignal+" "):
			select {
			case h.signals <- text[len(wordSignal)+1:]:
			default: // nobody sends that many
			}
		}
	}
}

// Claim says that a server has been reached which knows what to do if the old
// process refuses this one: until then, that ends the program.
func (h *Heritage) Claim() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.claimed = true
}

// Predecessor is the number of the old process.
func (h *Heritage) Predecessor() int { return h.pid }

// Ferry is this process's end of the socket for connections; it belongs to the
// caller.
func (h *Heritage) Ferry() *net.UnixConn { return h.ferry }

// Signals gets the names of signals that have reached the old process.
func (h *Heritage) Signals() <-chan string { return h.signals }

// Refused is closed when the old process does not want a successor any more, or has
// died before it has said "yours".
func (h *Heritage) Refused() <-chan struct{} { return h.no }

// Gone is closed when the old process is gone.
func (h *Heritage) Gone() <-chan struct{} { return h.gone }

// Ready says that this process can take over, and waits until it may. The error is
// ErrGone if it must not, or if stop is closed first.
func (h *Heritage) Ready(stop <-chan struct{}) error {
	if err := h.say(wordReady); err != nil {
		return err
	}
	select {
	case <-h.yours:
		return nil
	case <-h.no:
	case <-stop:
	}
	return fmt.Errorf("taking over from process %d: %w", h.pid, ErrGone)
}

// Taken says that this process has taken over. If the old one is gone, it has all
// the same.
func (h *Heritage) Taken() { _ = h.say(wordTaken) }

// Failed says why this process will not take over.
func (h *Heritage) Failed(reason error) {
	text := wordFailed + " " + reason.Error()
	_ = h.say(text[:min(len(text), maxMessage)]) // it will see the end
}

// Stop tells the old process that both of them stop, within a time, negative for
// any.
func (h *Heritage) Stop(timeout time.Duration) {
	_ = h.say(wordStop + " " + strconv.FormatInt(timeout.Milliseconds(), 10)) // it is gone
}

func (h *Heritage) say(text string) error {
	if err := fdpass.TrySend(h.control, []byte(text)); err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return nil
}

// Has reports whether nobody has taken a socket yet.
func (h *Heritage) Has(i int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fds[i] >= 0
}

// Take gives the descriptor of a socket away, -1 if somebody has it already.
func (h *Heritage) Take(i int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	fd := h.fds[i]
	h.fds[i] = -1
	return fd
}
