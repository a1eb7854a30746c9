package httpd

import "encoding/binary"

// tagSize is the length of a tag.
const tagSize = 8

// tagged is a note about a connection that goes from the parent to a child or back,
// with a tag before it: the connection's place among those that wait in the parent
// for a child, 0 if it has none. A child that gives a connection back unused leaves
// the tag as it is, so that the connection keeps its place.
func tagged(order uint64, note []byte) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, tagSize+len(note)), order), note...)
}

// untagged takes tag and note apart. It reports false if there is no tag.
func untagged(p []byte) (order uint64, note []byte, ok bool) {
	if len(p) < tagSize {
		return 0, nil, false
	}
	return binary.BigEndian.Uint64(p), p[tagSize:], true
}
