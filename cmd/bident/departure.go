package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// departure is for waiting until a server's process is gone.
type departure struct {
	client *adminClient
	conn   net.Conn // to the server, which its end closes
	wait   func()   // returns when the process has ended; nil if it cannot be told
}

// departure begins to watch the server: before it is told to leave, since
// afterwards it could be too late.
func (c *adminClient) departure() (*departure, error) {
	d := &departure{client: c}
	if err := d.connect(); err != nil {
		return nil, fmt.Errorf("cannot reach the server at %s: %w", c.address, withoutURL(err))
	}
	if u, ok := d.conn.(*net.UnixConn); ok {
		d.wait = peerEnd(u)
	}
	return d, nil
}

// connect opens a connection and sees it accepted.
func (d *departure) connect() error {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	conn, err := d.client.dial(ctx)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(time.Now().Add(lookTimeout))
	_, err = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: bident\r\n\r\n")
	var resp *http.Response
	if err == nil {
		resp, err = http.ReadResponse(bufio.NewReader(conn), nil)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	if err != nil {
		conn.Close()
		return err
	}
	_ = conn.SetDeadline(time.Time{})
	d.conn = conn
	return nil
}

// await returns when the server is gone. A connection that the server has closed
// because nothing came over it for a long time is made anew: a server that is
// gone accepts none.
func (d *departure) await() {
	for {
		_, _ = io.Copy(io.Discard, d.conn)
		d.conn.Close()
		if d.connect() != nil {
			break
		}
	}
	if d.wait != nil {
		d.wait()
	}
}
