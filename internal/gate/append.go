package gate

import "strconv"

// LastChunk ends a chunked body without trailers, RFC 9112 7.1.
const LastChunk = "0\r\n\r\n"

// ChunkEnd follows the data of each chunk.
const ChunkEnd = "\r\n"

// AppendChunk appends p as one chunk. It appends nothing if p is empty: a chunk
// of size 0 would end the body, which is LastChunk's part.
func AppendChunk(dst, p []byte) []byte {
	if len(p) == 0 {
		return dst
	}
	dst = AppendChunkSize(dst, len(p))
	dst = append(dst, p...)
	return append(dst, ChunkEnd...)
}

// AppendChunkSize appends the line before n octets of data, which must be
// followed by ChunkEnd. n must be positive.
func AppendChunkSize(dst []byte, n int) []byte {
	dst = strconv.AppendUint(dst, uint64(n), 16)
	return append(dst, '\r', '\n')
}
