package options

import "testing"

// TestBelow: where the files of a directory are that is in root.
func TestBelow(t *testing.T) {
	for _, c := range []struct {
		root, dir, at string
	}{
		{"/srv/www", "/srv/www", "/"},
		{"/srv/www/", "/srv/www/a/../cgi-bin/", "/cgi-bin/"},
		{"www", "./www/a/b", "/a/b/"},
		{"/srv/www", "/srv/www2", ""},
		{"/srv/www", "/srv", ""},
		{"/srv/www/a", "/srv/www/..b", ""},
		{"/", "/srv", "/srv/"},
	} {
		if at, is := below(c.root, c.dir); at != c.at || is != (c.at != "") {
			t.Errorf("%s in %s: %q %t, not %q", c.dir, c.root, at, is, c.at)
		}
	}
}
