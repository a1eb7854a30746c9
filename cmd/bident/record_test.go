//go:build unix

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// record is a FastCGI record, octet by octet: the tests know the format from the
// specification and not from the code that they test. Clause numbers are those of
// FastCGI 1.0, section 3.3 for this one.
type record struct {
	kind    byte
	id      uint16
	content []byte
	padding int  // octets of it, behind the content
	version byte // 0 for the only one there is
}

// The types of records (section 8).
const (
	fcgiBegin     = 1
	fcgiAbort     = 2
	fcgiEnd       = 3
	fcgiParams    = 4
	fcgiStdin     = 5
	fcgiStdout    = 6
	fcgiStderr    = 7
	fcgiData      = 8
	fcgiGetValues = 9
	fcgiValues    = 10
	fcgiUnknown   = 11
)

// octets are what goes over the wire.
func (r record) octets() []byte {
	if r.version == 0 {
		r.version = 1
	}
	b := []byte{r.version, r.kind, byte(r.id >> 8), byte(r.id), byte(len(r.content) >> 8), byte(len(r.content)), byte(r.padding), 0}
	b = append(b, r.content...)
	for i := range r.padding {
		b = append(b, byte(i)|0x80) // whatever it is, it must be ignored
	}
	return b
}

// wire are the octets of several records.
func wire(records ...record) (b []byte) {
	for _, r := range records {
		b = append(b, r.octets()...)
	}
	return b
}

// stream cuts octets into records of at most size octets, and ends the stream.
func stream(kind byte, id uint16, p []byte, size int) (all []record) {
	for piece := range slices.Chunk(p, size) {
		all = append(all, record{kind: kind, id: id, content: piece})
	}
	return append(all, record{kind: kind, id: id})
}

// pair is a name-value pair (section 3.4); long writes both lengths as four octets,
// whatever they are.
func pair(name, value string, long bool) (b []byte) {
	for _, s := range []string{name, value} {
		if long || len(s) > 127 {
			b = binary.BigEndian.AppendUint32(b, uint32(len(s))|1<<31)
		} else {
			b = append(b, byte(len(s)))
		}
	}
	return append(append(b, name...), value...)
}

// pairs takes name-value pairs apart.
func pairs(b []byte) (map[string]string, error) {
	all := make(map[string]string)
	for len(b) > 0 {
		var lengths [2]int
		for i := range lengths {
			switch {
			case len(b) >= 1 && b[0] < 128:
				lengths[i], b = int(b[0]), b[1:]
			case len(b) >= 4:
				lengths[i], b = int(binary.BigEndian.Uint32(b)&(1<<31-1)), b[4:]
			default:
				return nil, io.ErrUnexpectedEOF
			}
		}
		if len(b) < lengths[0]+lengths[1] {
			return nil, io.ErrUnexpectedEOF
		}
		name := string(b[:lengths[0]])
		all[name] = string(b[lengths[0] : lengths[0]+lengths[1]])
		b = b[lengths[0]+lengths[1]:]
	}
	return all, nil
}

// readRecord reads one whole record. io.EOF says that there is none.
func readRecord(r *bufio.Reader) (record, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return record{}, err
	}
	got := record{version: head[0], kind: head[1], id: uint16(head[2])<<8 | uint16(head[3]), padding: int(head[6])}
	got.content = make([]byte, int(head[4])<<8|int(head[5]))
	if _, err := io.ReadFull(r, got.content); err != nil {
		return got, fmt.Errorf("in the content of a record: %w", io.ErrUnexpectedEOF)
	}
	if _, err := r.Discard(got.padding); err != nil {
		return got, fmt.Errorf("in the padding of a record: %w", io.ErrUnexpectedEOF)
	}
	return got, nil
}
