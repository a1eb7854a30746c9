//go:build !linux

package fork

func (i *Isolation) regularInside(name string) (bool, error) { return i.regularOutside(name) }
