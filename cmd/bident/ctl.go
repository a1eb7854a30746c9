package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// ctl tells a running server to do something and waits for the outcome.
func ctl(args []string, stdout, stderr io.Writer) int {
	f := newFlags("ctl [flags] reload|upgrade|stop|scale N|recycle SLOT|reopen-logs")
	var t target
	t.flags(f)
	rest, code, ok := parse(f, args, stdout, stderr)
	if !ok {
		return code
	}
	path, err := ctlPath(rest)
	if err != nil {
		return misuse(stderr, "ctl: %v", err)
	}
	c, err := t.client()
	if err != nil {
		return fail(stderr, err)
	}
	if rest[0] == "stop" {
		err = c.stop()
	} else {
		err = c.order(path)
	}
	if err != nil {
		var said *errSaid
		if errors.As(err, &said) && !strings.HasPrefix(said.text, rest[0]+" ") {
			err = fmt.Errorf("%s: %w", rest[0], err)
		}
		return fail(stderr, err)
	}
	fmt.Fprintf(stdout, "%s: ok\n", rest[0])
	return exitOK
}

// ctlPath is what to ask the admin listener for.
func ctlPath(args []string) (string, error) {
	if len(args) == 0 {
		return "", errors.New("needs one of reload, upgrade, stop, scale N, recycle SLOT, reopen-logs")
	}
	number := func(key, what string, least int) (string, error) {
		if len(args) != 2 {
			return "", fmt.Errorf("%s needs %s", args[0], what)
		}
		n, err := strconv.Atoi(args[1])
		if err != nil || n < least {
			return "", fmt.Errorf("%s needs %s, not %q", args[0], what, args[1])
		}
		return "/ctl/" + args[0] + "?" + url.Values{key: {args[1]}}.Encode(), nil
	}
	switch args[0] {
	case "scale":
		return number("n", "a number of workers", 1)
	case "recycle":
		return number("slot", "the slot of a worker", 0)
	case "reload", "upgrade", "stop", "reopen-logs":
		if len(args) > 1 {
			return "", fmt.Errorf("%s takes no argument, not %q", args[0], args[1])
		}
		return "/ctl/" + args[0], nil
	}
	return "", fmt.Errorf("%q is none of reload, upgrade, stop, scale N, recycle SLOT, reopen-logs", args[0])
}

// stop stops the server and returns when its process is gone. The error says so
// if the server told that not all workers left by themselves.
func (c *adminClient) stop() error {
	d, err := c.departure()
	if err != nil {
		return err
	}
	defer d.conn.Close()
	err = c.order("/ctl/stop")
	var said *errSaid
	if errors.As(err, &said) && said.status != http.StatusConflict {
		return err // it goes on; a conflict is about how it ended
	}
	d.await()
	return err
}
