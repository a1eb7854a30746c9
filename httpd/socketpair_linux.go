package httpd

import (
	"net"
	"os"
	"syscall"
)

// socketPair is a connection inside of this machine: one end to be used here, and the
// other one to be given away.
func socketPair() (near net.Conn, far *os.File, err error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	far = os.NewFile(uintptr(pair[1]), "relay")
	file := os.NewFile(uintptr(pair[0]), "relay")
	defer file.Close()
	if near, err = net.FileConn(file); err != nil {
		far.Close()
		return nil, nil, err
	}
	return near, far, nil
}
