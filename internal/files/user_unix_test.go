//go:build unix

package files

import (
	"os"
	"testing"

	"github.com/valyala/fasthttp"
)

// TestUser: what another user may not read is not served on its behalf.
func TestUser(t *testing.T) {
	trees(t, func(t *testing.T, open func(Config) *Files) {
		s := newSite(t)
		own, group := uint32(os.Getuid()), uint32(os.Getgid())
		f := open(Config{Root: s.root, For: &User{UID: own + 1, GIDs: []uint32{group + 1}}})
		defer f.Close()
		_, portable := f.tree.(*rootTree)
		for _, x := range []struct {
			mode   os.FileMode
			user   *User
			status int
		}{
			{0o644, f.user, 200}, {0o640, f.user, 403}, {0o600, f.user, 403}, {0o604, f.user, 200},
			{0o640, &User{UID: own + 1, GIDs: []uint32{group + 1, group}}, 200},
			{0o604, &User{UID: own + 1, GIDs: []uint32{group}}, 403},
			{0o400, &User{UID: own}, 200}, {0o600, nil, 200}, {0o600, &User{}, 200},
		} {
			must(t, os.Chmod(s.path("a.txt"), x.mode))
			f.user = x.user
			f.cache = nil
			want := x.status
			if portable && x.user != nil && x.user.UID != 0 { // the owner is not known
				if want = 403; x.mode&0o004 != 0 {
					want = 200
				}
			}
			var ctx fasthttp.RequestCtx
			ctx.Request.SetRequestURI("/a.txt")
			f.Serve(&ctx)
			if got := ctx.Response.StatusCode(); got != want && !(own == 0 && x.user != nil && x.user.UID == own) {
				t.Errorf("mode %o for %v: %d, want %d", x.mode, x.user, got, want)
			}
			ctx.Response.CloseBodyStream()
		}
	})
}
