package accesslog

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// FuzzFormat: Parse never panics, its errors are ErrFormat, and what it accepts
// writes lines that end with the only newline and hold no other control but tabs.
func FuzzFormat(f *testing.F) {
	for name, format := range names {
		f.Add(name, []byte("v"))
		f.Add(format, []byte("a\nb\""))
	}
	f.Add("json", []byte("\xff\n"))
	f.Add(`%400,501{User-agent}i %!200{a}C %{end:%F %T %:z}t %{slot}W \t\"`, []byte("x\r\n"))
	f.Add("%{c}a%{HOME}e%^FB", []byte{0})
	f.Fuzz(func(t *testing.T, format string, value []byte) {
		parsed, err := Parse(format)
		if err != nil {
			if parsed != nil || !strings.HasPrefix(err.Error(), ErrFormat.Error()) {
				t.Fatalf("%v, %v", parsed, err)
			}
			return
		}
		e := &Entry{
			HostName: string(value), User: value, Method: value, Target: value, Proto: value, Host: value,
			Server: string(value), Handler: string(value), Shed: string(value), ID: value, Status: 200,
			Client:  netip.MustParseAddr("fe80::1").WithZone("z" + string(value)),
			Request: anyField(value), Answer: anyField(value),
		}
		for _, e := range []*Entry{e, {}} {
			got := parsed.Append(nil, e)
			if bytes.IndexByte(got, '\n') != len(got)-1 {
				t.Fatalf("not one line: %q", got)
			}
			for _, c := range got[:len(got)-1] {
				if c < ' ' && c != '\t' || c == 0x7f {
					t.Fatalf("control character in %q", got)
				}
			}
		}
	})
}

// anyField is the value of every field.
type anyField []byte

func (a anyField) Peek(string) []byte { return a }

// FuzzJSON: encoding/json reads the same values from every line.
func FuzzJSON(f *testing.F) {
	f.Add([]byte("GET"), []byte("/é\xff\xed\xa0\x80\u2028"), "x\x00\x1f\x7f\u0085", int64(971211336007012345), int64(1), 200, uint64(1))
	f.Add([]byte("\"\\\n\r\t\b\f"), []byte(strings.Repeat("abcdefg\"", 9)), "", int64(-1), int64(-1), -1, uint64(1<<63))
	f.Fuzz(func(t *testing.T, a, b []byte, s string, nanos, number int64, small int, served uint64) {
		format, err := Parse("json")
		if err != nil {
			t.Fatal(err)
		}
		e := &Entry{
			Client: netip.MustParseAddr("fe80::1").WithZone(s), Peer: netip.AddrFrom4([4]byte{10, 0, 0, byte(small)}),
			User: b, Arrived: nanos, Duration: time.Duration(number), Queue: time.Duration(nanos),
			Method: a, Target: b, Proto: a, Host: b, Status: small, BodySent: number, KeptRequests: small,
			Slot: small, PID: small, Generation: small, Served: served, Shed: s, ID: a,
			Request: fields{"Referer": s, "User-Agent": string(b)},
		}
		got := format.Append(nil, e)
		if bytes.IndexByte(got, '\n') != len(got)-1 {
			t.Fatalf("not one line: %q", got)
		}
		var v struct {
			Time                                      time.Time
			Client, Peer, Host, Method, Target, Proto *string
			Status                                    int
			Bytes                                     int64
			DurationUS                                int64   `json:"duration_us"`
			QueueUS                                   int64   `json:"queue_us"`
			Referer                                   *string `json:"referer"`
			UserAgent                                 *string `json:"user_agent"`
			ID                                        *string
			Slot, PID, Generation                     int
			Served                                    uint64
			Kept                                      int
			User, Shed                                *string
		}
		d := json.NewDecoder(bytes.NewReader(got))
		d.DisallowUnknownFields()
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%v in %q", err, got)
		}
		same := func(name string, got *string, want []byte) {
			if valid := string([]rune(string(want))); got == nil || *got != valid {
				t.Errorf("%s: want %q, line %q", name, valid, *got)
			}
		}
		same("host", v.Host, b)
		same("method", v.Method, a)
		same("target", v.Target, b)
		same("proto", v.Proto, a)
		same("referer", v.Referer, []byte(s))
		same("user_agent", v.UserAgent, b)
		same("id", v.ID, a)
		same("user", v.User, b)
		same("shed", v.Shed, []byte(s))
		if client, err := netip.ParseAddr(*v.Client); err != nil || client.WithZone("") != e.Client.WithZone("") {
			t.Errorf("client %v, %v", client, err)
		}
		if *v.Peer != e.Peer.String() {
			t.Errorf("peer %s", *v.Peer)
		}
		if want := time.Unix(0, nanos); v.Time.UnixMicro() != want.UnixMicro() {
			t.Errorf("time %v, want %v", v.Time, want)
		}
		if v.Status != max(small, 0) || v.Bytes != max(number, 0) || v.DurationUS != max(number, 0)/1000 || v.QueueUS != max(nanos, 0)/1000 ||
			v.Slot != max(small, -1) || v.PID != max(small, 0) || v.Generation != max(small, 0) || v.Served != served || v.Kept != max(small, 0) {
			t.Errorf("numbers: %+v in %q", v, got)
		}
	})
}

// FuzzEscape: plain finds exactly what special says, at any place, and an escaped
// text can be read back.
func FuzzEscape(f *testing.F) {
	f.Add([]byte("0123456789\x1f"))
	f.Add([]byte("01234567\x7f\x80\xff\"\\ "))
	f.Fuzz(func(t *testing.T, s []byte) {
		want := 0
		for want < len(s) && !special[s[want]] {
			want++
		}
		if got := plain(s); got != want {
			t.Fatalf("plain(%q) is %d, want %d", s, got, want)
		}
		if got := unescape(t, appendEscaped(nil, s)); !bytes.Equal(got, s) {
			t.Fatalf("%q came back as %q", s, got)
		}
	})
}

// unescape reads what appendEscaped wrote.
func unescape(t *testing.T, s []byte) []byte {
	t.Helper()
	controls := map[byte]byte{'b': '\b', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '"': '"', '\\': '\\'}
	var out []byte
	for i := 0; i < len(s); i++ {
		switch c, ok := byte(0), false; {
		case special[s[i]] && s[i] != '\\':
			t.Fatalf("%q stands for itself", s[i])
		case s[i] != '\\':
			out = append(out, s[i])
		case s[i+1] == 'x':
			out = append(out, byte(strings.IndexByte(hexDigits, s[i+2])<<4|strings.IndexByte(hexDigits, s[i+3])))
			i += 3
		default:
			if c, ok = controls[s[i+1]]; !ok {
				t.Fatalf("%q is escaped", s[i+1])
			}
			out = append(out, c)
			i++
		}
	}
	return out
}
