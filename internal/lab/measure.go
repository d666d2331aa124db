package lab

import (
	"context"
	"fmt"
	"time"

	"stead/internal/core/clock"
	"stead/internal/report"
	"stead/internal/workload"
)

// Run is one fault that was injected once. Times are nanoseconds since boot.
type Run struct {
	Fault    string        `json:"fault"`
	Number   int           `json:"run"`
	Injected clock.Instant `json:"injected"`
	// Detected is when the node that serves afterwards became active, as its own
	// event log says; for a partition that heals, when the other one became standby. 0: unknown.
	Detected clock.Instant `json:"detected"`
	Restored clock.Instant `json:"restored"` // when enough requests in a row had been answered again; 0: never
	Undone   clock.Instant `json:"undone"`   // when everything was as before again; 0: never
	Holder   string        `json:"holder"`   // who serves afterwards

	// What the client saw from the injection until the service was restored.
	Sent    int           `json:"sent"`
	Lost    int           `json:"lost"`
	Outage  time.Duration `json:"outage"`
	Silence time.Duration `json:"silence"`
	// Settled is the time from the mend of a partition until every request was
	// answered by the winner and the client's neighbour entry was the winner's.
	Settled time.Duration `json:"settled"`
	// RestoreLost are requests lost while the world was put back as it was.
	RestoreLost int `json:"restore_lost"`
	// Shares are who answered how often just before the fault, where both did.
	Shares []workload.Count `json:"shares,omitempty"`
	// DualNetwork is how long two hosts answered for the address on the network,
	// DualService how long two servers answered the client; both from the
	// injection until everything was as before.
	DualNetwork time.Duration `json:"dual_network"`
	DualService time.Duration `json:"dual_service"`

	Late     bool              `json:"late"` // the client itself was held up by more than 5 ms: its figures say little
	Failed   string            `json:"failed,omitempty"`
	Samples  []workload.Sample `json:"samples"` // around the injection, for the drawing
	Bands    []workload.Band   `json:"bands"`   // two holders
	Events   []report.Event    `json:"events"`  // since the injection
	Teller   string            `json:"teller"`  // whose events they are
	Realtime bool              `json:"realtime"`
}

// What is kept of a run for its drawing, before the injection and after the restoration.
const (
	drawBefore = 15 * time.Millisecond
	drawAfter  = 25 * time.Millisecond
	drawMost   = 2 * time.Second
	drawLong   = 200 * time.Millisecond // a change that comes later than this is drawn without the injection
)

// inARow is how many answered requests in a row make a service restored.
const inARow = 100

// measure runs a fault once and puts the world back. The error says that the
// trial cannot go on; what went wrong with the service is in the Run.
func (s *session) measure(ctx context.Context, f *fault, number int) (run Run, err error) {
	run = Run{Fault: f.name, Number: number}
	if err := s.awaitReady(ctx); err != nil {
		return run, err
	}
	client, err := s.probe(ctx)
	if err != nil {
		return run, err
	}
	watch := func() []entry { return nil }
	if f.budget == healed {
		watch = s.watchNeighbour(ctx)
	}
	failed := s.play(ctx, f, client, &run)
	client.stop()
	entries := watch()
	if failed != nil {
		run.Failed = failed.Error()
	}
	if ctx.Err() != nil {
		return run, ctx.Err()
	}
	if run.Injected != 0 {
		s.findDetection(ctx, f, &run)
		evaluate(&run, f, client, entries, s.macs)
	}
	return run, nil
}

// play brings the fault about and the world back to how it was.
func (s *session) play(ctx context.Context, f *fault, client *probes, run *Run) error {
	if f.prepare != nil {
		if err := f.prepare(ctx, s); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	if err := s.awaitBefore(ctx, f, client, run); err != nil {
		return fmt.Errorf("before the fault: %w", err)
	}
	run.Injected = workload.Now()
	if err := f.inject(ctx, s); err != nil {
		return fmt.Errorf("inject: %w", err)
	}
	var failed error
	run.Holder, failed = s.awaitService(ctx, client, run.Injected, f.holder)
	if failed == nil && f.holder == "" {
		// Who answers now may be the one that should have given up.
		if run.Holder, failed = s.awaitWinner(ctx); failed == nil {
			_, failed = s.awaitService(ctx, client, run.Injected, run.Holder)
		}
	}
	if failed == nil {
		run.Restored = workload.Now()
	}
	if f.undo != nil {
		if err := f.undo(ctx, s); err != nil {
			return fmt.Errorf("undo: %w", err)
		}
	}
	if err := s.awaitReady(ctx); err != nil {
		return fmt.Errorf("after the fault: %w", err)
	}
	run.Undone = workload.Now()
	return failed
}

// awaitBefore waits until those serve to whom the fault is to happen.
func (s *session) awaitBefore(ctx context.Context, f *fault, client *probes, run *Run) error {
	if f.shared {
		return s.awaitBoth(ctx, client, run)
	}
	before := ""
	if f.holder != "" {
		before = otherServer(f.holder)
	}
	_, err := s.awaitService(ctx, client, workload.Now(), before)
	return err
}

// awaitService waits until inARow requests in a row, all sent after from, were
// answered by holder, or by one server when it is empty. It only looks at what
// the client has: asking the daemons would be work for them at the wrong time.
func (s *session) awaitService(ctx context.Context, client *probes, from clock.Instant, holder string) (string, error) {
	limit, cancel := context.WithTimeout(ctx, s.opt.patience())
	defer cancel()
	for {
		// The newest requests may still be under way.
		now := workload.Now()
		samples := client.service.Samples(max(from, now.Add(-3*inARow*askEvery)), now.Add(-10*askEvery))
		if id, ok := steady(samples, holder); ok {
			return id, nil
		}
		sleep(limit, 10*time.Millisecond)
		if limit.Err() != nil {
			r := workload.Analyze(samples, askEvery)
			return "", fmt.Errorf("service not restored within %v: of the last %d requests %d were lost, answers %v (expected: %q)", s.opt.patience(), r.Sent, r.Lost, r.ByID, holder)
		}
	}
}

// awaitWinner waits until the servers agree on who of them is active.
func (s *session) awaitWinner(ctx context.Context) (winner string, err error) {
	err = s.await(ctx, "agreed on one active server", func() error {
		active := map[string]string{}
		for _, host := range []string{primary, secondary} {
			st, err := s.status(ctx, host)
			if err != nil {
				return err
			}
			if g := st.Group(group); g != nil {
				active[host] = g.ActiveNode
			}
		}
		winner = active[primary]
		if winner == "" || winner != active[secondary] {
			return fmt.Errorf("the primary sees %q active, the secondary %q", active[primary], active[secondary])
		}
		return nil
	})
	return winner, err
}

// steady tells whether the last inARow samples were all answered by holder, or
// by one server when it is empty, and by which.
func steady(samples []workload.Sample, holder string) (id string, ok bool) {
	if len(samples) < inARow {
		return "", false
	}
	last := samples[len(samples)-inARow:]
	id = last[0].ID
	for i := range last {
		if !last[i].Answered() || last[i].ID != id {
			return "", false
		}
	}
	return id, holder == "" || id == holder
}

// findDetection looks up in the event log when the role changed.
func (s *session) findDetection(ctx context.Context, f *fault, run *Run) {
	host, kind := run.Holder, report.BecameActive
	if f.budget == healed {
		host, kind = otherServer(run.Holder), report.BecameStandby
	}
	if host == "" {
		return
	}
	events, err := s.events(ctx, host, run.Injected)
	if err != nil {
		return
	}
	run.Events, run.Teller = events, host
	for _, e := range events {
		if e.Kind == kind && e.Group == group {
			run.Detected = clock.Instant(e.BootNS)
			return
		}
	}
}

func otherServer(name string) string {
	switch name {
	case primary:
		return secondary
	case secondary:
		return primary
	}
	return ""
}

// entry is what the client's neighbour table said at a moment.
type entry struct {
	at  clock.Instant
	mac string // empty: no entry
}

// watchNeighbour notes each change of the client's neighbour entry for the
// service, every millisecond until the returned function is called.
func (s *session) watchNeighbour(ctx context.Context) (stop func() []entry) {
	ctx, cancel := context.WithCancel(ctx)
	seen := make(chan []entry, 1)
	go func() {
		var list []entry
		ticker := time.NewTicker(askEvery)
		defer ticker.Stop()
		for ctx.Err() == nil {
			at := workload.Now()
			if mac := s.neighbour().String(); len(list) == 0 || list[len(list)-1].mac != mac {
				list = append(list, entry{at, mac})
			}
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
		}
		seen <- list
	}()
	return func() []entry { cancel(); return <-seen }
}

// evaluate fills in what the client saw.
func evaluate(run *Run, f *fault, client *probes, entries []entry, macs map[string]string) {
	end := run.Restored
	if end == 0 {
		end = workload.Now()
	}
	samples := client.service.Samples(run.Injected, end)
	seen := workload.Analyze(samples, askEvery)
	run.Sent, run.Lost, run.Outage, run.Silence = seen.Sent, seen.Lost, client.outage(run.Injected, end), seen.Silence
	run.Late = heldUp(samples)
	run.Realtime = client.service.Realtime()

	whole := workload.Now()
	if run.Undone != 0 {
		whole = run.Undone
	}
	run.RestoreLost = workload.Analyze(client.service.Samples(end, whole), askEvery).Lost
	if f.budget == healed {
		run.Settled = settled(samples, entries, run.Injected, end, run.Holder, macs)
	}
	// The fault and its undoing are looked at one by one: a host that gets the
	// address back so soon would look like one that never let go of it.
	spans := [][2]clock.Instant{{run.Injected, end}, {end, whole}}
	if client.routed() {
		spans = unplanned(f, spans)
	}
	for _, span := range spans {
		if !client.routed() {
			run.DualNetwork += run.addDual(client.holders, span)
		}
		run.DualService += run.addDual(client.service, span)
	}
	drawTo := min(run.Injected.Add(drawMost), lastTrouble(samples, run.Injected, run.Detected).Add(drawAfter))
	run.Samples = client.service.Samples(drawFrom(run).Add(-drawBefore), drawTo)
}

// drawFrom is the injection, or the change where that comes long after it.
func drawFrom(run *Run) clock.Instant {
	if run.Detected.Sub(run.Injected) > drawLong {
		return run.Detected
	}
	return run.Injected
}

// addDual notes when a client saw two holders, and returns for how long.
func (r *Run) addDual(pinger *workload.Pinger, span [2]clock.Instant) time.Duration {
	seen := workload.Analyze(pinger.Samples(span[0], span[1]), askEvery)
	for _, d := range seen.Dual {
		r.Bands = append(r.Bands, workload.Band{From: d.From, To: d.To.Add(askEvery), Text: "two holders: " + d.First + " and " + d.Second})
	}
	return seen.DualTime()
}

// outage is the longest one that touches the time from the injection on. It is
// looked for among the requests before it too: a request that was under way at
// the injection may be the first lost one.
// Flows that go different ways are looked at together: an outage of some is one.
func (p *probes) outage(injected, end clock.Instant) (longest time.Duration) {
	r := workload.Analyze(p.service.Samples(injected.Add(-20*askEvery), end), askEvery)
	outages := r.Outages
	if p.routed() {
		outages = workload.Together(outages, 2*flows*askEvery)
	}
	for _, o := range outages {
		if o.Start.Add(o.Length) >= injected {
			longest = max(longest, o.Length)
		}
	}
	return longest
}

func heldUp(samples []workload.Sample) bool {
	for i := 1; i < len(samples); i++ {
		if samples[i].Sent.Sub(samples[i-1].Sent) > 5*askEvery {
			return true
		}
	}
	return false
}

// lastTrouble is the last lost request, or the last change of holder.
func lastTrouble(samples []workload.Sample, injected, detected clock.Instant) clock.Instant {
	last := max(injected, detected)
	for i := range samples {
		if !samples[i].Answered() || i > 0 && samples[i].ID != samples[i-1].ID {
			last = max(last, samples[i].Sent)
		}
	}
	return last
}

// settled is the time from the mend to the last thing that was wrong after it.
func settled(samples []workload.Sample, entries []entry, mended, end clock.Instant, winner string, macs map[string]string) time.Duration {
	last := mended
	for i := range samples {
		if s := &samples[i]; !s.Answered() || s.ID != winner {
			last = max(last, s.Sent)
		}
	}
	for i, e := range entries {
		until := end // an entry holds until the next one is noted
		if i+1 < len(entries) {
			until = min(entries[i+1].at, end)
		}
		if e.mac != "" && macs[e.mac] != winner && until > mended && e.at < end {
			last = max(last, until)
		}
	}
	return last.Sub(mended)
}
