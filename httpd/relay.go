package httpd

import (
	"errors"
	"net"
	"os"
	"time"
)

// relayPiece is how much is relayed at a time.
const relayPiece = 16 << 10

// relayable reports whether the connection, which has TLS, can be relayed: the child
// begins no request any more, and the handshake is over. Then another process serves
// its next request, over a pair of sockets of which it has the other end, and this one
// carries the octets, in TLS to the client. It knows nothing of what they mean.
func (c *conn) relayable() bool {
	f := c.front
	return f.inChild && c.admitted && f.queue.Closed()
}

// relay carries octets between the client and near, behind which another process has
// the connection, until both have come to their end. All limits are the other one's,
// but for the time that the client has to take what was sent.
func (c *conn) relay(near net.Conn) {
	c.retreat() // others have their turn
	c.enter(phaseBusy)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		c.relayAnswer(near)
	}()
	buf := make([]byte, relayPiece)
	for {
		n, err := c.Conn.Read(buf)
		if n > 0 {
			// Not taken: there is an answer already, for which the client still
			// has to see the end.
			_, _ = near.Write(buf[:n])
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, os.ErrDeadlineExceeded) && !c.overdue():
			_ = c.Conn.SetReadDeadline(time.Time{}) // the front drains: this is how
			if !c.overdue() {
				continue
			}
		}
		break
	}
	if half, ok := near.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	<-answered
	near.Close()
}

// relayAnswer sends the client what comes from near, and lets it see the end.
func (c *conn) relayAnswer(near net.Conn) {
	limit := c.front.limits.WriteTimeout
	buf := make([]byte, relayPiece)
	for {
		n, err := near.Read(buf)
		if n > 0 {
			if limit > 0 {
				_ = c.Conn.SetWriteDeadline(time.Now().Add(limit))
			}
			if _, failed := c.Conn.Write(buf[:n]); failed != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	// What the client still sends is not wanted, but has to be read, as in sink.
	if half, ok := c.Conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		c.Conn.Close()
		return
	}
	c.enter(phaseLinger)
}
