package load

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
)

// scripted starts a server on a free loopback port that gives every connection
// to serve, with its number from 0, and closes it afterwards. It returns the URL.
func scripted(t *testing.T, serve func(conn net.Conn, number int)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + accept(t, listener, serve) + "/"
}

// scriptedUnix is scripted on a UNIX socket.
func scriptedUnix(t *testing.T, serve func(conn net.Conn, number int)) string {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	return "http+unix://" + accept(t, listener, serve)
}

func accept(t *testing.T, listener net.Listener, serve func(net.Conn, int)) string {
	var serving sync.WaitGroup
	var mu sync.Mutex
	open := make(map[net.Conn]bool)
	serving.Go(func() {
		for number := 0; ; number++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			serving.Go(func() {
				serve(conn, number)
				conn.Close()
				mu.Lock()
				delete(open, conn)
				mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for conn := range open {
			conn.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	return listener.Addr().String()
}

// readRequest reads one whole request; false at the end of the connection.
func readRequest(r *bufio.Reader) bool {
	request, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, request.Body)
	return err == nil
}

// answering answers every request with the same octets.
func answering(octets string) func(net.Conn, int) {
	return func(conn net.Conn, _ int) {
		for r := bufio.NewReader(conn); readRequest(r); {
			if _, err := io.WriteString(conn, octets); err != nil {
				return
			}
		}
	}
}

// once answers the first request of a connection and closes it.
func once(octets string) func(net.Conn, int) {
	return func(conn net.Conn, _ int) {
		if readRequest(bufio.NewReader(conn)) {
			io.WriteString(conn, octets)
		}
	}
}

// reset makes the coming close a reset.
func reset(conn net.Conn) {
	conn.(*net.TCPConn).SetLinger(0)
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"
