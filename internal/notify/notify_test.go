//go:build linux

package notify

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSend(t *testing.T) {
	for _, name := range []string{
		filepath.Join(t.TempDir(), "socket"), fmt.Sprintf("@bident-notify-%d-%d", os.Getpid(), time.Now().UnixNano()),
	} {
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		t.Setenv(Variable, name)
		if err := Send("MAINPID=1", "READY=1"); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		if n, err := c.Read(buf); err != nil || string(buf[:n]) != "MAINPID=1\nREADY=1" {
			t.Errorf("%q, %v", buf[:n], err)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	t.Setenv(Variable, "")
	if err := Send("READY=1"); err != nil {
		t.Errorf("without a manager: %v", err)
	}
	t.Setenv(Variable, filepath.Join(t.TempDir(), "none"))
	if err := Send("READY=1"); err == nil {
		t.Error("nobody is there, and nothing was said about it")
	}
	t.Setenv(Variable, "relative")
	if err := Send("READY=1"); err == nil {
		t.Error("neither a path nor abstract")
	}
}
