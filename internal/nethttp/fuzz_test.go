package nethttp

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// FuzzRequest: what fasthttp and net/http both accept is the same request.
func FuzzRequest(f *testing.F) {
	for _, c := range requestCases() {
		for _, raw := range c.ask {
			if len(raw) < 4000 {
				f.Add([]byte(raw))
			}
		}
	}
	for _, raw := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\tc\r\nY: d\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\nX: b\n\n",
		"GET / HTTP/1.1\r\nHost:\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: a,close ,b\r\nConnection: keep-alive\r\n\r\n",
		"GET / HTTP/1.9\r\nHost: a\r\n\r\n",
		"GET /?\x80 HTTP/1.1\r\nHost: a\r\nx_y-Z.9: \x80\r\n\r\n",
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		ctx := new(fasthttp.RequestCtx)
		ctx.Init2(fakeConn{}, nil, false)
		if ctx.Request.Header.Read(bufio.NewReaderSize(bytes.NewReader(raw), 64<<10)) != nil {
			return
		}
		if n := bytes.Count(ctx.Request.Header.RawHeaders(), []byte("\n ")); n > 0 && bytes.Contains(raw, []byte("\n \r")) {
			return // a folded empty line, which the two parsers end at different places
		}
		ex := &idle{remote: "127.0.0.1:1"}
		c, err := newCall(ctx, ex)
		want, wantErr := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(raw), 64<<10))
		if wantErr != nil || want.ProtoMajor != 1 {
			return // net/http is stricter in places; the front's own parser is stricter still
		}
		if err != nil {
			t.Fatalf("refused: %v, net/http has %+v", err, want)
		}
		got := &c.request
		if got.Method != want.Method || got.Host != want.Host || got.RequestURI != want.RequestURI ||
			got.Proto != want.Proto || got.ProtoMajor != want.ProtoMajor || got.ProtoMinor != want.ProtoMinor ||
			got.ContentLength != want.ContentLength || got.Close != want.Close ||
			!reflect.DeepEqual(got.TransferEncoding, want.TransferEncoding) ||
			!reflect.DeepEqual(got.Trailer, want.Trailer) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if !reflect.DeepEqual(got.URL, want.URL) {
			t.Errorf("URL %#v, want %#v", got.URL, want.URL)
		}
		if !reflect.DeepEqual(got.Header, want.Header) {
			t.Errorf("fields %q, want %q", got.Header, want.Header)
		}
	})
}

// FuzzAnswer: whatever a handler puts into its fields, the client reads one answer
// with the handler's body.
func FuzzAnswer(f *testing.F) {
	f.Add("X-A", "a\r\nb", "text", uint16(200), false)
	f.Add("Content-Type", "\x00", "<html>", uint16(404), true)
	f.Add("Content-Length", "3", "abcd", uint16(200), false)
	f.Add("Content-Length", "+3", "abc", uint16(200), false)
	f.Add("Trailer", "X-A,,\r\n,Content-Length", "x", uint16(200), true)
	f.Add("Trailer:x", "v", "x", uint16(200), true)
	f.Add("Transfer-Encoding", "gzip", "x", uint16(200), false)
	f.Add("date", "now\r\n\r\n", "x", uint16(200), false)
	f.Add("Date", "\x01", "x", uint16(304), false)
	f.Add("Connection", "close, x\n", "x", uint16(204), false)
	f.Fuzz(func(t *testing.T, name, value, body string, status uint16, flush bool) {
		if status < 200 || status > 999 || len(body) > bufferSize {
			return
		}
		var written int
		fr := &front{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()[name] = []string{value, "second"}
			w.WriteHeader(int(status))
			written, _ = io.WriteString(w, body)
			if flush {
				w.(http.Flusher).Flush()
			}
		})}
		var out bytes.Buffer
		e := &carried{front: fr, conn: fakeConn{}, br: bufio.NewReader(strings.NewReader(get("/"))), bw: bufio.NewWriter(&out)}
		if !e.request() {
			t.Fatal("no request")
		}
		e.run()
		br := bufio.NewReader(&out)
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatalf("%v: %q", err, out.String())
		}
		b, err := io.ReadAll(resp.Body)
		if len(fr.outcome) == 0 && (err != nil || string(b) != body[:written]) {
			t.Errorf("%q %v, want %q", b, err, body[:written])
		}
		if resp.StatusCode != int(status) || resp.Header.Get("X-Evil") != "" {
			t.Errorf("%+v", resp)
		}
		if rest, _ := io.ReadAll(br); len(rest) > 0 {
			t.Errorf("%q follows the answer", rest)
		}
	})
}
