//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// needPrograms skips a test whose peers are not installed, except where every
// check counts: there it fails.
func needPrograms(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("no %s: %v", name, err)
			}
			t.Skipf("no %s", name)
		}
	}
}

// kind is a kind of worker, with the flags that ask for it.
type kind struct {
	name  string
	flags []string
}

// kinds are all that this system has.
func kinds() []kind {
	all := []kind{{"emulate", []string{"--max-servers=8"}}}
	if linux {
		all = append(all,
			kind{"request", []string{"--mode=fork", "--max-servers=2"}},
			kind{"slot", []string{"--mode=fork", "--accept=slot", "--concurrency=8", "--max-servers=2"}})
	}
	return all
}

// fcgiKinds are those for what is about FastCGI listeners.
func fcgiKinds() []kind {
	all := kinds()
	if linux {
		all = append(all, kind{"classic", []string{"--mode=fork", "--accept=classic", "--max-servers=4"}})
	}
	return all
}

// daemon is a "bident serve" with its log.
type daemon struct {
	t    *testing.T
	cmd  *exec.Cmd
	env  []string
	urls []string
	errs bool // errors in the log are expected
	// ended is set by a test that has stopped the server itself.
	ended bool
	over  chan struct{} // closed at the end of its log

	mu    sync.Mutex
	lines []string
	grown chan struct{} // closed when there is another line
}

// serveForTest starts a server and waits until it is ready. The test's end stops
// it, and fails if it does not stop as it should.
func serveForTest(t *testing.T, args ...string) *daemon {
	t.Helper()
	d := startForTest(t, args...)
	d.waitLog("msg=ready")
	d.urls = d.addresses()
	return d
}

// startForTest starts a server that may never be ready.
func startForTest(t *testing.T, args ...string) *daemon {
	t.Helper()
	file, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{t: t, over: make(chan struct{}), grown: make(chan struct{})}
	d.env = []string{"PATH=" + os.Getenv("PATH"), "XDG_RUNTIME_DIR=" + shortDir(t), "GORACE=atexit_sleep_ms=0"}
	d.cmd = exec.Command(file, append([]string{"serve"}, args...)...)
	d.cmd.Args[0] = "bident" // what the test's program is when it is called so
	d.cmd.Env = d.env
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d.cmd.Stdout, d.cmd.Stderr = in, in
	err = d.cmd.Start()
	in.Close()
	if err != nil {
		t.Fatal(err)
	}
	go d.follow(out)
	t.Cleanup(d.stop)
	return d
}

// addresses are where the log says that the server listens.
func (d *daemon) addresses() (urls []string) {
	for _, m := range listeningLine.FindAllStringSubmatch(d.log(), -1) {
		urls = append(urls, m[1])
	}
	return urls
}

// shortDir is a directory whose path leaves room for the names of sockets.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bident")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// follow keeps the log.
func (d *daemon) follow(out *os.File) {
	defer out.Close()
	defer close(d.over)
	s := bufio.NewScanner(out)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		d.mu.Lock()
		d.lines = append(d.lines, s.Text())
		close(d.grown)
		d.grown = make(chan struct{})
		d.mu.Unlock()
	}
}

// waitLog waits for a line with the text.
func (d *daemon) waitLog(text string) {
	d.t.Helper()
	late := time.After(patience)
	for seen := 0; ; {
		d.mu.Lock()
		lines, grown := d.lines, d.grown
		d.mu.Unlock()
		for ; seen < len(lines); seen++ {
			if strings.Contains(lines[seen], text) {
				return
			}
		}
		select {
		case <-grown:
			continue
		case <-d.over:
		case <-late:
		}
		d.t.Fatalf("no %q in the log:\n%s", text, d.log())
	}
}

func (d *daemon) log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, "\n")
}

// stop ends the server.
func (d *daemon) stop() {
	if d.ended {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(patience, func() { _ = d.cmd.Process.Kill() })
	defer timer.Stop()
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("bident: %v\n%s", err, d.log())
	}
	<-d.over
	if log := d.log(); !d.errs && strings.Contains(log, "level=ERROR") || strings.Contains(log, "DATA RACE") {
		d.t.Errorf("errors in the log:\n%s", log)
	}
}

// bident runs another command of bident's for the same user, and returns what it
// prints and its exit status.
func (d *daemon) bident(args ...string) (string, int) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.cmd.Path, args...)
	cmd.Args[0] = "bident"
	cmd.Env = d.env
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		d.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// port is where a URL's server listens.
func port(t *testing.T, url string) string {
	t.Helper()
	_, address, _ := strings.Cut(url, "://")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// waitSocket waits until somebody listens on a UNIX socket.
func waitSocket(t *testing.T, path string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		c, err := net.Dial("unix", path)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(pause)
	}
}

// inherited makes a listener that another program inherits as its descriptor 3:
// whoever connects before the program is ready waits in its queue.
func inherited(t *testing.T) (address string, file *os.File) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if file, err = l.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return l.Addr().String(), file
}

// runPeer starts a program that serves until the test ends.
func runPeer(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", cmd.Args[0], &out)
		}
	})
}

// output runs a client to its end and returns what it prints.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, fmt.Sprint(args), err, out)
	}
	return string(out)
}
