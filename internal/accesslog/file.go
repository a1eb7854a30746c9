package accesslog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// How lines gather and are written.
const (
	// MaxDelay is how long a line stays in memory while the sink works.
	MaxDelay = 100 * time.Millisecond
	// MaxPending is how many octets are kept while the sink does not take them.
	MaxPending = 1 << 20
	// MaxWrite is the size of the largest write of more than one line.
	MaxWrite = 64 << 10
	// RetryInterval is how long a sink that failed is left alone.
	RetryInterval = time.Second
	// ReportInterval is the time between two calls of Options.OnError.
	ReportInterval = time.Minute

	gathered        = 32 << 10 // the flusher is woken when so many octets are there
	defaultMaxWait  = 500 * time.Millisecond
	defaultPatience = 5 * time.Second
)

var (
	// ErrBlocked says that the sink did not take what is buffered in time.
	ErrBlocked = errors.New("access log: the file takes nothing")
	// ErrNoPath says that a log came by descriptor and cannot be reopened.
	ErrNoPath = errors.New("access log: no path to reopen")
)

// Options of a File. The functions may be nil. They are called by the flusher,
// never two at a time, and must not wait for Flush, Reopen, Use or Close.
type Options struct {
	// OnError hears why the sink fails, at most once per ReportInterval.
	OnError func(error)
	// OnLoss hears how many lines were dropped, when the sink works again or the
	// log is closed.
	OnLoss func(lines uint64)
	// MaxWait is how long Write waits for room while the sink takes lines, only
	// more slowly than they come; 0 means half a second, less than 0 never.
	MaxWait time.Duration
	// Patience is how long Flush, Reopen, Use and Close wait for a sink that
	// blocks; 0 means 5 seconds.
	Patience time.Duration
}

// File is an append-only log shared by many writers. The package documentation
// tells how lines gather and what becomes of them if the sink blocks or fails.
type File struct {
	path    string // "" if the file came by descriptor
	options Options
	wake    chan struct{} // tells the flusher not to wait

	mu      sync.Mutex
	buf     []byte // lines that the flusher has not taken
	held    int    // octets that it has taken and not yet written
	asks    []*ask // what Flush, Use and Close want of it
	running bool   // there is a flusher
	closed  bool
	out     *os.File
	writes  uint64        // that succeeded
	room    chan struct{} // closed when the flusher wrote something, nil if nobody waits
	stalled bool          // somebody waited in vain, and nothing was written since
	lost    uint64
	untold  uint64 // of lost, what OnLoss has not heard
	err     error  // of the last write

	flusher flusher // belongs to the running flusher alone
}

// Open opens a log for appending and makes it, readable for user and group, if it
// does not exist. The path "-" or "/dev/stdout" means standard output, of which a
// duplicate is used. A FIFO is opened whether or not somebody reads it. It is an
// error if the path is empty, a directory, or cannot be written.
func Open(path string, o Options) (*File, error) {
	f, err := openSink(path)
	if err != nil {
		return nil, err
	}
	l := FromFile(f, o)
	l.path = path
	if !standardOutput(path) {
		// A daemon may go to another directory before it reopens its log.
		if l.path, err = filepath.Abs(path); err != nil {
			f.Close()
			return nil, prefixed(err)
		}
	}
	return l, nil
}

// FromFile makes a log of a file that was opened elsewhere, for appending, and
// belongs to the log from now on.
func FromFile(f *os.File, o Options) *File {
	if o.MaxWait == 0 {
		o.MaxWait = defaultMaxWait
	}
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	l := &File{options: o, wake: make(chan struct{}, 1), out: f}
	l.flusher.limit = writeLimit(f)
	return l
}

// standardOutput tells whether a path means standard output.
func standardOutput(path string) bool { return path == "-" || path == "/dev/stdout" }

// openSink opens what a path names, for appending.
func openSink(path string) (*os.File, error) {
	if path == "" {
		return nil, fmt.Errorf("access log: empty path: %w", os.ErrInvalid)
	}
	if standardOutput(path) {
		f, err := duplicateStdout()
		return f, prefixed(err)
	}
	flags := os.O_WRONLY | os.O_APPEND | os.O_CREATE
	if info, err := os.Stat(path); err == nil {
		switch mode := info.Mode(); {
		case mode.IsDir():
			return nil, fmt.Errorf("access log: %s is a directory: %w", path, os.ErrInvalid)
		case mode&os.ModeNamedPipe != 0:
			// Opened for writing alone it would block until somebody reads, and fail
			// whenever the reader is restarted.
			flags = os.O_RDWR
		}
	}
	f, err := os.OpenFile(path, flags, 0o640)
	return f, prefixed(err)
}

// writeLimit is how many octets one write may carry without being torn by those
// of other processes.
func writeLimit(f *os.File) int {
	if info, err := f.Stat(); err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0 {
		return pipeAtomic
	}
	return MaxWrite
}

// Write takes a line; a newline is added if it does not end with one. It keeps
// nothing of line. A line for which there is no room is dropped and counted: at
// once if the sink fails or blocks, after MaxWait if it is too slow. So is one
// that comes after Close.
func (l *File) Write(line []byte) {
	if len(line) == 0 {
		return
	}
	l.mu.Lock()
	if l.closed || len(l.buf)+l.held+len(line) >= MaxPending && !l.waitForRoom(len(line)) {
		l.lost++
		l.untold++
		l.mu.Unlock()
		return
	}
	before := len(l.buf)
	l.buf = append(l.buf, line...)
	if line[len(line)-1] != '\n' {
		l.buf = append(l.buf, '\n')
	}
	full := before < gathered && len(l.buf) >= gathered
	start := !l.running
	l.running = true
	l.mu.Unlock()
	if start {
		go l.flush()
	}
	if full {
		l.kick()
	}
}

// waitForRoom waits until a line of n octets fits, and tells whether it does. A
// burst, or a disk that hesitates, should cost a little time rather than lines;
// a sink that takes nothing costs time only once. The lock is held at the
// beginning and at the end.
func (l *File) waitForRoom(n int) bool {
	if n >= MaxPending || l.stalled || l.err != nil || l.options.MaxWait < 0 {
		return false
	}
	l.kick()
	writes := l.writes
	wait := time.NewTimer(l.options.MaxWait)
	defer wait.Stop()
	for len(l.buf)+l.held+n >= MaxPending {
		if l.stalled || l.err != nil || l.closed {
			return false
		}
		if l.room == nil {
			l.room = make(chan struct{})
		}
		room := l.room
		l.mu.Unlock()
		select {
		case <-room:
			l.mu.Lock()
		case <-wait.C:
			l.mu.Lock()
			if l.writes == writes {
				l.stalled = true
			}
			return len(l.buf)+l.held+n < MaxPending && !l.closed
		}
	}
	return !l.closed
}

// wrote notes that the sink took n octets, or why not, and wakes those who wait
// for room. The lock is held.
func (l *File) wrote(n int, err error) {
	l.held -= n
	l.err = err
	if err == nil {
		l.writes++
		l.stalled = false
	}
	l.wakeWaiters()
}

// wakeWaiters wakes those who wait for room. The lock is held.
func (l *File) wakeWaiters() {
	if l.room != nil {
		close(l.room)
		l.room = nil
	}
}

// kick tells the flusher not to wait for more lines.
func (l *File) kick() {
	select {
	case l.wake <- struct{}{}:
	default: // it has been told
	}
}

// ask is something that the flusher shall do when all lines are written that were
// there before. Its fields but done are guarded by File.mu.
type ask struct {
	file      *os.File // to switch to, nil for none
	final     bool     // from Close
	settled   bool     // it is being done, or has been; done gets the outcome
	cancelled bool     // nobody waits any more, do nothing
	done      chan error
}

// Flush writes what is buffered and waits for it. It returns the error of the
// sink, which leaves the lines buffered, or ErrBlocked.
func (l *File) Flush() error { return l.request(new(ask)) }

// Use switches to a file that was opened elsewhere, for appending. Lines of
// earlier calls of Write go to the old file, which is closed then, later ones to
// the new. After an error the old file stays in use and f is still the caller's:
// ErrBlocked if the old file blocks, os.ErrClosed after Close. An old file that
// fails is no error here: what it does not take goes to the new one.
func (l *File) Use(f *os.File) error { return l.request(&ask{file: f}) }

// Reopen opens the log's path again, after it was renamed, say, and switches as
// Use does. If the path cannot be opened the old file stays in use. It returns
// ErrNoPath for a log that came by descriptor, and only flushes standard output.
func (l *File) Reopen() error {
	switch {
	case l.path == "":
		return ErrNoPath
	case standardOutput(l.path):
		return l.Flush()
	}
	f, err := openSink(l.path)
	if err != nil {
		return err
	}
	if err := l.Use(f); err != nil {
		f.Close()
		return err
	}
	return nil
}

// Close writes what is buffered and closes the file. It tries once: what the sink
// does not take is lost, counted, and the reason returned; ErrBlocked for a sink
// that takes nothing. A second call returns os.ErrClosed.
func (l *File) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return fmt.Errorf("access log: %w", os.ErrClosed)
	}
	l.closed = true
	l.wakeWaiters()
	l.mu.Unlock()
	a := &ask{final: true}
	err := l.request(a)
	if !errors.Is(err, ErrBlocked) {
		return err
	}
	// Closing a pipe or socket ends the write that hangs, and then the flusher
	// counts what is lost. A descriptor in blocking mode stays in that write.
	l.mu.Lock()
	out := l.out
	l.mu.Unlock()
	closing := out.Close()
	select {
	case <-a.done:
	case <-time.After(MaxDelay):
	}
	return errors.Join(err, prefixed(closing))
}

// request has the flusher do something, and waits for it within patience.
func (l *File) request(a *ask) error {
	a.done = make(chan error, 1)
	l.mu.Lock()
	if l.closed && !a.final {
		l.mu.Unlock()
		return fmt.Errorf("access log: %w", os.ErrClosed)
	}
	l.asks = append(l.asks, a)
	start := !l.running
	l.running = true
	l.mu.Unlock()
	if start {
		go l.flush()
	}
	l.kick()
	patience := time.NewTimer(l.options.Patience)
	defer patience.Stop()
	select {
	case err := <-a.done:
		return err
	case <-patience.C:
	}
	l.mu.Lock()
	settled := a.settled
	a.cancelled = !settled
	l.mu.Unlock()
	if settled {
		return <-a.done
	}
	return ErrBlocked
}

// Lost is the number of lines that were dropped since the log was opened.
func (l *File) Lost() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// Err is why the last write failed, nil if it did not.
func (l *File) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
