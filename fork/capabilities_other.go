//go:build unix && !linux

package fork

// abandonCapabilities has nothing to do: rights belong to users here.
func abandonCapabilities() error { return nil }
