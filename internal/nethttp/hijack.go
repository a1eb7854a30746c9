package nethttp

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// bufioSize is the size of a hijacked connection's buffers.
const bufioSize = 4 << 10

// Hijack implements http.Hijacker. An answer that was begun is sent as far as it
// has got: after WriteHeader(101) that is all of it.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.hijacked:
		return nil, nil, http.ErrHijacked
	case w.done:
		return nil, nil, ErrOver
	}
	var sent []byte
	if w.wrote && !w.started {
		sent = w.begun()
	}
	conn, read, err := w.ex.Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.hijacked = true
	if len(sent) > 0 {
		if _, err := conn.Write(sent); err != nil {
			return nil, nil, closed(conn, err)
		}
	}
	// Libraries ask how much is buffered, so it has to be.
	r := bufio.NewReaderSize(&prefixed{prefix: read, Reader: conn}, max(bufioSize, len(read)))
	if len(read) > 0 {
		if _, err := r.Peek(len(read)); err != nil {
			return nil, nil, closed(conn, err)
		}
	}
	return conn, bufio.NewReadWriter(r, bufio.NewWriterSize(conn, bufioSize)), nil
}

// begun is the head of the answer, and what has been written of its body.
func (w *writer) begun() []byte {
	resp := &w.ctx.Response
	if w.status != http.StatusSwitchingProtocols {
		w.closing = true // how the body ends is the handler's affair now
		if !w.typed && len(w.buf) > 0 {
			resp.Header.SetContentType(http.DetectContentType(w.buf))
		}
		if w.length >= 0 {
			setLength(&resp.Header, w.length)
		}
		resp.SetConnectionClose()
	}
	out := resp.Header.AppendBytes(nil)
	if !w.bodiless() {
		out = append(out, w.buf...)
	}
	return out
}

// closed closes a connection that is nobody's any more.
func closed(conn net.Conn, err error) error {
	conn.Close()
	return err
}

// prefixed is a connection of which something has been read already.
type prefixed struct {
	prefix []byte
	io.Reader
}

// Read implements io.Reader.
func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.prefix) == 0 {
		return p.Reader.Read(b)
	}
	n := copy(b, p.prefix)
	p.prefix = p.prefix[n:]
	return n, nil
}
