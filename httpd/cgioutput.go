package httpd

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"time"

	"github.com/bident/bident/fork"
)

const (
	// cgiPause is how long a program may write nothing until what has come of its
	// answer goes on to the client.
	cgiPause = 10 * time.Millisecond
	// cgiLinger is how long standard output may stay open and silent after the end of
	// a program, and how long a program may go on after it has closed that.
	cgiLinger = 3 * time.Second
	// cgiInline is how many octets any pipe takes at once.
	cgiInline = 4 << 10
	// cgiLine is how long a line of standard error may be that is logged in one piece.
	cgiLine = 8 << 10
)

// feed writes the body to standard input, and closes fed when that is done: when all
// of it is written, when nobody can read it any more, or when it is closed.
func (r *cgiRunner) feed(e *fork.Errand, body []byte, fed chan struct{}) {
	in := e.Input()
	var file io.Reader
	if r.job.file != nil { // reading where it is mapped would bring all of it into memory
		file = io.NewSectionReader(r.job.file, 0, r.job.size)
	}
	write := func() {
		defer close(fed)
		switch {
		case in == nil:
			return
		case file != nil:
			_, _ = io.Copy(in, file)
		default:
			_, _ = in.Write(body)
		}
		in.Close()
	}
	if len(body) <= cgiInline {
		write()
		return
	}
	go write()
}

// hear logs what is written to standard error, line by line.
func (r *cgiRunner) hear(e *fork.Errand, what string, heard chan struct{}) {
	defer close(heard)
	var said complaint
	defer func() { said.end(r.log, crew{slot: r.crew.slot, pid: e.PID()}, []byte(what)) }()
	lines := bufio.NewReaderSize(e.Errors(), cgiLine)
	for {
		line, err := lines.ReadSlice('\n')
		r.silence.stir()
		if line = said.take(bytes.TrimRight(line, "\r\n")); len(line) > 0 {
			r.log.Error("program", "message", string(line), "slot", r.crew.slot, "pid", e.PID(), "request", what)
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

// notice waits for the end of the process, which read has to know of.
func (r *cgiRunner) notice(e *fork.Errand) {
	<-e.Ended()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.errand != e {
		return
	}
	if r.ended = true; r.waits == untilEvent {
		r.rouse(e) // or else it looks soon anyway
	}
}

// rouse makes read look at what has changed, with the lock held.
func (r *cgiRunner) rouse(e *fork.Errand) { _ = e.Output().SetReadDeadline(time.Now()) }

// outputWait is what the next read waits for, beside output.
type outputWait int

const (
	untilEvent outputWait = iota // rouse
	untilPause                   // what has come is to be passed on
	untilQuiet                   // the program has ended, and its output does not
	noWait                       // there are no deadlines
)

// arm sets the deadline of the next read. held says that something has come that was
// not passed on.
func (r *cgiRunner) arm(e *fork.Errand, held bool) (outputWait, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return untilEvent, errCGIOver
	}
	wait, by := untilEvent, time.Time{}
	switch {
	case held:
		wait, by = untilPause, time.Now().Add(cgiPause)
	case r.ended:
		wait, by = untilQuiet, time.Now().Add(cgiLinger)
	}
	if e.Output().SetReadDeadline(by) != nil {
		wait = noWait
	}
	r.waits = wait
	return wait, nil
}

// read makes the program's output the answer, to its end.
func (r *cgiRunner) read(e *fork.Errand) error {
	for held := false; ; {
		wait, err := r.arm(e, held)
		if err != nil {
			return err
		}
		n, err := e.Output().Read(r.buf)
		if n > 0 {
			if err := r.write(r.buf[:n]); err != nil {
				return err
			}
			held = true
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case err != nil && wait == untilQuiet:
			return nil
		case err != nil && held, wait == noWait:
			r.pass()
			held = false
		}
	}
}

// await waits for the end of a program that has closed its standard output. One that
// does not end soon has its answer sent, and is then told to. whole says that the
// answer was sent.
func (r *cgiRunner) await(e *fork.Errand) (whole bool, err error) {
	limit := time.NewTimer(deathPatience)
	defer limit.Stop()
	select {
	case <-e.Ended():
		return false, nil
	case <-limit.C:
	}
	if r.headDone && !r.headOnly() {
		if err := r.complete(); err != nil {
			return false, err
		}
		if r.pass(); r.stream != nil {
			r.silence.end() // it has said all
			r.close(nil)
			whole = true
		}
	}
	limit.Reset(cgiLinger - deathPatience)
	select {
	case <-e.Ended():
	case <-limit.C:
		r.log.Warn("CGI program goes on after its answer: it is told to end", "slot", r.crew.slot, "pid", e.PID(),
			"request", string(r.what))
		e.Terminate()
	}
	return whole, nil
}
