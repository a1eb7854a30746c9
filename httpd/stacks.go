package httpd

import (
	"fmt"
	"runtime"
)

const (
	// stacksMost is how much of all stacks is logged: with what becomes of it on
	// its way, it fits into a record.
	stacksMost = 48 << 10
	// stacksRead is how much is looked at to say how much is missing.
	stacksRead = 4 << 20
)

// allStacks are the stacks of all goroutines, or the first of them, with a word on
// how much is missing.
func allStacks() string {
	text := make([]byte, stacksRead)
	text = text[:runtime.Stack(text, true)]
	if rest := len(text) - stacksMost; rest > 0 {
		return fmt.Sprintf("%s\n[cut, %d octets more]", text[:stacksMost], rest)
	}
	return string(text)
}
