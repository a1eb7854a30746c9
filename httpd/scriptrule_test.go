package httpd

import (
	"regexp"
	"testing"

	"github.com/bident/bident/internal/files"
)

// TestScriptsRule: what is a script, and which copies of one are hidden.
func TestScriptsRule(t *testing.T) {
	usual, php := &scriptRule{}, &scriptRule{php: true}
	perl := &scriptRule{match: regexp.MustCompile(`\.pl$`)}
	const plain, script, hidden = files.Plain, files.Script, files.Hidden
	for _, x := range []struct {
		name             string
		usual, php, perl files.Sort
	}{
		{"index.php", script, script, hidden},
		{"run.pl", script, hidden, script},
		{"c.py", script, hidden, plain},
	} {
		for rule, want := range map[*scriptRule]files.Sort{usual: x.usual, php: x.php, perl: x.perl} {
			if got := rule.Sort([]byte("/a.b/"+x.name), false); got != want {
				t.Errorf("%s: %d, want %d", x.name, got, want)
			}
		}
	}
	is := func(want files.Sort, rules []*scriptRule, names ...string) {
		t.Helper()
		for _, name := range names {
			for i, rule := range rules {
				if got := rule.Sort([]byte("/a.b/"+name), false); got != want {
					t.Errorf("%q by rule %d: %d, want %d", name, i, got, want)
				}
			}
		}
	}
	all := []*scriptRule{usual, php, perl}
	is(hidden, all, "#index.php#", "index.php_bak", "index.php-old", "index.php__", "index.php,v", "index.php;1",
		"index.phpbak", "index.php copy", "index.php ", "index.php\t", "index.PHP_x", "index.php.~1~", "index.php\xc2\xa0", "a.php5x",
		"%srv%index.php%", "index.php.gz", "a.phtmlold", "lib.inc_1", "lib.incbak", "a.phar-1", "a.pharbak", "photo.phpost", "#notes#", "x.php-1.css",
		"#c.pl#", "c.pl~", "c.pl.bak", "c.pl_bak", "c.plbak", "c.pl,v", "c.pl;1", "c.pl copy 2", "c.pl (copy)", "c.pl ", "c.pl.~2~", "c.pl.save.1")
	is(hidden, all[:2], "c.PL_", "c.py.orig", "#c.rb#", "c.sh-2024-01-01")
	is(plain, []*scriptRule{{match: regexp.MustCompile(`(\.php|/)$`)}}, "2024", "run.pl", "a.css")
	// A number does not make a copy of what has no extension.
	bare := []*scriptRule{{match: regexp.MustCompile(`/[a-z0-9-]*$`)}}
	is(script, bare, "data", "page-2")
	is(plain, bare, "data.001", "data.2024-01", "data (1).2", "data.css")
	is(hidden, bare, "data~", "data.bak", "data.~1~", "data.1~", "data.old.1", "#data#", "data.1.php")
	is(plain, all, "style.css", "photo.pharmacy.jpg", "x.included.js", "photo.jpg", "messages.pl.js", "notes.bak", "notes~",
		"song.mp3", "php", "php.txt", "index-php.html", "a", "#", "##a", "jquery-3.7.1.min.js", "copy", "bak")
}
