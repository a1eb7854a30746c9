package accesslog

import (
	"crypto/rand"
	"encoding/binary"
	"sync/atomic"
)

// IDLength is the length of the ids that IDs makes.
const IDLength = 32

// MaxIDLength is the length of the longest id that ValidID takes.
const MaxIDLength = 128

// IDs makes request ids. It is safe for concurrent use; make it with NewIDs.
type IDs struct {
	source uint64 // this process, or what else made the IDs
	stride uint64 // odd, so that the multiples of it are all different
	count  atomic.Uint64
}

// NewIDs returns a source of ids of its own, told from all others, in other
// processes and after restarts too, by 64 random bits.
func NewIDs() *IDs {
	var seed [24]byte
	rand.Read(seed[:]) // never fails: crypto/rand ends the program instead
	s := &IDs{
		source: binary.LittleEndian.Uint64(seed[:8]),
		stride: binary.LittleEndian.Uint64(seed[8:16]) | 1,
	}
	s.count.Store(binary.LittleEndian.Uint64(seed[16:]))
	return s
}

// Append appends a new id: 32 lower-case hexadecimal digits, the source and the
// next of 2^64 different numbers. It allocates nothing if dst has the room. The
// numbers do not show how many requests there were, but an id is no secret: who
// has seen a few can guess others.
func (s *IDs) Append(dst []byte) []byte {
	dst = appendHex(dst, s.source)
	return appendHex(dst, s.count.Add(1)*s.stride)
}

func appendHex(dst []byte, n uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[n>>shift&15])
	}
	return dst
}

// ValidID tells whether an id that came with a request (X-Request-ID) can be
// used as it is: 1 to 128 octets, each a letter or digit of ASCII or one of
// - . _ ~ + / = : @. Nothing among them needs escaping in logs, JSON or shells.
func ValidID(id []byte) bool {
	if len(id) == 0 || len(id) > MaxIDLength {
		return false
	}
	for _, c := range id {
		if !idOctets[c] {
			return false
		}
	}
	return true
}

// idOctets are the octets of a valid id.
var idOctets = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=:@") {
		t[c] = true
	}
	return t
}()
