package dr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/lab"
	"stead/internal/report/build"
)

// message is a line from the lab's init to the program outside. One field is set.
type message struct {
	Progress string      `json:"progress,omitempty"`
	Setup    *Setup      `json:"setup,omitempty"`
	Result   *Result     `json:"result,omitempty"`
	Log      *logMessage `json:"log,omitempty"`
	Problem  string      `json:"problem,omitempty"` // the trial could not go on
}

type logMessage struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// maxLog is how much of the end of a log is kept, in bytes.
const maxLog = 256 << 10

// trial is what runs as the lab's init.
type trial struct {
	opt   Options
	logs  string
	world *lab.World

	mu  sync.Mutex
	out *json.Encoder
}

// RunInside goes through the faults, in the namespaces that lab.Container made,
// and tells the program outside of it. An error means that it could not tell.
func RunInside(ctx context.Context, opt Options, out io.Writer) error {
	if os.Getpid() != 1 {
		return errors.New("not the init of a process namespace: start it through `stead lab`")
	}
	t := trial{opt: opt, out: json.NewEncoder(out), logs: filepath.Join(lab.SharedDir, "logs")}
	err := t.run(ctx)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	t.tellLogs()
	if err != nil {
		return t.tell(message{Problem: err.Error()})
	}
	return nil
}

func (t *trial) tell(m message) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.out.Encode(m)
}

func (t *trial) say(format string, args ...any) {
	_ = t.tell(message{Progress: fmt.Sprintf(format, args...)})
}

// The hosts and the ports of the queue.
const (
	queueName = "queue"
	queuePort = 8100 // of the gates; pair n of the construction has queuePort+1+n
)

// originals are the faults that the construction goes through, each in a pair of its own.
func (t *trial) originals() (list []*fault) {
	if !t.opt.Original {
		return nil
	}
	for _, f := range faults {
		if f.original {
			list = append(list, f)
		}
	}
	return list
}

func originalHost(n int, site string) string { return fmt.Sprintf("orig%d%s", n, site) }

// hosts are those of the trial: the sites, the queue, and pairs of the construction.
func (t *trial) hosts() []lab.HostSpec {
	specs := []lab.HostSpec{
		{Name: siteA, Address: netip.MustParseAddr("10.0.1.10")},
		{Name: siteB, Address: netip.MustParseAddr("10.0.1.20")},
		{Name: queueName, Address: netip.MustParseAddr("10.0.1.4")},
	}
	address := netip.MustParseAddr("10.0.1.100")
	for n := range t.originals() {
		for _, site := range sites {
			specs = append(specs, lab.HostSpec{Name: originalHost(n, site), Address: address})
			address = address.Next()
		}
	}
	return specs
}

func (t *trial) run(ctx context.Context) error {
	if err := lab.Enter(); err != nil {
		return err
	}
	if err := os.Mkdir(t.logs, 0o755); err != nil {
		return err
	}
	world, err := lab.NewWorld(t.hosts())
	if err != nil {
		return err
	}
	defer world.Close()
	t.world = world
	for _, h := range world.Hosts() {
		h.Do(func() { err = hideGroups() })
		if err != nil {
			return fmt.Errorf("on %s: %w", h.Name, err)
		}
	}
	setup := t.opt.setup()
	if err := t.tell(message{Setup: &setup}); err != nil {
		return err
	}
	var beside sync.WaitGroup
	defer beside.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	problems := make(chan error, len(t.originals()))
	for n, f := range t.originals() {
		beside.Go(func() { problems <- t.original(ctx, n, f) })
	}
	for _, name := range t.opt.Faults {
		for number := range t.opt.Runs {
			if err := t.gates(ctx, faultNamed(name), number+1); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	beside.Wait()
	close(problems)
	for problem := range problems {
		err = errors.Join(err, problem)
	}
	return err
}

// mostTries is how often a fault is tried on a machine that holds the lab up.
const mostTries = 3

// tooLate is for how long the lab may be held up. The shortest time that a gate
// relies on is several times as long.
const tooLate = 50 * time.Millisecond

// gates lets a fault happen to a pair of gates. A gate that was not let run stops
// its workload, as it has to: what is wrong then is tried again, unless it is unsafe.
func (t *trial) gates(ctx context.Context, f *fault, number int) error {
	for try := 1; ; try++ {
		p := &pair{
			opt: &t.opt, times: t.opt.times(), name: fmt.Sprintf("%s-%d", f.name, number), fault: f, world: t.world, logs: t.logs,
			hosts: map[string]*lab.Host{siteA: t.world.Host(siteA), siteB: t.world.Host(siteB)},
		}
		if try > 1 {
			p.name += fmt.Sprintf("-try-%d", try)
		}
		r, err := t.one(ctx, p, queuePort, number)
		if err != nil {
			return err
		}
		r.Tries = try
		if len(r.Wrong) > 0 && !r.Unsafe && r.HeldUp > tooLate && try < mostTries {
			t.say("%s  (the lab was held up for %s: once more)", r.line(), show(r.HeldUp))
			continue
		}
		return t.done(r)
	}
}

// original lets a fault happen to a pair of the construction.
func (t *trial) original(ctx context.Context, n int, f *fault) error {
	p := &pair{
		opt: &t.opt, times: theOriginal, name: "original-" + f.name, fault: f, original: true, world: t.world, logs: t.logs,
		hosts: map[string]*lab.Host{},
	}
	for _, site := range sites {
		p.hosts[site] = t.world.Host(originalHost(n, site))
	}
	r, err := t.one(ctx, p, uint16(queuePort+1+n), 1)
	if err != nil {
		return err
	}
	return t.done(r)
}

func (t *trial) one(ctx context.Context, p *pair, port uint16, number int) (*Result, error) {
	if err := p.open(t.world.Host(queueName), port); err != nil {
		return nil, err
	}
	r := p.measure(ctx, number)
	return &r, errors.Join(p.close(), ctx.Err())
}

func (t *trial) done(r *Result) error {
	t.say("%s", r.line())
	return t.tell(message{Result: r})
}

// line is a result for who waits for the next one.
func (r *Result) line() string {
	what := "the gate stayed closed"
	if r.Opened > 0 {
		what = "the gate opened after " + show(r.Opened)
	}
	if r.Again > 0 {
		what += ", and one after " + show(r.Again) + " when the fault was over"
	}
	name := r.Fault
	if r.Original {
		name = "the original: " + name
	}
	text := fmt.Sprintf("%-10s %s; nobody ran for %s, both for %s", name, what, show(r.Nobody), show(r.Both))
	if len(r.Wrong) > 0 && !r.Original {
		text += "  WRONG: " + strings.Join(r.Wrong, "; ")
	}
	return text
}

// setup is what the trial runs on, and how.
func (o *Options) setup() Setup {
	var uts unix.Utsname
	_ = unix.Uname(&uts)
	return Setup{
		Version: build.Get().Version, Kernel: unix.ByteSliceToString(uts.Release[:]), CPUs: runtime.NumCPU(),
		Timing: o.Timing, Times: o.times(), Original: theOriginal, EventEvery: eventEvery,
	}
}

func (t *trial) tellLogs() {
	names, _ := filepath.Glob(filepath.Join(t.logs, "*.log"))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		text = text[max(0, len(text)-maxLog):]
		_ = t.tell(message{Log: &logMessage{filepath.Base(name), string(text)}})
	}
}
