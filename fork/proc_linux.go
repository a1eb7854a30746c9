package fork

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// What proc(5) says of a process. It is read here and not by a library, of which
// there are good ones: theirs cost each process that is started, and so every
// child, a third of a millisecond before main.

// resident is the memory of a process that is in RAM, 0 if it is gone.
func resident(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// processLetter is the letter that the kernel has for the state of a process, 0 if
// there is none, and '?' if that cannot be found out.
func processLetter(pid int) byte { return stateIn(fmt.Sprintf("/proc/%d/stat", pid)) }

func stateIn(path string) byte {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return 0
	}
	// The name before it can hold anything, parentheses too.
	if i := bytes.LastIndexByte(text, ')'); err == nil && i >= 0 && i+2 < len(text) {
		return text[i+2]
	}
	return '?'
}

// threadsMost is how many threads of a process are looked at, of as many as it likes
// to have.
const threadsMost = 64

// runningThread is a thread of a process that runs, or the process itself if none
// of the first ones does at this moment.
func runningThread(pid int) int {
	dir, err := os.Open(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return pid
	}
	defer dir.Close()
	threads, _ := dir.Readdirnames(threadsMost)
	for _, t := range threads {
		id, err := strconv.Atoi(t)
		if err == nil && stateIn(fmt.Sprintf("/proc/%d/task/%d/stat", pid, id)) == 'R' {
			return id
		}
	}
	return pid
}
