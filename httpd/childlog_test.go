package httpd

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/bident/bident/fork"
)

// pieces keeps what every call of Write was given.
type pieces [][]byte

func (p *pieces) Write(b []byte) (int, error) {
	*p = append(*p, bytes.Clone(b))
	return len(b), nil
}

// TestChildLog: what was added to a log is in its records, in its groups, and each
// record is written at once.
func TestChildLog(t *testing.T) {
	of := func(attrs ...any) slog.Record {
		var r slog.Record
		r.Level, r.Message = slog.LevelWarn, "m"
		r.Add(attrs...)
		return r
	}
	var none pieces
	log := newChildLog(&none)
	common := log.WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("g")
	for _, one := range []struct {
		log      slog.Handler
		in, want slog.Record
	}{
		{log, of("x", 1), of("x", 1)},
		{log.WithAttrs(nil).WithGroup(""), of("x", 1), of("x", 1)},
		{common, of("x", 1), of("a", 1, slog.Group("g", "x", 1))},
		{common, of(), of("a", 1)},
		{common.WithAttrs([]slog.Attr{slog.Int("b", 2)}), of("x", 1), of("a", 1, slog.Group("g", "b", 2, "x", 1))},
		{common.WithAttrs([]slog.Attr{slog.Int("c", 3)}).WithGroup("h"), of("x", 1),
			of("a", 1, slog.Group("g", "c", 3, slog.Group("h", "x", 1)))},
		{common.WithGroup("h"), of(), of("a", 1)},
	} {
		var got pieces
		h := *one.log.(*childLog)
		h.w = &got
		if err := h.Handle(context.Background(), one.in); err != nil {
			t.Error(err)
		}
		if want := fork.RecordLine(one.want); len(got) != 1 || !bytes.Equal(got[0], want) {
			t.Errorf("got %q, expected %q", got, want)
		}
	}
	if len(none) > 0 {
		t.Errorf("%q", none)
	}
}

// TestChildLogLevels: what is not wanted is for the parent to drop.
func TestChildLogLevels(t *testing.T) {
	if !newChildLog(io.Discard).Enabled(context.Background(), slog.LevelDebug-4) {
		t.Error("a record did not get to the parent")
	}
}
