package httpd

import "net"

// peer is who a lane exchanges requests with over FastCGI: a child of this process,
// or a listener that somebody else runs.
type peer interface {
	// Dial makes a connection that carries one exchange after another. It does not
	// wait for the peer to accept it.
	Dial() (net.Conn, error)
	// Exited is closed when the peer has ended, for good; nil if that cannot be known.
	Exited() <-chan struct{}
	// External reports whether the peer is no process of this program: it gets the
	// CGI variables, and says nothing aside.
	External() bool
}
