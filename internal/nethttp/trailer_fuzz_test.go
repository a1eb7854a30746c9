package nethttp

import (
	"bytes"
	"io"
	"net/http"
	"testing"
)

// sectioned is an Exchange whose request has a trailer section.
type sectioned struct {
	idle
	body    []byte
	section []byte
}

func (s *sectioned) Body() io.Reader { return bytes.NewReader(s.body) }
func (s *sectioned) Trailer() []byte { return s.section }

// FuzzTrailer: whatever a client puts into the trailer section of its request, the
// handler gets the body, and either fields that are ones or an error.
func FuzzTrailer(f *testing.F) {
	for _, section := range []string{"", "X-A: 1\r\n", "X-A: 1\r\nx-b: 2\r\n\r\n", ":", "a", "\r\n\r\nb: 1", "a: 1\n b\n", "\x00: \x00"} {
		f.Add([]byte("body"), []byte(section))
	}
	ctx := parsed(f, request("POST", "/", "4\r\nbody\r\n0\r\n\r\n", "Transfer-Encoding: chunked", "Trailer: X-A"))
	f.Fuzz(func(t *testing.T, body, section []byte) {
		ex := &sectioned{idle{"127.0.0.1:1"}, body, section}
		ctx.Response.Reset()
		err := Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got, err := io.ReadAll(r.Body)
			if !bytes.Equal(got, body) {
				t.Errorf("%q, want %q", got, body)
			}
			if _, again := r.Body.Read(make([]byte, 1)); again != io.EOF && again != err {
				t.Errorf("%v, then %v", err, again)
			}
			for name := range r.Trailer {
				if !validName(name) {
					t.Errorf("a field %q", name)
				}
			}
		}), ctx, ex)
		if err != nil {
			t.Error(err)
		}
	})
}
