// Command bident serves HTTP with a pool of workers that are goroutines or
// processes, and looks after running servers.
//
//	bident serve [flags] [-- program args...]
//	bident status [--json] [--watch]
//	bident top [flags]
//	bident ctl reload | upgrade | stop | scale N | recycle SLOT | reopen-logs
//	bident load [flags] URL
//	bident config check | print
//	bident version
//
// As the first process of a container serve is an init for the server, which it starts
// as a child: see init_linux.go.
//
// Each sub-command is a file of this package. The settings of serve are read by
// package options, the demonstration application is package demo, and all the
// rest is the public API of package httpd.
package main
