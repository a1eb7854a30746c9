package main

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/bident/bident/internal/load"
)

const (
	volume = 100 << 20 // octets in each direction: four times what is tolerated
	// swell is how much larger the server may become for it: buffers, and what the
	// collector has not collected yet.
	swell = 24 << 10 // KiB
)

// TestVolume: bodies of 100 MiB, up and down, pass through a server whose requests
// others run, and do not stay in its memory.
func TestVolume(t *testing.T) {
	socket := filepath.Join(shortDir(t), "s")
	for _, k := range []struct {
		name string
		args []string
		path string
	}{
		{"program", []string{"--", "responder"}, "/echo"},
		{"children behind a web server", []string{"--mode=fork", "--listen=fcgi+unix://" + socket}, "/digest"},
		{"CGI", []string{"--cgi", "--", "sh", "-c", `printf 'Content-Type: x/y\r\n\r\n'; exec cat`}, "/"},
	} {
		t.Run(k.name, func(t *testing.T) {
			d := serveForTest(t, append([]string{"--listen=http://127.0.0.1:0", "--max-servers=1", "--max-body-size=200m"}, k.args...)...)
			move := func(size int) { carry(t, d.urls[0]+k.path, int64(size)) }
			if k.path == "/digest" {
				move = func(size int) { present(t, socket, k.path, size) }
			}
			move(volume / 20) // what is made once is made now
			before := highWater(t, d.cmd.Process.Pid)
			move(volume)
			if after := highWater(t, d.cmd.Process.Pid); after-before > swell {
				t.Errorf("the server grew from %d to %d KiB", before, after)
			}
		})
	}
}

// carry posts so many octets to the URL, and reads the same from there.
func carry(t *testing.T, url string, size int64) {
	t.Helper()
	source := func() io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), size) }
	request, err := http.NewRequest("POST", url, source())
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = size
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	want, got := sha1.New(), sha1.New()
	_, _ = io.Copy(want, source()) // neither fails
	n, err := io.Copy(got, answer.Body)
	if err != nil || n != size || answer.StatusCode != http.StatusOK || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Fatalf("%d octets up: status %d, %d octets down, %v", size, answer.StatusCode, n, err)
	}
}

// present does the first half of it as a web server, and reads as much.
func present(t *testing.T, socket, path string, size int) {
	t.Helper()
	for _, c := range []load.Config{
		{Target: path, Method: "POST", Body: make([]byte, size), ExpectBody: fmt.Appendf(nil, "method=POST len=%d sha1=%x\n", size, sha1.Sum(make([]byte, size)))},
		{Target: fmt.Sprintf("/bytes?n=%d", size)},
	} {
		c.URL, c.Connections, c.Requests, c.Timeout, c.ExpectStatus = "fcgi+unix://"+socket, 1, 1, time.Minute, http.StatusOK
		report, err := load.Run(t.Context(), c)
		if err != nil || report.Failures() > 0 || c.Body == nil && report.BytesRead < uint64(size) {
			t.Fatalf("%s %s: %+v, %v", c.Method, c.Target, report, err)
		}
	}
}

// highWater is the most that a process has had in memory, in KiB.
func highWater(t *testing.T, pid int) (kib int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(text, []byte("VmHWM:"))
	line, _, _ := bytes.Cut(rest, []byte("kB"))
	if kib, err = strconv.Atoi(string(bytes.TrimSpace(line))); err != nil {
		t.Fatalf("no VmHWM in %s", text)
	}
	return kib
}
