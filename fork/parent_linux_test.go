package fork

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/pool"
)

// parentMain is a program with workers of every kind: it prints their process
// ids, and those of processes that they have started, and then does nothing.
func parentMain() {
	os.Unsetenv(roleVariable)
	check := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	board, err := NewBoard(8, 1)
	check(err)
	seats, err := OpenSeats([]Address{{Network: "tcp", Address: "127.0.0.1:0"}}, 2, false, nil)
	check(err)
	queues := []*pool.Queue{pool.NewQueue(8), pool.NewQueue(8), nil, pool.NewQueue(8)}
	for _, q := range queues {
		if q != nil {
			q.Configure(8, patience, 0)
		}
	}
	configs := []Config{
		{Runner: newLineRunner, Board: board},
		{Runner: newLineRunner, Program: []string{os.Args[0]}, Env: []string{roleVariable + "=external"}},
		{Accept: Slot, Seats: seats, Board: board},
		{Runner: newLineRunner, Board: board, Payload: []byte("deaf")},
	}
	for i, c := range configs {
		c.Isolation.User = os.Getenv(userVariable)
		c.Queue = queues[i]
		b, err := New(c)
		check(err)
		ready := make(chan pool.Event, 9)
		w, err := b.Start(pool.Spec{ID: int64(i + 1), Slot: i, Board: board.Scoreboard},
			func(e pool.Event) { ready <- e })
		check(err)
		if string(c.Payload) == "deaf" {
			for w.PID() == 0 {
				time.Sleep(time.Millisecond)
			}
		} else if e := <-ready; e.Kind != pool.Ready {
			fmt.Printf("%+v\n", e)
			os.Exit(1)
		}
		fmt.Println(w.PID())
		switch {
		case string(c.Payload) == "deaf":
		case c.Queue != nil:
			grandchild, err := (&harness{queue: c.Queue}).begin("grandchild")()
			check(err)
			fmt.Println(grandchild)
		default:
			addr := seats.Addrs()[0]
			conn, err := net.Dial(addr.Network(), addr.String())
			check(err)
			fmt.Fprintln(conn, "grandchild")
			grandchild, err := bufio.NewReader(conn).ReadString('\n')
			check(err)
			fmt.Print(grandchild)
		}
	}
	fmt.Println("end")
	select {}
}

// userVariable says who the children of the program are.
const userVariable = "FORK_TEST_USER"

// TestParentKilled: nothing is left of a program that is killed, neither children, one
// of which is stopped, nor what they have started; also where orphans are not init's.
func TestParentKilled(t *testing.T) {
	t.Run("init", func(t *testing.T) { testParentKilled(t, os.Args[0], "") })
	t.Run("subreaper", func(t *testing.T) {
		subreap := func(on uintptr) {
			if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, on, 0, 0, 0); err != nil {
				t.Fatal(err)
			}
		}
		subreap(1)
		defer subreap(0)
		for _, pid := range testParentKilled(t, os.Args[0], "") {
			if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
				t.Errorf("%d is not ours: %v", pid, err)
			}
		}
	})
}

// TestParentOfOthersKilled does the same with children of another user, whom the
// kernel forgets to kill unless it is told so again.
func TestParentOfOthersKilled(t *testing.T) {
	needRoot(t)
	testParentKilled(t, filepath.Join(newJail(t), "bin/program"), "nobody")
}

func testParentKilled(t *testing.T, program, user string) (pids []int) {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), roleVariable+"=parent", userVariable+"="+user)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	var pidfds []int
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "end" {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			rest, _ := io.ReadAll(out)
			t.Fatalf("%s %s", lines.Text(), rest)
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		pidfds, pids = append(pidfds, fd), append(pids, pid)
	}
	if len(pidfds) != 7 {
		t.Fatalf("%d processes", len(pidfds))
	}
	stop(t, pids[0])
	begin := time.Now()
	cmd.Process.Signal(syscall.SIGKILL)
	for i, fd := range pidfds {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(p, int(patience.Milliseconds()))
		for err == unix.EINTR {
			n, err = unix.Poll(p, int(patience.Milliseconds()))
		}
		if n != 1 || err != nil {
			t.Errorf("process %d is still there: %v", i, err)
		}
	}
	t.Logf("all gone %s after SIGKILL to the parent", time.Since(begin).Round(time.Microsecond))
	_ = cmd.Wait() // from now on the others are somebody else's children
	return pids
}

// TestDescriptorsOfChildren compares what a child has open with what a process
// that is no child has: only what it was given is added, and nothing of the
// parent's gets into it.
func TestDescriptorsOfChildren(t *testing.T) {
	seats := mustOpenSeats(t, 3, Address{Network: "tcp", Address: "127.0.0.1:0"},
		Address{Network: "tcp", Address: "127.0.0.1:0"})
	for _, c := range []struct {
		name    string
		change  func(*Config)
		sockets int
	}{
		// The private listener, the connection of the lane, and control.
		{"go", nil, 3},
		// The listener and the connection.
		{"external", external, 2},
		// Two listeners, the connection, control, and the ferry.
		{"slot", func(c *Config) { c.Accept, c.Seats = Slot, seats }, 5},
		// Nothing is left of the shim.
		{"isolated", func(c *Config) { c.Isolation.Umask = "077" }, 3},
		{"isolated external", func(c *Config) { external(c); c.Isolation.Umask = "077" }, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, c.change)
			h.ready(0)
			h.ready(1) // born while the parent held everything of the first
			var got string
			if c.name == "slot" {
				got = dial(t, seats.Addrs()[0]).ask("fds")
			} else {
				got = h.ask("fds")
			}
			have := map[string]int{}
			for _, target := range strings.Fields(got) {
				have[target]++
			}
			foreign := foreignDescriptors(t)
			for target, n := range have {
				n -= foreign[target]
				ok := false
				switch target {
				case "pipe":
					ok = n == 3 // two for output, and the leash
				case "socket":
					ok = n == c.sockets
				case "/dev/null":
					ok = n <= 1
				default:
					// The runtime's poller and its look at the CPU quota.
					ok = target == "anon_inode" && n <= 2 || strings.HasPrefix(target, "/sys/fs/cgroup/")
				}
				if !ok {
					t.Errorf("%d open %s; all: %s", n, target, got)
				}
			}
		})
	}
}

// foreignDescriptors are those which the test itself has inherited from whoever
// started it, and which every program that it starts inherits, too.
func foreignDescriptors(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		fd, _ := strconv.Atoi(e.Name())
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if fd <= 2 || err != nil || flags&unix.FD_CLOEXEC != 0 {
			continue
		}
		target, _ := os.Readlink("/proc/self/fd/" + e.Name())
		target, _, _ = strings.Cut(target, ":[")
		out[target]++
	}
	return out
}

func TestBirthsLeakNothing(t *testing.T) {
	count := func() int { return len(strings.Fields(openDescriptors())) }
	h := newHarness(t, nil)
	seats := mustOpenSeats(t, 2, Address{Network: "tcp", Address: "127.0.0.1:0"})
	accepting := newHarness(t, func(c *Config) { c.Accept, c.Seats, c.Isolation.Umask = Slot, seats, "077" })
	round := func() {
		w := h.ready(0)
		h.ask("hello")
		w.Retire()
		w.left("", "")
		w = accepting.ready(0)
		w.Kill()
		w.left("", "signal: killed")
	}
	round() // what is opened once and for all
	before, goroutines := count(), runtime.NumGoroutine()
	for range 50 {
		round()
	}
	until(t, "descriptors as before", func() bool { return count() <= before })
	until(t, "goroutines as before", func() bool { return runtime.NumGoroutine() <= goroutines })
}
