package fork

import (
	"fmt"
	"os"

	"github.com/bident/bident/internal/memfd"
	"github.com/bident/bident/pool"
)

// Board is a scoreboard in memory that children share.
type Board struct {
	*pool.Scoreboard
	file *os.File
	mem  []byte
}

// NewBoard makes an empty scoreboard of that many slots with that many lanes
// each. Its size never changes, but a slot takes up memory only when it is
// first used.
func NewBoard(slots, lanes int) (*Board, error) {
	if slots < 1 || lanes < 1 {
		return nil, fmt.Errorf("%w: %d slots with %d lanes", pool.ErrScoreboard, slots, lanes)
	}
	file, err := memfd.Shared("bident-scoreboard", pool.ScoreboardSize(slots, lanes))
	if err != nil {
		return nil, err
	}
	mem, err := memfd.Map(file)
	if err != nil {
		file.Close()
		return nil, err
	}
	board, err := pool.NewScoreboard(mem, slots, lanes)
	if err != nil {
		memfd.Unmap(mem)
		file.Close()
		return nil, err
	}
	return &Board{board, file, mem}, nil
}

// Close gives the memory back. Nobody may use the scoreboard any more.
func (b *Board) Close() error {
	b.Scoreboard = nil
	if err := b.file.Close(); err != nil {
		return err
	}
	return memfd.Unmap(b.mem)
}

// openBoard maps the scoreboard that the parent made, of the shape that the mark says.
// Nothing in it is read for that: other children write there. Its size is sealed.
func openBoard(file *os.File, slots, lanes int) (*pool.Scoreboard, error) {
	mem, err := memfd.Map(file)
	if err != nil {
		return nil, err
	}
	return pool.NewScoreboard(mem, slots, lanes)
}
