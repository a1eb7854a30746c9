package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// pidFile is a file that names this process.
type pidFile struct{ path string }

// newPIDFile makes a pid file of a path; nothing is written yet.
func newPIDFile(path string) (*pidFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("pid file: %w", err)
	}
	return &pidFile{path}, nil
}

// Claim writes this process's number into the file. It refuses to take the file of
// a process that is alive.
func (p *pidFile) Claim() error {
	switch pid, err := readPIDFile(p.path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case pid != os.Getpid() && alive(pid):
		return fmt.Errorf("pid file %s: process %d is running", p.path, pid)
	}
	return p.write()
}

// write writes this process's number into the file, whoever's is there: during an
// upgrade that is the process which has started this one.
func (p *pidFile) write() error {
	// Written beside it and renamed: nobody ever reads half a number.
	f, err := os.CreateTemp(filepath.Dir(p.path), ".pid-*")
	if err != nil {
		return fmt.Errorf("pid file %s: %w", p.path, reason(err))
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), p.path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("pid file %s: %w", p.path, reason(err))
	}
	return nil
}

// Remove removes the file if it still names this process.
func (p *pidFile) Remove() {
	if pid, err := readPIDFile(p.path); err == nil && pid == os.Getpid() {
		os.Remove(p.path)
	}
}

// readPIDFile reads the process number in a file; 0 if the file is empty.
func readPIDFile(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("pid file %s: %w", path, reason(err))
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return 0, nil
	}
	pid, err := strconv.Atoi(text)
	if err != nil || pid < 1 {
		return 0, fmt.Errorf("pid file %s: %.40q is no process number", path, text)
	}
	return pid, nil
}
