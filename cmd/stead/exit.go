package main

import (
	"errors"
	"fmt"
	"os"
)

// The exit codes. Scripts rely on them.
const (
	exitOK          = 0
	exitFailed      = 1 // what was asked for was tried and did not come true
	exitUsage       = 2 // the command line or the configuration is wrong; nothing was tried
	exitUnreachable = 3 // no daemon answers on the control socket
	exitRefused     = 4 // the daemon answered and refused
	exitIncomplete  = 5 // done, but what was asked for is not whole: the list says what is missing

	exitLost = 75 // a gate has stopped its workload because the right to run was lost (EX_TEMPFAIL of sysexits: try again)
)

// exitError carries an exit code with an error. A nil err prints nothing.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return fmt.Sprint(e.err) }
func (e *exitError) Unwrap() error { return e.err }

// withCode gives err an exit code.
func withCode(code int, err error) error { return &exitError{code: code, err: err} }

// exitCode prints err for a person and returns the code to exit with.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	code := exitUsage
	var coded *exitError
	if errors.As(err, &coded) {
		code = coded.code
		if coded.err == nil {
			return code
		}
	}
	fmt.Fprintln(os.Stderr, "stead:", err)
	return code
}
