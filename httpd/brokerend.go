package httpd

import (
	"bytes"
	"context"
	"io"
	"math"
	"net"
	"time"

	"github.com/bident/bident/internal/fcgi"
)

// refusal is what a client gets whose request nobody will begin. Nothing else could
// be done but to close the connection, and then the client would not know that its
// request was not begun: after a POST it could not just try again.
const refusal = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n" +
	"Retry-After: 1\r\nConnection: close\r\n\r\nservice unavailable\n"

// refusalFCGI is the same for a web server's client.
const refusalFCGI = "Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n" +
	"Retry-After: 1\r\n\r\nservice unavailable\n"

// mostRefusals is how many clients may take their time to see a refusal. Beyond it
// the connection is closed at once, and the refusal may get lost.
const mostRefusals = 1024

// refuse answers 503 and closes a connection.
func (b *broker) refuse(h *held) {
	b.shed++
	b.refusals++
	patience := lingerTime
	if b.refusals > mostRefusals {
		patience = 0
	}
	go func() {
		b.tell(h, patience)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.refusals--
		b.gone(h)
	}()
}

// tell sends the refusal, unless the client expects TLS, and closes the connection
// when the client has seen it (RFC 9112, section 9.6).
func (b *broker) tell(h *held, patience time.Duration) {
	defer h.Discard()
	if h.note.secure {
		return
	}
	c, err := net.FileConn(h.Conn)
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience + lingerRead))
	half, ok := c.(interface{ CloseWrite() error })
	if h.note.fcgi {
		err = h.overload(c)
	} else {
		_, err = io.WriteString(c, refusal)
	}
	if err == nil && ok && half.CloseWrite() == nil && patience > 0 {
		_, _ = io.Copy(io.Discard, c)
	}
}

// overload answers the request of a web server, which has to have come to its head:
// only that says what it is called.
func (h *held) overload(c net.Conn) error {
	in := []io.Reader{bytes.NewReader(h.Unread)}
	if h.File != nil {
		in = append(in, io.NewSectionReader(h.File, 0, math.MaxInt64))
	}
	s := fcgi.NewServerConn(&resumed{c, io.MultiReader(append(in, c)...)}, fcgi.ServerConfig{
		Roles: []fcgi.Role{fcgi.RoleResponder, fcgi.RoleAuthorizer}, MaxConns: fcgiConns, MaxReqs: fcgiConns,
	})
	req, err := s.Head()
	if req == nil {
		return err
	}
	_ = s.Stdout([]byte(refusalFCGI)) // Finish gives its error again
	return s.Finish(fcgi.EndRequest{ProtocolStatus: fcgi.Overloaded})
}

// resumed is a connection of which something was read before.
type resumed struct {
	net.Conn
	in io.Reader
}

func (r *resumed) Read(p []byte) (int, error) { return r.in.Read(p) }

// resign refuses what waits if no child is left that could take it, and none will
// come.
func (b *broker) resign() {
	if !b.stopping || len(b.takers) > 0 {
		return
	}
	waiting := b.waiting
	b.waiting = nil
	for _, h := range waiting {
		b.refuse(h)
	}
}

// linger is how long an idle connection is listened to once more before it is
// closed, for a request that is on its way.
func (h *held) linger() time.Duration {
	if h.fresh() {
		return lingerFresh
	}
	return lingerRead
}

// stop accepts no more, and returns when all connections with a request have been
// given to children, or when ctx ends, or when no child is left; the rest of them
// is refused then. Idle connections are closed after a last look for a request on
// its way, all together. The children are not to be told to leave before.
func (b *broker) stop(ctx context.Context) {
	b.stopAccepting()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopping = true
	for _, t := range b.takers {
		b.watch(t)
	}
	looks := make(map[time.Duration][]*held)
	for _, h := range b.parked {
		looks[h.linger()] = append(looks[h.linger()], h)
	}
	for wait, list := range looks {
		time.AfterFunc(wait, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, h := range list {
				b.lastLook(h)
			}
		})
	}
	b.resign()
	b.await(ctx, func() bool { return b.count <= b.refusals })
	waiting := b.waiting
	b.waiting = nil
	for _, h := range waiting {
		b.refuse(h)
	}
}

// lastLook ends the time of an idle connection.
func (b *broker) lastLook(h *held) {
	if b.parked[h.id] != h {
		return
	}
	b.unpark(h)
	if waiting, _ := h.look(); waiting {
		b.enqueue(h)
	} else {
		b.drop(h)
	}
}

// await waits until done says so, or ctx ends.
func (b *broker) await(ctx context.Context, done func() bool) {
	defer context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.changed.Broadcast()
	})()
	for !done() && ctx.Err() == nil {
		b.changed.Wait()
	}
}

// end returns when nothing is held any more, or when ctx ends.
func (b *broker) end(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.await(ctx, func() bool { return b.count == 0 })
}

// close closes everything that is held, and all that still comes.
func (b *broker) close() {
	b.stopAccepting()
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.closed = true
	for _, h := range b.parked {
		b.unpark(h)
		b.drop(h)
	}
	for _, h := range b.waiting {
		b.drop(h)
	}
	b.waiting = nil
	b.poll.Stop()
	close(b.over)
	b.mu.Unlock()
	b.lot.Close() // its goroutine may need the lock
}
