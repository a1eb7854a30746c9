package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"time"
)

// lookTimeout is how long a server may take to answer a question, as opposed to
// an order, which takes as long as it takes.
const lookTimeout = 10 * time.Second

// adminClient speaks with the admin listener of a running server.
type adminClient struct {
	address string // as the user knows it
	network string
	target  string // for net.Dial
	base    string // of request URLs
	client  *http.Client
}

// newAdminClient makes a client for an admin URL; it does not connect yet.
func newAdminClient(address string) (*adminClient, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, usageError(fmt.Sprintf("admin address %q is no URL", address))
	}
	c := &adminClient{address: address}
	switch {
	case u.Scheme == "http" && u.Port() != "" && (u.Path == "" || u.Path == "/"):
		c.network, c.target, c.base = "tcp", u.Host, "http://"+u.Host
	case u.Scheme == "http+unix" && u.Host == "" && filepath.IsAbs(u.Path):
		c.network, c.target, c.base = "unix", u.Path, "http://bident"
	default:
		return nil, usageError(fmt.Sprintf("admin address %q: use http://host:port or http+unix:///path", address))
	}
	// Never through a proxy that the environment names.
	c.client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) },
	}}
	return c, nil
}

func (c *adminClient) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: lookTimeout}
	return d.DialContext(ctx, c.network, c.target)
}

// look asks a question and gives the answer's body.
func (c *adminClient) look(path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	return c.do(ctx, http.MethodGet, path)
}

// order makes the server do something and waits for the outcome, however long
// that takes.
func (c *adminClient) order(path string) error {
	_, err := c.do(context.Background(), http.MethodPost, path)
	return err
}

// errSaid is what the server answers if it did not do what it was told.
type errSaid struct {
	status int
	text   string
}

func (e *errSaid) Error() string { return e.text }

// do sends a request; an answer that is no success is an error with what the
// server said.
func (c *adminClient) do(ctx context.Context, method, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the server at %s: %w", c.address, withoutURL(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("cannot read what the server at %s says: %w", c.address, err)
	}
	if resp.StatusCode != http.StatusOK {
		var said struct{ Error string }
		if json.Unmarshal(body, &said) == nil && said.Error != "" {
			return nil, &errSaid{resp.StatusCode, bare(said.Error)}
		}
		return nil, fmt.Errorf("the server at %s answers %s", c.address, resp.Status)
	}
	return body, nil
}

// withoutURL is err without the words in which the client repeats where it went.
func withoutURL(err error) error {
	var whole *url.Error
	if errors.As(err, &whole) {
		err = whole.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	if errors.Is(err, io.EOF) {
		return errors.New("it closed the connection without an answer")
	}
	return err
}
