package httpd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/valyala/fasthttp"

	"github.com/bident/bident/httpd"
	"github.com/bident/bident/pool"
)

// upgradeVariable makes this test binary a program that embeds a server and upgrades
// itself. Its value is the directory where the program says what becomes of it.
const upgradeVariable = "BIDENT_TEST_UPGRADE"

// upgradeMain is that program.
func upgradeMain() {
	dir := os.Getenv(upgradeVariable)
	note := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s.%d", name, os.Getpid())), nil, 0o600); err != nil {
			panic(err)
		}
	}
	var srv *httpd.Server
	srv = &httpd.Server{
		Name: "upgraded", Pool: pool.Config{MaxServers: 2},
		Listen: []string{"http+unix://" + filepath.Join(dir, "socket"), "fcgi+unix://" + filepath.Join(dir, "records")},
		Handler: httpd.Fast(func(ctx *fasthttp.RequestCtx) {
			if string(ctx.Path()) == "/upgrade" {
				err := srv.Upgrade(context.Background())
				fmt.Fprintf(ctx, "failed=%t succeeded=%t upgrading=%t %v\n",
					errors.Is(err, httpd.ErrUpgrade), errors.Is(err, httpd.ErrSucceeded), httpd.Upgrading(), err)
				return
			}
			fmt.Fprintf(ctx, "%d%s", os.Getpid(), ctx.PostBody())
		}),
		Hooks: httpd.Hooks{TakeOver: func() error {
			note("takeover")
			if _, err := os.Stat(filepath.Join(dir, "refuse")); err == nil && httpd.Upgrading() {
				return errors.New("not now")
			}
			return nil
		}},
	}
	if httpd.Upgrading() {
		note("upgrading")
	}
	go func() {
		<-srv.Ready()
		note("ready")
	}()
	if err := srv.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	note("ended")
	os.Exit(0)
}
