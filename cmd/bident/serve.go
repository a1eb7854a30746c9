package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/bident/bident/cmd/bident/demo"
	"github.com/bident/bident/cmd/bident/options"
	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// serve is the server; in a child of it, it is the worker.
func serve(args []string, stdout, stderr io.Writer) int {
	s, err := readSettings(args)
	if errors.Is(err, options.ErrHelp) {
		fmt.Fprint(stdout, options.Help())
		return exitOK
	}
	if err != nil {
		return fail(stderr, err)
	}
	logs, err := openLog(s, stderr)
	if err != nil {
		return fail(stderr, err)
	}
	defer logs.Close()
	srv := server(s)
	srv.Log = logs.logger
	srv.Hooks.ReopenLogs = logs.Reopen
	srv.Signals = true
	srv.HUPStops = s.HUP == "stop"
	srv.Reconfigure = func() (pool.Config, error) { return reconfigure(args, s, srv, logs) }
	if !httpd.InChild() {
		if srv.Admin, err = adminAddress(s); err != nil {
			return fail(stderr, err)
		}
		if s.PIDFile != "" {
			pid, err := claimPIDFile(s.PIDFile)
			if err != nil {
				return fail(stderr, err)
			}
			defer pid.Remove()
		}
	}
	err = srv.Run(context.Background())
	removeAdminDirectory()
	if err != nil {
		return fail(stderr, err)
	}
	return exitOK
}

// readSettings reads the settings of serve.
func readSettings(args []string) (*options.Settings, error) {
	return options.Load(args, os.Environ(), os.ReadFile)
}

// server makes a Server of the settings.
func server(s *options.Settings) *httpd.Server {
	srv := &httpd.Server{
		Listen:      s.Listen,
		Backlog:     s.Backlog,
		SocketMode:  s.SocketMode,
		Pool:        poolConfig(s),
		MaxBodySize: bodyLimit(s.MaxBodySize),
		GOMAXPROCS:  s.GOMAXPROCS,
		Env:         s.Env,
		ClearEnv:    s.ClearEnv,
	}
	// The names were checked when the settings were read.
	_ = srv.Mode.UnmarshalText([]byte(s.Mode))
	_ = srv.Accept.UnmarshalText([]byte(s.Accept))
	if srv.Mode == httpd.Emulate {
		srv.Accept = httpd.AcceptAuto // "request" is what it does anyway
	}
	if len(s.Program) > 0 {
		srv.Handler = httpd.Program(s.Program[0], s.Program[1:]...)
	} else {
		srv.Handler = httpd.Fast(demo.New(demo.Options{Faults: s.DemoFaults}))
		srv.Hooks.WorkerInit = demo.Init
	}
	return srv
}

// unlimited is the library's word for a setting of 0.
func unlimited[T int | time.Duration](v T) T {
	if v == 0 {
		return pool.NoLimit
	}
	return v
}

// bodyLimit is the library's word for a size limit.
func bodyLimit(n int64) int {
	const most = 1 << 46 // of an address space
	if n == 0 || n > most {
		return most
	}
	return int(n)
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
		QueueSize:         unlimited(s.QueueSize),
		QueueTimeout:      unlimited(s.QueueTimeout),
	}
}

// reconfigure reads the settings again for a reload.
func reconfigure(args []string, running *options.Settings, srv *httpd.Server, logs *logFile) (pool.Config, error) {
	s, err := readSettings(args)
	if err != nil {
		return pool.Config{}, err
	}
	if keys := options.Reloadable(running, s); len(keys) > 0 {
		return pool.Config{}, fmt.Errorf("%w: a reload cannot change %s: restart the server",
			httpd.ErrConfig, strings.Join(keys, ", "))
	}
	logs.level.Set(logLevel(s.LogLevel))
	return poolConfig(s), nil
}

// logLevel is slog's level for one of Net::Server's log levels.
func logLevel(n int) slog.Level {
	return []slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo, pool.LevelVerbose, slog.LevelDebug}[n]
}
