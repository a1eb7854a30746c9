package files

import (
	"testing"
	"time"
)

const (
	before  = "Mon, 03 Feb 2020 04:05:05 GMT"
	exactly = "Mon, 03 Feb 2020 04:05:06 GMT"
	after   = "Mon, 03 Feb 2020 04:05:07 GMT"
)

func TestIfNoneMatchRFC9110Section1312(t *testing.T) {
	c := newSite(t).serve(func(c *Config) { c.CacheControl = "no-cache" })
	tag := c.get("/a.txt").get("ETag")
	for value, status := range map[string]int{
		tag: 304, "W/" + tag: 304, "*": 304, `"x", W/"y",` + tag: 304, `"a,b"  ,	` + tag + " ": 304, `"x"`: 200, "": 200, tag[1:]: 200,
		`"x" ` + tag: 200, `, ,` + tag: 304, `w/` + tag: 200,
	} {
		c.get("/a.txt", "If-None-Match: "+value).want(t, status)
		c.do("HEAD", "/a.txt", "If-None-Match: "+value).want(t, status)
	}
	c.get("/a.txt", `If-None-Match: "x"`, "If-None-Match: "+tag).want(t, 304)
	c.get("/none", "If-None-Match: *").want(t, 404) // section 13.2.1
	// Section 15.4.5: what 304 carries.
	c.get("/a.txt", "If-None-Match: "+tag).want(t, 304, "ETag: "+tag, "Cache-Control: no-cache", "Last-Modified: "+exactly,
		"Content-Length:", "Content-Type:", "Content-Encoding:")
	c.get("/style.css", "If-None-Match: *").want(t, 304, "Vary: Accept-Encoding")
}

func TestIfModifiedSinceRFC9110Section1313(t *testing.T) {
	c := newSite(t).serve(nil)
	for value, status := range map[string]int{
		before: 200, exactly: 304, after: 304, "nonsense": 200, "": 200,
		"Mon, 03 Feb 2020 04:05:06 CET": 200, "Monday, 03-Feb-20 04:05:06 GMT": 304, "Mon Feb  3 04:05:06 2020": 304,
		"Sunday, 06-Nov-94 08:49:37 GMT": 200,
	} {
		c.get("/a.txt", "If-Modified-Since: "+value).want(t, status)
		c.get("/big.bin", "If-Modified-Since: "+value).want(t, status)
	}
	c.get("/a.txt", "If-Modified-Since: "+after, "If-Modified-Since: "+after).want(t, 200)
	// It is ignored beside If-None-Match.
	c.get("/a.txt", "If-Modified-Since: "+after, `If-None-Match: "x"`).want(t, 200)
}

func TestIfMatchRFC9110Section1311(t *testing.T) {
	c := newSite(t).serve(nil)
	tag := c.get("/a.txt").get("ETag")
	for value, status := range map[string]int{
		tag: 200, "*": 200, `"x", ` + tag: 200, `"x"`: 412, "W/" + tag: 412, "nonsense": 412,
	} {
		c.get("/a.txt", "If-Match: "+value).want(t, status)
	}
	c.get("/none", `If-Match: "x"`).want(t, 404)
}

func TestIfUnmodifiedSinceRFC9110Section1314(t *testing.T) {
	c := newSite(t).serve(nil)
	for value, status := range map[string]int{before: 412, exactly: 200, after: 200, "nonsense": 200} {
		c.get("/a.txt", "If-Unmodified-Since: "+value).want(t, status)
	}
}

func TestPrecedenceRFC9110Section1322(t *testing.T) {
	c := newSite(t).serve(nil)
	tag := c.get("/a.txt").get("ETag")
	for _, x := range []struct {
		fields []string
		status int
	}{
		{[]string{"If-Match: " + tag, "If-Unmodified-Since: " + before}, 200},
		{[]string{"If-Match: " + tag, "If-None-Match: " + tag}, 304},
		{[]string{`If-Match: "x"`, "If-None-Match: " + tag}, 412},
		{[]string{"If-Unmodified-Since: " + before, "If-None-Match: " + tag}, 412},
		{[]string{"If-Unmodified-Since: " + after, "If-None-Match: " + tag}, 304},
		{[]string{"If-None-Match: " + tag, "If-Modified-Since: " + before}, 304},
		{[]string{"If-Match: " + tag, "If-Modified-Since: " + exactly}, 304},
	} {
		c.get("/a.txt", x.fields...).want(t, x.status)
	}
}

func TestLastModifiedIsNeverInTheFutureRFC9110Section8821(t *testing.T) {
	s := newSite(t)
	c := s.serve(nil)
	s.touch("a.txt", time.Now().Add(48*time.Hour))
	a := c.get("/a.txt").want(t, 200)
	shown, ok := parseDate([]byte(a.get("Last-Modified")))
	if !ok || shown > time.Now().Unix() {
		t.Error(a.get("Last-Modified"))
	}
	s.touch("a.txt", time.Unix(0, 0))
	c.get("/a.txt").want(t, 200, "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT")
}

func TestValidatorsTellVersionsApartRFC9110Section88(t *testing.T) {
	s := newSite(t)
	c := s.serve(nil)
	first := c.get("/a.txt").get("ETag")
	s.write("a.txt", "other 10..")
	s.touch("a.txt", longAgo.Add(time.Millisecond)) // same size, same second
	a := c.get("/a.txt", "If-None-Match: "+first).want(t, 200)
	if a.get("ETag") == first || a.body != "other 10.." {
		t.Errorf("%+v", a)
	}
}

func TestTwoDigitYearsRFC9110Section567(t *testing.T) {
	if got, ok := parseDate([]byte("Sunday, 06-Nov-94 08:49:37 GMT")); !ok || got != 784111777 {
		t.Error(got, ok)
	}
}
