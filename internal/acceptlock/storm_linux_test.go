package acceptlock

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bident/bident/internal/memfd"
)

// contender makes the test program one of the processes that want the lock: it gets
// the kind, its slot, and from descriptor 3 on the shared memory and what it was
// issued.
const contender = "BIDENT_TEST_CONTENDER"

func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(contender); ok {
		fmt.Fprintln(os.Stderr, contend(text))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// arena is what the contenders share: who has the lock, how often it was had, and
// how often by two.
type arena struct{ owner, turns, both *atomic.Uint32 }

func openArena(f *os.File) (arena, error) {
	mem, err := memfd.Map(f)
	if err != nil {
		return arena{}, err
	}
	at := func(i int) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&mem[64*i])) }
	return arena{at(0), at(1), at(2)}, nil
}

func contend(text string) error {
	var kind Kind
	var slot int
	if _, err := fmt.Sscan(text, &kind, &slot); err != nil {
		return err
	}
	a, err := openArena(os.NewFile(3, "arena"))
	if err != nil {
		return err
	}
	fds := []int{4, 5}[:kind.Descriptors()]
	l, err := Take(kind, fds, slot)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	me := uint32(os.Getpid())
	for {
		if err := l.Lock(); err != nil {
			return err
		}
		a.owner.Store(me)
		runtime.Gosched()
		a.turns.Add(1)
		if a.owner.Load() != me {
			a.both.Add(1)
		}
		if err := l.Unlock(); err != nil {
			return err
		}
	}
}

// TestStorm: processes are killed wherever they are, most often where they have the
// lock or wait for it, and the others go on.
func TestStorm(t *testing.T) {
	const processes, kills = 4, 120
	for _, kind := range []Kind{Flock, Semaphore, Pipe} {
		t.Run(kind.String(), func(t *testing.T) {
			k, err := Open(kind, "", processes)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { k.Close() })
			f, err := memfd.Shared("arena", 4096)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			a, err := openArena(f)
			if err != nil {
				t.Fatal(err)
			}
			var cmds [processes]*exec.Cmd
			start := func(slot int) {
				fds, err := k.Issue()
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), contender+"="+strconv.Itoa(int(kind))+" "+strconv.Itoa(slot))
				cmd.ExtraFiles, cmd.Stderr = []*os.File{f}, os.Stderr
				for _, fd := range fds {
					own := os.NewFile(uintptr(fd), "issued")
					defer own.Close()
					cmd.ExtraFiles = append(cmd.ExtraFiles, own)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				cmds[slot] = cmd
			}
			end := func(slot int) {
				_ = cmds[slot].Process.Kill()
				_ = cmds[slot].Wait()
				if err := k.Bury(slot); err != nil {
					t.Fatal(err)
				}
			}
			t.Cleanup(func() {
				for slot := range cmds {
					if cmds[slot] != nil {
						end(slot)
					}
				}
			})
			for slot := range cmds {
				start(slot)
			}
			progress := func(n int) {
				t.Helper()
				before := a.turns.Load()
				for deadline := time.Now().Add(30 * time.Second); a.turns.Load()-before < 20; {
					if time.Now().After(deadline) {
						t.Fatalf("after %d kills nobody gets the lock", n)
					}
					runtime.Gosched()
				}
			}
			progress(0)
			for n := 1; n <= kills; n++ {
				end(n % processes)
				progress(n)
				start(n % processes)
			}
			t.Logf("%d turns, %d by two", a.turns.Load(), a.both.Load())
			if kind != Pipe && a.both.Load() > 0 {
				t.Errorf("the lock was had by two %d times", a.both.Load())
			}
		})
	}
}

// mortal calls f on a thread that ends after that, which the main thread never does.
func mortal(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != os.Getpid() {
			f()
			return
		}
		defer runtime.UnlockOSThread()
		over := make(chan struct{})
		go func() {
			defer close(over)
			runtime.LockOSThread()
			f()
		}()
		<-over
	}()
}

// TestStaleOwner: a word that a thread has left behind that is gone, and that the
// kernel was not told of, keeps nobody out.
func TestStaleOwner(t *testing.T) {
	k, err := Open(Semaphore, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	fds, err := k.Issue()
	if err != nil {
		t.Fatal(err)
	}
	l, err := Take(Semaphore, fds, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	l.(*semaphore).word.Store(uint32(cmd.Process.Pid))
	done := make(chan error)
	mortal(func() { done <- l.Lock() })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// It has died while it had the lock.
	other := &semaphore{word: l.(*semaphore).word, heirs: l.(*semaphore).heirs}
	mortal(func() { done <- other.Lock() })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
