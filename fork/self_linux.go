package fork

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/acceptlock"
	"github.com/bident/bident/internal/fdpass"
	"github.com/bident/bident/internal/ferry"
	"github.com/bident/bident/internal/listen"
	"github.com/bident/bident/internal/memfd"
	"github.com/bident/bident/pool"
)

// Self is a child's view of itself: who it is, and its line to the parent.
type Self struct {
	Identity
	control  *net.UnixConn
	start    *time.Timer // until somebody claims the child; nil for ever
	claim    sync.Once
	inherit  []*os.File // what it listens on
	commands *commands
	ferry    *ferry.Port // nil unless this child owns connections
	passage  passage
	adopted  adoptions
	lock     acceptlock.Lock
	reported sync.Map // the messages of events, but for those of single lanes
}

// self is set before any init function runs of packages that import this one.
var self = inherit()

// InChild reports whether this process is a child of a Backend. It is true from
// the beginning, also in init functions.
func InChild() bool { return self != nil }

// Current is this process as a child, or nil if it is none.
func Current() *Self { return self }

// inherit takes over what the parent gave this process, and leaves nothing of it
// to processes that this one may start. A process that carries the mark but was
// not started by a Backend exits: if it went on it would play the parent.
func inherit() *Self {
	if plan, shimmed := os.LookupEnv(shimVariable); shimmed {
		shim(plan)
	}
	text, marked := os.LookupEnv(markVariable)
	if !marked {
		return nil
	}
	os.Unsetenv(markVariable)
	leash, worn := os.LookupEnv(leashVariable)
	os.Unsetenv(leashVariable)
	restore()
	rename()
	s, err := newSelf(text)
	if err == nil && worn {
		err = wear(leash)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "this process was started as a worker: %v\n", err)
		os.Exit(exitUnclaimed)
	}
	return s
}

// rename gives this process the name of its program, by which ps and pgrep know it. It
// was executed by way of a descriptor, and is called by that number.
func rename() {
	name := append([]byte(filepath.Base(os.Args[0])), 0)
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0) // cut to 15 octets
}

func newSelf(text string) (*Self, error) {
	m, err := parseMark(text)
	if err != nil {
		return nil, err
	}
	end := onListener + m.addresses
	if m.accept.Owning() {
		end = firstSeat + m.addresses + m.accept.lockDescriptors()
	}
	for fd := onControl; fd < end; fd++ {
		unix.CloseOnExec(fd)
	}
	s := &Self{commands: newCommands()}
	if s.control, err = fdpass.Conn(onControl); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := s.say(message{kind: messageHello, version: protocol}); err != nil {
		return nil, err
	}
	if m.version != protocol {
		return nil, fmt.Errorf("%w: version %d here, %d there", ErrProtocol, protocol, m.version)
	}
	s.Identity = Identity{
		Name: m.name, Slot: m.slot, Generation: m.generation, Lanes: m.lanes, Accept: m.accept,
	}
	board := os.NewFile(onBoard, "scoreboard")
	if s.Scoreboard, err = openBoard(board, m.slots, m.lanes); err != nil {
		return nil, err
	}
	board.Close()
	payload := os.NewFile(onPayload, "payload")
	if s.Payload, err = memfd.ReadAll(payload); err != nil {
		return nil, err
	}
	payload.Close()
	s.Scoreboard.Row(s.Slot).SetPID(os.Getpid())
	s.seat(m)
	if m.accept.Owning() {
		if err := s.openFerry(); err != nil {
			return nil, err
		}
		if err := s.takeLock(m); err != nil {
			return nil, err
		}
	}
	if m.start > 0 {
		s.start = time.AfterFunc(m.start, s.unclaimed)
	}
	go s.commands.run()
	go s.listen()
	return s, nil
}

// seat takes over the sockets that this child listens on: its seat, or the private
// listener.
func (s *Self) seat(m mark) {
	first := firstSeat
	if !m.accept.Owning() {
		first = onListener
	}
	s.inherit = []*os.File{}
	for i := range m.addresses {
		s.inherit = append(s.inherit, os.NewFile(uintptr(first+i), "seat"))
	}
}

// unclaimed ends a child that reached no server which wants it.
func (s *Self) unclaimed() {
	fmt.Fprintf(os.Stderr, "worker of server %q: the program did not run that server in time\n", s.Name)
	os.Exit(exitUnclaimed)
}

// Claim says that the server which the child works for has been reached. From
// now on signals that are meant for the parent do nothing here, and SIGTERM asks
// the parent for a replacement. A child that nobody claims within start_timeout
// exits with status 70.
func (s *Self) Claim() {
	s.claim.Do(func() {
		if s.start != nil {
			s.start.Stop()
		}
		// Caught and not ignored, since what is ignored stays so in programs
		// that a handler starts.
		signals := make(chan os.Signal, 8)
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP,
			syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGWINCH)
		go func() {
			for sig := range signals {
				if sig == syscall.SIGTERM {
					s.Report(pool.Event{Kind: pool.Expiring, Cause: pool.CauseDone})
				}
			}
		}()
	})
}

// Listeners are what the child accepts from: its seat, in the order of the
// addresses, none if the parent accepts for it; or the private listener on which the
// parent's lanes call. It may be called once, when the child is able to serve.
func (s *Self) Listeners() ([]net.Listener, error) {
	return s.listeners(true)
}

// Bound is Listeners for a child that does not accept yet: what does not listen is
// only bound, and makes nobody wait.
func (s *Self) Bound() ([]net.Listener, error) { return s.listeners(false) }

func (s *Self) listeners(start bool) ([]net.Listener, error) {
	files := s.inherit
	s.inherit = nil
	if files == nil {
		return nil, fmt.Errorf("fork: listeners are taken: %w", net.ErrClosed)
	}
	return listeners(files, start)
}

// listeners makes listeners of descriptors, which it closes.
func listeners(files []*os.File, start bool) ([]net.Listener, error) {
	var out []net.Listener
	var failed error
	for _, f := range files {
		if l, err := listener(f, start); err != nil {
			failed = errors.Join(failed, err)
		} else {
			out = append(out, l)
		}
	}
	if failed != nil {
		for _, l := range out {
			l.Close()
		}
		return nil, failed
	}
	return out, nil
}

func listener(f *os.File, start bool) (net.Listener, error) {
	defer f.Close()
	fd := int(f.Fd())
	if start && !listen.Listening(fd) {
		if err := listen.Listen(fd, 0); err != nil {
			return nil, fmt.Errorf("fork: seat: %w", err)
		}
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("fork: seat: %w", err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return l, nil
}

// Ready tells the parent that the child can serve.
func (s *Self) Ready() error { return s.say(message{kind: messageReady}) }

// InitFailed tells the parent why the child cannot serve. The child should exit
// with a status other than 0 then.
func (s *Self) InitFailed(err error) error {
	return s.say(message{kind: messageFailed, text: err.Error()})
}

// Report passes an event of the child's lanes on: Expiring, Spent or Wedged. Of what
// is reported more than once for the same cause only Wedged is sent again: the parent
// takes a child that says too much for one that runs wild.
func (s *Self) Report(e pool.Event) error {
	m := message{kind: messageEvent, event: e.Kind, cause: e.Cause}
	if e.Kind != pool.Wedged {
		if _, again := s.reported.LoadOrStore(string(m.encode()), true); again {
			return nil
		}
	}
	return s.say(m)
}

// Crashed tells the parent what the child is about to die of, and the request
// that did it, as "GET /x".
func (s *Self) Crashed(err error, request string) error {
	return s.say(message{kind: messageCrash, text: err.Error(), request: request})
}

func (s *Self) say(m message) error { return fdpass.Send(s.control, m.encode()) }

// Commands is what the parent tells the child. Nothing gets lost before somebody
// reads it.
func (s *Self) Commands() <-chan Command { return s.commands.out }

// listen reads what the parent says. Its end is the parent's, and nobody is left
// to serve for.
func (s *Self) listen() {
	buf := make([]byte, maxMessage)
	for {
		n, files, err := fdpass.Receive(s.control, buf)
		if err != nil {
			os.Exit(exitOrphan)
		}
		m, err := decode(buf[:n])
		if err != nil {
			os.Exit(exitOrphan)
		}
		switch m.kind {
		case messageRetire:
			s.commands.put(Command{Kind: Retire, Last: m.last})
		case messageAdopt:
			s.adopt(m.addresses, files)
			continue
		case messageYield:
			s.yield(m.number)
		case messageGive:
			if len(files) == 1 {
				s.commands.put(Command{Kind: Give, Name: m.text, File: files[0]})
				continue
			}
		}
		for _, f := range files {
			f.Close()
		}
	}
}
