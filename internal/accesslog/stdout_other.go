//go:build !unix && !windows

package accesslog

import (
	"errors"
	"fmt"
	"os"
)

// duplicateStdout is an error: there are no duplicates here.
func duplicateStdout() (*os.File, error) {
	return nil, fmt.Errorf("standard output: %w", errors.ErrUnsupported)
}
