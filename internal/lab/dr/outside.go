package dr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"stead/internal/lab"
)

// Start runs a trial in namespaces of its own and waits for it. args is the
// command line of this program that calls RunInside with the same options.
// progress is called with a line for each thing that has happened. Logs are those
// of the gates, by name.
//
// What was measured is returned even when the error is not nil.
func Start(ctx context.Context, args []string, progress func(string)) (r *Results, logs map[string]string, err error) {
	r, logs = &Results{}, map[string]string{}
	var problem error
	container := lab.Container{Args: args, Stderr: os.Stderr, Result: func(from io.Reader) (err error) {
		problem, err = read(from, r, logs, progress)
		return err
	}}
	err = container.Run(ctx)
	if problem != nil {
		return r, logs, problem
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() != nil {
		return r, logs, errors.New("interrupted")
	}
	return r, logs, err
}

// read takes in what the trial tells until it ends.
func read(from io.Reader, r *Results, logs map[string]string, progress func(string)) (problem, err error) {
	decoder := json.NewDecoder(from)
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
			r.Setup = *m.Setup
		case m.Result != nil:
			r.add(*m.Result)
		case m.Log != nil:
			logs[m.Log.Name] = m.Log.Text
		case m.Problem != "":
			problem = errors.New(m.Problem)
		}
	}
}
