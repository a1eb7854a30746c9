package files

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// The content codings, in the order of our preference.
const (
	brotli = iota
	zstd
	gzip
	codings

	identity = codings
)

var (
	// names are those of the registry (RFC 9110 section 8.4.1, 7932, 8878).
	names = [codings]string{"br", "zstd", "gzip"}
	// suffixes are what files beside are called.
	suffixes = [codings]string{".br", ".zst", ".gz"}
)

// Files between these sizes are compressed, if their type is worth it.
const (
	minPacked = 1 << 10
	maxPacked = 1 << 20
)

// compress is data in a coding, or nothing if the compressor is overloaded. The levels are
// the usual ones: a result is used many times, the first client waits for it.
func compress(c int, data []byte) []byte {
	switch c {
	case brotli:
		return fasthttp.AppendBrotliBytesLevel(nil, data, 5)
	case zstd:
		return fasthttp.AppendZstdBytesLevel(nil, data, fasthttp.CompressZstdDefault)
	}
	return fasthttp.AppendGzipBytesLevel(nil, data, fasthttp.CompressDefaultCompression)
}

// unset is a weight that the client has not given.
const unset = -1

// weights are what a client says of codings in Accept-Encoding, in thousandths;
// the last is that of identity.
type weights [codings + 1]int

// acceptEncoding reads the lines of Accept-Encoding (RFC 9110 section 12.5.3).
// None, or nothing understood: identity only. An element that is malformed is
// ignored; of one that is repeated the last counts.
func acceptEncoding(lines [][]byte) weights {
	w := weights{unset, unset, unset, unset}
	star := unset
	for _, line := range lines {
		for len(line) > 0 {
			var element []byte
			element, line, _ = bytes.Cut(line, []byte{','})
			name, params, _ := bytes.Cut(element, []byte{';'})
			q, ok := weight(trim(params))
			if !ok {
				continue
			}
			name = trim(name)
			switch {
			case equalFold(name, "br"):
				w[brotli] = q
			case equalFold(name, "zstd"):
				w[zstd] = q
			case equalFold(name, "gzip"), equalFold(name, "x-gzip"):
				w[gzip] = q
			case equalFold(name, "identity"):
				w[identity] = q
			case len(name) == 1 && name[0] == '*':
				star = q
			}
		}
	}
	for c := range codings {
		if w[c] == unset {
			w[c] = max(star, 0)
		}
	}
	if w[identity] == unset && star == 0 {
		w[identity] = 0 // "*;q=0" without a word on identity
	}
	return w
}

// weight reads `q=0.5`, with the blanks that lists allow, in thousandths; 1000 if there is none
// (RFC 9110 section 12.4.2).
func weight(p []byte) (int, bool) {
	if len(p) == 0 {
		return 1000, true
	}
	if len(p) < 3 || p[0]|0x20 != 'q' || p[1] != '=' {
		return 0, false
	}
	p = p[2:]
	if len(p) > 5 || p[0] != '0' && p[0] != '1' || len(p) > 1 && p[1] != '.' {
		return 0, false
	}
	q := int(p[0]-'0') * 1000
	for i, unit := 2, 100; i < len(p); i, unit = i+1, unit/10 {
		if p[i] < '0' || p[i] > '9' {
			return 0, false
		}
		q += int(p[i]-'0') * unit
	}
	return q, q <= 1000
}

// order gives the codings that a client prefers to identity, best first; n is how
// many they are.
func (w *weights) order() (best [codings]int, n int) {
	for c := range codings {
		if w[c] <= 0 || w[c] < w[identity] {
			continue
		}
		i := n
		for i > 0 && w[best[i-1]] < w[c] {
			best[i] = best[i-1]
			i--
		}
		best[i] = c
		n++
	}
	return best, n
}

// trim cuts optional white space off (RFC 9110 section 5.6.3).
func trim(s []byte) []byte {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// equalFold tells whether s is token, a lower-case one, in any letter case. Only
// ASCII letters have one: names are tokens.
func equalFold(s []byte, token string) bool {
	if len(s) != len(token) {
		return false
	}
	for i, c := range s {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != token[i] {
			return false
		}
	}
	return true
}
