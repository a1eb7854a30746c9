package load

import "bytes"

// readChunkSize reads the line before a chunk without its CRLF: hexadecimal
// digits and perhaps extensions (RFC 9112 section 7.1), which are checked for
// control characters and otherwise passed over.
func readChunkSize(line []byte) (int64, error) {
	var size int64
	digits := 0
	for digits < len(line) {
		digit := hexDigit(line[digits])
		if digit < 0 {
			break
		}
		size = size<<4 | int64(digit)
		if digits++; digits > 15 {
			return 0, malformed("a chunk too large", line)
		}
	}
	if digits == 0 {
		return 0, malformed("no chunk size", line)
	}
	if rest := line[digits:]; len(rest) > 0 {
		if !bytes.HasPrefix(bytes.TrimLeft(rest, " \t"), []byte(";")) || !isFieldValue(rest) {
			return 0, malformed("no chunk extension", line)
		}
	}
	return size, nil
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
