package httpd

import (
	"path/filepath"
	"strings"
)

// programEnv is what the children of an external program get in addition: env,
// and for PHP's programs, known by "php" in the name of the file (php-cgi,
// php8.2-cgi, a wrapper named php.fcgi), what keeps them from doing the
// supervisor's work. php-cgi starts processes of its own if PHP_FCGI_CHILDREN says
// so, among which the requests of one worker would be spread uncounted, and leaves
// after 500 requests unless PHP_FCGI_MAX_REQUESTS says otherwise, where 0 is no
// limit.
func programEnv(program, env []string) []string {
	if len(program) == 0 || !strings.Contains(strings.ToLower(filepath.Base(program[0])), "php") {
		return env
	}
	return append(env[:len(env):len(env)], "PHP_FCGI_CHILDREN=0", "PHP_FCGI_MAX_REQUESTS=0")
}
