package accesslog

import (
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// duplicateStdout opens standard output a second time, so that it can be closed
// like any other file.
func duplicateStdout() (*os.File, error) {
	self := windows.CurrentProcess()
	var handle windows.Handle
	if err := windows.DuplicateHandle(self, windows.Handle(os.Stdout.Fd()), self, &handle, 0, false, windows.DUPLICATE_SAME_ACCESS); err != nil {
		return nil, fmt.Errorf("standard output: %w", err)
	}
	return os.NewFile(uintptr(handle), os.Stdout.Name()), nil
}
