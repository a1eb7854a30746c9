package accesslog

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// fields are fields by name.
type fields map[string]string

func (f fields) Peek(name string) []byte {
	v, ok := f[name]
	if !ok {
		return nil
	}
	return []byte(v)
}

// at sets the local time zone for a test.
func at(t *testing.T, zone *time.Location) {
	t.Helper()
	before := time.Local
	t.Cleanup(func() { time.Local = before })
	time.Local = zone
}

// full is an entry in which everything is known.
func full() *Entry {
	return &Entry{
		Client: netip.MustParseAddr("203.0.113.9"), Peer: netip.MustParseAddr("::ffff:192.0.2.1"),
		Local: netip.MustParseAddr("2001:db8::1"), ClientPort: 50123, LocalPort: 8080,
		HostName: "client.example", User: []byte("frank"),
		Arrived:  time.Date(2000, 10, 10, 13, 55, 36, 7_012_345, time.FixedZone("", -7*3600)).UnixNano(),
		Duration: 2*time.Second + 345678*time.Microsecond, Queue: 12345 * time.Microsecond,
		Method: []byte("GET"), Target: []byte("/apache_pb.gif?a=1&b=2"), Proto: []byte("HTTP/1.1"),
		Host: []byte("www.example.com:8080"), Server: "example.com", Handler: "demo",
		Status: 200, BodySent: 2326, TotalSent: 2500, TotalReceived: 300,
		KeptRequests: 3, Connection: Kept,
		Slot: 4, PID: 4242, Generation: 2, Served: 17, ID: []byte("abc-1"),
		Request: fields{"Referer": "http://www.example.com/start.html", "User-Agent": "Mozilla/4.08 [en]",
			"Cookie": "a=1; Session=x y ; b=2"},
		Answer: fields{"Content-Type": "image/gif; q=1"},
	}
}

func line(t *testing.T, format string, e *Entry) string {
	t.Helper()
	f, err := Parse(format)
	if err != nil {
		t.Fatal(err)
	}
	got := string(f.Append([]byte("before "), e))
	got, ok := strings.CutPrefix(got, "before ")
	if !ok {
		t.Fatalf("%q: what was in dst is gone", format)
	}
	got, ok = strings.CutSuffix(got, "\n")
	if !ok || strings.Contains(got, "\n") {
		t.Fatalf("%q: not one line: %q", format, got)
	}
	return got
}

func TestCodes(t *testing.T) {
	at(t, time.FixedZone("MST", -7*3600))
	t.Setenv("ACCESSLOG_TEST", "a\"b\n")
	known, unknown := full(), &Entry{Slot: -1}
	for _, c := range []struct{ format, known, unknown string }{
		{`%%`, `%`, `%`},
		{`%a`, `203.0.113.9`, `-`},
		{`%{c}a`, `192.0.2.1`, `-`},
		{`%A`, `2001:db8::1`, `-`},
		{`%B`, `2326`, `0`},
		{`%b`, `2326`, `-`},
		{`%{session}C`, `x y`, `-`},
		{`%{b}C`, `2`, `-`},
		{`%{none}C`, `-`, `-`},
		{`%D`, `2345678`, `0`},
		{`%{ACCESSLOG_TEST}e`, `a\"b\n`, `a\"b\n`},
		{`%{ACCESSLOG_TEST_UNSET}e`, `-`, `-`},
		{`%h`, `client.example`, `-`},
		{`%{c}h`, `192.0.2.1`, `-`},
		{`%H`, `HTTP/1.1`, `-`},
		{`%{User-agent}i`, `Mozilla/4.08 [en]`, `-`},
		{`%{X-None}i`, `-`, `-`},
		{`%I`, `300`, `0`},
		{`%O`, `2500`, `0`},
		{`%S`, `2800`, `0`},
		{`%k`, `3`, `0`},
		{`%l`, `-`, `-`},
		{`%L`, `abc-1`, `-`},
		{`%m`, `GET`, `-`},
		{`%{content-type}o`, `image/gif; q=1`, `-`},
		{`%p`, `8080`, `-`},
		{`%{canonical}p`, `8080`, `-`},
		{`%{local}p`, `8080`, `-`},
		{`%{remote}p`, `50123`, `-`},
		{`%P`, `4242`, `-`},
		{`%{pid}P`, `4242`, `-`},
		{`%{tid}P`, `4242`, `-`},
		{`%{hextid}P`, `1092`, `-`},
		{`%q`, `?a=1&b=2`, ``},
		{`%r`, `GET /apache_pb.gif?a=1&b=2 HTTP/1.1`, `-`},
		{`%R`, `demo`, `-`},
		{`%s`, `200`, `-`},
		{`%>s`, `200`, `-`},
		{`%<s`, `200`, `-`},
		{`%t`, `[10/Oct/2000:13:55:36 -0700]`, `[31/Dec/1969:17:00:00 -0700]`},
		{`%{}t`, `[10/Oct/2000:13:55:36 -0700]`, `[31/Dec/1969:17:00:00 -0700]`},
		{`%{end:}t`, `[10/Oct/2000:13:55:38 -0700]`, `[31/Dec/1969:17:00:00 -0700]`},
		{`%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t`, `10/Oct/2000 13:55:36.007 -0700`, `31/Dec/1969 17:00:00.000 -0700`},
		{`%{begin:%S}t %{end:%S}t`, `36 38`, `00 00`},
		{`%{sec}t`, `971211336`, `0`},
		{`%{msec}t`, `971211336007`, `0`},
		{`%{usec}t`, `971211336007012`, `0`},
		{`%{usec_frac}t`, `007012`, `000000`},
		{`%{end:msec_frac}t`, `352`, `000`},
		{`%{end:usec}t`, `971211338352690`, `0`},
		{`%T`, `2`, `0`},
		{`%{s}T`, `2`, `0`},
		{`%{ms}T`, `2345`, `0`},
		{`%{us}T`, `2345678`, `0`},
		{`%u`, `frank`, `-`},
		{`%U`, `/apache_pb.gif`, `-`},
		{`%v`, `example.com`, `-`},
		{`%V`, `www.example.com`, `-`},
		{`%X`, `+`, `-`},
		{`%{slot}W`, `4`, `-`},
		{`%{pid}W`, `4242`, `-`},
		{`%{generation}W`, `2`, `-`},
		{`%{served}W`, `17`, `-`},
		{`%{queue_us}W`, `12345`, `0`},
		{`%{queue_ms}W`, `12`, `0`},
		{`%{shed}W`, `-`, `-`},
		{`%400,501{User-agent}i`, `-`, `-`},
		{`%200,304{User-agent}i`, `Mozilla/4.08 [en]`, `-`},
		{`%!200,304{Referer}i`, `-`, `-`},
		{`%!404{Referer}i`, `http://www.example.com/start.html`, `-`},
		{`%{Referer}!200i`, `-`, `-`},
		{`%!200q`, `-`, ``},
		{`a\tb\"c\\d\e%%f\`, "a\tb\"c\\d\\e%f\\", "a\tb\"c\\d\\e%f\\"},
		{`common`, `client.example - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif?a=1&b=2 HTTP/1.1" 200 2326`,
			`- - - [31/Dec/1969:17:00:00 -0700] "-" - -`},
		{``, `client.example - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif?a=1&b=2 HTTP/1.1" 200 2326 "http://www.example.com/start.html" "Mozilla/4.08 [en]"`,
			`- - - [31/Dec/1969:17:00:00 -0700] "-" - - "-" "-"`},
		{`vhost_combined`, `example.com:8080 client.example - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif?a=1&b=2 HTTP/1.1" 200 2500 "http://www.example.com/start.html" "Mozilla/4.08 [en]"`,
			`-:- - - - [31/Dec/1969:17:00:00 -0700] "-" - 0 "-" "-"`},
		{`json`, `{"time":"2000-10-10T13:55:36.007012-07:00","client":"203.0.113.9","peer":"192.0.2.1","host":"www.example.com:8080",` +
			`"method":"GET","target":"/apache_pb.gif?a=1&b=2","proto":"HTTP/1.1","status":200,"bytes":2326,"duration_us":2345678,"queue_us":12345,` +
			`"referer":"http://www.example.com/start.html","user_agent":"Mozilla/4.08 [en]","id":"abc-1","slot":4,"pid":4242,"generation":2,"served":17,` +
			`"kept":3,"user":"frank","shed":""}`,
			`{"time":"1969-12-31T17:00:00.000000-07:00","client":"","peer":"","host":"",` +
				`"method":"","target":"","proto":"","status":0,"bytes":0,"duration_us":0,"queue_us":0,` +
				`"referer":"","user_agent":"","id":"","slot":-1,"pid":0,"generation":0,"served":0,` +
				`"kept":0,"user":"","shed":""}`},
	} {
		if got := line(t, c.format, known); got != c.known {
			t.Errorf("%s of a known entry\n got %s\nwant %s", c.format, got, c.known)
		}
		if got := line(t, c.format, unknown); got != c.unknown {
			t.Errorf("%s of an unknown entry\n got %s\nwant %s", c.format, got, c.unknown)
		}
	}
}

func TestNicknameIsItsFormat(t *testing.T) {
	e := full()
	if a, b := line(t, "", e), line(t, "combined", e); a != b {
		t.Errorf("%s\n%s", a, b)
	}
}

func TestOddValues(t *testing.T) {
	at(t, time.UTC)
	zone := netip.MustParseAddr("fe80::1").WithZone("eth0")
	for _, c := range []struct {
		format string
		e      Entry
		want   string
	}{
		{`%a`, Entry{Client: zone}, `fe80::1%eth0`},
		{`%a %h`, Entry{Client: zone.WithZone("x - - \n[")}, `fe80::1 fe80::1`},
		{`%b %B %I %O %S %D %T %k`, Entry{BodySent: -1, TotalReceived: -1, TotalSent: -5, Duration: -1, KeptRequests: -1}, `- 0 0 0 0 0 0 0`},
		{`%S`, Entry{TotalReceived: 1<<63 - 1, TotalSent: 1<<63 - 1}, `18446744073709551614`},
		{`%X`, Entry{Connection: Aborted}, `X`},
		{`%X`, Entry{Connection: Closed}, `-`},
		{`%X`, Entry{Connection: '\n'}, `-`},
		{`%V`, Entry{Host: []byte("[2001:db8::1]"), Server: "s"}, `[2001:db8::1]`},
		{`%V`, Entry{Host: []byte("[2001:db8::1]:80"), Server: "s"}, `[2001:db8::1]`},
		{`%V`, Entry{Host: []byte(":80"), Server: "s"}, `s`},
		{`%r`, Entry{Method: []byte("GET"), Target: []byte("/")}, `GET /`},
		{`%r`, Entry{Target: []byte("/"), Proto: []byte("HTTP/1.0")}, `/ HTTP/1.0`},
		{`%U%q`, Entry{Target: []byte("?")}, `-?`},
		{`%{c}h`, Entry{Client: zone, Peer: zone, HostName: "n"}, `n`},
		{`%{shed}W`, Entry{Shed: "queue full"}, `queue full`},
		{`%{a}C`, Entry{Request: fields{"Cookie": ";;=;b;a"}}, `-`},
		{`%{a}C`, Entry{Request: fields{"Cookie": "xa=1; a=b=c"}}, `b=c`},
		{`%{usec}t %{sec}t %{usec_frac}t`, Entry{Arrived: -1}, `-1 -1 999999`},
		{`%t`, Entry{Arrived: -1}, `[31/Dec/1969:23:59:59 +0000]`},
	} {
		if got := line(t, c.format, &c.e); got != c.want {
			t.Errorf("%s: got %s, want %s", c.format, got, c.want)
		}
	}
}

// TestForgery sends what could end a line or a value through every code that
// writes something from outside.
func TestForgery(t *testing.T) {
	bad := "x\r\n127.0.0.1 - - \"GET\" \\ \x00\x1b[2J\x7f\x80\xff\f\v\b\té"
	const want = `x\r\n127.0.0.1 - - \"GET\" \\ \x00\x1b[2J\x7f\x80\xff\x0c\v\b\t\xc3\xa9`
	b := []byte(bad)
	e := &Entry{
		HostName: bad, User: b, Method: b, Target: b, Proto: b, Host: b, Server: bad, Handler: bad, Shed: bad, ID: b,
		Request: fields{"Referer": bad, "Cookie": "c=" + bad}, Answer: fields{"X": bad},
	}
	for _, code := range strings.Fields(`%h %H %{Referer}i %{X}o %L %m %R %u %U %v %V %{shed}W`) {
		if got := line(t, code, e); got != want {
			t.Errorf("%s\n got %s\nwant %s", code, got, want)
		}
	}
	if got := line(t, "%r", e); got != want+" "+want+" "+want {
		t.Errorf("%%r: %s", got)
	}
	e.Target = append([]byte("/?"), b...)
	if got := line(t, "%q", e); got != "?"+want {
		t.Errorf("%%q: %s", got)
	}
	if got := line(t, "%{c}C", e); got != want {
		t.Errorf("%%C: %s", got)
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ format, want string }{
		{`%h %y`, `octet 4: %y is not known; codes are %% %a`},
		{`%h %{a b}y`, `octet 4: %{a b}y is not known`},
		{`x%é`, `octet 2: %\xc3 is not known`},
		{`%f`, `octet 1: %f is not supported`},
		{`%{x}n`, `octet 1: %n is not supported`},
		{`%^FB`, `%^ is not supported`},
		{`%{x}^ti`, `%^ is not supported`},
		{`%{d}a`, `%{d}a is not known; right would be %a, %{c}a`},
		{`%{x}p`, `right would be %p, %{canonical}p, %{local}p, %{remote}p`},
		{`%{x}T`, `right would be %T, %{s}T, %{ms}T, %{us}T`},
		{`%W`, `%W is not known; right would be %{slot}W, %{pid}W`},
		{`%i`, `%i needs a name; it is written like %{NAME}i`},
		{`%{}C`, `%C needs a name`},
		{`ab%`, `octet 3: % without a letter`},
		{`ab%{x}`, `octet 3: % without a letter`},
		{`ab%200`, `octet 3: % without a letter`},
		{`a %{Referer i`, `octet 3: %{ without }`},
		{`%20s`, `octet 2: 20 is not a status`},
		{`%2000s`, `octet 2: 2000 is not a status`},
		{`%099s`, `099 is not a status`},
		{`%99999999999999999999s`, `is not a status`},
		{`%!s`, `! without statuses`},
		{`%200%`, `%% takes neither`},
		{`%h\n`, `octet 3: \n would break the line`},
		{`%h\r`, `octet 3: \r would break the line`},
		{"%h\nx", `octet 3: control character "\n"`},
		{"%h\x00", `control character "\x00"`},
		{"%{a\nb}i", `octet 4: control character "\n" in an argument`},
		{`%{%n}t`, `octet 3: times have no "%n"`},
		{`%{end:%H%Q}t`, `octet 9: times have no "%Q"`},
		{`%{%H%}t`, `octet 5: a time ends with %`},
		{`combine`, `"combine" has no code and is not a name; names are common, combined`},
	} {
		f, err := Parse(c.format)
		if err == nil || f != nil || !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.format, err, c.want)
		}
	}
}

func TestNeeds(t *testing.T) {
	for _, c := range []struct {
		format          string
		request, answer bool
	}{
		{"common", false, false}, {"combined", true, false}, {"vhost_combined", true, false},
		{"json", true, false}, {"%{a}C", true, false}, {"%{a}o", false, true}, {"%I", false, false},
	} {
		f, err := Parse(c.format)
		if err != nil {
			t.Fatal(err)
		}
		if f.NeedsRequest() != c.request || f.NeedsAnswer() != c.answer {
			t.Errorf("%s: %v %v", c.format, f.NeedsRequest(), f.NeedsAnswer())
		}
	}
}
