package main

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"
)

// ctl tells a running server to do something and waits for the outcome.
func ctl(args []string, stdout, stderr io.Writer) int {
	f := newFlags("ctl", stderr)
	var t target
	t.flags(f)
	rest, code, ok := parse(f, args)
	if !ok {
		return code
	}
	path, err := ctlPath(rest)
	if err != nil {
		return misuse(stderr, "ctl: %v", err)
	}
	c, err := t.dial()
	if err != nil {
		return fail(stderr, err)
	}
	if _, err := c.do("POST", path); err != nil {
		return fail(stderr, fmt.Errorf("%s: %w", rest[0], err))
	}
	if rest[0] == "stop" {
		c.gone()
	}
	fmt.Fprintf(stdout, "%s: ok\n", rest[0])
	return exitOK
}

// ctlPath is what to ask the admin listener for.
func ctlPath(args []string) (string, error) {
	if len(args) == 0 {
		return "", fmt.Errorf("needs one of reload, stop, scale N, recycle SLOT, reopen-logs")
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
	case "reload", "stop", "reopen-logs":
		if len(args) > 1 {
			return "", fmt.Errorf("%s takes no argument, not %q", args[0], args[1])
		}
		return "/ctl/" + args[0], nil
	case "upgrade":
		return "", fmt.Errorf("upgrade is not available in this version")
	}
	return "", fmt.Errorf("%q is none of reload, stop, scale N, recycle SLOT, reopen-logs", args[0])
}

// gone waits until the admin listener is closed, the last thing that a server
// does.
func (c *adminClient) gone() {
	for {
		if _, err := c.do("GET", "/healthz"); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
