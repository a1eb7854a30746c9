package fcgi

import "sync"

const (
	// readBufferLen bounds what a Reader holds, whatever the size of records.
	readBufferLen = 16 << 10
	// outBufferLen is the capacity a block is made with, and the size at which
	// a ServerConn writes an answer out.
	outBufferLen = 16 << 10
	// maxPooledBlock bounds what a single large request leaves in the pool.
	maxPooledBlock = 96 << 10
)

// readBuffer is what a Reader borrows while it has octets or waits for some.
type readBuffer [readBufferLen]byte

var readBuffers = sync.Pool{New: func() any { return new(readBuffer) }}

// block is a growing buffer for octets on their way out.
type block struct{ b []byte }

var blocks = sync.Pool{New: func() any { return &block{b: make([]byte, 0, outBufferLen)} }}

func getBlock() *block { return blocks.Get().(*block) }

// putBlock gives a block back. Its octets stay in memory until they are
// overwritten, but no one sees them: a block is only ever appended to from
// its start.
func putBlock(k *block) {
	if cap(k.b) > maxPooledBlock {
		return
	}
	k.b = k.b[:0]
	blocks.Put(k)
}
