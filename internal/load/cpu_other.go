//go:build !linux

package load

import (
	"errors"
	"fmt"
	"time"
)

// serversCPU is known on Linux only.
func serversCPU(roots []int) (time.Duration, error) {
	if len(roots) == 0 {
		return 0, nil
	}
	return 0, fmt.Errorf("processor time of other processes: %w", errors.ErrUnsupported)
}
