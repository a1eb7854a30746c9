package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bident/bident/cmd/bident/options"
)

// adminDirectory is where the admin sockets of this user's servers are.
func adminDirectory() string {
	if d := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(d) {
		return filepath.Join(d, "bident")
	}
	return filepath.Join(os.TempDir(), "bident-"+strconv.Itoa(os.Getuid()))
}

// adminAddress is where the admin listener of this server shall be, "" for none.
func adminAddress(s *options.Settings) (string, error) {
	switch s.Admin {
	case "off":
		return "", nil
	case "":
	default:
		return s.Admin, nil
	}
	dir := adminDirectory()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("admin socket: %w (choose another place with --admin, or --admin off)", err)
	}
	// In a directory that everybody may write to, somebody else could have
	// been faster.
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() || !private(info) {
		return "", fmt.Errorf("admin socket: %s is not a directory of this user's alone (choose another place with --admin, or --admin off)", dir)
	}
	return "http+unix://" + filepath.Join(dir, strconv.Itoa(os.Getpid())+".sock"), nil
}

// removeAdminDirectory removes the directory if this was the last server.
func removeAdminDirectory() { os.Remove(adminDirectory()) }

// findAdmin is the admin address of the server that the flags name, or of the
// only one that is running.
func findAdmin(admin, pidFile string) (string, error) {
	if admin != "" {
		return admin, nil
	}
	dir := adminDirectory()
	if pidFile != "" {
		pid, err := readPIDFile(pidFile)
		if err != nil {
			return "", err
		}
		return "http+unix://" + filepath.Join(dir, strconv.Itoa(pid)+".sock"), nil
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.sock"))
	if err != nil {
		return "", err
	}
	var found []string
	for _, name := range names {
		pid, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(name), ".sock"))
		if err == nil && alive(pid) {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", errors.New("no running server of this user was found; name one with --admin or --pid-file")
	case 1:
		return "http+unix://" + found[0], nil
	}
	return "", fmt.Errorf("%d servers are running; name one with --admin or --pid-file: %s",
		len(found), strings.Join(found, ", "))
}

// adminClient speaks with the admin listener of a running server.
type adminClient struct {
	base   string
	client *http.Client
}

func dialAdmin(address string) (*adminClient, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("admin address %q: %w", address, err)
	}
	switch {
	case u.Scheme == "http" && u.Host != "":
		return &adminClient{"http://" + u.Host, &http.Client{}}, nil
	case u.Scheme == "http+unix" && filepath.IsAbs(u.Path):
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", u.Path)
		}
		return &adminClient{"http://bident", &http.Client{Transport: &http.Transport{DialContext: dial}}}, nil
	}
	return nil, fmt.Errorf("admin address %q: use http://host:port or http+unix:///path", address)
}

// do sends a request and gives the answer's body; an answer that is no success
// is an error with what the server said.
func (c *adminClient) do(method, path string) ([]byte, error) {
	req, err := http.NewRequest(method, c.base+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		var said struct{ Error string }
		if json.Unmarshal(body, &said) == nil && said.Error != "" {
			return nil, errors.New(said.Error)
		}
		return nil, fmt.Errorf("admin listener answered %s", resp.Status)
	}
	return body, nil
}
