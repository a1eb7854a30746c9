// Package notify tells a service manager what a server is doing, by the protocol of
// sd_notify(3): datagrams of lines NAME=value to the UNIX socket that NOTIFY_SOCKET
// names. Without the variable nothing is sent.
//
// A manager listens to the process that it takes for the main one, and perhaps to
// no other. So who hands its place to another process says so itself (MAINPID), and
// says with the same message whatever else is still to be heard.
package notify
