package fork

import (
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// needRoot ends a test that shows nothing without the rights of root.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it changes user, group and root directory, which nobody else may")
	}
}

// nobody is a user without any rights, on every Debian.
const nobody = 65534

// newJail makes a directory that everybody can read, with this test's program as
// /bin/program and what it needs in order to run: the libraries, if it is
// dynamically linked.
func newJail(t *testing.T) string {
	t.Helper()
	jail, err := os.MkdirTemp("", "bident-jail-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(jail) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{".", "bin", "work", "tmp"} {
		os.MkdirAll(filepath.Join(jail, dir), 0o755)
		os.Chmod(filepath.Join(jail, dir), 0o755)
	}
	os.Chmod(filepath.Join(jail, "tmp"), 0o777)
	copyFile(t, self, filepath.Join(jail, "bin/program"))
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	libraries := map[string]bool{}
	for line := range strings.Lines(string(maps)) {
		if at := strings.IndexByte(line, '/'); at >= 0 && strings.Contains(line[at:], ".so") {
			libraries[strings.TrimSpace(line[at:])] = true
		}
	}
	if linker := linkerOf(t, self); linker != "" {
		libraries[linker] = true
	}
	for file := range libraries {
		os.MkdirAll(filepath.Join(jail, filepath.Dir(file)), 0o755)
		copyFile(t, file, filepath.Join(jail, file))
	}
	return jail
}

// linkerOf is the dynamic linker that a program names, "" if it is static.
func linkerOf(t *testing.T, program string) string {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			name, err := io.ReadAll(p.Open())
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimRight(string(name), "\x00")
		}
	}
	return ""
}

// copyFile copies a program or library.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o755)
	}
	if err == nil {
		err = os.Chmod(to, 0o755) // whatever the umask
	}
	if err != nil {
		t.Fatal(err)
	}
}

// asNobody are the attributes of a process of nobody's.
var asNobody = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}

// statusOf is what /proc says of a process, by name.
func statusOf(t *testing.T, pid int) map[string]string {
	t.Helper()
	out := map[string]string{}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		out[name] = strings.Join(strings.Fields(value), " ")
	}
	text, err = os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 4 && f[0] == "Max" {
			name, rest := strings.Join(f[1:3], " "), f[3:]
			if f[3] == "size" || f[3] == "time" || f[3] == "limit" {
				rest = f[4:]
			}
			out[name] = rest[0] + " " + rest[1]
		}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	out["nice"] = strings.Fields(after)[16]
	for _, link := range []string{"root", "cwd"} {
		if out[link], err = os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, link)); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
