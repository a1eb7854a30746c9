//go:build unix

package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestH2load: pipelines of sixteen requests, and the same over TLS.
func TestH2load(t *testing.T) {
	needPrograms(t, "h2load")
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			c := newCertificate(t, "one", "a.example")
			flags := []string{"--listen=http://127.0.0.1:0", "--listen=https://127.0.0.1:0", "--tls-cert=" + c.file}
			if k.name != "slot" {
				flags = append(flags, "--max-requests=300")
			}
			d := serveForTest(t, append(flags, k.flags...)...)
			for _, url := range d.urls {
				t.Run(url[:strings.Index(url, ":")], func(t *testing.T) {
					out := output(t, "h2load", "--h1", "-n", "4000", "-c", "8", "-m", "16", url+"/hello")
					for _, want := range []string{
						"4000 total, 4000 started, 4000 done, 4000 succeeded, 0 failed, 0 errored, 0 timeout",
						"4000 2xx, 0 3xx, 0 4xx, 0 5xx",
					} {
						if !strings.Contains(out, want) {
							t.Errorf("no %q in\n%s", want, out)
						}
					}
				})
			}
		})
	}
}

// TestWrk: kept connections of wrk, for a second.
func TestWrk(t *testing.T) {
	needPrograms(t, "wrk")
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			d := serveForTest(t, append([]string{"--listen=http://127.0.0.1:0"}, k.flags...)...)
			for _, target := range []string{"/hello", "/bytes?n=100000"} {
				out := output(t, "wrk", "-t", "2", "-c", "16", "-d", "1s", d.urls[0]+target)
				if m := regexp.MustCompile(`([1-9]\d*) requests in`).FindString(out); m == "" ||
					strings.Contains(out, "Socket errors") || strings.Contains(out, "Non-2xx") {
					t.Errorf("%s:\n%s", target, out)
				}
			}
		})
	}
}

// TestApacheBench: a client of HTTP/1.0, which keeps its connections if it is told
// that it may, and closes them if not.
func TestApacheBench(t *testing.T) {
	needPrograms(t, "ab")
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			d := serveForTest(t, append([]string{"--listen=http://127.0.0.1:0"}, k.flags...)...)
			for _, flags := range [][]string{{"-k"}, nil} {
				out := output(t, "ab", append(flags, "-q", "-n", "2000", "-c", "8", d.urls[0]+"/hello")...)
				want := []string{`Complete requests: +2000`, `Failed requests: +0`}
				if flags != nil {
					want = append(want, `Keep-Alive requests: +2000`)
				}
				for _, w := range want {
					if !regexp.MustCompile(w).MatchString(out) {
						t.Errorf("no %s in\n%s", w, out)
					}
				}
				if strings.Contains(out, "Non-2xx") {
					t.Error(out)
				}
			}
		})
	}
}
