package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/bident/bident/cmd/bident/options"
	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// serve is the server; in a child of it, it is the worker.
func serve(args []string, stdout, stderr io.Writer) int {
	if httpd.InChild() {
		return work(stderr)
	}
	if status, is := runInit(stderr); is {
		return status
	}
	if err := noteSpawned(); err != nil {
		return fail(stderr, err)
	}
	s, err := firstSettings(args)
	if errors.Is(err, options.ErrHelp) {
		fmt.Fprint(stdout, options.Help())
		return exitOK
	}
	if err == nil {
		err = serveWith(args, s, stderr)
	}
	if err != nil {
		return fail(stderr, err)
	}
	return exitOK
}

// serveWith serves until the server is told to stop.
func serveWith(args []string, s *options.Settings, stderr io.Writer) error {
	// A signal to stop that comes before the server can act on it itself must
	// not end the process, which would leave its files behind.
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	logs, err := openLog(s, stderr)
	if err != nil {
		return unwritable(s, "log_file", s.LogFile, err)
	}
	defer logs.Close()
	for _, p := range s.Ignored() {
		logs.logger.Warn("php-fpm file", "at", p.Where, "directive", p.What, "because", p.Hint)
	}
	if s.Origin("listen") == "environment "+options.ListenVariable && !httpd.Upgrading() {
		logs.logger.Info("descriptor 0 is a listening socket: FastCGI is served on it")
	}
	srv := server(s)
	srv.Log = logs.logger
	srv.Hooks.ReopenLogs = logs.Reopen
	srv.Signals = true
	srv.HUPStops = s.HUP == "stop"
	srv.Reconfigure = func() (pool.Config, error) { return reconfigure(args, s, logs) }
	srv.Notify = true
	if s.PIDFile != "" {
		pid, err := newPIDFile(s.PIDFile)
		if err == nil && !httpd.Upgrading() {
			err = pid.Claim()
		}
		if err != nil {
			return unwritable(s, "pid_file", s.PIDFile, err)
		}
		defer pid.Remove()
		srv.Hooks.TakeOver = pid.write
	}
	if srv.Admin, err = adminAddress(s); err != nil {
		return err
	}
	return placed(s, srv.Run(ctx))
}

// firstSettings reads the settings of a server that has not begun: it will have
// to make its files, which a running one has open.
func firstSettings(args []string) (*options.Settings, error) {
	return readSettings(args, findDestinations)
}

// readSettings reads the settings of serve and checks them whole, also by
// further checks.
func readSettings(args []string, further ...func(*options.Settings) error) (*options.Settings, error) {
	s, err := options.Load(args, os.Environ(), os.ReadFile)
	if err == nil {
		if os.Geteuid() > 0 {
			s.Unprivileged()
		}
		problems := []error{findProgram(s), findRoot(s), findScript(s), findCGIBin(s), findCertificates(s)}
		for _, find := range further {
			problems = append(problems, find(s))
		}
		err = errors.Join(problems...)
	}
	if err == nil {
		err = placed(s, server(s).Validate())
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// server makes a Server of the settings.
func server(s *options.Settings) *httpd.Server {
	srv := &httpd.Server{
		Title:       "bident",
		Listen:      s.Listen,
		Backlog:     s.Backlog,
		SocketMode:  s.SocketMode,
		WebServers:  s.WebServer,
		SocketOwner: s.SocketOwner,
		Pool:        poolConfig(s),
		GOMAXPROCS:  s.GOMAXPROCS,
		Env:         environment(s),
		ClearEnv:    s.ClearEnv,
		Isolation:   isolation(s),
		LockFile:    s.LockFile,
		PerRequest:  s.PerRequest,
	}
	setFront(srv, s)
	// The names were checked when the settings were read.
	_ = srv.Mode.UnmarshalText([]byte(s.Mode))
	_ = srv.Accept.UnmarshalText([]byte(s.Accept))
	if srv.Mode == httpd.Emulate {
		srv.Accept = httpd.AcceptAuto // "request" is what it does anyway
	}
	if program := external(s); program != nil {
		srv.Handler = scripted(s, program)
		return srv
	}
	if len(s.Upstream) > 0 {
		srv.Handler, srv.UpstreamKeep = scripted(s, httpd.Upstream(s.Upstream...)), unlimited(s.UpstreamKeep)
		return srv
	}
	a := application{Faults: s.DemoFaults, Root: s.Root, Index: s.Index}
	a.serveBy(srv)
	if srv.Mode == httpd.Fork {
		srv.Env = append(slices.Clone(s.Env), a.variable())
	}
	return srv
}

// unlimited is the library's word for a setting of 0.
func unlimited[T int | int64 | time.Duration](v T) T {
	if v == 0 {
		return pool.NoLimit
	}
	return v
}

func poolConfig(s *options.Settings) pool.Config {
	return pool.Config{
		MaxServers:        s.MaxServers,
		MinServers:        unlimited(s.MinServers),
		MinSpareServers:   s.MinSpareServers,
		MaxSpareServers:   s.MaxSpareServers,
		StartServers:      unlimited(s.StartServers),
		CheckForWaiting:   unlimited(s.CheckForWaiting),
		CheckForSpawn:     unlimited(s.CheckForSpawn),
		MinChildTTL:       unlimited(s.MinChildTTL),
		MaxIdle:           s.MaxIdle,
		Concurrency:       s.Concurrency,
		MaxRequests:       unlimited(s.MaxRequests),
		MaxRequestsJitter: s.MaxRequestsJitter,
		MaxLifetime:       unlimited(s.MaxLifetime),
		MaxSurge:          unlimited(s.MaxSurge),
		MaxUnavailable:    s.MaxUnavailable,
		StartDelay:        s.StartDelay,
		MaxLost:           unlimited(s.MaxLost),
		StartTimeout:      unlimited(s.StartTimeout),
		RequestTimeout:    unlimited(s.RequestTimeout),
		DieTimeout:        unlimited(s.DieTimeout),
		RetireTimeout:     unlimited(s.RetireTimeout),
		MaxMemory:         s.MaxMemory,
		KillMemory:        s.KillMemory,
		CheckForDead:      unlimited(s.CheckForDead),
		QueueSize:         unlimited(s.QueueSize),
		QueueTimeout:      unlimited(s.QueueTimeout),
	}
}

// reconfigure reads the settings again for a reload. Nothing has changed if it
// fails.
func reconfigure(args []string, running *options.Settings, logs *logFile) (pool.Config, error) {
	s, err := readSettings(args)
	if err != nil {
		return pool.Config{}, refusal(lines(err))
	}
	var fixed []string
	for _, key := range options.Reloadable(running, s) {
		where := s.Origin(key)
		if !s.IsSet(key) {
			where = running.Origin(key)
		}
		fixed = append(fixed, where+": "+key+" cannot be changed by a reload (restart the server)")
	}
	if len(fixed) > 0 {
		return pool.Config{}, refusal(fixed)
	}
	logs.level.Set(logLevel(s.LogLevel))
	return poolConfig(s), nil
}

// refusal is why a configuration is not taken over, a line for each reason.
type refusal []string

func (r refusal) Error() string { return strings.Join(r, "\n") }

// Is says that it is a problem of the configuration.
func (r refusal) Is(target error) bool { return target == httpd.ErrConfig }

// logLevel is slog's level for one of Net::Server's log levels.
func logLevel(n int) slog.Level {
	return []slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo, pool.LevelVerbose, slog.LevelDebug}[n]
}
