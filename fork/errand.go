package fork

import (
	"os"
	"time"
)

// An errand is a process that is started for one request: a CGI program.

// terminatePatience is how long a process that was told to end may take.
const terminatePatience = time.Second

// Program is what an errand runs.
type Program struct {
	// Path is that of the program's file, absolute; with Chroot as it is inside.
	Path string
	// Args are its arguments, the name of the program first.
	Args []string
	// Env is its environment, nothing is added to it.
	Env []string
	// Dir is its working directory. Default: that of the launcher's isolation, or
	// this process's.
	Dir string
	// Input says that something is to be written to its standard input, which is
	// empty otherwise.
	Input bool
}

// LauncherConfig says how a Launcher starts processes.
type LauncherConfig struct {
	// Program is the program that will be started, and its arguments, nil if there are
	// several: whether it can be executed is found out at once then.
	Program []string
	// Isolation is what the processes are restricted to. NewLauncher tries it.
	Isolation Isolation
}

// pipes are the three standard descriptors of an errand: this process's ends, and
// those of the errand, which are closed here once it is born.
type pipes struct {
	input, output, errors *os.File
	theirs                [3]*os.File
}

// closeTheirs closes the errand's ends.
func (p *pipes) closeTheirs() {
	for _, f := range p.theirs {
		if f != nil {
			f.Close()
		}
	}
}

// close closes all that is open.
func (p *pipes) close() {
	for _, f := range []*os.File{p.input, p.output, p.errors} {
		if f != nil {
			f.Close()
		}
	}
}

// openPipes makes the pipes of a program.
func openPipes(input bool) (p pipes, err error) {
	defer func() {
		if err != nil {
			p.closeTheirs()
			p.close()
		}
	}()
	if input {
		if p.theirs[0], p.input, err = os.Pipe(); err != nil {
			return p, err
		}
	} else if p.theirs[0], err = os.Open(os.DevNull); err != nil {
		return p, err
	}
	if p.output, p.theirs[1], err = os.Pipe(); err != nil {
		return p, err
	}
	p.errors, p.theirs[2], err = os.Pipe()
	return p, err
}

// Input is what the process reads as its standard input; nil if there is none.
func (e *Errand) Input() *os.File { return e.pipes.input }

// Output is what the process writes to standard output.
func (e *Errand) Output() *os.File { return e.pipes.output }

// Errors is what it writes to standard error.
func (e *Errand) Errors() *os.File { return e.pipes.errors }

// PID is the process id.
func (e *Errand) PID() int { return e.pid }

// Ended is closed when the process has ended. It is a zombie until Bury.
func (e *Errand) Ended() <-chan struct{} { return e.ended }

// Close closes this process's ends of the pipes.
func (e *Errand) Close() { e.pipes.close() }
