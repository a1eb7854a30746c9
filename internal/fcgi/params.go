package fcgi

import (
	"encoding/binary"
	"iter"
)

const (
	// DefaultMaxParamBytes bounds one request's parameters when Params.MaxBytes
	// is 0: four times the default limit of an HTTP head, since a head may
	// travel twice, raw and as variables, beside the server's own variables.
	DefaultMaxParamBytes = 256 << 10
	// DefaultMaxParams bounds the number of parameters when Params.MaxCount is 0.
	DefaultMaxParams = 2048

	maxPairPart = 1<<31 - 1 // a length has 31 bits (clause 3.4)
	keptParams  = 64 << 10  // octets of buffer kept from one request to the next
)

// AppendParam appends one name-value pair, each length in one octet below 128
// and in four above (clause 3.4). A part longer than 2^31-1 octets panics.
func AppendParam(dst []byte, name, value string) []byte {
	return append(append(appendLengths(dst, len(name), len(value)), name...), value...)
}

// AppendParamBytes is AppendParam for a value, and AppendParamRaw for a name
// and a value, that are octets already.
func AppendParamBytes(dst []byte, name string, value []byte) []byte {
	return append(append(appendLengths(dst, len(name), len(value)), name...), value...)
}

// AppendParamRaw is AppendParam for a name and a value that are octets already.
func AppendParamRaw(dst, name, value []byte) []byte {
	return append(append(appendLengths(dst, len(name), len(value)), name...), value...)
}

func appendLengths(dst []byte, name, value int) []byte {
	return appendLength(appendLength(dst, name), value)
}

func appendLength(dst []byte, n int) []byte {
	if n < 128 {
		return append(dst, byte(n))
	}
	if n > maxPairPart {
		panic("fcgi: name or value longer than 2^31-1 octets")
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n)|1<<31)
}

// Params is a list of name-value pairs (clause 3.4), decoded as their octets
// come. Names and values lie in one flat buffer that is reused by the next
// request; slices handed out are valid until Reset, which overwrites the
// buffer with zeros so that nothing of one request shows in the next.
// The zero value is ready and has the default limits.
type Params struct {
	// MaxBytes bounds the encoded size: lengths, names and values, in octets.
	// 0 means DefaultMaxParamBytes, a negative value no limit.
	MaxBytes int
	// MaxCount bounds the number of pairs. 0 means DefaultMaxParams, a
	// negative value no limit.
	MaxCount int

	data  []byte
	index []pair

	lengths  [8]byte // the two lengths of the pair that is coming
	have     int     // octets of lengths that came
	want     int     // octets of the pair's name and value yet to come
	consumed int     // encoded octets of all pairs begun
	err      error
}

type pair struct{ start, mid, end int }

// Write decodes the next octets of the pairs, cut anywhere. It always takes
// all of p or fails: with ErrParamsTooLarge as soon as an announced length
// passes MaxBytes (before anything is stored for it), with ErrTooManyParams,
// and then with the same error until Reset.
func (p *Params) Write(b []byte) (int, error) {
	n := len(b)
	for p.err == nil {
		if p.want > 0 {
			k := min(p.want, len(b))
			p.data = append(p.data, b[:k]...)
			p.want -= k
			b = b[k:]
		}
		if len(b) == 0 {
			return n, nil
		}
		p.lengths[p.have] = b[0]
		p.have++
		b = b[1:]
		if name, value, ok := p.pairLengths(); ok {
			p.err = p.open(name, value)
		}
	}
	return n - len(b), p.err
}

// pairLengths gives the two lengths once all their octets are here.
func (p *Params) pairLengths() (name, value int, ok bool) {
	l := p.lengths[:p.have]
	name, l = takeLength(l)
	if name < 0 || len(l) == 0 {
		return 0, 0, false
	}
	value, _ = takeLength(l)
	return name, value, value >= 0
}

// takeLength gives one length and the octets after it; -1 if it is incomplete.
func takeLength(l []byte) (int, []byte) {
	switch {
	case len(l) == 0:
		return -1, nil
	case l[0] < 128:
		return int(l[0]), l[1:]
	case len(l) < 4:
		return -1, nil
	}
	return int(binary.BigEndian.Uint32(l) & maxPairPart), l[4:]
}

func (p *Params) open(name, value int) error {
	limit, count := p.MaxBytes, p.MaxCount
	if limit == 0 {
		limit = DefaultMaxParamBytes
	}
	if count == 0 {
		count = DefaultMaxParams
	}
	if count > 0 && len(p.index) >= count {
		return ErrTooManyParams
	}
	// In 64 bits, because two lengths of 31 bits overflow a 32-bit int.
	size := int64(p.consumed) + int64(p.have) + int64(name) + int64(value)
	if limit > 0 && size > int64(limit) || size > maxPairPart {
		return ErrParamsTooLarge
	}
	start := len(p.data)
	p.index = append(p.index, pair{start, start + name, start + name + value})
	p.consumed, p.have, p.want = int(size), 0, name+value
	return nil
}

// Finish checks, at the end of the stream, that it did not end inside a pair:
// that gives ErrPairTruncated. An earlier error is given again.
func (p *Params) Finish() error {
	if p.err == nil && (p.have > 0 || p.want > 0) {
		p.err = ErrPairTruncated
	}
	return p.err
}

// Reset empties the list for the next request and zeroes what it held.
func (p *Params) Reset() {
	clear(p.data)
	p.data, p.index = p.data[:0], p.index[:0]
	if cap(p.data) > keptParams {
		p.data = nil
	}
	if cap(p.index) > DefaultMaxParams {
		p.index = nil
	}
	p.lengths, p.have, p.want, p.consumed, p.err = [8]byte{}, 0, 0, 0, nil
}

// Len is the number of complete pairs.
func (p *Params) Len() int {
	if p.want > 0 {
		return len(p.index) - 1
	}
	return len(p.index)
}

// Size is the number of encoded octets of the pairs begun.
func (p *Params) Size() int { return p.consumed }

// At gives pair i, 0 <= i < Len(), in the order of arrival. The slices are
// valid until Reset.
func (p *Params) At(i int) (name, value []byte) {
	e := p.index[:p.Len()][i]
	return p.data[e.start:e.mid:e.mid], p.data[e.mid:e.end:e.end]
}

// Get gives the value of a name, nil if there is none; an empty value is not
// nil. Of several pairs with the name the last counts, as for PHP and Go's
// own net/http/fcgi: so a web server's configuration overrides what it
// included before.
func (p *Params) Get(name string) []byte {
	for i := p.Len() - 1; i >= 0; i-- {
		e := p.index[i]
		if e.mid-e.start == len(name) && string(p.data[e.start:e.mid]) == name {
			if e.mid == e.end {
				return []byte{} // not nil, though there may be no buffer yet
			}
			return p.data[e.mid:e.end:e.end]
		}
	}
	return nil
}

// Repeated reports whether a pair behind pair i has its name, and counts instead of it.
func (p *Params) Repeated(i int) bool {
	index := p.index[:p.Len()]
	e := index[i]
	n := e.mid - e.start
	for _, later := range index[i+1:] {
		if later.mid-later.start == n && string(p.data[later.start:later.mid]) == string(p.data[e.start:e.mid]) {
			return true
		}
	}
	return false
}

// Swap exchanges the pairs of two lists, not their limits, so that one request's
// can be kept while the next one is read.
func (p *Params) Swap(q *Params) {
	p.MaxBytes, q.MaxBytes = q.MaxBytes, p.MaxBytes
	p.MaxCount, q.MaxCount = q.MaxCount, p.MaxCount
	*p, *q = *q, *p
}

// All goes over the complete pairs in the order of arrival, repeated names
// included. The slices are valid until Reset.
func (p *Params) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for i := range p.Len() {
			if !yield(p.At(i)) {
				return
			}
		}
	}
}
