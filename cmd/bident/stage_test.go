//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// patience is how long a script waits for anything at most.
const patience = 30 * time.Second

// stage is what is going on in one script.
type stage struct {
	names   []string // of its environment variables
	servers map[string]*running
	held    map[string]chan answered
}

type stageKey struct{}

func newStage(env *testscript.Env) *stage {
	s := &stage{servers: make(map[string]*running), held: make(map[string]chan answered)}
	for _, v := range env.Vars {
		name, _, _ := strings.Cut(v, "=")
		s.names = append(s.names, name)
	}
	return s
}

func stageOf(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

// program prepares a program in the script's directory and environment.
func program(ctx context.Context, ts *testscript.TestScript, args []string) *exec.Cmd {
	name := args[0]
	for dir := range strings.SplitSeq(ts.Getenv("PATH"), ":") {
		if file := dir + "/" + name; !strings.Contains(name, "/") {
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				name = file
			}
		}
	}
	cmd := exec.CommandContext(ctx, ts.MkAbs(name), args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Dir = ts.MkAbs(".")
	for _, name := range stageOf(ts).names {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// running is a server that a script has started.
type running struct {
	cmd  *exec.Cmd
	log  string
	over chan struct{} // closed when it has ended
}

// serverOf finds a server by its name.
func serverOf(ts *testscript.TestScript, name string) *running {
	r := stageOf(ts).servers[name]
	if r == nil {
		ts.Fatalf("no server %q was started", name)
	}
	return r
}

// need ends the script if a command has not the right number of arguments.
func need(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

// eventually waits until the condition is met.
func eventually(ts *testscript.TestScript, what string, met func() bool) {
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; !met(); pause = min(2*pause, 50*time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("%s: not within %s", what, patience)
		}
		time.Sleep(pause)
	}
}

func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) > 0, "start NAME args...")
	name, s := args[0], stageOf(ts)
	command := []string{"bident", "serve"}
	if len(args) > 1 && strings.HasPrefix(args[1], "/") {
		command[0], args = args[1], args[1:] // another file than the usual one
	}
	r := &running{log: ts.MkAbs(name + ".log"), over: make(chan struct{})}
	log, err := os.Create(r.log)
	ts.Check(err)
	defer log.Close()
	r.cmd = program(context.Background(), ts, append(command, args[1:]...))
	r.cmd.Args[0] = "bident"
	r.cmd.Stdout, r.cmd.Stderr = log, log
	for i, a := range args {
		if a == "--log-file" {
			r.log = ts.MkAbs(args[i+1])
		}
	}
	ts.Check(r.cmd.Start())
	go func() {
		_ = r.cmd.Wait()
		close(r.over)
	}()
	ts.Defer(func() {
		_ = r.cmd.Process.Kill() // by handle: never another process
		<-r.over
	})
	s.servers[name] = r
}

var (
	readyLine     = regexp.MustCompile(`msg"?[=:]"?ready`)
	listeningLine = regexp.MustCompile(`listening on ([^\s"]+)`)
)

func cmdReady(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "ready NAME")
	r := serverOf(ts, args[0])
	eventually(ts, args[0]+" ready", func() bool {
		select {
		case <-r.over:
			text, _ := os.ReadFile(r.log)
			ts.Fatalf("%s has ended: %s\n%s", args[0], r.cmd.ProcessState, text)
		default:
		}
		text, _ := os.ReadFile(r.log)
		return readyLine.Match(text)
	})
	ts.Setenv(args[0]+"_PID", strconv.Itoa(r.cmd.Process.Pid))
	for i, m := range listeningLine.FindAllStringSubmatch(ts.ReadFile(r.log), -1) {
		name := args[0] + "_URL"
		if i > 0 {
			name += strconv.Itoa(i + 1)
		}
		ts.Setenv(name, m[1])
	}
}

func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	cmdStart(ts, neg, args)
	cmdReady(ts, neg, args[:1])
}

func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) > 1, "signal NAME SIG...")
	for _, name := range args[1:] {
		sig := unix.SignalNum("SIG" + name)
		if sig == 0 {
			ts.Fatalf("no signal %q", name)
		}
		ts.Check(serverOf(ts, args[0]).cmd.Process.Signal(sig))
	}
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "exits NAME STATUS")
	r := serverOf(ts, args[0])
	select {
	case <-r.over:
	case <-time.After(patience):
		text, _ := os.ReadFile(r.log)
		ts.Fatalf("%s has not ended within %s\n%s", args[0], patience, text)
	}
	if got := exitStatus(r.cmd.ProcessState); !slices.Contains(strings.Split(args[1], "|"), got) {
		ts.Fatalf("%s ended with %s, want %s\n%s", args[0], got, args[1], ts.ReadFile(r.log))
	}
}

// exitStatus is a number, or the signal that it was.
func exitStatus(s *os.ProcessState) string {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return strings.TrimPrefix(unix.SignalName(w.Signal()), "SIG")
	}
	return strconv.Itoa(s.ExitCode())
}

func cmdFails(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) > 1, "fails STATUS cmd...")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := program(ctx, ts, args[1:])
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if got := exitStatus(cmd.ProcessState); got != args[0] {
		ts.Fatalf("exit status %s, want %s\n%s%s", got, args[0], cmd.Stdout, cmd.Stderr)
	}
}

func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) > 1, "until REGEXP cmd...")
	wanted, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	var out []byte
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if out, err = program(ctx, ts, args[1:]).Output(); err == nil && wanted.Match(out) {
			break
		}
		if ctx.Err() != nil {
			ts.Fatalf("%s: no match for %s within %s: %v\n%s", args[1:], args[0], patience, err, out)
		}
	}
	fmt.Fprintf(ts.Stdout(), "%s", out)
}

func cmdLogged(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2, "[!] logged FILE REGEXP")
	wanted, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	if neg {
		if text := ts.ReadFile(args[0]); wanted.MatchString(text) {
			ts.Fatalf("%s matches %s:\n%s", args[0], args[1], text)
		}
		return
	}
	defer func() {
		if v := recover(); v != nil {
			text, _ := os.ReadFile(ts.MkAbs(args[0]))
			ts.Logf("%s:\n%s", args[0], text)
			panic(v)
		}
	}()
	eventually(ts, "log "+args[1], func() bool {
		text, _ := os.ReadFile(ts.MkAbs(args[0]))
		return wanted.Match(text)
	})
}

func cmdMatches(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 3, "matches VAR FILE REGEXP")
	wanted, err := regexp.Compile("(?m)" + args[2])
	ts.Check(err)
	m := wanted.FindStringSubmatch(ts.ReadFile(args[1]))
	if len(m) < 2 {
		ts.Fatalf("%s does not match %s", args[1], args[2])
	}
	ts.Setenv(args[0], m[1])
}
