package fork

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
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
// ids and then does nothing.
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
	queue := pool.NewQueue(8)
	configs := []Config{
		{Queue: queue, Runner: newLineRunner, Board: board},
		{Queue: queue, Runner: newLineRunner, Program: []string{os.Args[0]}, Env: []string{roleVariable + "=external"}},
		{Accept: Slot, Seats: seats, Board: board},
		{Queue: queue, Runner: newLineRunner, Board: board, Payload: []byte("deaf")},
	}
	for i, c := range configs {
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
	}
	fmt.Println("end")
	select {}
}

func TestParentKilled(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=parent")
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
		pidfds = append(pidfds, fd)
	}
	if len(pidfds) != 4 {
		t.Fatalf("%d children", len(pidfds))
	}
	begin := time.Now()
	cmd.Process.Signal(syscall.SIGKILL)
	for i, fd := range pidfds {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(p, int(patience.Milliseconds()))
		for err == unix.EINTR {
			n, err = unix.Poll(p, int(patience.Milliseconds()))
		}
		if n != 1 || err != nil {
			t.Errorf("child %d is still there: %v", i, err)
		}
	}
	t.Logf("all children gone %s after SIGKILL to the parent", time.Since(begin).Round(time.Microsecond))
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
					ok = n == 2
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
	accepting := newHarness(t, func(c *Config) { c.Accept, c.Seats = Slot, seats })
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
