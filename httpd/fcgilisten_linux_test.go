package httpd_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestFCGIListen: sockets that were there before the server, by number and by name.
func TestFCGIListen(t *testing.T) {
	socket := func() (fd int, address string) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		raw, err := l.(*net.TCPListener).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		err = raw.Control(func(own uintptr) { fd, _ = unix.FcntlInt(own, unix.F_DUPFD, 3) })
		if err != nil || fd < 3 {
			t.Fatal(fd, err)
		}
		return fd, l.Addr().String()
	}
	fd, address := socket()
	s := start(t, fcgiKinds[0].with(func(s *httpd.Server) {
		s.Listen = []string{fmt.Sprintf("fcgi+fd://%d", fd), "fcgi+unix://" + t.TempDir() + "/socket"}
	}), pool.Config{})
	if s.url != "fcgi://"+address {
		t.Errorf("listening on %s, not %s", s.url, address)
	}
	dialFCGI(t, s.url).idle()
	dialFCGI(t, s.Addrs()[1]).idle()
	if st, err := s.Status(t.Context()); err != nil || len(st.Listeners) != 2 || !strings.HasPrefix(st.Listeners[1], "fcgi+unix:///") {
		t.Errorf("%+v %v", st, err)
	}
	fd, address = socket()
	t.Setenv("LISTEN_PID", fmt.Sprint(os.Getpid()))
	t.Setenv("LISTEN_FDS", fmt.Sprint(fd-2))
	t.Setenv("LISTEN_FDNAMES", strings.Repeat("other:", fd-3)+"web")
	s = start(t, fcgiKinds[2].with(func(s *httpd.Server) {
		s.Name = "named"
		s.Env = []string{nameVariable + "=named"}
		s.Listen = []string{"fcgi+systemd://web"}
	}), pool.Config{})
	if s.url != "fcgi://"+address {
		t.Errorf("listening on %s, not %s", s.url, address)
	}
	dialFCGI(t, s.url).idle()
	for _, bad := range []string{"fcgi+fd://9999", "http+systemd://nothing"} {
		srv := &httpd.Server{Listen: []string{bad}, Handler: httpd.Fast(suiteHandler)}
		if err := srv.Run(t.Context()); !errors.Is(err, httpd.ErrListen) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestFCGIConfig: what FastCGI cannot be combined with.
func TestFCGIConfig(t *testing.T) {
	for _, c := range []struct {
		s    *httpd.Server
		want string
	}{
		{&httpd.Server{Mode: httpd.Fork, Accept: httpd.AcceptSlot, Listen: []string{"fcgi+fd://0"}}, "a socket that is there already"},
		{&httpd.Server{Mode: httpd.Fork, Pool: pool.Config{Concurrency: 4}, Listen: []string{"fcgi+fd://0", "fcgi://:0"}}, ""},
		{&httpd.Server{Mode: httpd.Fork, PerRequest: true, Listen: []string{"fcgi://:0"}}, ""},
		{&httpd.Server{Mode: httpd.Fork, Accept: httpd.AcceptShared, Listen: []string{"http+fd://3"}}, "a socket that is there already"},
		{&httpd.Server{Admin: "fcgi://:0"}, "admin"},
		{&httpd.Server{Listen: []string{"fcgis://:0"}}, "scheme"},
		{&httpd.Server{Mode: httpd.Fork, Pool: pool.Config{Concurrency: 4}, Listen: []string{"fcgi://:0", "http://:0"}}, ""},
	} {
		c.s.Handler = httpd.Fast(suiteHandler)
		err := c.s.Validate()
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, httpd.ErrConfig) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v", c.s.Listen, err)
		}
	}
}

// TestFCGIAccess: the web server's word counts on who the client is, and the variable of
// the specification on who is a web server.
func TestFCGIAccess(t *testing.T) {
	s := start(t, fcgiKinds[0].with(func(s *httpd.Server) {
		s.Access.CIDRDeny = []string{"192.0.2.0/24"}
		s.Access.CIDRAllow = []string{"::/0", "0.0.0.0/0"}
	}), pool.Config{})
	w := dialFCGI(t, s.url)
	for _, c := range []struct {
		address string
		status  int
	}{{"192.0.2.9", 403}, {"198.51.100.1", 200}, {"", 403}, {"unix:", 403}, {"2001:db8::1", 200}, {"::ffff:192.0.2.1", 403}} {
		if a := w.do(params("GET", "/pid", 0, variable{"REMOTE_ADDR", c.address}), nil); a.status != c.status {
			t.Errorf("%q: %+v", c.address, a)
		}
	}
	s.stop()
	for list, let := range map[string]bool{"127.0.0.1": true, "192.0.2.1, 127.0.0.1": true, "192.0.2.1": false} {
		t.Setenv("FCGI_WEB_SERVER_ADDRS", list)
		s := start(t, fcgiKinds[0], pool.Config{})
		w := dialFCGI(t, s.url)
		_, _ = w.conn.Write(octetsOf(1, 1, 1, params("GET", "/pid", 0), nil))
		if a, err := w.answer(1); (err == nil && a.status == 200) != let {
			t.Errorf("%q: %+v %v", list, a, err)
		}
		s.stop()
	}
	os.Setenv("FCGI_WEB_SERVER_ADDRS", "somebody")
	if err := (&httpd.Server{Handler: httpd.Fast(suiteHandler)}).Validate(); !errors.Is(err, httpd.ErrConfig) {
		t.Errorf("a list of nobody: %v", err)
	}
}
