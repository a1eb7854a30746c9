package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/bident/bident/cmd/bident/options"
	"github.com/bident/bident/pool"
)

// logFile is where the server's log goes: standard error, or a file that can be
// opened anew after somebody has moved it away.
type logFile struct {
	logger *slog.Logger
	level  *slog.LevelVar

	mu   sync.Mutex
	path string // "" for standard error
	w    io.Writer
}

// openLog makes the logger that the settings ask for.
func openLog(s *options.Settings, stderr io.Writer) (*logFile, error) {
	l := &logFile{level: new(slog.LevelVar), path: s.LogFile, w: stderr}
	l.level.Set(logLevel(s.LogLevel))
	if err := l.Reopen(); err != nil {
		return nil, err
	}
	o := &slog.HandlerOptions{Level: l.level, ReplaceAttr: nameLevel}
	if s.LogFormat == "json" {
		l.logger = slog.New(slog.NewJSONHandler(l, o))
	} else {
		l.logger = slog.New(slog.NewTextHandler(l, o))
	}
	return l, nil
}

// nameLevel gives the level between slog's a name.
func nameLevel(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.LevelKey && a.Value.Any() == pool.LevelVerbose {
		a.Value = slog.StringValue("VERBOSE")
	}
	return a
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// Reopen opens the path anew. If that fails the log goes on where it went.
func (l *logFile) Reopen() error {
	if l.path == "" {
		return nil
	}
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("log file: %w", err)
	}
	l.mu.Lock()
	old := l.w
	l.w = f
	l.mu.Unlock()
	if c, ok := old.(*os.File); ok && c != os.Stderr {
		return c.Close()
	}
	return nil
}

// Close closes the file, not standard error.
func (l *logFile) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f, ok := l.w.(*os.File); ok && l.path != "" {
		f.Close()
		l.w = os.Stderr
	}
}
