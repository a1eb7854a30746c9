package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/internal/listen"
	"github.com/bident/bident/internal/succession"
	"github.com/bident/bident/pool"
)

// admin is the listener through which operators look at a server and tell it
// what to do.
type admin struct {
	listener *listen.Listener
	url      string
	scrapes  chan struct{} // has a place for each scrape that is answered
	server   *fasthttp.Server
	leaving  sync.WaitGroup // connections that wait for the server's end
}

// adminConn is a connection to the admin listener.
type adminConn struct {
	net.Conn
	leaving bool // it waits for the server's end
}

// openAdmin binds the admin listener, if there is to be one, or inherits it.
func (r *instance) openAdmin() error {
	if r.plan.admin == nil {
		return nil
	}
	a := *r.plan.admin
	o := listen.Options{Mode: 0o600}
	var l *listen.Listener
	var err error
	if fds := r.heir.sockets(succession.Admin, a); len(fds) > 0 {
		l, err = listen.Inherit(fds[0], o)
	} else {
		l, err = listen.Open(a.network, a.address, o)
	}
	if err != nil {
		return fmt.Errorf("%w: admin: %w", ErrListen, err)
	}
	m := &admin{listener: l, url: addressURL(l.Addr(), address{}), scrapes: make(chan struct{}, maxScrapes)}
	m.server = &fasthttp.Server{
		Handler: r.handleAdmin, NoDefaultServerHeader: true, Logger: quiet{},
		ReadTimeout: time.Minute, IdleTimeout: time.Minute,
	}
	r.server.mu.Lock() // AdminAddr may be asked
	defer r.server.mu.Unlock()
	r.admin = m
	return nil
}

// serve accepts in the background until close.
func (m *admin) serve() {
	go func() {
		for {
			c, err := m.listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				time.Sleep(100 * time.Millisecond) // out of descriptors: it passes
				continue
			}
			go func() {
				own := &adminConn{Conn: c}
				_ = m.server.ServeConn(own)
				if own.leaving {
					m.leaving.Done()
				}
			}()
		}
	}()
}

// close stops listening and lets those who wait for the server's end have their
// answer.
func (m *admin) close() {
	m.listener.Close()
	answered := make(chan struct{})
	go func() {
		m.leaving.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-time.After(lastWords):
	}
}

// handleAdmin answers one request to the admin listener.
func (r *instance) handleAdmin(ctx *fasthttp.RequestCtx) {
	path := string(ctx.Path())
	// Browsers name the page that a request with an effect comes from. Nobody's
	// page may give orders to a server of the person who looks at it.
	if origin := ctx.Request.Header.Peek(fasthttp.HeaderOrigin); len(origin) > 0 && !ctx.IsGet() && !ctx.IsHead() {
		adminError(ctx, fasthttp.StatusForbidden, errors.New("not from a web page"))
		return
	}
	// A page can also make its own name lead to this machine (DNS rebinding); it
	// cannot make the browser say another name than that.
	if a, ok := ctx.LocalAddr().(*net.TCPAddr); ok && a.IP.IsLoopback() && !ownName(ctx.Host()) {
		adminError(ctx, fasthttp.StatusForbidden, errors.New("ask by address, or as localhost"))
		return
	}
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	ctx.Response.Header.Set(fasthttp.HeaderXContentTypeOptions, "nosniff")
	if strings.HasPrefix(path, profilePath) {
		r.handleProfile(ctx, path[len(profilePath):])
		return
	}
	switch path {
	case "/":
		ctx.Redirect("/status", fasthttp.StatusFound)
	case "/status":
		r.handleStatusPage(ctx)
	case "/metrics":
		r.handleMetrics(ctx)
	case "/status.json":
		st, err := r.status(context.Background())
		if err != nil {
			adminError(ctx, fasthttp.StatusServiceUnavailable, err)
			return
		}
		adminJSON(ctx, st)
	case "/healthz":
		ctx.SetBodyString("ok\n")
	case "/readyz":
		r.mu.Lock()
		stopping := r.stopping
		r.mu.Unlock()
		err := r.readiness()
		if stopping {
			err = errors.New("stopping")
		}
		if err != nil {
			adminError(ctx, fasthttp.StatusServiceUnavailable, err)
			return
		}
		ctx.SetBodyString("ok\n")
	case "/ctl/reload", "/ctl/upgrade", "/ctl/stop", "/ctl/scale", "/ctl/recycle", "/ctl/reopen-logs":
		if !ctx.IsPost() {
			ctx.Response.Header.Set(fasthttp.HeaderAllow, fasthttp.MethodPost)
			adminError(ctx, fasthttp.StatusMethodNotAllowed, errors.New("use POST"))
			return
		}
		r.handleControl(ctx, path[len("/ctl/"):])
	default:
		adminError(ctx, fasthttp.StatusNotFound, errors.New("no such path"))
	}
}

// ownName reports whether a Host field is an address, or localhost.
func ownName(host []byte) bool {
	name := string(bytes.Trim(hostName(host), "[]"))
	_, err := netip.ParseAddr(name)
	return err == nil || name == "localhost" || name == "" // browsers always say one
}

// readiness is nil if the server can take requests.
func (r *instance) readiness() error {
	select {
	case <-r.server.ready:
	default:
		return errors.New("workers are starting")
	}
	st, err := r.supervisor.Status(context.Background())
	switch {
	case err != nil:
		return err
	case st.Paused:
		return errors.New("all workers were retired")
	case st.Want == 0 && st.Config.MinServers == 0 && len(st.Workers) == 0:
		return nil // they are started on demand
	}
	for _, w := range st.Workers {
		switch w.State {
		case pool.Idle, pool.Working, pool.Kept:
			return nil
		}
	}
	return errors.New("no worker is ready")
}

// handleControl does what an operator asks for and answers with the outcome.
func (r *instance) handleControl(ctx *fasthttp.RequestCtx, what string) {
	args := ctx.QueryArgs()
	wait := context.Background()
	var err error
	switch what {
	case "reload":
		err = r.reload(wait)
	case "upgrade":
		r.answerLast(ctx)
		err = r.server.Upgrade(wait)
	case "stop":
		r.answerLast(ctx)
		r.stop(dieTimeout(r.plan.pool))
		<-r.ended
		err = r.outcome
	case "scale":
		n, bad := strconv.Atoi(string(args.Peek("n")))
		if bad != nil {
			adminError(ctx, fasthttp.StatusBadRequest, errors.New("scale needs a number of workers: ?n=4"))
			return
		}
		err = r.supervisor.Scale(wait, n, false)
	case "recycle":
		slot, bad := strconv.Atoi(string(args.Peek("slot")))
		if bad != nil {
			adminError(ctx, fasthttp.StatusBadRequest, errors.New("recycle needs a slot: ?slot=0"))
			return
		}
		err = r.supervisor.Recycle(wait, slot)
	case "reopen-logs":
		err = r.reopenLogs()
	}
	if err == nil {
		r.log.Info("control: done", "what", what, "arguments", args.String())
	}
	if err != nil {
		r.log.Error("control", "what", what, "arguments", args.String(), "error", err)
		status := fasthttp.StatusConflict
		if errors.Is(err, pool.ErrConfig) || errors.Is(err, ErrConfig) || errors.Is(err, pool.ErrNoWorker) {
			status = fasthttp.StatusUnprocessableEntity
		}
		adminError(ctx, status, err)
		return
	}
	adminJSON(ctx, map[string]string{"outcome": "ok"})
}

// answerLast makes the answer one that the server's end waits for.
func (r *instance) answerLast(ctx *fasthttp.RequestCtx) {
	own := ctx.Conn().(*adminConn)
	own.leaving = true
	r.admin.leaving.Add(1)
	ctx.SetConnectionClose()
}

func (r *instance) reopenLogs() error {
	err := r.accessLog.reopen()
	if f := r.server.Hooks.ReopenLogs; f != nil {
		err = errors.Join(err, f())
	}
	return err
}

func adminJSON(ctx *fasthttp.RequestCtx, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		adminError(ctx, fasthttp.StatusInternalServerError, err)
		return
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(append(b, '\n'))
}

func adminError(ctx *fasthttp.RequestCtx, status int, err error) {
	adminJSON(ctx, map[string]string{"error": err.Error()})
	ctx.SetStatusCode(status)
}
