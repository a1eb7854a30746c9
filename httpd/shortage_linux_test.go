package httpd_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// shortageVariable makes this test binary a program with a server that may have
// few descriptors only.
const shortageVariable = "BIDENT_TEST_SHORTAGE"

func init() {
	if os.Getenv(shortageVariable) == "" {
		return
	}
	limit := syscall.Rlimit{Cur: 40, Max: 40}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &httpd.Server{
		Listen: []string{"http://127.0.0.1:0"}, Handler: httpd.Fast(probe),
		Pool: pool.Config{MaxServers: 2}, Log: slog.New(slog.NewTextHandler(os.Stdout, nil)),
	}
	go func() {
		<-s.Ready()
		fmt.Println(s.Addrs()[0])
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := s.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// TestDescriptorShortage: a server that cannot accept for want of descriptors
// serves the connections that it has, and all others when there is room again.
func TestDescriptorShortage(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), shortageVariable+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waited := false
	t.Cleanup(func() {
		if !waited {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			select {
			case lines <- scan.Text():
			default: // enough was seen
			}
		}
	}()
	await := func(what string) string {
		t.Helper()
		for {
			select {
			case line, ok := <-lines:
				if !ok {
					t.Fatalf("the server has ended, expected %q", what)
				}
				if strings.Contains(line, what) && !strings.Contains(line, "msg=\"listening") {
					return line
				}
			case <-time.After(patience):
				t.Fatalf("the server does not say %q", what)
			}
		}
	}
	url := await("http://")

	first := newClient(t, url)
	if _, _, err := first.get("/see"); err != nil {
		t.Fatal(err)
	}
	var crowd []net.Conn
	for range 100 {
		conn, err := net.Dial("tcp", first.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		crowd = append(crowd, conn)
	}
	await("cannot accept a connection")
	// Large bodies would need a file: there is none, and they are told so, or
	// there is one again.
	for range 5 {
		if status, text, err := first.get("/see"); err != nil || status != 200 {
			t.Fatalf("a connection from before: %d %q %v", status, text, err)
		}
	}
	body := strings.Repeat("a", 2<<20)
	if status, _, err := first.do("POST", "/sum", body); err != nil || status != 200 && status != 507 {
		t.Errorf("a large body without descriptors: %d %v", status, err)
	}
	for _, conn := range crowd {
		conn.Close()
	}
	for range 20 {
		c := newClient(t, url)
		if status, text, err := c.get("/see"); err != nil || status != 200 || c.closed > 0 {
			t.Fatalf("afterwards: %d %q %v", status, text, err)
		}
		c.close()
	}
	in.Close()
	waited = true
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server: %v", err)
	}
}
