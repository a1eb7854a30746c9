package fork

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/bident/bident/pool"
)

// The test binary is its own child, as any program is that uses this package. A
// request is a line; the answer is a line. What the child does is what the
// payload, or the request, says.

const roleVariable = "FORK_TEST_ROLE"

func TestMain(m *testing.M) {
	if s := Current(); s != nil {
		childMain(s)
	}
	switch os.Getenv(roleVariable) {
	case "external":
		externalMain()
	case "parent":
		parentMain()
	case "refused":
		refusedMain()
	case "capable parent":
		capableMain()
	case "capable":
		dropMain()
	}
	// Under the race detector every exit would take a second.
	os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	os.Exit(m.Run())
}

func childMain(s *Self) {
	if string(s.Payload) == "unclaimed" {
		select {}
	}
	s.Claim()
	switch string(s.Payload) {
	case "dies":
		os.Exit(5)
	case "init fails":
		s.InitFailed(errors.New("no database"))
		os.Exit(1)
	case "never ready":
		for c := range s.Commands() {
			if c.Kind == Retire {
				os.Exit(0)
			}
		}
	case "deaf":
		select {}
	case "grows":
		grow(128)
		select {}
	case "garbage":
		s.control.Write([]byte("\xff what is this"))
		select {}
	}
	if s.Accept == Dispatch {
		passengerMain(s)
	}
	server := &lineServer{self: s}
	ls, err := s.Listeners()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, l := range ls {
		server.listen(l)
	}
	s.Ready()
	for c := range s.Commands() {
		switch c.Kind {
		case Adopt:
			for _, l := range c.Listeners {
				if l != nil {
					server.listen(l)
				}
			}
		case Yield:
			for _, l := range c.Listeners {
				if l != nil {
					l.Close()
				}
			}
		case Retire:
			if string(s.Payload) == "stays" {
				continue
			}
			server.stop()
			os.Exit(0)
		}
	}
}

func externalMain() {
	f := os.NewFile(0, "listener")
	l, err := net.FileListener(f)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	f.Close()
	if os.Getenv("FORK_TEST_EXIT") == "once" {
		c, _ := l.Accept()
		line, _ := bufio.NewReader(c).ReadString('\n')
		fmt.Fprintf(c, "%s", line)
		os.Exit(0)
	}
	(&lineServer{}).listen(l)
	select {}
}

// lineServer answers lines.
type lineServer struct {
	self *Self
	mu   sync.Mutex
	open []net.Listener
	busy sync.WaitGroup
}

func (s *lineServer) listen(l net.Listener) {
	s.mu.Lock()
	s.open = append(s.open, l)
	s.mu.Unlock()
	s.busy.Add(1)
	go func() {
		defer s.busy.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.busy.Add(1)
			go s.serve(c)
		}
	}()
}

// stop accepts no more and waits for the connections.
func (s *lineServer) stop() {
	s.mu.Lock()
	for _, l := range s.open {
		l.Close()
	}
	s.mu.Unlock()
	s.busy.Wait()
}

func (s *lineServer) serve(c net.Conn) {
	defer s.busy.Done()
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\n")
		if s.self != nil && s.self.Accept == Slot {
			row := s.self.Scoreboard.Row(s.self.Slot)
			s.self.Scoreboard.Line(s.self.Slot, 0).Begin(row, time.Now().UnixNano(), []byte("GET"), []byte("/"+line))
		}
		fmt.Fprintf(c, "%s\n", s.answer(line))
		if s.self != nil && s.self.Accept == Slot {
			s.self.Scoreboard.Line(s.self.Slot, 0).End()
		}
	}
}

func (s *lineServer) answer(line string) string {
	switch line {
	case "pid":
		return fmt.Sprint(os.Getpid())
	case "exit 3":
		os.Exit(3)
	case "exit 0":
		os.Exit(0)
	case "panic":
		panic("it hurts")
	case "goroutine":
		go panic("it hurts elsewhere")
		select {}
	case "hang":
		fmt.Println("about to hang")
		select {}
	case "grow":
		grow(128)
	case "grow and hang":
		grow(128)
		select {}
	case "talk":
		for s.self.say(message{kind: messageEvent, event: pool.Expiring, cause: pool.CauseDone}) == nil {
		}
		select {}
	case "expiring often":
		for range 10 * maxSaid {
			s.self.Report(pool.Event{Kind: pool.Expiring, Cause: pool.CauseDone})
		}
	case "scribble":
		board := s.self.Scoreboard
		clear(unsafe.Slice((*byte)(unsafe.Pointer(board.Row(0))), pool.ScoreboardSize(board.Slots(), board.Lanes())))
	case "many":
		for range 1000 {
			go func() { select {} }()
		}
		fmt.Println("about to hang")
		select {}
	case "defiant":
		signal.Ignore(syscall.SIGQUIT)
		fmt.Println("about to hang")
		select {}
	case "spin":
		spin()
	case "fds":
		return openDescriptors()
	case "env of a program":
		out, err := exec.Command("env").Output()
		return fmt.Sprintf("%q %v", out, err)
	case "mark":
		_, marked := os.LookupEnv(markVariable)
		return fmt.Sprint(marked, InChild())
	case "gomaxprocs":
		return fmt.Sprint(runtime.GOMAXPROCS(0))
	case "environ":
		env := os.Environ()
		sort.Strings(env)
		return strings.Join(env, " ")
	case "crashed":
		s.self.Crashed(errors.New("handler panicked"), "GET /crash")
		os.Exit(2)
	case "expiring":
		s.self.Report(pool.Event{Kind: pool.Expiring, Cause: pool.CauseMaxMemory})
	case "spent":
		s.self.Report(pool.Event{Kind: pool.Spent, Cause: pool.CauseMaxRequests})
	case "wedged":
		s.self.Report(pool.Event{Kind: pool.Wedged, Cause: pool.CauseTimeout})
	case "eat memory":
		for kept := [][]byte{}; ; {
			kept = append(kept, bytes.Repeat([]byte{1}, 1<<20))
		}
	case "grandchild", "grandchild elsewhere":
		cmd := exec.Command("sleep", "1000")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: line != "grandchild"}
		if err := cmd.Start(); err != nil {
			return err.Error()
		}
		return fmt.Sprint(cmd.Process.Pid)
	case "long line":
		fmt.Println(strings.Repeat("x", maxLine+10))
	case "print":
		fmt.Println("to standard output")
		fmt.Fprintln(os.Stderr, "to standard error")
	}
	return line
}

var grown []byte

// grow keeps that many MiB more.
func grow(n int) { grown = bytes.Repeat([]byte("x"), n<<20) }

//go:noinline
func spin() {
	fmt.Println("about to hang") // here, so that this function is on the stack by then
	for n := 0; ; n++ {
		if n < 0 {
			n = 0
		}
	}
}

// openDescriptors lists what this process has open, but for the list itself.
func openDescriptors() string {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if err == nil {
			target, _, _ = strings.Cut(target, ":[")
			out = append(out, target)
		}
	}
	sort.Strings(out)
	return strings.Join(out, " ")
}
