package options

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "30": 30 * time.Second, "30s": 30 * time.Second, "5m": 5 * time.Minute, "1h": time.Hour, "1h30m": 90 * time.Minute,
		"0.25": 250 * time.Millisecond, ".5": 500 * time.Millisecond, "1.": time.Second, "250ms": 250 * time.Millisecond, "9223372036": 9223372036 * time.Second,
	} {
		if got, err := ParseDuration(text); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", ".", "s", "-1", "-1s", "1e3", "0x1", "inf", "nan", "1d", " 1", "1 s", "1h30", "1..2", "9223372037", "99999999999999999999", "１"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 10 * time.Second: "10s", time.Minute: "1m", 90 * time.Second: "1m30s", time.Hour: "1h",
		10 * time.Hour: "10h", time.Hour + time.Second: "1h0m1s", 70 * time.Minute: "1h10m", 2500 * time.Millisecond: "2.5s",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "64k": 64 << 10, "64K": 64 << 10, "10m": 10 << 20, "1g": 1 << 30, "2T": 2 << 40,
		"9223372036854775807": 1<<63 - 1, "8388607t": 8388607 << 40, "0t": 0,
	} {
		if got, err := ParseSize(text); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "k", "-1", "+1", "1.5m", "1kb", "1 k", "64x", "9223372036854775808", "8388608t", "18014398509481985k", "1e3", "0x10", "1_000"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzDuration(f *testing.F) {
	for _, text := range []string{"0", "30s", "1h1m1s", "0.1", "1us", "9223372036.854775807", "-1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		if err != nil {
			return
		}
		if again, err := ParseDuration(formatDuration(d)); again != d || d < 0 || err != nil {
			t.Errorf("%q: %d is written %s, which is %d, %v", text, d, formatDuration(d), again, err)
		}
	})
}

func FuzzSize(f *testing.F) {
	for _, text := range []string{"0", "64k", "1025K", "1t", "8388608t", "-1", "1048576"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseSize(text)
		if err != nil {
			return
		}
		if again, err := ParseSize(formatSize(n)); again != n || n < 0 || err != nil {
			t.Errorf("%q: %d is written %s, which is %d, %v", text, n, formatSize(n), again, err)
		}
	})
}

// Arguments and environment: never a panic, and each problem in one line.
func FuzzArguments(f *testing.F) {
	for _, seed := range []string{"--max-servers", "--x=", "--listen=http://[::1]:0", "--env=A=b", "-", "--", "--=", "--socket-mode=0", "true",
		"--allow=[", "--cidr-deny=::/129", "--acme-directory=https://%", "--acme-email=a\n@b", "--root=x", "--listen=https://:1", "--tls-cert=a"} {
		f.Add(seed, "3", "MAX_SERVERS", "x,y")
	}
	f.Add("--listen=https://:1", "--listen=http://:2", "TLS_CERT", "a,b")
	f.Add("--allow=a{1,2}", "--root=x", "DENY", "b{3,},c{4")
	f.Fuzz(func(t *testing.T, first, second, name, text string) {
		s, err := Load([]string{first, second}, []string{"BIDENT_" + name + "=" + text}, oneFile("", ""))
		problems, _ := err.(Problems)
		switch {
		case err == nil:
			if again := roundTrip(t, s); difference(s, again) != "" {
				t.Errorf("printed and read again differs in %s", difference(s, again))
			}
		case err == ErrHelp:
		case len(problems) == 0:
			t.Errorf("no problems, but %v", err)
		}
		for _, p := range problems {
			for _, c := range p.String() {
				if c < ' ' {
					t.Errorf("not one line: %q", p)
				}
			}
		}
	})
}

func TestNearest(t *testing.T) {
	known := []string{"app", "env", "hup", "max_servers", "min_servers", "queue_size", "max_requests"}
	for name, want := range map[string]string{
		"max_server": "max_servers", "mix_servers": "min_servers", "maxservers": "max_servers", "queuesize": "queue_size", "queue": "",
		"ap": "app", "x": "", "": "", "xyz": "", "port": "listen", "max_request": "max_requests", "completely_different": "",
	} {
		if got := nearest(name, known); got != want && !(name == "mix_servers" && got == "max_servers") {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
