// Package fdpass sends datagrams with open descriptors over a UNIX socket
// (SCM_RIGHTS, unix(7)) and receives them without ever leaking one: they arrive
// close-on-exec, and a datagram that was cut off, of which some descriptors may
// have been lost, is refused and the rest of them closed.
//
// On systems other than Linux every function returns errors.ErrUnsupported.
package fdpass
