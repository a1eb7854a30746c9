package demo

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"
)

// flushes remembers what had been written at each flush.
type flushes struct {
	bytes.Buffer
	at   []string
	each func(n int) error
}

func (f *flushes) Flush() error {
	f.at = append(f.at, f.String())
	if f.each != nil {
		return f.each(len(f.at))
	}
	return nil
}

func TestPiecesAreFlushedOneByOne(t *testing.T) {
	var f flushes
	if err := (pieces{count: 3, interval: time.Millisecond, size: 2}).write(t.Context(), &f); err != nil {
		t.Fatal(err)
	}
	want := []string{"chunk 0\nxx\n", "chunk 0\nxx\nchunk 1\nxx\n", "chunk 0\nxx\nchunk 1\nxx\nchunk 2\nxx\n"}
	for i := range want {
		if len(f.at) != len(want) || f.at[i] != want[i] {
			t.Fatalf("%q", f.at)
		}
	}
}

// TestPiecesEndWithTheRequest would hang for an hour if they did not.
func TestPiecesEndWithTheRequest(t *testing.T) {
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	f := flushes{each: func(n int) error { cancel(gone); return nil }}
	err := (pieces{count: 5, interval: time.Hour}).write(ctx, &f)
	if !errors.Is(err, gone) || len(f.at) != 1 {
		t.Errorf("%v after %q", err, f.at)
	}
}

func TestPiecesEndWithTheWriter(t *testing.T) {
	broken := errors.New("broken")
	f := flushes{each: func(n int) error {
		if n == 2 {
			return broken
		}
		return nil
	}}
	err := (pieces{count: 5}).write(t.Context(), &f)
	if !errors.Is(err, broken) || len(f.at) != 2 {
		t.Errorf("%v after %q", err, f.at)
	}
}
