package files

import (
	"fmt"
	"io"
	"mime"
	stdmultipart "mime/multipart"
	"strings"
	"testing"
)

func TestSingleRangeRFC9110Section1412(t *testing.T) {
	c := newSite(t).serve(nil)
	for _, x := range []struct{ field, content, body string }{
		{"bytes=0-3", "bytes 0-3/10", "0123"},
		{"bytes=2-", "bytes 2-9/10", "23456789"},
		{"bytes=-3", "bytes 7-9/10", "789"},
		{"bytes=-30", "bytes 0-9/10", "0123456789"},
		{"bytes=9-100", "bytes 9-9/10", "9"},
		{"bytes=0-0", "bytes 0-0/10", "0"},
		{"BYTES=1-1", "bytes 1-1/10", "1"},
		{"bytes=, 4-5 ,", "bytes 4-5/10", "45"},
		{"bytes=0-1,100-", "bytes 0-1/10", "01"},
		{"bytes=8-99999999999999999999999", "bytes 8-9/10", "89"},
		{"bytes=-99999999999999999999999", "bytes 0-9/10", "0123456789"},
	} {
		a := c.get("/a.txt", "Range: "+x.field).want(t, 206, "Content-Range: "+x.content,
			"Content-Type: text/plain; charset=utf-8", "Accept-Ranges: bytes",
			"Last-Modified: Mon, 03 Feb 2020 04:05:06 GMT")
		if a.body != x.body || a.get("ETag") == "" {
			t.Errorf("%s: %q", x.field, a.body)
		}
	}
	big := pattern(300_000)
	for _, x := range []struct {
		field    string
		from, to int
	}{{"bytes=1000-1999", 1000, 2000}, {"bytes=-1", 299_999, 300_000}, {"bytes=65535-", 65535, 300_000}} {
		a := c.get("/big.bin", "Range: "+x.field).want(t, 206,
			fmt.Sprintf("Content-Range: bytes %d-%d/300000", x.from, x.to-1))
		if a.body != big[x.from:x.to] {
			t.Errorf("%s: %d octets", x.field, len(a.body))
		}
	}
}

func TestUnsatisfiableRangeRFC9110Section1551(t *testing.T) {
	c := newSite(t).serve(nil)
	for _, field := range []string{"bytes=10-", "bytes=10-20,30-", "bytes=-0", "bytes=99999999999999999999999-"} {
		c.get("/a.txt", "Range: "+field).want(t, 416, "Content-Range: bytes */10")
	}
}

func TestRangeIsIgnoredRFC9110Section142(t *testing.T) {
	c := newSite(t).serve(nil)
	many := "bytes=" + strings.Repeat("0-0,", maxRanges) + "9-9"
	for _, field := range []string{
		"lines=0-1", "bytes", "bytes=", "bytes=,", "bytes=5-2", "bytes=a-b", "bytes=1", "bytes=-", "bytes=--1", "bytes=0-1x",
		"bytes=+1-2", "bytes=0 - 1", "bytes=0-1,x", "bytes=0-5,5-6", "bytes=0-,0-", "bytes=0-9,0-9,0-9", "bytes=-5,-6", many,
	} {
		c.get("/a.txt", "Range: "+field).want(t, 200, "Content-Length: 10", "Content-Range:")
	}
	c.get("/a.txt", "Range: bytes=0-1", "Range: bytes=2-3").want(t, 200)
	c.get("/empty.txt", "Range: bytes=0-").want(t, 200, "Content-Length: 0")
	c.get("/empty.txt", "Range: bytes=-1").want(t, 200, "Content-Length: 0")
	c.get("/none", "Range: bytes=0-").want(t, 404)
}

func TestSeveralRangesRFC9110Section146(t *testing.T) {
	c := newSite(t).serve(nil)
	for target, whole := range map[string]string{"/a.txt": "0123456789", "/big.bin": pattern(300_000)} {
		size := len(whole)
		a := c.get(target, fmt.Sprintf("Range: bytes=-2, 0-1,%d-,3-4", size+5)).want(t, 206, "Content-Range:")
		typ, params, err := mime.ParseMediaType(a.get("Content-Type"))
		if err != nil || typ != "multipart/byteranges" {
			t.Fatal(a.get("Content-Type"))
		}
		parts := stdmultipart.NewReader(strings.NewReader(a.body), params["boundary"])
		for _, want := range [][2]int{{size - 2, size}, {0, 2}, {3, 5}} { // in the order asked for
			p, err := parts.NextPart()
			must(t, err)
			body, err := io.ReadAll(p)
			must(t, err)
			if string(body) != whole[want[0]:want[1]] || p.Header.Get("Content-Type") == "" ||
				p.Header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", want[0], want[1]-1, size) {
				t.Errorf("%s: %v %q", target, p.Header, body)
			}
		}
		if _, err := parts.NextPart(); err != io.EOF {
			t.Error(err)
		}
	}
}

func TestIfRangeRFC9110Section1315(t *testing.T) {
	c := newSite(t).serve(nil)
	tag, date := c.get("/a.txt").get("ETag"), c.get("/a.txt").get("Last-Modified")
	for validator, status := range map[string]int{
		tag: 206, date: 206, "W/" + tag: 200, `"other"`: 200, "Mon, 03 Feb 2020 04:05:07 GMT": 200,
		"Mon, 03 Feb 2020 04:05:05 GMT": 200, "nonsense": 200, "*": 200, "": 200, tag + ", " + tag: 200,
		"Monday, 03-Feb-20 04:05:06 GMT": 206, "Mon Feb  3 04:05:06 2020": 206,
	} {
		c.get("/a.txt", "Range: bytes=0-1", "If-Range: "+validator).want(t, status)
	}
	c.get("/a.txt", "If-Range: "+tag).want(t, 200)
	c.get("/a.txt", "Range: bytes=0-1", "If-Range: "+tag, "If-Range: "+tag).want(t, 200)
	c.get("/a.txt", "Range: bytes=90-", "If-Range: "+tag).want(t, 416)
	c.get("/a.txt", "Range: bytes=90-", `If-Range: "other"`).want(t, 200)
	// The last step of section 13.2.2.
	c.get("/a.txt", "Range: bytes=0-1", "If-None-Match: "+tag).want(t, 304, "Content-Range:")
	c.get("/a.txt", "Range: bytes=0-1", "If-Match: \"x\"").want(t, 412)
}
