package httpd

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"

	"github.com/bident/bident/fork"
)

// standardError is the pipe to the parent, whatever the program makes of os.Stderr
// later.
var standardError = os.Stderr

// childLog is the log of a child: every record goes to the parent, whose log gets
// it as if it had been made there. All levels do, since only the parent knows which
// of them are wanted, now and after the next reload.
type childLog struct {
	mu *sync.Mutex
	w  io.Writer
	// around is what was added to the log, in order: names of groups, and
	// attributes, which belong to the group before them.
	around []childLogPart
}

// childLogPart is a group, or the attributes if it has no name.
type childLogPart struct {
	group string
	attrs []slog.Attr
}

func newChildLog(w io.Writer) *childLog { return &childLog{mu: new(sync.Mutex), w: w} }

// Enabled implements slog.Handler.
func (h *childLog) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler. The record is written with one call, so that
// nothing that is written to os.Stderr gets into it.
func (h *childLog) Handle(_ context.Context, r slog.Record) error {
	if len(h.around) > 0 {
		r = h.whole(r)
	}
	line := fork.RecordLine(r)
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.w.Write(line)
	return err
}

// whole is a record with what was added to the log.
func (h *childLog) whole(r slog.Record) slog.Record {
	attrs := make([]slog.Attr, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	for _, part := range slices.Backward(h.around) {
		switch {
		case part.group == "":
			attrs = slices.Concat(part.attrs, attrs)
		case len(attrs) > 0:
			attrs = []slog.Attr{{Key: part.group, Value: slog.GroupValue(attrs...)}}
		}
	}
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	out.AddAttrs(attrs...)
	return out
}

// WithAttrs implements slog.Handler.
func (h *childLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.with(childLogPart{attrs: attrs})
}

// WithGroup implements slog.Handler.
func (h *childLog) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(childLogPart{group: name})
}

func (h *childLog) with(part childLogPart) *childLog {
	next := *h
	next.around = append(slices.Clip(h.around), part)
	return &next
}
