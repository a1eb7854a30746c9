package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/accesslog"
	"github.com/bident/bident/pool"
)

// accessLogGift is the name by which accepting children get the access log.
const accessLogGift = "access log"

// accessLog is what a front needs to log its requests.
type accessLog struct {
	file    *accesslog.File
	format  *accesslog.Format
	ids     *accesslog.IDs // nil if requests have ids anyway, or the format wants none
	request bool           // the format looks at fields of requests
	answer  bool           // and of answers
	host    string         // the name of this machine
}

// newAccessLog makes the access log of a front, but for its file.
func newAccessLog(format string, haveIDs bool) (*accessLog, error) {
	f, err := accesslog.Parse(format)
	if err != nil {
		return nil, fmt.Errorf("%w: AccessLogFormat: %w", ErrConfig, err)
	}
	a := &accessLog{format: f, request: f.NeedsRequest(), answer: f.NeedsAnswer()}
	if !haveIDs && (format == "json" || strings.ContainsRune(format, 'L')) {
		a.ids = accesslog.NewIDs()
	}
	a.host, _ = os.Hostname() // without it %v is empty
	return a, nil
}

// accessLogOptions says who hears of a log that cannot be written.
func accessLogOptions(log *slog.Logger) accesslog.Options {
	return accesslog.Options{
		OnError: func(err error) { log.Error("access log", "error", err) },
		OnLoss:  func(lines uint64) { log.Error("access log: lines were lost", "lines", lines) },
	}
}

// accessLogFile is the access log of a running server. Either this process writes
// it, or the children that accept connections do, and this process only opens it.
type accessLogFile struct {
	path string // "" for no log
	file *accesslog.File

	mu   sync.Mutex // held while the log is reopened
	give func(name string, f *os.File) error
}

// open opens the log, before anything listens. shared says that children are going
// to write it; then the file is returned, for them.
func (l *accessLogFile) open(path string, shared bool, log *slog.Logger) (f *os.File, err error) {
	if l.path = path; path == "" {
		return nil, nil
	}
	if shared {
		f, err = openSharedLog(path)
	} else {
		l.file, err = accesslog.Open(path, accessLogOptions(log))
	}
	if err != nil {
		return nil, fmt.Errorf("httpd: AccessLog: %w", err)
	}
	return f, nil
}

// reopen opens the path again, after the file was renamed, here and in all
// children.
func (l *accessLogFile) reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	switch {
	case l.path == "":
		return nil
	case l.file != nil:
		err = l.file.Reopen()
	default:
		var f *os.File
		if f, err = openSharedLog(l.path); err == nil {
			err = living(l.give(accessLogGift, f))
		}
	}
	if err != nil {
		return fmt.Errorf("httpd: AccessLog: %w", err)
	}
	return nil
}

// close writes what has gathered.
func (l *accessLogFile) close(log *slog.Logger) {
	if l.file == nil {
		return
	}
	if err := l.file.Close(); err != nil {
		log.Error("access log", "error", err)
	}
}

// living leaves out of the errors of a gift to all children those of children
// that are about to leave.
func living(err error) error {
	all, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var left []error
	for _, e := range all.Unwrap() {
		if !errors.Is(e, syscall.EPIPE) && !errors.Is(e, syscall.ECONNRESET) && !errors.Is(e, net.ErrClosed) {
			left = append(left, e)
		}
	}
	return errors.Join(left...)
}

// record is what a desk remembers of the request in hand for the access log.
type record struct {
	line   []byte // the last one, whose room is used again
	words  []byte // method, target and host, one behind the other
	target int    // where the target begins
	host   int    // where the host begins
	proto  []byte
	id     []byte
	head   []byte // of a request that got an id

	begun      time.Time
	queue      time.Duration
	worker     crew // slot -1 if there is none
	served     uint64
	shed       string
	kept       uint64 // requests before this one
	read, sent int64  // how far the connection was at the beginning
	body       int64  // how far it was when the body began
	framing    int64  // octets that the body's chunks have in addition
}

// versions are the versions of HTTP/1, by minor.
var versions = [2][]byte{[]byte("HTTP/1.0"), []byte("HTTP/1.1")}

// position is how many octets of answers there have been, gathered ones among
// them.
func (c *conn) position() int64 { return c.put + int64(len(c.desk.out)) }

// expect gets the record ready for the request that is about to be read.
func (c *conn) expect() {
	d := c.desk
	r := &d.record
	r.id, r.words = r.id[:0], r.words[:0]
	if c.front.access == nil {
		return
	}
	d.client = c.peer
	d.job.hand.Store(nil)
	r.target, r.host, r.proto = 0, 0, nil
	r.queue, r.worker, r.served, r.shed = 0, crew{slot: -1}, 0, ""
	r.kept, r.read, r.sent = c.requests, c.got-int64(d.w-d.r), c.position()
	r.body, r.framing = r.sent, 0
}

// note remembers the request line and the host, which a handler may change, and
// whose octets a body may overwrite.
func (d *desk) note() {
	r, h := &d.record, &d.head
	r.words = append(r.words[:0], h.Method...)
	r.target = len(r.words)
	r.words = append(r.words, h.Target...)
	r.host = len(r.words)
	r.words = append(r.words, h.Host...)
	r.proto = versions[h.Minor&1]
}

// noteMost bounds what is remembered of a request line that could not be read.
const noteMost = 1 << 10

// noteMalformed remembers what there is of a request line that could not be read,
// as if it were one.
func (d *desk) noteMalformed() {
	r := &d.record
	line := d.in[d.r:d.w]
	line = line[min(d.head.Skip, len(line)):]
	line = line[:min(noteMost, len(line))]
	line, _, _ = bytes.Cut(line, []byte{'\n'})
	line = bytes.TrimSuffix(line, []byte{'\r'})
	method, rest, _ := bytes.Cut(line, []byte{' '})
	target, proto, _ := bytes.Cut(rest, []byte{' '})
	r.words = append(append(append(r.words[:0], method...), target...), proto...)
	r.target = len(method)
	r.host = r.target + len(target)
	r.proto = r.words[r.host:]
	r.words = r.words[:r.host]
}

// outcome remembers who has had the request, or why nobody. It is called before
// a desk is given up to a handler.
func (c *conn) outcome(t *pool.Task, err error) {
	d := c.desk
	r := &d.record
	switch {
	case err == nil, panicked(err):
		r.worker, r.served = d.job.crew, d.job.served
	case errors.Is(err, pool.ErrRequestTimeout), errors.Is(err, pool.ErrKilled):
		// The lane may be anywhere.
		if w := d.job.hand.Load(); w != nil {
			r.worker = *w
		}
	default:
		r.shed = shedReason(err)
		r.queue = time.Duration(time.Now().UnixNano() - t.Arrived)
		return
	}
	if t.Begun != 0 {
		r.queue = time.Duration(t.Begun - t.Arrived)
	}
}

// panicked reports whether a request's handler panicked.
func panicked(err error) bool {
	var p *pool.PanicError
	return errors.As(err, &p)
}

// shedReason says in one word why no worker has had a request.
func shedReason(err error) string {
	switch {
	case errors.Is(err, pool.ErrQueueFull):
		return "queue-full"
	case errors.Is(err, pool.ErrQueueTimeout):
		return "queue-timeout"
	case errors.Is(err, pool.ErrQueueClosed):
		return "stopping"
	case errors.Is(err, pool.ErrLeft):
		return "client-left"
	}
	return "error"
}

// chronicle writes the line of the request in hand. A status of 0 says that there
// was no answer; resp may be nil then. state says what becomes of the connection.
func (c *conn) chronicle(status int, resp *fasthttp.Response, state accesslog.Connection) {
	d, f := c.desk, c.front
	a, r := f.access, &d.record
	end := c.put
	if state != accesslog.Aborted {
		end = c.position()
	}
	if status == fasthttp.StatusServiceUnavailable && r.worker.slot < 0 && r.shed == "" && d.queue != nil {
		// Refused before its body was read.
		r.shed = shedReason(pool.ErrQueueFull)
		if d.queue.Closed() {
			r.shed = shedReason(pool.ErrQueueClosed)
		}
	}
	if a.ids != nil && len(r.id) == 0 {
		r.id = a.ids.Append(r.id)
	}
	local := ipOf(c.local)
	e := accesslog.Entry{
		Client: d.client.Addr(), ClientPort: d.client.Port(), Peer: c.peer.Addr(),
		Local: local.Addr(), LocalPort: local.Port(),
		Arrived: r.begun.UnixNano(), Duration: time.Since(r.begun), Queue: r.queue,
		Method: r.words[:r.target], Target: r.words[r.target:r.host], Host: r.words[r.host:], Proto: r.proto,
		Server: a.host, Status: status,
		BodySent: end - r.body - r.framing, TotalSent: end - r.sent,
		TotalReceived: c.got - r.read - int64(d.w-d.r-d.size),
		KeptRequests:  int(r.kept), Connection: state,
		Slot: r.worker.slot, PID: r.worker.pid, Generation: r.worker.generation, Served: r.served,
		Shed: r.shed, ID: r.id,
	}
	if d.client == c.peer {
		e.HostName = c.host
	}
	if a.request {
		e.Request = (*requestFields)(&d.ctx.Request.Header)
	}
	if a.answer && resp != nil {
		e.Answer = (*answerFields)(&resp.Header)
	}
	r.line = a.format.Append(r.line[:0], &e)
	a.file.Write(r.line)
}

// requestFields and answerFields look for fields by the names that formats have,
// which are canonical already: the headers' own Peek would spell them anew for each
// line.
type (
	requestFields fasthttp.RequestHeader
	answerFields  fasthttp.ResponseHeader
)

// Peek implements accesslog.Header.
func (h *requestFields) Peek(name string) []byte {
	return (*fasthttp.RequestHeader)(h).PeekCanonical(octets(name))
}

// Peek implements accesslog.Header.
func (h *answerFields) Peek(name string) []byte {
	return (*fasthttp.ResponseHeader)(h).PeekCanonical(octets(name))
}

// octets are those of s, to be read only.
func octets(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// trim lets go of room that only a long head needs.
func (r *record) trim() {
	if cap(r.head) > deskIn {
		r.head = nil
	}
	if cap(r.words) > deskIn {
		r.words = nil
	}
	if cap(r.line) > deskIn {
		r.line = nil
	}
}
