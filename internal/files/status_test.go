package files

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// failing is a tree whose every call fails in the same way.
type failing struct{ err error }

func (t failing) open(string) (opened, error)          { return opened{}, t.err }
func (t failing) stat(string) (info, error)            { return info{}, t.err }
func (t failing) inspect(string) (info, error)         { return info{}, t.err }
func (t failing) trace(string) (opened, string, error) { return opened{}, "", t.err }
func (t failing) close() error                         { return t.err }

func TestFailuresOfTheSystem(t *testing.T) {
	for _, x := range []struct {
		err    error
		status int
	}{
		{fs.ErrNotExist, 404}, {fs.ErrPermission, 403}, {errBusy, 503}, {errChanged, 503},
		{errors.New("path escapes from parent"), 404}, {fmt.Errorf("open: %w", fs.ErrPermission), 403},
	} {
		f := newFiles(Config{}, failing{x.err})
		for _, target := range []string{"/a", "/", "/dir/"} {
			var ctx fasthttp.RequestCtx
			ctx.Request.SetRequestURI(target)
			f.Serve(&ctx)
			if got := ctx.Response.StatusCode(); got != x.status {
				t.Errorf("%s, %v: %d, want %d", target, x.err, got, x.status)
			}
		}
		if err := f.Close(); err != x.err {
			t.Errorf("Close: %v", err)
		}
	}
}

func TestTimesAtTheLimits(t *testing.T) {
	for _, x := range []struct{ seconds, rest, want int64 }{
		{-1, 5, 0}, {0, 0, 0}, {1, 2, 1_000_000_002}, {1 << 62, 0, 1<<63 - 1}, {9223372036, 0, 1<<63 - 1},
	} {
		if got := nanoseconds(x.seconds, x.rest); got != x.want {
			t.Errorf("%d.%d: %d, want %d", x.seconds, x.rest, got, x.want)
		}
	}
	in := info{modified: 1000, changed: 0}
	if in.settled(time.Unix(0, 1000), settle) || !in.settled(time.Unix(0, 1000+int64(settle)), settle) {
		t.Error("settled by the time of modification")
	}
	in.changed = 1000 + int64(settle)
	if in.settled(time.Unix(0, 1000+int64(settle)), settle) {
		t.Error("not settled by the time of change")
	}
}
