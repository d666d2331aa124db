package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// message is a line from the lab's init to the program outside. One field is set.
type message struct {
	Progress string        `json:"progress,omitempty"`
	Setup    *Setup        `json:"setup,omitempty"`
	Fault    *faultMessage `json:"fault,omitempty"`
	Log      *logMessage   `json:"log,omitempty"`
	Problem  string        `json:"problem,omitempty"` // the trial could not go on
}

type faultMessage struct {
	Name   string `json:"name"`
	Quorum bool   `json:"quorum"`
	Runs   []Run  `json:"runs"`
}

type logMessage struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// maxLog is how much of the end of a log is kept, in bytes.
const maxLog = 1 << 20

// trial is what runs as the lab's init.
type trial struct {
	opt  Options
	out  *json.Encoder
	logs string
}

// RunInside goes through the faults, in the namespaces that Contain made, and
// tells the program outside of it. An error means that it could not tell.
func RunInside(ctx context.Context, opt Options, out io.Writer) error {
	if os.Getpid() != 1 {
		return errNotInit // out is not what the caller takes it for
	}
	// A collection makes the threads that ask every millisecond wait for ordinary
	// ones, which wait for a processor. A trial makes little garbage.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(256 << 20)
	t := trial{opt: opt, out: json.NewEncoder(out), logs: shared("logs")}
	err := t.run(ctx)
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	t.tellLogs()
	if err != nil {
		return t.out.Encode(message{Problem: err.Error()})
	}
	return nil
}

func (t *trial) say(format string, args ...any) {
	_ = t.out.Encode(message{Progress: fmt.Sprintf(format, args...)})
}

func (t *trial) run(ctx context.Context) error {
	if err := Enter(); err != nil {
		return err
	}
	if err := os.Mkdir(t.logs, 0o755); err != nil {
		return err
	}
	// Faults that need the same daemons share them: first those with quorum.
	for _, v := range []variant{{quorum: true}, {quorum: false}, {shared: true}} {
		var list []*fault
		for _, name := range t.opt.Faults {
			f := faultNamed(name)
			if v == (variant{quorum: !f.noQuorum && !f.shared && !t.opt.NoQuorum, shared: f.shared}) {
				list = append(list, f)
			}
		}
		if len(list) == 0 {
			continue
		}
		if err := t.stage(ctx, v, list); err != nil {
			return err
		}
	}
	return nil
}

func (t *trial) stage(ctx context.Context, v variant, list []*fault) error {
	addresses := trialAddressing(&t.opt)
	between := "VXLAN 10"
	if t.opt.bgp() {
		setup := t.opt.setup()
		between = setup.RoutersInWords()
	}
	t.say("building primary %s, secondary %s, client %s, %s, address %s; timing %s, %s",
		addresses.underlay[primary], addresses.underlay[secondary], addresses.underlay[client], between, addresses.service.Addr(), t.opt.Timing, v.words(&t.opt))
	s, err := newSession(ctx, &t.opt, v, t.logs)
	if err != nil {
		return err
	}
	defer s.close()
	setup, err := t.setup(ctx, s)
	if err != nil {
		return err
	}
	if err := t.out.Encode(message{Setup: &setup}); err != nil {
		return err
	}
	for _, f := range list {
		runs, err := t.repeat(ctx, s, f)
		if len(runs) > 0 {
			if err := t.out.Encode(message{Fault: &faultMessage{f.name, v.quorum && !v.everyone(&t.opt), runs}}); err != nil {
				return err
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

// repeat runs a fault as often as it was asked for, and ends early where the
// service did not come back: what follows would measure that.
func (t *trial) repeat(ctx context.Context, s *session, f *fault) (runs []Run, err error) {
	for n := 1; n <= t.opt.Runs; n++ {
		run, err := s.measure(ctx, f, n)
		if err != nil {
			return runs, err
		}
		runs = append(runs, run)
		if run.Failed != "" {
			t.say("%-10s %d/%d  FAILED: %s", f.name, n, t.opt.Runs, run.Failed)
			return runs, t.resurrect(ctx, s)
		}
		detail := ""
		if f.budget == healed {
			detail = "  settled after " + showMS(run.Settled)
		}
		if dual := max(run.DualNetwork, run.DualService); dual > 0 {
			detail += "  two holders for " + showMS(dual)
		}
		t.say("%-10s %d/%d  outage %8s  %3d lost of %d%s", f.name, n, t.opt.Runs, showMS(run.Outage), run.Lost, run.Sent, detail)
	}
	return runs, nil
}

// resurrect starts everything anew after a fault from which the service did not recover.
func (t *trial) resurrect(ctx context.Context, s *session) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.world.Heal(); err != nil {
		return err
	}
	for _, p := range s.daemons {
		p.kill()
	}
	for _, p := range s.servers {
		p.kill()
	}
	for _, all := range []map[string]*process{s.daemons, s.servers} {
		for _, p := range all {
			if err := p.start(); err != nil {
				return err
			}
		}
	}
	return s.awaitReady(ctx)
}

func (t *trial) setup(ctx context.Context, s *session) (Setup, error) {
	st, err := s.status(ctx, primary)
	if err != nil {
		return Setup{}, err
	}
	var uts unix.Utsname
	_ = unix.Uname(&uts)
	setup := t.opt.setup()
	setup.Version, setup.Kernel, setup.CPUs = st.Version, unix.ByteSliceToString(uts.Release[:]), runtime.NumCPU()
	setup.Fence, setup.Realtime = st.Fence.Kind, st.Realtime.Active
	if inUserNamespace() {
		setup.User = "an ordinary user"
	}
	return setup, nil
}

// inUserNamespace tells whether root here is an ordinary user outside.
func inUserNamespace() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(text)), " ") != "0 0 4294967295"
}

func (t *trial) tellLogs() {
	names, _ := filepath.Glob(filepath.Join(t.logs, "*.log"))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		text = text[max(0, len(text)-maxLog):]
		_ = t.out.Encode(message{Log: &logMessage{filepath.Base(name), string(text)}})
	}
}
