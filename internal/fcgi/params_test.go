package fcgi

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/quick"
)

// TestParamsRoundTrip encodes any pairs and decodes them cut anywhere.
func TestParamsRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var p Params
	check := func(names, values [][]byte, long uint16) bool {
		n := min(len(names), len(values))
		if n > 0 {
			values[0] = pattern(int(long))
		}
		var wire []byte
		for i := range n {
			wire = AppendParamRaw(wire, names[i], values[i])
		}
		p.Reset()
		for rest := wire; len(rest) > 0; {
			k := min(1+rnd.IntN(1+rnd.IntN(200)), len(rest))
			if _, err := p.Write(rest[:k]); err != nil {
				t.Log(err)
				return false
			}
			rest = rest[k:]
		}
		if err := p.Finish(); err != nil || p.Len() != n || p.Size() != len(wire) {
			t.Log(err, p.Len(), n, p.Size(), len(wire))
			return false
		}
		i := 0
		for name, value := range p.All() {
			if !bytes.Equal(name, names[i]) || !bytes.Equal(value, values[i]) {
				return false
			}
			i++
		}
		return i == n
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 300}); err != nil {
		t.Error(err)
	}
}

func TestClause34Params(t *testing.T) {
	long := string(pattern(300))
	for _, c := range []struct {
		clause string
		in     string
		want   []string
		err    error
	}{
		{"3.4 none", "", nil, nil},
		{"3.4 short", "\x01\x02Abc", []string{"A", "bc"}, nil},
		{"3.4 empty value", "\x01\x00A", []string{"A", ""}, nil},
		{"3.4 both empty", "\x00\x00\x00\x00", []string{"", "", "", ""}, nil},
		{"3.4 long form of a short length", "\x80\x00\x00\x01\x80\x00\x00\x01Ab", []string{"A", "b"}, nil},
		{"3.4 long value", string(pairs("A", long)), []string{"A", long}, nil},
		{"3.4 long name", string(pairs(long, "v")), []string{long, "v"}, nil},
		{"3.4 cut in a length", "\x80\x00", nil, ErrPairTruncated},
		{"3.4 cut between lengths", "\x01", nil, ErrPairTruncated},
		{"3.4 cut in a name", "\x02\x00A", nil, ErrPairTruncated},
		{"3.4 cut in a value", "\x01\x02Ab", nil, ErrPairTruncated},
		{"3.4 second pair cut", "\x01\x01Ab\x01", []string{"A", "b"}, ErrPairTruncated},
		{"3.4 longest lengths", "\xff\xff\xff\xff\xff\xff\xff\xff", nil, ErrParamsTooLarge},
	} {
		t.Run(c.clause, func(t *testing.T) {
			for step := 1; step <= len(c.in)+1; step++ {
				var p Params
				var err error
				for rest := c.in; err == nil && len(rest) > 0; {
					k := min(step, len(rest))
					_, err = p.Write([]byte(rest[:k]))
					rest = rest[k:]
				}
				if err == nil {
					err = p.Finish()
				}
				if !errors.Is(err, c.err) {
					t.Fatalf("step %d: %v, want %v", step, err, c.err)
				}
				if got := p.Len(); got != len(c.want)/2 {
					t.Fatalf("step %d: %d pairs", step, got)
				}
				for i := range p.Len() {
					name, value := p.At(i)
					if string(name) != c.want[2*i] || string(value) != c.want[2*i+1] {
						t.Fatalf("step %d: pair %d is %q=%q", step, i, name, value)
					}
				}
			}
		})
	}
}

func TestParamsLimits(t *testing.T) {
	wire := pairs("A", "1", "B", "2", "C", "3") // 4 octets each
	for _, c := range []struct {
		bytes, count int
		want         int
		err          error
	}{
		{12, 3, 3, nil}, {11, 3, 2, ErrParamsTooLarge}, {12, 2, 2, ErrTooManyParams}, {-1, -1, 3, nil}, {0, 0, 3, nil}, {1, 0, 0, ErrParamsTooLarge},
	} {
		p := Params{MaxBytes: c.bytes, MaxCount: c.count}
		_, err := p.Write(wire)
		if !errors.Is(err, c.err) || p.Len() != c.want {
			t.Errorf("limits %d, %d: %d pairs, %v", c.bytes, c.count, p.Len(), err)
		}
		if c.err == nil {
			continue
		}
		if !errors.Is(err, ErrLimit) || errors.Is(err, ErrProtocol) {
			t.Errorf("%v is not a limit alone", err)
		}
		if _, again := p.Write([]byte("x")); again != err || p.Finish() != err {
			t.Error("the error is not kept")
		}
		p.Reset()
		p.MaxBytes, p.MaxCount = 0, 0
		if _, err := p.Write(wire); err != nil || p.Len() != 3 {
			t.Errorf("after Reset: %d pairs, %v", p.Len(), err)
		}
	}
	// An announced length costs nothing before its octets come.
	var p Params
	if _, err := p.Write([]byte("\x80\x03\xff\x00\x00")); err != nil || cap(p.data) > 64 {
		t.Errorf("%v, %d octets of memory", err, cap(p.data))
	}
}

func TestParamsGet(t *testing.T) {
	var p Params
	p.Write(pairs("A", "1", "B", "", "A", "2"))
	if got := p.Get("A"); string(got) != "2" {
		t.Errorf("A = %q: the last must count", got)
	}
	if got := p.Get("B"); got == nil || len(got) != 0 {
		t.Errorf("B = %v", got)
	}
	if got := p.Get("C"); got != nil {
		t.Errorf("C = %v", got)
	}
	name, value := p.At(0)
	if _ = append(name, 'x'); string(value) != "1" {
		t.Error("appending to a name overwrote its value")
	}
}

// TestParamsNothingStays: clause-free, but a promise: what one request sent is
// not to be seen in the next.
func TestParamsNothingStays(t *testing.T) {
	var p Params
	p.Write(pairs("SECRET", "hunter2"))
	kept := p.Get("SECRET")
	p.Reset()
	if string(kept) != "\x00\x00\x00\x00\x00\x00\x00" {
		t.Errorf("after Reset the buffer still holds %q", kept)
	}
	if p.Len() != 0 || p.Get("SECRET") != nil {
		t.Error("after Reset a pair is still there")
	}
	p.MaxBytes = -1
	p.Write(pairs("A", string(make([]byte, 1<<20))))
	p.Reset()
	if cap(p.data) > keptParams {
		t.Errorf("after Reset %d octets are kept", cap(p.data))
	}
}
