package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// TestMain is also what runs in the processes that tests start: the workers of
// servers in fork mode, and those that break.
func TestMain(m *testing.M) {
	if httpd.InChild() {
		fmt.Fprintln(os.Stderr, server(Options{}, pool.Config{}).Run(context.Background()))
		os.Exit(1)
	}
	if path := os.Getenv(faultVariable); path != "" {
		var ctx fasthttp.RequestCtx
		ctx.Request.SetRequestURI(path)
		New(Options{Faults: true})(&ctx)
		os.Exit(100)
	}
	os.Exit(m.Run())
}

// faultVariable makes the test program call the handler with its value as the
// path, and nothing else.
const faultVariable = "DEMO_TEST_FAULT"

func TestFaultsEndTheProcess(t *testing.T) {
	for _, c := range []struct {
		path   string
		status int
		says   string
	}{
		{"/exit", 3, ""},
		{"/exit?c=77", 77, ""},
		{"/exit?c=256", 100, ""}, // refused
		{"/crash?how=goroutine", 2, "panic: demo: a panic in a goroutine"},
		{"/crash?how=badly", 100, ""},
		{"/panic", 2, "panic: demo: a panic was asked for"},
	} {
		t.Run(c.path, func(t *testing.T) {
			program := exec.CommandContext(t.Context(), os.Args[0])
			program.Env = append(os.Environ(), faultVariable+"="+c.path)
			output, err := program.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if exit.ExitCode() != c.status || !strings.Contains(string(output), c.says) {
				t.Errorf("exit status %d, %q", exit.ExitCode(), output)
			}
		})
	}
}

func TestBadFaultParameters(t *testing.T) {
	c := alone(t, Options{Faults: true})
	for path, says := range map[string]string{
		"/exit?c=-1":    "c: ",
		"/crash?how=xx": "how: ",
	} {
		if response, body := c.do("GET", path, ""); response.StatusCode != 400 || !strings.HasPrefix(body, says) {
			t.Errorf("%s: %d %q", path, response.StatusCode, body)
		}
	}
}
