package fork

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
)

// maxLine is how long a line of a child's output may be. A longer one is logged
// in pieces.
const maxLine = 8 << 10

// relay logs what a child writes, line by line, until the end. Memory is
// bounded: a child that writes faster than the log takes it has to wait.
func relay(r io.Reader, log *slog.Logger, attrs ...slog.Attr) {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			log.LogAttrs(context.Background(), slog.LevelInfo, printable(string(line)), attrs...)
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}
