package nethttp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
)

// answer is what a client has seen.
type answer struct {
	status  int
	fields  http.Header
	length  int64
	body    string
	trailer http.Header
	cut     bool
	interim []string
}

// ask sends one raw request over a connection of its own and reads the answer.
func ask(t testing.TB, addr, raw string) answer {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() { _, _ = io.WriteString(c, raw) }()
	br := bufio.NewReader(c)
	return readAnswer(t, br, raw[:strings.IndexByte(raw, ' ')])
}

func readAnswer(t testing.TB, br *bufio.Reader, method string) answer {
	t.Helper()
	var a answer
	for {
		resp, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, net.ErrClosed) {
				var protocol textproto.ProtocolError
				if errors.As(err, &protocol) {
					t.Error(err)
				}
			}
			a.cut = true
			return a
		}
		if resp.StatusCode < 200 && resp.StatusCode != 101 {
			a.interim = append(a.interim, fmt.Sprint(resp.StatusCode, resp.Header))
			continue
		}
		b, err := io.ReadAll(resp.Body)
		a.status, a.fields, a.length = resp.StatusCode, resp.Header, resp.ContentLength
		a.body, a.trailer, a.cut = string(b), resp.Trailer, err != nil
		if resp.Close {
			a.fields.Set("Connection", "close")
		}
		return a
	}
}
