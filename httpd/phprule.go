package httpd

import (
	"path/filepath"
	"strings"
)

// runsPHP reports whether a program runs nothing but PHP.
func runsPHP(program []string) bool {
	return len(program) > 0 && strings.HasPrefix(filepath.Base(program[0]), "php")
}

// discards reports whether a handler is a php-cgi that can be told not to run what
// PATH_TRANSLATED names. With cgi.fix_pathinfo=0 it does, in place of SCRIPT_FILENAME:
// of /app.php/upload/a.jpg that is the picture. As a CGI program it does not heed its
// arguments where the query has no "=".
func discards(h Handler) bool {
	p, ok := h.(programHandler)
	// php-cgi, php8.2-cgi or php-cgi8.2; php-fcgi and other names are wrappers', which
	// may keep their arguments to themselves.
	return ok && strings.Map(func(c rune) rune {
		if strings.ContainsRune("0123456789.-", c) {
			return -1
		}
		return c
	}, filepath.Base(p[0])) == "phpcgi"
}

// discarding is the command of a php-cgi that was told so.
func discarding(command []string) []string {
	return append([]string{command[0], "-d", "cgi.discard_path=1"}, command[1:]...)
}

// takesTranslated reports whether who runs scripts can be given PATH_TRANSLATED. A
// program that may be PHP, but cannot be told what that is not, goes without, as
// behind most web servers.
func takesTranslated(h Handler) bool {
	return upstreamOf(h) == nil && (!runsPHP(h.program()) || discards(h))
}
