package httpd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// What handlers do to their worker, and where the modes honestly differ.

// emulateVariable makes this test binary a program with a server whose workers
// are goroutines.
const emulateVariable = "BIDENT_TEST_EMULATE"

// emulateRootVariable makes that server give its rights up, and its root.
const emulateRootVariable = "BIDENT_TEST_EMULATE_ROOT"

var errDeadline = os.ErrDeadlineExceeded

func cause(ctx context.Context) error { return context.Cause(ctx) }

// global is a variable that handlers have in common with all in their process.
var global atomic.Int64

var grown atomic.Pointer[[]byte]

// misbehave answers the paths that harm the worker. It reports false for others.
func misbehave(ctx *fasthttp.RequestCtx) bool {
	switch string(ctx.Path()) {
	case "/exit":
		code, _ := strconv.Atoi(string(ctx.QueryArgs().Peek("c")))
		os.Exit(code)
	case "/crash":
		go func() { panic("in a goroutine of the handler's") }()
		select {} // the process ends
	case "/goexit":
		ctx.WriteString("half an answer")
		runtime.Goexit()
	case "/eat":
		for kept := [][]byte{}; ; {
			kept = append(kept, make([]byte, 64<<20)) // address space only
		}
	case "/grow": // keeps that many MiB more
		mb, _ := ctx.QueryArgs().GetUint("mb")
		grown.Store(new(bytes.Repeat([]byte("x"), mb<<20)))
		if ctx.QueryArgs().Has("hang") {
			select {}
		}
	case "/environment": // whether it is there, for this process and its children
		out, _ := exec.Command("env").Output()
		path := os.Getenv("PATH")
		fmt.Fprintf(ctx, "%t %t\n", path != "", strings.Contains(string(out), "PATH="+path+"\n"))
	case "/global":
		fmt.Fprintf(ctx, "%d\n", global.Add(1))
	default:
		return false
	}
	return true
}

// emulateMain serves until its standard input ends.
func emulateMain() {
	ctx, cancel := context.WithCancel(context.Background())
	s := &httpd.Server{
		Listen: []string{"http://127.0.0.1:0"}, Handler: httpd.Fast(suiteHandler),
		Pool: pool.Config{MaxServers: 2}, Log: slog.New(slog.DiscardHandler),
	}
	if root := os.Getenv(emulateRootVariable); root != "" {
		s.Isolation = httpd.Isolation{User: "nobody", Chroot: root, Umask: "027"}
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

// TestProcessDies: what ends a process ends one child, and nobody else notices.
func TestProcessDies(t *testing.T) {
	const whole = "start ready"
	each(t, processKinds()[:3], func(t *testing.T, k kind) {
		for _, one := range []struct{ path, status string }{
			{"/exit?c=3", "exit 3"},
			{"/crash?how=goroutine", "exit 2"},
		} {
			t.Run(one.path[1:5], func(t *testing.T) {
				if one.path != "/exit?c=3" && k.name == "program in Go" {
					one.path, one.status = "/exit?c=3", "exit 3"
				}
				s := start(t, k, pool.Config{})
				c, other := newClient(t, s.url), newClient(t, s.url)
				other.pid(t)
				status, text, err := c.try("GET", one.path, "")
				if !k.owns() {
					if err != nil || status != http.StatusBadGateway || text != "bad gateway\n" || c.conn == nil {
						t.Errorf("request that ends the process: %d %q %v, kept %t", status, text, err, c.conn != nil)
					}
				} else if !errors.Is(err, errUnanswered) {
					t.Errorf("request that ends the process: %d %q %v, expected a closed connection", status, text, err)
				}
				s.expect(whole, whole, "start ready exited(crash)")
				st, err := s.Status(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if e := st.Exits[0]; e.Status != one.status || e.Request != "GET "+one.path || e.Cause != "crash" {
					t.Errorf("exit in status: %+v, expected %s because of GET %s", e, one.status, one.path)
				}
				for range 10 {
					c.pid(t)
					other.pid(t)
				}
				if !k.owns() && c.closed+other.closed > 0 {
					t.Error("a connection was closed")
				}
			})
		}
	})
}

// TestProcessDiesEmulated: what ends a process ends the server whose workers are
// goroutines; a panic in a handler does not.
func TestProcessDiesEmulated(t *testing.T) {
	for _, one := range []struct {
		path string
		code int
	}{
		{"/exit?c=3", 3},
		{"/crash?how=goroutine", 2},
		{"/pid", 0},
	} {
		t.Run(one.path[1:4], func(t *testing.T) {
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(exe)
			cmd.Env = append(os.Environ(), emulateVariable+"=1")
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var url string
			_, _ = fmt.Fscanln(out, &url)
			c := newClient(t, url)
			if status, text, err := c.try("GET", "/panic", ""); err != nil || status != 500 {
				t.Errorf("panic: %d %q %v", status, text, err)
			}
			c.pid(t)
			_, _, err = c.try("GET", one.path, "")
			if dies := one.code != 0; errors.Is(err, errUnanswered) != dies {
				t.Errorf("GET %s: %v", one.path, err)
			}
			in.Close()
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != one.code {
				t.Errorf("exit status %d, expected %d\n%s", code, one.code, &stderr)
			}
		})
	}
}

// TestGlobals: processes have variables of their own, goroutines share them.
func TestGlobals(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{MaxRequests: 3})
		c := newClient(t, s.url)
		shared := strings.HasPrefix(k.name, "emulate")
		var counts []string
		before := global.Load()
		for range 6 {
			counts = append(counts, strings.TrimSpace(c.must(t, "/global")))
		}
		want := []string{"1", "2", "3", "1", "2", "3"}
		if shared {
			for i := range want {
				want[i] = strconv.FormatInt(before+int64(i)+1, 10)
			}
		}
		if fmt.Sprint(counts) != fmt.Sprint(want) {
			t.Errorf("a global variable counts %v, expected %v", counts, want)
		}
	})
}

// TestGoexit: a handler that ends its goroutine has crashed, and its connection
// goes on.
func TestGoexit(t *testing.T) {
	each(t, handlerKinds(), func(t *testing.T, k kind) {
		s := start(t, k, pool.Config{})
		c := newClient(t, s.url)
		status, text, err := c.try("GET", "/goexit", "")
		if err != nil || status != http.StatusInternalServerError || text != "internal server error\n" {
			t.Errorf("answer of a handler that ends its goroutine: %d %q %v", status, text, err)
		}
		if k.moves && c.conn == nil {
			t.Error("the connection was closed")
		}
		s.expect("start ready", "start ready exited(crash)", "start ready")
		c.pid(t)
	})
}
