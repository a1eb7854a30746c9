package httpd_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
)

// responderVariable makes this test binary an external FastCGI program.
const responderVariable = "BIDENT_TEST_RESPONDER"

// TestMain runs the tests; in a child of a server that a test has started, this
// call of Run is the worker, as in any program that embeds a server.
func TestMain(m *testing.M) {
	switch {
	case httpd.InChild():
		// As in a program that has two servers: only the one that this child
		// belongs to is run here, the other one waits.
		other := &httpd.Server{Name: otherName, Handler: httpd.Fast(otherHandler)}
		go other.Run(context.Background())
		go routedServer().Run(context.Background())
		web := &httpd.Server{Name: webName, Handler: httpd.HTTP(webHandler()), Hooks: suiteHooks}
		go web.Run(context.Background())
		srv := &httpd.Server{Name: childName(), Handler: httpd.Fast(suiteHandler), Hooks: childHooks()}
		fmt.Fprintln(os.Stderr, srv.Run(context.Background()))
		os.Exit(1)
	case os.Getenv(emulateVariable) != "":
		emulateMain()
	case os.Getenv(upgradeVariable) != "":
		upgradeMain()
	case os.Getenv(brokenVariable) != "":
		brokenMain()
	case os.Getenv(scriptedVariable) != "":
		scriptedMain()
	case os.Getenv(responderVariable) != "":
		if err := fcgi.Serve(nil, http.HandlerFunc(responder)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// The race detector makes every process sleep a second before it exits,
	// which is too long for children that have a few tenths of one to leave.
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	// Scenarios that run at the same time mostly wait.
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked {
		flag.Set("test.parallel", strconv.Itoa(2*max(2, runtime.GOMAXPROCS(0))))
	}
	code := m.Run()
	if libfcgi.path != "" {
		os.RemoveAll(filepath.Dir(libfcgi.path))
	}
	os.Exit(code)
}

const suiteName, otherName = "suite", "other"

// nameVariable is the name of the server that a child belongs to, if that is another one
// than suiteName.
const nameVariable = "BIDENT_TEST_NAME"

func childName() string { return cmp.Or(os.Getenv(nameVariable), suiteName) }

var suiteHooks = httpd.Hooks{
	WorkerInit: func(w httpd.Worker) (any, error) { return fmt.Sprintf("state of %d", w.PID), nil },
}

// released is closed when handlers that are stuck may return, at the tests' end.
var released = make(chan struct{})

// suiteHandler answers the paths that the behaviour suite asks for.
func suiteHandler(ctx *fasthttp.RequestCtx) {
	ctx.SetContentType("text/plain")
	switch string(ctx.Path()) {
	case "/pid":
		w := httpd.WorkerOf(ctx)
		fmt.Fprintf(ctx, "pid=%d served=%d\n", w.PID, w.Served)
	case "/echo":
		ctx.SetContentType("application/octet-stream")
		ctx.Write(ctx.PostBody())
	case "/sleep":
		ms, _ := strconv.Atoi(string(ctx.QueryArgs().Peek("ms")))
		time.Sleep(time.Duration(ms) * time.Millisecond)
		ctx.WriteString("slept\n")
	case "/stuck":
		<-released
	case "/panic":
		panic("asked for")
	case "/state":
		s, _ := httpd.State[string](ctx)
		ctx.WriteString(s + "\n")
	case "/done":
		httpd.WorkerOf(ctx).Retire()
		ctx.WriteString("done\n")
	case "/stream":
		httpd.Stream(ctx, func(w *httpd.StreamWriter) error {
			for i := range 3 {
				fmt.Fprintf(w, "piece %d\n", i)
				if err := w.Flush(); err != nil {
					return err
				}
			}
			return nil
		})
	case "/cut":
		httpd.Stream(ctx, func(w *httpd.StreamWriter) error {
			w.WriteString("the beginning\n")
			w.Flush()
			panic("in the middle")
		})
	case "/wait":
		// Answers when the client has left, into the void; see /left.
		<-httpd.Context(ctx).Done()
		lefts.Add(1)
	case "/websocket":
		fastWebsocket(ctx)
	case "/left":
		fmt.Fprintf(ctx, "%d\n", lefts.Load())
	default:
		if !perform(ctx) && !misbehave(ctx) && !disclose(ctx) {
			ctx.Error("not found\n", fasthttp.StatusNotFound)
		}
	}
}

// responder is the same for an external program that is written in Go.
func responder(w http.ResponseWriter, r *http.Request) {
	served := responderServed.Add(1)
	w.Header().Set("Content-Type", "text/plain")
	switch r.URL.Path {
	case "/pid":
		fmt.Fprintf(w, "pid=%d served=%d\n", os.Getpid(), served)
	case "/echo":
		w.Header().Set("Content-Type", "application/octet-stream")
		io.Copy(w, r.Body)
	case "/sleep":
		ms, _ := strconv.Atoi(r.FormValue("ms"))
		time.Sleep(time.Duration(ms) * time.Millisecond)
		io.WriteString(w, "slept\n")
	case "/stuck":
		select {}
	case "/panic":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, "internal server error\n")
		// The answer goes out when the handler has returned.
		time.AfterFunc(50*time.Millisecond, func() { os.Exit(1) })
	case "/exit":
		os.Exit(3)
	case "/paced":
		conn, cues, err := call(os.Getpid(), r.FormValue("by"))
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		w.(http.Flusher).Flush()
		for {
			cue, err := cues.ReadString('\n')
			switch {
			case err != nil:
				return
			case cue == "panic\n":
				os.Exit(2)
			}
			io.WriteString(w, "piece "+cue)
			w.(http.Flusher).Flush()
		}
	default:
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, "not found\n")
	}
}
