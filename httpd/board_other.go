//go:build !unix

package httpd

// boardMemory is zeroed memory for a scoreboard.
func boardMemory(size int) (mem []byte, err error) {
	return make([]byte, size), nil
}
