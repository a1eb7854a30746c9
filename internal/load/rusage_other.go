//go:build !unix

package load

// ownCPU is zero where getrusage does not exist.
func ownCPU() CPU { return CPU{} }
