//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/fcgi"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bident/bident/cmd/bident/options"
	"github.com/bident/bident/httpd"
)

// responder is an external FastCGI program: it listens on descriptor 0. Each
// answer says which process it is and what it finds in its environment.
func responder() {
	err := fcgi.Serve(nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/stderr":
			fmt.Fprintln(os.Stderr, "a line for the log")
		case "/echo":
			_, _ = io.Copy(w, r.Body) // whoever asked notices
			return
		}
		fmt.Fprintf(w, "responder %d %s %v\n", os.Getpid(), r.URL.Path, os.Args[1:])
		for _, name := range []string{"COLOUR", "HOME"} {
			if v, ok := os.LookupEnv(name); ok {
				fmt.Fprintf(w, "%s=%s\n", name, v)
			}
		}
	}))
	fmt.Fprintln(os.Stderr, "responder:", err)
	os.Exit(1)
}

// fetch gives status and body of the answer to a GET, over a connection of its
// own.
func fetch(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	t := &http.Transport{DisableKeepAlives: true}
	if rest, ok := strings.CutPrefix(address, "http+unix://"); ok {
		path, uri, _ := strings.Cut(rest, ":")
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
		if u, err = url.Parse("http://socket" + uri); err != nil {
			return "", err
		}
	}
	client := &http.Client{Transport: t, Timeout: patience}
	resp, err := client.Get(u.String())
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %s", resp.StatusCode, body), err
}

func cmdGet(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1, "[!] get URL")
	answer, err := fetch(args[0])
	if neg && err == nil {
		ts.Fatalf("unexpected answer %s", answer)
	}
	if !neg {
		ts.Check(err)
	}
	fmt.Fprint(ts.Stdout(), answer)
}

func cmdRaw(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "raw URL FILE")
	u, err := url.Parse(args[0])
	ts.Check(err)
	c, err := net.DialTimeout("tcp", u.Host, patience)
	ts.Check(err)
	defer c.Close()
	ts.Check(c.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(c, strings.ReplaceAll(ts.ReadFile(args[1]), "\n", "\r\n"))
	ts.Check(err)
	answer, err := io.ReadAll(c)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s", answer)
}

// answered is what came of a request, and how long that took.
type answered struct {
	text string
	took time.Duration
}

func cmdHold(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "hold NAME URL")
	answer := make(chan answered, 1)
	stageOf(ts).held[args[0]] = answer
	go func() {
		began := time.Now()
		text, err := fetch(args[1])
		if err != nil {
			text = "failed: " + err.Error()
		}
		answer <- answered{text, time.Since(began)}
	}()
}

func cmdHeld(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && (len(args) == 2 || len(args) == 3), "held NAME REGEXP [TIME]")
	wanted, err := regexp.Compile(args[1])
	ts.Check(err)
	var least time.Duration
	if len(args) == 3 {
		least, err = time.ParseDuration(args[2])
		ts.Check(err)
	}
	select {
	case a := <-stageOf(ts).held[args[0]]:
		if !wanted.MatchString(a.text) {
			ts.Fatalf("answer %q does not match %s", a.text, args[1])
		}
		if a.took < least {
			ts.Fatalf("answered after %s: a request of at least %s was cut short", a.took, least)
		}
	case <-time.After(patience):
		ts.Fatalf("no answer within %s", patience)
	}
}

func cmdOccupy(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "occupy VAR tcp|PATH")
	network, address := "tcp", "127.0.0.1:0"
	if args[1] != "tcp" {
		network, address = "unix", ts.MkAbs(args[1])
	}
	l, err := net.Listen(network, address)
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

func cmdStale(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "stale PATH")
	l, err := net.Listen("unix", ts.MkAbs(args[0]))
	ts.Check(err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	ts.Check(l.Close())
}

// processState is the parent and the state of a process, as the kernel tells it.
func processState(pid string) (parent, state string, err error) {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return "", "", err
	}
	// The name in parentheses may contain anything.
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	return fields[1], fields[0], nil
}

func cmdWorkers(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "workers NAME VAR")
	entries, err := os.ReadDir("/proc")
	ts.Check(err)
	var pids []string
	for _, e := range entries {
		if parent, _, err := processState(e.Name()); err == nil && parent == ts.Getenv(args[0]+"_PID") {
			pids = append(pids, e.Name())
		}
	}
	if len(pids) == 0 {
		ts.Fatalf("%s has no children", args[0])
	}
	ts.Setenv(args[1], strings.Join(pids, ","))
}

func cmdGone(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "gone PID,...")
	for pid := range strings.SplitSeq(args[0], ",") {
		eventually(ts, "process "+pid+" gone", func() bool {
			_, state, err := processState(pid)
			// A zombie whose parent is a test's container is gone as well.
			return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) || state == "Z"
		})
	}
}

// killMarked kills the processes that were started with a variable in their
// environment, whoever has started them.
func killMarked(variable string) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err == nil && slices.Contains(strings.Split(string(env), "\x00"), variable) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func cmdFreeport(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "freeport VAR")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], port)
}

// cmdSame compares what "config print" says with the limits that the only server
// works with.
func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "same FILE")
	var printed map[string]any
	ts.Check(toml.Unmarshal([]byte(ts.ReadFile(args[0])), &printed))
	out, err := program(context.Background(), ts, []string{"bident", "status", "--json"}).Output()
	ts.Check(err)
	var status httpd.Status
	ts.Check(json.Unmarshal(out, &status))
	if len(status.Limits) == 0 {
		ts.Fatalf("no limits in %s", out)
	}
	for key, used := range status.Limits {
		want, ok := printed[key]
		switch v := want.(type) {
		case int64:
			want = float64(v)
		case string:
			d, err := options.ParseDuration(v)
			ts.Check(err)
			want = d.Seconds()
		}
		if !ok || want != used {
			ts.Fatalf("%s: %v is printed, %v is used", key, want, used)
		}
	}
}
