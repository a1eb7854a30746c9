package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// tick is the unit of times in /proc/PID/stat: USER_HZ, 100 a second on every
// Linux that Go runs on.
const tick = time.Second / 100

// process is what /proc/PID/stat tells of one.
type process struct {
	parent int
	reaped time.Duration // processor time of children that have been waited for
	own    time.Duration // in whole ticks
}

// serversCPU sums the processor time of the processes and all their
// descendants, dead ones included: what a child has used moves into its
// parent's account when it is waited for, so that the sum over the living and
// their reaped children only grows. A descendant whose parent died has left the
// tree. It fails if one of the processes does not exist.
func serversCPU(roots []int) (time.Duration, error) {
	if len(roots) == 0 {
		return 0, nil
	}
	all, err := processes()
	if err != nil {
		return 0, err
	}
	counted := make(map[int]bool, len(roots))
	for _, pid := range roots {
		if _, exists := all[pid]; !exists {
			return 0, fmt.Errorf("no process %d: %w", pid, os.ErrProcessDone)
		}
		counted[pid] = true
	}
	var sum time.Duration
	for pid, p := range all {
		if !descends(all, pid, counted) {
			continue
		}
		own, exact := threadGroupTime(pid)
		if !exact {
			own = p.own
		}
		sum += own + p.reaped
	}
	return sum, nil
}

// descends says whether pid is one of the roots or below one.
func descends(all map[int]process, pid int, roots map[int]bool) bool {
	for steps := 0; pid > 0 && steps <= len(all); steps++ { // a pid used anew could close a circle
		if roots[pid] {
			return true
		}
		pid = all[pid].parent
	}
	return false
}

// processes reads the table of processes.
func processes() (map[int]process, error) {
	directory, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer directory.Close()
	names, err := directory.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	all := make(map[int]process, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue // it has just ended
		}
		if p, ok := parseStat(stat); ok {
			all[pid] = p
		}
	}
	return all, nil
}

// parseStat reads a line of proc_pid_stat(5). The name of the command, in
// parentheses, may hold anything, parentheses and spaces included.
func parseStat(line []byte) (p process, ok bool) {
	end := bytes.LastIndexByte(line, ')')
	if end < 0 {
		return p, false
	}
	fields := strings.Fields(string(line[end+1:])) // begins with field 3, the state
	if len(fields) < 15 {
		return p, false
	}
	number := func(field int) int64 {
		n, err := strconv.ParseInt(fields[field-3], 10, 64)
		ok = ok && err == nil
		return n
	}
	ok = true
	p.parent = int(number(4))
	p.own = tick * time.Duration(number(14)+number(15))
	p.reaped = tick * time.Duration(number(16)+number(17))
	return p, ok
}

// threadGroupTime reads the processor clock of a process, which counts
// nanoseconds and remembers threads that have ended (clock_getcpuclockid(3)).
func threadGroupTime(pid int) (time.Duration, bool) {
	const schedulerClock = 2 // CPUCLOCK_SCHED of the whole thread group
	clock := ^pid<<3 | schedulerClock
	var now syscall.Timespec
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, uintptr(clock), uintptr(unsafe.Pointer(&now)), 0)
	return time.Duration(now.Nano()), errno == 0
}
