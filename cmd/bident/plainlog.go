package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// plainHandler writes log records for somebody who puts them into a log of their
// own, as a parent does with what its children write: without the time, which
// the parent adds, and without quotes, which the parent would quote again.
type plainHandler struct {
	mu     *sync.Mutex
	w      io.Writer
	prefix string      // names of groups
	attrs  []slog.Attr // with their prefix
}

func newPlainHandler(w io.Writer) *plainHandler {
	return &plainHandler{mu: new(sync.Mutex), w: w}
}

// Enabled implements slog.Handler: it is for the parent to drop what it does not
// want.
func (h *plainHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

// Handle implements slog.Handler. The record is a line, level and message first;
// values of several lines, such as stacks, follow it.
func (h *plainHandler) Handle(_ context.Context, r slog.Record) error {
	var line, rest strings.Builder
	if r.Level != slog.LevelInfo {
		line.WriteString(strings.ToLower(r.Level.String()) + ": ")
	}
	line.WriteString(r.Message)
	add := func(a slog.Attr) {
		text := strings.TrimRight(a.Value.Resolve().String(), "\n")
		switch {
		case a.Key == "" && text == "":
		case strings.Contains(text, "\n"):
			fmt.Fprintf(&rest, "%s: %s\n", a.Key, text)
		default:
			fmt.Fprintf(&line, ", %s: %s", a.Key, text)
		}
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(func(a slog.Attr) bool {
		a.Key = h.prefix + a.Key
		add(a)
		return true
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := io.WriteString(h.w, line.String()+"\n"+rest.String())
	return err
}

// WithAttrs implements slog.Handler.
func (h *plainHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.attrs = append([]slog.Attr(nil), h.attrs...)
	for _, a := range attrs {
		a.Key = h.prefix + a.Key
		next.attrs = append(next.attrs, a)
	}
	return &next
}

// WithGroup implements slog.Handler.
func (h *plainHandler) WithGroup(name string) slog.Handler {
	next := *h
	if name != "" {
		next.prefix += name + "."
	}
	return &next
}
