package fork

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/pool"
)

// showCapabilities prints those of a thread or process, without the names of the sets,
// and who that is.
func showCapabilities(of string) {
	text, err := os.ReadFile("/proc/" + of + "/status")
	if err != nil {
		fmt.Println(err)
	}
	var sets []string
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); name == "CapInh" || name == "CapPrm" || name == "CapEff" || name == "CapAmb" || name == "Uid" {
			sets = append(sets, strings.Fields(value)[0])
		}
	}
	fmt.Println(strings.Join(sets, " "))
}

// capableMain is a parent whose children are another user.
func capableMain() {
	board, err := NewBoard(1, 1)
	if err == nil {
		var b *Backend
		b, err = New(Config{
			Queue: pool.NewQueue(1), Runner: newLineRunner, Board: board, DieTimeout: patience,
			Isolation: Isolation{User: "nobody"}, Env: []string{roleVariable + "="},
		})
		if err == nil {
			events := make(chan pool.Event, 9)
			_, err = b.Start(pool.Spec{
				ID: 1, Config: &pool.Config{StartTimeout: patience}, Board: board.Scoreboard,
			}, func(e pool.Event) { events <- e })
			if e := <-events; e.Kind == pool.Ready {
				showCapabilities(fmt.Sprint(board.Scoreboard.Row(0).PID()))
			} else {
				fmt.Printf("%+v\n", e)
			}
			b.Close()
		}
	}
	fmt.Println(err)
	os.Exit(0)
}

// dropMain becomes another user itself.
func dropMain() {
	err := (&Isolation{User: "nobody"}).Drop()
	fmt.Println(errors.Is(err, ErrIsolation), err)
	tasks, _ := filepath.Glob("/proc/self/task/*")
	for _, task := range tasks {
		showCapabilities("self/task/" + filepath.Base(task))
	}
	os.Exit(0)
}

// ambient are what a user was given that may become anybody, and the last one allows to
// kill them.
var ambient = []uintptr{unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_NET_BIND_SERVICE, unix.CAP_KILL}

// TestAmbientCapabilities: who is no longer the user that was given capabilities has
// none.
func TestAmbientCapabilities(t *testing.T) {
	needRoot(t)
	jail := newJail(t)
	run := func(role string, sys *syscall.SysProcAttr) string {
		cmd := exec.Command(filepath.Join(jail, "bin/program"))
		cmd.Dir, cmd.SysProcAttr = "/", sys
		cmd.Env = append(os.Environ(), roleVariable+"="+role, "TMPDIR=/tmp")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	user := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}, AmbientCaps: ambient}
	unable := &syscall.SysProcAttr{Credential: user.Credential, AmbientCaps: ambient[:len(ambient)-1]}
	if got := run("capable parent", unable); !strings.Contains(got, "user nobody: ") || !strings.Contains(got, "CAP_KILL") {
		t.Errorf("workers that cannot be killed: %s", got)
	}
	const none = "65534 0000000000000000 0000000000000000 0000000000000000 0000000000000000\n"
	for name, sys := range map[string]*syscall.SysProcAttr{"user": user, "root": nil} {
		t.Run(name, func(t *testing.T) {
			if got := run("capable parent", sys); got != none+"<nil>\n" {
				t.Errorf("a child: %s", got)
			}
			got := run("capable", sys)
			first, threads, _ := strings.Cut(got, "\n")
			_, _, cgo := syscall.AllThreadsSyscall(unix.SYS_GETPPID, 0, 0, 0)
			if sys == user && cgo == unix.ENOTSUP {
				if !strings.HasPrefix(first, "true ") || !strings.Contains(first, "capabilities of 65534 (nobody): ") || !strings.Contains(first, "cgo") {
					t.Errorf("dropped with cgo: %s", got)
				}
				return
			}
			if first != "false <nil>" || threads == "" || strings.ReplaceAll(threads, none, "") != "" {
				t.Errorf("dropped: %s", got)
			}
		})
	}
}
