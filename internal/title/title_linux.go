package title

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

// ErrArea says that the memory of the arguments could not be found.
var ErrArea = errors.New("title: the arguments are not where the kernel says")

// first is where the arguments begin; nil if there are none.
var first = moveArguments()

// moveArguments replaces os.Args by copies and returns where they were.
func moveArguments() *byte {
	if len(os.Args) == 0 || os.Args[0] == "" {
		return nil
	}
	at := unsafe.StringData(os.Args[0])
	if name := flag.CommandLine.Name(); within(name, os.Args) {
		flag.CommandLine.Init(strings.Clone(name), flag.CommandLine.ErrorHandling())
	}
	for i, a := range os.Args {
		os.Args[i] = strings.Clone(a)
	}
	return at
}

// within reports whether s is part of the memory of one of args.
func within(s string, args []string) bool {
	at := uintptr(unsafe.Pointer(unsafe.StringData(s)))
	for _, a := range args {
		if start := uintptr(unsafe.Pointer(unsafe.StringData(a))); at >= start && at < start+uintptr(len(a)) {
			return true
		}
	}
	return false
}

// area is what titles are written over.
var area struct {
	mu        sync.Mutex
	memory    []byte // arguments and environment; nil until it is looked for
	arguments int    // how much of it they are
	used      int    // how much was written over
	err       error  // why there is none
}

// Set makes text the title. It is cut to what was given to the process as arguments
// and environment, less one octet. The error is ErrArea, or says that /proc is of no
// use.
func Set(text string) error {
	area.mu.Lock()
	defer area.mu.Unlock()
	if area.memory == nil && area.err == nil {
		area.memory, area.arguments, area.err = find()
	}
	if area.err != nil {
		return area.err
	}
	n := copy(area.memory[:len(area.memory)-1], text)
	// What is left of a longer title goes, and of the arguments; but nothing more
	// of the environment than has to.
	clear(area.memory[n:max(n+1, area.arguments, area.used)])
	area.used = max(area.used, n+1)
	return nil
}

// Name makes text, or its first 15 octets, the name of the process, by which top and
// pgrep know it: that of the program's file until then.
func Name(text string) error {
	if err := os.WriteFile("/proc/self/comm", []byte(text[:min(len(text), 15)]), 0); err != nil {
		return fmt.Errorf("title: %w", err)
	}
	return nil
}

// The fields of /proc/self/stat behind the name of the program, from 0 for the state,
// that say where arguments and environment begin and end.
const (
	fieldArgStart = 48 - 3 + iota
	fieldArgEnd
	fieldEnvStart
	fieldEnvEnd
	fields
)

// find asks the kernel where arguments and environment are.
func find() (memory []byte, arguments int, err error) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return nil, 0, fmt.Errorf("title: %w", err)
	}
	f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(f) < fields {
		return nil, 0, ErrArea
	}
	var at [4]uint64
	for i := range at {
		if at[i], err = strconv.ParseUint(string(f[fieldArgStart+i]), 10, 64); err != nil {
			return nil, 0, fmt.Errorf("%w: %w", ErrArea, err)
		}
	}
	start, argEnd, envStart, envEnd := at[0], at[1], at[2], at[3]
	if first == nil || start != uint64(uintptr(unsafe.Pointer(first))) || argEnd <= start {
		return nil, 0, ErrArea
	}
	end := argEnd
	if envStart == argEnd && envEnd > envStart {
		end = envEnd
	}
	return unsafe.Slice(first, end-start), int(argEnd - start), nil
}
