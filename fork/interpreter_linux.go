package fork

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// interpreterOf is the program without which the one in a file cannot run: what the
// first line of a script names, or the dynamic linker of an ELF file of 64 bits. It
// is "" if there is none, or if that cannot be told.
func interpreterOf(f io.ReaderAt) string {
	head := make([]byte, 256)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return ""
	}
	head = head[:n]
	if line, script := bytes.CutPrefix(head, []byte("#!")); script {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		if words := strings.Fields(string(line)); len(words) > 0 {
			return words[0]
		}
		return ""
	}
	const elf64, programHeader, interpreter = 2, 56, 3
	if len(head) < 64 || string(head[:4]) != "\x7fELF" || head[4] != elf64 {
		return ""
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[5] == 2 {
		order = binary.BigEndian
	}
	at, size, count := int64(order.Uint64(head[32:])), int64(order.Uint16(head[54:])), int64(order.Uint16(head[56:]))
	if at < 0 || size < programHeader {
		return ""
	}
	for i := range count {
		header := make([]byte, programHeader)
		if _, err := f.ReadAt(header, at+i*size); err != nil {
			return ""
		}
		if order.Uint32(header) != interpreter {
			continue
		}
		length := order.Uint64(header[32:])
		if length == 0 || length > unix.PathMax {
			return ""
		}
		name := make([]byte, length)
		if _, err := f.ReadAt(name, int64(order.Uint64(header[8:]))); err != nil {
			return ""
		}
		return string(bytes.TrimRight(name, "\x00"))
	}
	return ""
}

// executable finds out whether a program could be executed, with all that its file
// says it needs in order to run.
func executable(path string) (missing string, err error) {
	if err := unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS); err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", nil // one may execute what one cannot read
	}
	defer f.Close()
	if name := interpreterOf(f); name != "" {
		if err := unix.Faccessat(unix.AT_FDCWD, name, unix.X_OK, unix.AT_EACCESS); err != nil {
			return name, err
		}
	}
	return "", nil
}
