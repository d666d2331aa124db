package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Outcome is what a trial leaves to the program that asked for it.
type Outcome struct {
	Results Results
	Logs    map[string]string // of the daemons and servers, by name
}

// Start runs a trial in namespaces of its own and waits for it. args is the
// command line of this program that calls RunInside with the same options.
// progress is called with a line for each thing that has happened.
//
// What was measured is in the outcome even when the error is not nil.
func Start(ctx context.Context, opt Options, args []string, progress func(string)) (*Outcome, error) {
	o := &Outcome{Logs: map[string]string{}}
	var problem error
	container := Container{Args: args, Stderr: os.Stderr, Result: func(r io.Reader) (err error) {
		problem, err = o.read(r, &opt, progress)
		return err
	}}
	err := container.Run(ctx)
	if problem != nil {
		return o, problem
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() != nil {
		return o, errors.New("interrupted")
	}
	return o, err
}

// read takes in what the trial tells until it ends.
func (o *Outcome) read(r io.Reader, opt *Options, progress func(string)) (problem, err error) {
	decoder := json.NewDecoder(r)
	for {
		var m message
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			return problem, nil
		} else if err != nil {
			return problem, fmt.Errorf("what the lab tells: %w", err)
		}
		switch {
		case m.Progress != "":
			progress(m.Progress)
		case m.Setup != nil:
			o.Results.Setup = *m.Setup
		case m.Fault != nil:
			if f := faultNamed(m.Fault.Name); f != nil {
				o.Results.Setup.Client = len(m.Fault.Runs) > 0 && m.Fault.Runs[0].Realtime
				o.Results.Faults = append(o.Results.Faults, summarize(f, m.Fault.Runs, opt, m.Fault.Quorum))
			}
		case m.Log != nil:
			o.Logs[m.Log.Name] = m.Log.Text
		case m.Problem != "":
			problem = errors.New(m.Problem)
		}
	}
}

// WriteLogs writes the logs into a directory, which it makes.
func (o *Outcome) WriteLogs(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range o.Logs {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
