//go:build !linux

package notify

// Reloading are the lines with which a reload begins. It ends with "READY=1".
func Reloading() []string { return []string{"RELOADING=1"} }
