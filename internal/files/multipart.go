package files

import (
	"crypto/rand"
	"errors"
	"io"
	"strconv"
)

// multipart reads as the body of multipart/byteranges (RFC 9110 section 14.6):
// spans of a file with a head before each.
type multipart struct {
	source   io.ReaderAt
	closer   io.Closer // nil: there is nothing to close
	boundary string

	heads [][]byte // one more than spans: the last is the end
	spans []span
	left  int64 // octets to come
}

func newMultipart(source io.ReaderAt, closer io.Closer, spans []span, mediaType []byte, size int64) *multipart {
	m := &multipart{
		source: source, closer: closer, boundary: rand.Text(),
		heads: make([][]byte, 0, len(spans)+1), spans: append([]span(nil), spans...),
	}
	for i, s := range spans {
		var head []byte
		if i > 0 {
			head = append(head, "\r\n"...)
		}
		head = append(append(append(head, "--"...), m.boundary...), "\r\nContent-Type: "...)
		head = append(append(head, mediaType...), "\r\nContent-Range: "...)
		head = append(appendContentRange(head, s, size), "\r\n\r\n"...)
		m.heads = append(m.heads, head)
		m.left += int64(len(head)) + s.length
	}
	end := []byte("\r\n--" + m.boundary + "--\r\n")
	m.heads = append(m.heads, end)
	m.left += int64(len(end))
	return m
}

// Read fails with ErrShrunk if the file ends before a span does.
func (m *multipart) Read(p []byte) (int, error) {
	for len(m.heads) > 0 {
		if len(p) == 0 {
			return 0, nil
		}
		if head := m.heads[0]; len(head) > 0 {
			n := copy(p, head)
			m.heads[0] = head[n:]
			m.left -= int64(n)
			return n, nil
		}
		if len(m.spans) == 0 || m.spans[0].length == 0 {
			m.heads = m.heads[1:]
			if len(m.spans) > 0 {
				m.spans = m.spans[1:]
			}
			continue
		}
		s := &m.spans[0]
		n, err := m.source.ReadAt(p[:min(int64(len(p)), s.length)], s.start)
		s.start += int64(n)
		s.length -= int64(n)
		m.left -= int64(n)
		switch {
		case n > 0:
			return n, nil
		case err == nil || errors.Is(err, io.EOF):
			return 0, ErrShrunk
		}
		return 0, err
	}
	return 0, io.EOF
}

// Close closes the file.
func (m *multipart) Close() error {
	if m.closer == nil {
		return nil
	}
	return m.closer.Close()
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
