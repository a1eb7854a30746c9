package main

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"
)

// TestDeafProgram: a program that never ends its answer, and does not listen when it
// is told that the client has left, does not keep its worker from everybody else.
func TestDeafProgram(t *testing.T) {
	t.Parallel()
	d := serveForTest(t, "--listen=http://127.0.0.1:0", "--max-servers=1", "--request-timeout=1s",
		"--die-timeout=5s", "--", "culprit")
	d.errs = true
	address := strings.TrimPrefix(d.urls[0], "http://")
	p := &plaintiff{t: t, address: address, name: "deaf"}
	for range 2 {
		tag, octets := p.request("never-ends")
		c, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		_, err = c.Write(octets)
		r := bufio.NewReader(c)
		for err == nil {
			var line string
			if line, err = r.ReadString('\n'); line == tag+"\n" {
				break
			}
		}
		c.Close()
		if err != nil {
			t.Fatalf("answer before the client leaves: %v", err)
		}
		if got := p.sue("padding"); got != "200" {
			t.Errorf("the next request: %s", got)
		}
	}
	d.end(0, 1)
}
