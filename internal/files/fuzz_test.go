package files

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/valyala/fasthttp"
)

// modelPath is target.parse said in another way: split first, then decode.
func modelPath(raw string, dotfiles bool) (path string, dir bool, err error) {
	if strings.Contains(raw, "#") {
		return "", false, errMalformed
	}
	if !strings.HasPrefix(raw, "/") {
		m := regexp.MustCompile(`(?is)^https?://[^/?]+(.*)$`).FindStringSubmatch(raw)
		if m == nil {
			return "", false, errMalformed
		}
		if raw = m[1]; raw == "" || raw[0] == '?' {
			raw = "/" + raw
		}
	}
	raw, _, _ = strings.Cut(raw, "?")
	if _, e := url.PathUnescape(raw); e != nil {
		return "", false, errMalformed
	}
	segments := strings.Split(raw[1:], "/")
	if segments[len(segments)-1] == "" {
		dir = true
		segments = segments[:len(segments)-1]
	}
	for i, s := range segments {
		s, _ = url.PathUnescape(s)
		segments[i] = s
		if s == "" || s == "." || s == ".." || !utf8.ValidString(s) ||
			strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' || r == '\\' }) {
			err = errRefused
		}
		if !dotfiles && strings.HasPrefix(s, ".") && !(i == 0 && s == ".well-known") {
			err = errRefused
		}
		if windows && s != "" && aliased([]byte(s)) {
			err = errRefused
		}
	}
	path = strings.Join(segments, "/")
	if len(path) > maxPath {
		err = errRefused
	}
	return path, dir, err
}

func FuzzPath(f *testing.F) {
	for _, a := range attacks {
		f.Add([]byte(a), false)
	}
	for _, a := range []string{"/", "/a.txt?x", "/sub", "/sub/?y", "http://h/sub", "/%C3%BC/a%20b", "/.well-known/x"} {
		f.Add([]byte(a), true)
	}
	s := newSite(f)
	servers := map[bool]*Files{}
	for _, dotfiles := range []bool{false, true} {
		files, err := New(Config{Root: s.root, Dotfiles: dotfiles})
		must(f, err)
		f.Cleanup(func() { files.Close() })
		servers[dotfiles] = files
	}
	var used target
	f.Fuzz(func(t *testing.T, raw []byte, dotfiles bool) {
		err := used.parse(raw, dotfiles)
		path, dir, want := modelPath(string(raw), dotfiles)
		if err != want {
			t.Fatalf("%q: %v, want %v", raw, err, want)
		}
		if err == nil {
			if string(used.path) != path || used.dir != dir {
				t.Fatalf("%q: %q %v, want %q %v", raw, used.path, used.dir, path, dir)
			}
			if path != "" && !filepath.IsLocal(path) {
				t.Fatalf("%q: %q leads out", raw, path)
			}
			to := string(used.location(nil))
			u, err := url.Parse(to)
			if err != nil || u.Host != "" || u.Scheme != "" || to[0] != '/' || path != "" && strings.HasPrefix(to, "//") ||
				strings.ContainsAny(to, "\\\r\n ") {
				t.Fatalf("%q: redirected to %q", raw, to)
			}
		}
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetRequestURIBytes(raw)
		servers[dotfiles].Serve(&ctx)
		status := ctx.Response.StatusCode()
		if status >= 500 || status < 200 {
			t.Fatalf("%q: %d", raw, status)
		}
		if !dotfiles && bytes.Contains(ctx.Response.Body(), []byte(secret)) {
			t.Fatalf("%q tells the secret", raw)
		}
	})
}

// asServeContent tells what net/http does with a Range field.
func asServeContent(field string, size int) *http.Response {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Range"] = []string{field}
	w := httptest.NewRecorder()
	http.ServeContent(w, r, "x.bin", time.Time{}, bytes.NewReader(make([]byte, size)))
	return w.Result()
}

func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-1", "bytes=5-", "bytes=-7", "bytes=3-2", "bytes=0-1,4-5", "bytes=-0", "bytes=99-", "bytes=,1-1,", "x=1-2"} {
		f.Add([]byte(s), uint16(10))
	}
	f.Add([]byte("bytes=1-18446744073709551617"), uint16(10))
	// What both understand in the same way: one range, of few digits, without blanks.
	common := regexp.MustCompile(`^bytes=([0-9]{1,18}-[0-9]{0,18}|-[0-9]{0,17}[1-9])$`)
	f.Fuzz(func(t *testing.T, field []byte, n uint16) {
		size := int64(n)
		spans, out := parseRanges(nil, field, size)
		var sum int64
		for i, s := range spans {
			sum += s.length
			if s.start < 0 || s.length <= 0 || s.start > size-s.length {
				t.Fatalf("%q of %d: %v", field, size, spans)
			}
			for _, o := range spans[:i] {
				if s.start < o.start+o.length && o.start < s.start+s.length {
					t.Fatalf("%q of %d: %v overlap", field, size, spans)
				}
			}
		}
		if sum > size || len(spans) > maxRanges || (out == partial) != (len(spans) > 0) {
			t.Fatalf("%q of %d: %v %v", field, size, out, spans)
		}
		if size == 0 || !common.Match(field) {
			return
		}
		theirs := asServeContent(string(field), int(n))
		switch out {
		case partial:
			want := string(appendContentRange(nil, spans[0], size))
			if theirs.StatusCode != 206 || theirs.Header.Get("Content-Range") != want {
				t.Fatalf("%q of %d: %s, net/http: %d %q", field, size, want, theirs.StatusCode, theirs.Header.Get("Content-Range"))
			}
		default: // what is malformed is ignored by us, and refused by net/http
			if theirs.StatusCode != 416 {
				t.Fatalf("%q of %d: %v, net/http: %d", field, size, out, theirs.StatusCode)
			}
		}
	})
}

// modelWeights is acceptEncoding said in another way.
func modelWeights(field string) weights {
	element := regexp.MustCompile(`^[ \t]*([^;]*?)[ \t]*(?:;[ \t]*(?:[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?)?$`)
	said := map[string]int{}
	for _, e := range strings.Split(field, ",") {
		m := element.FindStringSubmatch(e)
		if m == nil {
			continue
		}
		q := 1000
		if m[2] != "" {
			x, _ := strconv.ParseFloat(m[2], 64)
			q = int(x*1000 + 0.5)
		}
		name := []byte(m[1])
		for i, c := range name {
			if 'A' <= c && c <= 'Z' {
				name[i] = c + 'a' - 'A'
			}
		}
		said[strings.Replace(string(name), "x-gzip", "gzip", 1)] = q
	}
	w := weights{}
	star, any := said["*"]
	for c, name := range []string{"br", "zstd", "gzip", "identity"} {
		q, ok := said[name]
		switch {
		case ok:
		case c == identity && any && star == 0:
			q = 0
		case c == identity:
			q = unset
		case any:
			q = star
		}
		w[c] = q
	}
	return w
}

func FuzzAcceptEncoding(f *testing.F) {
	for _, s := range []string{"gzip, deflate, br, zstd", "gzip;q=0.5,br;q=1.000", "*;q=0", "identity;q=0, *", "x-gzip ; Q=0.", "br;q=1.1", ";", "gzip;"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, field []byte) {
		got := acceptEncoding([][]byte{field})
		// Names that only become codings by the model's own rewriting are not compared.
		if !bytes.ContainsAny(field, "\r\n\x00") && utf8.Valid(field) && !bytes.Contains(bytes.ToLower(field), []byte("x-x-gzip")) {
			if want := modelWeights(string(field)); got != want {
				t.Fatalf("%q: %v, want %v", field, got, want)
			}
		}
		best, n := got.order()
		for i, c := range best[:n] {
			if got[c] <= 0 || got[c] < got[identity] || i > 0 && got[best[i-1]] < got[c] || slices.Contains(best[:i], c) {
				t.Fatalf("%q: %v in the order %v", field, got, best[:n])
			}
		}
	})
}

func FuzzEntityTags(f *testing.F) {
	for _, s := range []string{`"tag"`, `W/"tag"`, `"a", "tag"`, `*`, `"tag`, `"x""tag"`, `,,"tag"`, `w/"tag"`} {
		f.Add([]byte(s))
	}
	list := regexp.MustCompile(`^[ \t,]*(?:(?:W/)?"[!#-~\x{80}-\x{10ffff}]*"[ \t]*(?:,[ \t,]*|$))*$`)
	f.Fuzz(func(t *testing.T, field []byte) {
		strong, weak := matches([][]byte{field}, []byte(`"tag"`), false), matches([][]byte{field}, []byte(`"tag"`), true)
		if strong && !weak {
			t.Fatalf("%q: strong only", field)
		}
		if matches([][]byte{field}, []byte(`W/"tag"`), false) && string(trim(field)) != "*" {
			t.Fatalf("%q: a weak tag matches strongly", field)
		}
		if !utf8.Valid(field) || !list.Match(field) {
			return
		}
		if want := bytes.Contains(field, []byte(`"tag"`)); weak != want && !bytes.Contains(field, []byte(`"tag","`)) {
			t.Fatalf("%q: %v", field, weak)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{exactly, "Monday, 03-Feb-20 04:05:06 GMT", "Mon Feb  3 04:05:06 2020", "Mon, 30 Feb 2020 04:05:06 GMT"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, field []byte) {
		got, ok := parseDate(field)
		theirs, err := http.ParseTime(string(field))
		if ok && err == nil && got != theirs.Unix() && (got-theirs.Unix())%86400 != 0 {
			t.Fatalf("%q: %d, net/http %d", field, got, theirs.Unix())
		}
		if ok && len(field) == 29 && field[3] == ',' && err != nil {
			t.Fatalf("%q: read as %d, net/http: %v", field, got, err)
		}
	})
}
