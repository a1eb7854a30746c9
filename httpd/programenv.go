package httpd

import (
	"os"
	"slices"
	"strings"
)

// programEnv are the variables that an external program gets in addition: the
// server's Env, and what keeps php-cgi, if it is one or starts one, from doing what
// the server does. It would leave after 500 requests of its own accord, which the
// request that follows may meet; and as a manager of children it would hide from the
// server which of them has a request.
func (s *Server) programEnv() []string {
	env := slices.Clone(s.Env)
	set := func(name string, inherited bool) bool {
		_, found := os.LookupEnv(name)
		return inherited && found && !s.ClearEnv ||
			slices.ContainsFunc(s.Env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	}
	if !set("PHP_FCGI_MAX_REQUESTS", true) {
		env = append(env, "PHP_FCGI_MAX_REQUESTS=0")
	}
	if !set("PHP_FCGI_CHILDREN", false) {
		env = append(env, "PHP_FCGI_CHILDREN=0")
	}
	return env
}
