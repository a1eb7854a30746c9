package httpd

import (
	"os"
	"slices"
)

// listenVariables say where FastCGI programs listen that are started by themselves:
// command bident among them, and those with CGI::Fast. The server's own are about its
// own socket. A program that heeded them would remove that and bind another one in its
// place, or find that the address is in use, also if it is a CGI program.
var listenVariables = []string{"FCGI_SOCKET_PATH", "FCGI_LISTEN_QUEUE", "FCGI_LISTENSOCK_FILENO"}

// saysWhereToListen reports whether a variable, as NAME=value, is one of listenVariables.
func saysWhereToListen(v string) bool { return slices.Contains(listenVariables, variableName(v)) }

// programEnv is the environment of an external program: the server's, unless it is
// cleared, the server's Env, of which the last of a name counts, and what keeps php-cgi,
// if it is one or starts one, from doing what the server does. It would leave after 500
// requests of its own accord, which the request that follows may meet; and as a manager
// of children it would hide from the server which of them has a request. Only Env says
// otherwise: what is inherited was meant for a php-cgi that is alone.
func (s *Server) programEnv() (env []string) {
	if !s.ClearEnv {
		env = slices.DeleteFunc(os.Environ(), saysWhereToListen)
	}
	env = append(env, "PHP_FCGI_MAX_REQUESTS=0", "PHP_FCGI_CHILDREN=0")
	return append(env, s.Env...)
}
