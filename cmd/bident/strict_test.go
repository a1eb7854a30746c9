//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// strict are clients that forgive nothing: every request is sent once, and must be
// answered, in full and with what it asked for. A kept connection that the server
// closes without having said so is a failure, too.
type strict struct {
	t        *testing.T
	address  string
	stop     chan struct{}
	clients  sync.WaitGroup
	answers  atomic.Int64
	failures atomic.Int64
}

// strictClients sets clients of all kinds on a server until the test, or calm, ends
// them.
func strictClients(t *testing.T, address string) *strict {
	s := &strict{t: t, address: address, stop: make(chan struct{})}
	for name, request := range map[string]func(*strictConn) error{
		"get":       func(c *strictConn) error { return c.whole(1, "") },
		"post":      func(c *strictConn) error { return c.whole(1, strings.Repeat("body ", 3000)) },
		"pipelined": func(c *strictConn) error { return c.whole(5, "") },
		"half sent": (*strictConn).halves,
		"idle":      (*strictConn).idle,
		"once":      (*strictConn).once,
	} {
		for range 2 {
			s.clients.Go(func() { s.client(name, request) })
		}
	}
	t.Cleanup(s.calm)
	return s
}

// calm ends the clients.
func (s *strict) calm() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	s.clients.Wait()
}

// check ends the clients and the test, if something has failed.
func (s *strict) check(least int64) {
	s.t.Helper()
	s.calm()
	s.t.Logf("%d answers", s.answers.Load())
	if n := s.failures.Load(); n > 0 || s.answers.Load() < least {
		s.t.Errorf("%d failures, %d answers (at least %d)", n, s.answers.Load(), least)
	}
}

// client is the life of one client.
func (s *strict) client(name string, request func(*strictConn) error) {
	var c *strictConn
	for {
		select {
		case <-s.stop:
			if c != nil {
				c.Close()
			}
			return
		default:
		}
		if c == nil {
			conn, err := net.DialTimeout("tcp", s.address, patience)
			if err != nil {
				s.fail(name, err)
				return
			}
			c = &strictConn{Conn: conn, s: s, r: bufio.NewReader(conn)}
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		if err := request(c); err != nil {
			s.fail(name, fmt.Errorf("after %d answers on the connection: %w", c.answers, err))
			c.over = true
		}
		if c.over {
			c.Close()
			c = nil
		}
		// Most of the time of the processors is for what happens to the server.
		time.Sleep(rand.N(20 * time.Millisecond))
	}
}

func (s *strict) fail(name string, err error) {
	if s.failures.Add(1) < 10 {
		s.t.Errorf("%s: %v", name, err)
	}
}

// strictConn is a client's connection.
type strictConn struct {
	net.Conn
	s       *strict
	r       *bufio.Reader
	answers int
	over    bool // the server has said that it closes the connection
}

// whole sends requests in one go, a POST if there is a body, and reads the answers.
func (c *strictConn) whole(n int, body string) error {
	request := "GET /hello HTTP/1.1\r\nHost: test\r\n\r\n"
	if body != "" {
		request = fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	if _, err := io.WriteString(c, strings.Repeat(request, n)); err != nil {
		return err
	}
	for i := range n {
		if err := c.answer(body); err != nil {
			return err
		}
		if c.over {
			if i < n-1 {
				return fmt.Errorf("closed with %d requests unanswered", n-1-i)
			}
		}
	}
	return nil
}

// halves sends requests in pieces.
func (c *strictConn) halves() error {
	for _, piece := range []string{"POST /ec", "ho HTTP/1.1\r\nHost: te", "st\r\nContent-Length: 10\r\n\r\n12", "34567890"} {
		if _, err := io.WriteString(c, piece); err != nil {
			return err
		}
		time.Sleep(3 * time.Millisecond) // a client as slow as that
	}
	return c.answer("1234567890")
}

// idle waits between requests; nothing may come meanwhile.
func (c *strictConn) idle() error {
	if err := c.whole(1, ""); err != nil || c.over {
		return err
	}
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if _, err := c.r.Peek(1); err == nil || err == io.EOF {
		return fmt.Errorf("while the connection was idle: %v", err)
	}
	return nil
}

// once asks for the connection to be closed.
func (c *strictConn) once() error {
	if _, err := io.WriteString(c, "GET /hello HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	err := c.answer("")
	c.over = true
	return err
}

// answer reads one.
func (c *strictConn) answer(body string) error {
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if body == "" {
		body = "hello\n"
	}
	if resp.StatusCode != http.StatusOK || !bytes.Equal(text, []byte(body)) {
		return fmt.Errorf("%s %.40q", resp.Status, text)
	}
	c.answers++
	c.s.answers.Add(1)
	c.over = c.over || resp.Close
	return nil
}
