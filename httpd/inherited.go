package httpd

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/bident/bident/internal/listen"
)

// firstListenFD is the first descriptor of a service manager's (sd_listen_fds(3)).
const firstListenFD = 3

// webServersVariable is what FastCGI 1.0, section 3.2, calls the variable with the
// addresses of the web servers that may connect.
const webServersVariable = "FCGI_WEB_SERVER_ADDRS"

// checkListen checks what addresses cannot be combined with, and reads who may
// connect to those for FastCGI.
func (s *Server) checkListen(p *settings, bad func(string, ...any)) {
	for _, a := range p.addresses {
		if a.outside() && p.accept.inChildren() {
			bad("Listen: a socket that is there already needs Accept request or mode Emulate, not Accept %s", p.accept)
		}
	}
	name, list := "WebServers", strings.Join(s.WebServers, ",")
	if len(s.WebServers) == 0 {
		name, list = webServersVariable, os.Getenv(webServersVariable)
	}
	var err error
	if p.front.WebServers, err = webServers(list); err != nil {
		bad("%s: %v", name, err)
	}
}

// webServers reads a list of addresses, with commas between them; nil is everybody.
func webServers(list string) ([]netip.Addr, error) {
	if list == "" {
		return nil, nil
	}
	all := []netip.Addr{}
	for one := range strings.SplitSeq(list, ",") {
		a, err := netip.ParseAddr(strings.TrimSpace(one))
		if err != nil {
			return nil, fmt.Errorf("%q is not an address", one)
		}
		all = append(all, a.Unmap())
	}
	return all, nil
}

// welcome reports whether the peer of a connection with FastCGI may be a web server
// of this one's. The access to UNIX sockets is a matter of their permissions.
func (f *front) welcome(c *conn) bool {
	if f.webServers == nil || !c.peer.IsValid() || slices.Contains(f.webServers, c.peer.Addr().Unmap()) {
		return true
	}
	f.log.Warn("peer is none of the web servers", "peer", c.remote.String())
	return false
}

// outside reports whether the address is a socket that is there already.
func (a address) outside() bool { return a.network == networkFD || a.network == networkSystemd }

// descriptor is a socket that was there when the program started. It belongs to the
// caller; the descriptor by that number is closed, so that nobody else inherits it.
func (a address) descriptor() (fd int, err error) {
	if a.network == networkSystemd {
		if fd, err = systemdSocket(a.address); err != nil {
			return -1, err
		}
	} else if fd, err = strconv.Atoi(a.address); err != nil {
		return -1, fmt.Errorf("descriptor %s: %w", a.address, err)
	}
	if fd, err = listen.Adopt(fd); err != nil {
		return -1, fmt.Errorf("%s %s: %w", a.network, a.address, err)
	}
	return fd, nil
}

// systemdSocket is the descriptor of the first socket of that name that a service
// manager has passed to this process (sd_listen_fds_with_names(3)).
func systemdSocket(name string) (int, error) {
	if pid := os.Getenv("LISTEN_PID"); pid != strconv.Itoa(os.Getpid()) {
		return -1, fmt.Errorf("systemd socket %q: none was passed to this process (LISTEN_PID %q)", name, pid)
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil {
		return -1, fmt.Errorf("systemd socket %q: LISTEN_FDS: %w", name, err)
	}
	names := strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	for i := range min(n, len(names)) {
		if names[i] == name {
			return firstListenFD + i, nil
		}
	}
	return -1, fmt.Errorf("systemd socket %q: LISTEN_FDNAMES has none of that name", name)
}
