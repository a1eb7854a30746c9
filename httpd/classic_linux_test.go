package httpd_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// classic is the kind whose children serve one connection at a time, and two of them.
func classic() kind { return accepting(httpd.AcceptClassic, 1) }

// TestClassicTLS: connections with TLS cannot wait at the parent. With more of them
// than children, all get answers all the same, and one that nobody waits for is kept.
func TestClassicTLS(t *testing.T) {
	file := certificateFile(t)
	s := start(t, classic().with(func(s *httpd.Server) {
		s.Listen, s.TLS.CertFiles = []string{"https://127.0.0.1:0"}, []string{file}
	}), pool.Config{})
	visitor := func(fresh bool) *http.Client {
		transport := &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: fresh, MaxConnsPerHost: 1,
		}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport, Timeout: patience}
	}
	ask := func(c *http.Client) (string, error) {
		resp, err := c.Get(s.url + "/pid")
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d", resp.StatusCode)
		}
		return string(text), err
	}
	var crowd sync.WaitGroup
	for i := range 6 {
		c := visitor(i%2 == 0)
		crowd.Go(func() {
			for range 10 {
				if _, err := ask(c); err != nil {
					t.Error(err)
				}
			}
			c.CloseIdleConnections()
		})
	}
	crowd.Wait()

	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	kept := adopted(conn)
	t.Cleanup(kept.close)
	for range 5 {
		kept.pid(t)
	}
	if kept.closed > 0 {
		t.Error("a connection was closed for which nobody waited")
	}
}

// TestClassicSilent: clients that connect and say nothing hold no child, and are cut
// when header_timeout is over, although the kernel keeps them for a second.
func TestClassicSilent(t *testing.T) {
	s := start(t, classic().with(short), probePool)
	var silent []*client
	for range 6 {
		silent = append(silent, dialed(t, s.url))
	}
	for range 20 {
		newClient(t, s.url).pid(t)
	}
	for _, c := range silent {
		c.over(t)
	}
	s.awaitStatus(t, "no connection", func(st *httpd.Status) bool {
		return st.Totals.Parked == 0 && st.Totals.Connections == int64(len(silent)+20)
	})
}
