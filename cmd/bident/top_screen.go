package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// What a screen tells a terminal: to keep what it shows in another buffer, hide
// the cursor and cut lines that are too long; and to take that back.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J"
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

// screen is where frames are drawn: a terminal, which it takes over until close,
// or any output, to which frames are printed one after another.
type screen struct {
	out      io.Writer
	terminal bool
	color    bool
	keys     chan byte       // pressed; nil if there is no keyboard
	resized  <-chan struct{} // nil if there is no terminal
	fd       int
	restore  func()
	closing  sync.Once
	drawn    bool
}

// openScreen takes over the terminal, if out is one.
func openScreen(in *os.File, out io.Writer) (*screen, error) {
	s := &screen{out: out, restore: func() {}}
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return s, nil
	}
	s.terminal, s.fd = true, int(file.Fd())
	s.color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if keyboard := int(in.Fd()); term.IsTerminal(keyboard) {
		before, err := term.MakeRaw(keyboard)
		if err != nil {
			return nil, fmt.Errorf("terminal: %w", err)
		}
		s.restore = func() { _ = term.Restore(keyboard, before) }
		s.keys = make(chan byte)
		go readKeys(in, s.keys)
	}
	resized, stop := watchSize()
	s.resized = resized
	restore := s.restore
	s.restore = func() {
		stop()
		_, _ = io.WriteString(out, leaveScreen)
		restore()
	}
	if _, err := io.WriteString(out, enterScreen); err != nil {
		s.close()
		return nil, fmt.Errorf("terminal: %w", err)
	}
	return s, nil
}

// readKeys ends when the terminal does, or with the process.
func readKeys(in io.Reader, keys chan<- byte) {
	defer close(keys)
	var one [1]byte
	for {
		if n, err := in.Read(one[:]); n == 0 || err != nil {
			return
		}
		keys <- one[0]
	}
}

// close gives the terminal back as it was. It may be called more than once.
func (s *screen) close() { s.closing.Do(s.restore) }

// The size of a frame on what is no terminal: as wide as a line gets, and all
// workers.
const (
	plainWidth  = 120
	plainHeight = 1 << 20
)

// size is how much there is room for.
func (s *screen) size() (width, height int) {
	if !s.terminal {
		return plainWidth, plainHeight
	}
	width, height, err := term.GetSize(s.fd)
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// draw shows a frame in place of the last one, or below it if the output is no
// terminal.
func (s *screen) draw(lines []string) error {
	var b bytes.Buffer
	if s.terminal {
		b.WriteString(home)
		for i, line := range lines {
			if i > 0 {
				b.WriteString("\r\n")
			}
			b.WriteString(line)
			b.WriteString(clearLine)
		}
		b.WriteString(clearBelow)
	} else {
		if s.drawn {
			b.WriteByte('\n')
		}
		for _, line := range lines {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	s.drawn = true
	_, err := s.out.Write(b.Bytes())
	return err
}
