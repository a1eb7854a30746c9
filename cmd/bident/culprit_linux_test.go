package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// plaintiff is a client of a server with a misbehaving program. It sends three
// requests at once, the misdeed between two good ones, and can tell its own octets
// from everybody else's.
type plaintiff struct {
	t       *testing.T
	address string
	serial  int
	name    string
}

// request puts one together, with the tag that its answer must have.
func (p *plaintiff) request(deed string) (tag string, octets []byte) {
	p.serial++
	tag = fmt.Sprintf("<%s-%d>", p.name, p.serial)
	method, body := "POST", tagged(tag, 200)
	switch deed {
	case "head":
		method, body = "HEAD", ""
	case "204", "304", "stop", "exit":
		method, body = "GET", ""
	case "reads-nothing", "reads-slowly", "answers-first", "answers-and-closes":
		body = tagged(tag, 100_000) // more than sockets take
	}
	octets = fmt.Appendf(nil, "%s /%s?tag=%s HTTP/1.1\r\nHost: test\r\n", method, deed, strings.Trim(tag, "<>"))
	if method == "POST" {
		octets = fmt.Appendf(octets, "Content-Length: %d\r\n", len(body))
	}
	return strings.Trim(tag, "<>"), append(append(octets, "\r\n"...), body...)
}

// sue sends a misdeed between two good requests, and tells what came of it.
func (p *plaintiff) sue(deed string) string {
	first, good := p.request("good")
	second, bad := p.request(deed)
	third, again := p.request("good")
	c, err := net.DialTimeout("tcp", p.address, patience)
	if err != nil {
		p.t.Error(err)
		return "no connection"
	}
	defer c.Close()
	// Each crash makes the next start wait, and everybody else's request with it.
	_ = c.SetDeadline(time.Now().Add(4 * patience))
	go func() { _, _ = c.Write(slices.Concat(good, bad, again)) }()
	r := bufio.NewReader(c)
	if got, _ := p.answer(r, "POST", first); got != "200" {
		p.t.Errorf("%s: the request before it: %s", deed, got)
		return got
	}
	method, _, _ := strings.Cut(string(bad), " ")
	got, kept := p.answer(r, method, second)
	if kept {
		// What the program has sent too much is no good reason to say so in advance.
		if after, _ := p.answer(r, "POST", third); after != "200" && deed != "much-too-long" {
			p.t.Errorf("%s: %s, and the request behind it: %s", deed, got, after)
		}
	}
	return got
}

// answer reads one: its status, or "cut" if it is not whole. It reports whether the
// connection goes on. Nothing may be in it but what the request with this tag is
// given, nor may there be a field that the program has smuggled in.
func (p *plaintiff) answer(r *bufio.Reader, method, tag string) (got string, kept bool) {
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return fmt.Sprintf("no answer: %v", err), false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return "endless", false
	case err != nil:
		got = "cut"
	default:
		got = strconv.Itoa(resp.StatusCode)
	}
	rest := bytes.ReplaceAll(body, []byte(tag+"\n"), nil)
	if resp.StatusCode == http.StatusOK {
		rest = bytes.ReplaceAll(rest, []byte("<"+tag+">\n"), nil) // the request's body
	}
	if got == "200" && len(rest) > 0 || bytes.Contains(rest, []byte("-")) && got != "cut" {
		p.t.Errorf("%s: octets of something else in the answer to %s: %.80q", got, tag, rest)
	}
	for name := range resp.Header {
		if strings.Contains(name, "Evil") || name == "Keep-Alive" || name == "Upgrade" {
			p.t.Errorf("%s: field %s in the answer to %s", got, name, tag)
		}
	}
	return got, err == nil && !resp.Close
}

// leftovers are the processes that a daemon has left behind, whoever has started them.
func (d *daemon) leftovers() (left []string) {
	mark := slices.IndexFunc(d.env, func(v string) bool { return strings.HasPrefix(v, "XDG_RUNTIME_DIR=") })
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		env, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err != nil || !bytes.Contains(env, []byte(d.env[mark]+"\x00")) {
			continue
		}
		if _, state, err := processState(e.Name()); err == nil && state != "Z" {
			line, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
			left = append(left, fmt.Sprintf("%s %q", e.Name(), line))
		}
	}
	return left
}

// end stops a server that may have to kill its workers for it, and makes sure that
// nothing of it goes on.
func (d *daemon) end(status ...int) {
	d.t.Helper()
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(patience, func() { _ = d.cmd.Process.Kill() })
	_ = d.cmd.Wait()
	timer.Stop()
	<-d.over
	d.ended = true
	log := d.log()
	if code := d.cmd.ProcessState.ExitCode(); !slices.Contains(status, code) || strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic:") {
		d.t.Errorf("bident: %v\n%s", d.cmd.ProcessState, log[max(0, len(log)-20_000):])
	}
	if left := d.leftovers(); len(left) > 0 {
		d.t.Errorf("left behind: %q", left)
		killMarked(d.env[1])
	}
}

// TestMisdeeds: whatever a program does, each client gets a whole answer or one that
// says that it is cut, nobody gets octets of somebody else's, and what comes next is
// served. All misdeeds go on at the same time; those that only a limit of time ends
// have a server of their own.
func TestMisdeeds(t *testing.T) {
	for name, flags := range map[string][]string{"quick": nil, "hanging": {"--request-timeout=3s"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := serveForTest(t, slices.Concat([]string{"--listen=http://127.0.0.1:0", "--max-servers=4", "--queue-timeout=5m"}, flags,
				[]string{"--die-timeout=5s", "--", "culprit"})...)
			d.errs = true
			var wait sync.WaitGroup
			for deed := range misdeeds {
				if strings.Contains(verdicts[deed], "504") != (flags != nil) {
					continue
				}
				wait.Go(func() {
					p := &plaintiff{t: t, address: strings.TrimPrefix(d.urls[0], "http://"), name: deed}
					for range 2 {
						if got := p.sue(deed); !allowed(deed, got) {
							t.Errorf("%s: %s", deed, got)
						}
					}
				})
			}
			wait.Wait()
			if t.Failed() {
				t.Log(d.log())
			}
			d.end(0, 1)
		})
	}
}

// TestStandingMisdeeds: programs that misbehave whatever they are asked.
func TestStandingMisdeeds(t *testing.T) {
	for deed, want := range map[string]string{
		"exits": "502 503 504", "orphans": "502 503 504", "never-accepts": "503 504", "closes": "502", "stops": "504 503",
		"no-socket": "502 503 504", "one-shot": "200 502", "stubborn": "200",
	} {
		t.Run(deed, func(t *testing.T) {
			t.Parallel()
			flags := []string{"--listen=http://127.0.0.1:0", "--max-servers=2", "--die-timeout=1s"}
			if strings.Contains(want, "504") { // else the program answers, however slowly it starts
				flags = append(flags, "--request-timeout=1s", "--queue-timeout=1s")
			}
			d := startForTest(t, append(flags, "--", "culprit", deed)...)
			d.errs = true
			d.waitLog("listening on")
			address := strings.TrimPrefix(d.addresses()[0], "http://")
			for i := range 4 {
				p := &plaintiff{t: t, address: address, name: deed + strconv.Itoa(i)}
				tag, octets := p.request("good")
				c, err := net.DialTimeout("tcp", address, patience)
				if err != nil {
					t.Fatal(err)
				}
				_ = c.SetDeadline(time.Now().Add(patience))
				go func() { _, _ = c.Write(octets) }()
				if got, _ := p.answer(bufio.NewReader(c), "POST", tag); !slices.Contains(strings.Fields(want), got) {
					t.Errorf("%s, not %s", got, want)
				}
				c.Close()
			}
			d.end(0, 1)
		})
	}
}
