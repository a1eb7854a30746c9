//go:build !linux

package fork

import (
	"errors"

	"github.com/bident/bident/pool"
)

// Board is a scoreboard in memory that children share.
type Board struct{ *pool.Scoreboard }

// NewBoard returns errors.ErrUnsupported.
func NewBoard(int, int) (*Board, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (*Board) Close() error { return nil }
