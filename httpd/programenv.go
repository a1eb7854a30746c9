package httpd

import (
	"slices"
	"strings"
)

// programEnv are the variables that an external program gets in addition: the
// server's Env, and what keeps php-cgi, if it is one or starts one, from doing what
// the server does. It would leave after 500 requests of its own accord, which the
// request that follows may meet; and as a manager of children it would hide from the
// server which of them has a request. Only Env says otherwise: what is inherited was
// meant for a php-cgi that is alone.
func (s *Server) programEnv() []string {
	env := slices.Clone(s.Env)
	for _, name := range []string{"PHP_FCGI_MAX_REQUESTS", "PHP_FCGI_CHILDREN"} {
		if !slices.ContainsFunc(s.Env, func(v string) bool { return strings.HasPrefix(v, name+"=") }) {
			env = append(env, name+"=0")
		}
	}
	return env
}
