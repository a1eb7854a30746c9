package httpd

import (
	"os"
	"slices"

	"github.com/bident/bident/internal/fcgi"
)

// departFCGI is depart for a connection that speaks FastCGI. Of a request that has not
// begun, because its head is not whole or nobody may begin it here, what has come is
// encoded again: management records between its own were answered already, and what is
// of no request is ignored.
func (c *conn) departFCGI() (gone bool) {
	l, err := c.unread()
	if err != nil {
		c.stays = true
		c.front.log.Debug("cannot give a connection away", "client", c.remote.String(), "error", err)
		return false
	}
	return c.give(l)
}

// unread is what was read and not used.
func (c *conn) unread() (l luggage, err error) {
	w, d := c.web, c.desk
	if w == nil {
		if d != nil {
			l.unread = d.in[d.r:d.w]
		}
		return l, nil
	}
	if !w.composed {
		l.unread = append(w.server.AppendUnread(nil, nil), w.rest...)
		if d != nil {
			l.unread = append(l.unread, d.in[d.r:d.w]...)
		}
		return l, nil
	}
	// The desk holds the head that was composed, which is of no use to anybody else.
	l.unread = w.server.AppendBegun(nil, &d.params)
	l.follow = append(w.server.AppendRest(nil), w.rest...)
	if d.body.file == nil {
		l.unread = w.server.AppendStdin(l.unread, d.body.buf)
		return l, nil
	}
	octets, err := d.body.octets()
	if err != nil {
		return l, err
	}
	l.file, err = w.stdinFile(l.unread, octets)
	l.unread, l.made = nil, true
	return l, err
}

// stdinFile is a file with what comes before FCGI_STDIN, and that.
func (w *webServer) stdinFile(before, octets []byte) (*os.File, error) {
	f, err := unnamedFile()
	if err != nil {
		return nil, err
	}
	buf := before
	for piece := range slices.Chunk(octets, fcgi.MaxContent) {
		buf = w.server.AppendStdin(buf, piece)
		if _, err := f.Write(buf); err != nil {
			f.Close()
			return nil, err
		}
		buf = buf[:0]
	}
	return f, nil
}
