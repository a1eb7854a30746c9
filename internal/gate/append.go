package gate

import "strconv"

// AppendChunkSize appends the line before n octets of data, which must be
// followed by CR LF (RFC 9112, section 7.1). n must be positive: a chunk of size 0
// ends the body.
func AppendChunkSize(dst []byte, n int) []byte {
	dst = strconv.AppendUint(dst, uint64(n), 16)
	return append(dst, '\r', '\n')
}
