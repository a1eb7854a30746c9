package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/bident/bident/cmd/bident/options"
)

// adminDirectories are where the admin sockets of this user's servers can be,
// the preferred one first. A server that a service manager starts often has no
// XDG_RUNTIME_DIR where its operator's shell has one, so there is more than one.
// A directory that is another user's, as the variable is after a change of user,
// is none of them.
func adminDirectories() []string {
	var list []string
	if d := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(d) {
		if info, err := os.Stat(d); err == nil && info.IsDir() && private(info) {
			list = append(list, filepath.Join(d, "bident"))
		}
	}
	return append(list, filepath.Join(os.TempDir(), "bident-"+strconv.Itoa(os.Getuid())))
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
	const otherwise = "choose another place with --admin, or --admin off"
	dir := adminDirectories()[0]
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("admin socket: %w (%s)", err, otherwise)
	}
	// In a directory that everybody may write to, somebody else could have
	// been faster.
	if !trusted(dir) {
		return "", fmt.Errorf("admin socket: %s is not a directory of this user's alone (%s)", dir, otherwise)
	}
	removeStale(dir)
	return "http+unix://" + filepath.Join(dir, strconv.Itoa(os.Getpid())+".sock"), nil
}

// trusted reports whether nobody else can put anything into a directory.
func trusted(dir string) bool {
	info, err := os.Lstat(dir)
	return err == nil && info.IsDir() && private(info)
}

// adminSocket is the socket of one server.
type adminSocket struct {
	path string
	pid  int
}

// adminSockets are the sockets in a directory, by name.
func adminSockets(dir string) []adminSocket {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var list []adminSocket
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".sock")
		if pid, err := strconv.Atoi(name); ok && err == nil && e.Type() == fs.ModeSocket {
			list = append(list, adminSocket{filepath.Join(dir, e.Name()), pid})
		}
	}
	return list
}

// refused reports whether it is certain that nobody listens on the socket.
func (s adminSocket) refused() bool {
	c, err := net.Dial("unix", s.path)
	if err == nil {
		c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// removeStale removes what servers that were killed have left behind. A server
// of another process number space can be behind a number that is free here, so
// that the number alone does not tell.
func removeStale(dir string) {
	for _, s := range adminSockets(dir) {
		if !alive(s.pid) && s.refused() {
			os.Remove(s.path)
		}
	}
}

// findAdmin is the admin address of the server that the flags name, or of the
// only one that is running.
func findAdmin(admin, pidFile string) (string, error) {
	switch {
	case admin != "" && pidFile != "":
		return "", usageError("--admin and --pid-file both name a server: give one of them")
	case admin != "":
		return admin, nil
	}
	wanted := 0
	if pidFile != "" {
		var err error
		if wanted, err = readPIDFile(pidFile); err != nil {
			return "", err
		}
		if !alive(wanted) {
			return "", fmt.Errorf("pid file %s: process %d is not running", pidFile, wanted)
		}
	}
	var found []string
	for _, dir := range adminDirectories() {
		if !trusted(dir) {
			continue
		}
		for _, s := range adminSockets(dir) {
			if (wanted == 0 || wanted == s.pid) && !s.refused() {
				found = append(found, "http+unix://"+s.path)
			}
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case wanted != 0:
		return "", fmt.Errorf("process %d has no admin socket of this user's; name the one that it has with --admin", wanted)
	case len(found) == 0:
		return "", errors.New("no running server of this user was found; name one with --admin or --pid-file")
	}
	return "", fmt.Errorf("%d servers are running; name one with --admin or --pid-file: %s",
		len(found), strings.Join(found, ", "))
}
