package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// version prints what this program was built from.
func version(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		return misuse(stderr, "version takes no arguments, not %q", args[0])
	}
	number, commit := "(devel)", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" {
			number = v
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	fmt.Fprintf(stdout, "bident %s commit %s %s %s/%s\n", number, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitOK
}
