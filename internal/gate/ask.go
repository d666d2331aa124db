package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/open"
	"stead/internal/core/gate"
	"stead/internal/core/lease"
)

// askEvery is how often the register is looked at by who waits for a change.
const askEvery = 100 * time.Millisecond

// Asker asks the stores of a gate, without being one.
type Asker struct {
	Timeout time.Duration // of one operation
	Now     func() Instant
}

// ErrNobodyHasIt says that there is no right to be handed over.
var ErrNobodyHasIt = errors.New("there is no right yet: no gate has claimed it")

// Switchover asks that a site gets the right, and waits until it has it or ctx
// ends. It returns what the right is then.
func (a *Asker) Switchover(ctx context.Context, url, to string) (*lease.Record, error) {
	s, err := a.open(ctx, url)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	register := s.Register(RightKey)
	asked := false
	for {
		rec, version, err := a.read(ctx, register)
		switch {
		case errors.Is(err, store.ErrAbsent):
			return nil, ErrNobodyHasIt
		case err == nil && rec.State == lease.Held && rec.Holder == to:
			return rec, nil
		case err == nil && !(rec.To == to && rec.State != lease.Parked):
			if asked && rec.State == lease.Held && rec.To == "" {
				return rec, fmt.Errorf("%s has not handed the right over: see its log", rec.Holder)
			}
			asked, err = a.ask(ctx, register, rec, version, to)
		}
		if err != nil && ctx.Err() == nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return rec, a.withdraw(register, to)
		case <-time.After(askEvery):
		}
	}
}

// ask writes into the register whom the right is to go to. A right that nobody
// uses goes there at once.
func (a *Asker) ask(ctx context.Context, register store.Register, rec *lease.Record, version, to string) (bool, error) {
	next := *rec
	next.Turn++
	next.To = to
	if next.State == lease.Parked {
		next.State = lease.Free
	}
	return true, a.swap(ctx, register, version, &next)
}

// withdraw takes a request back that nobody has heeded.
func (a *Asker) withdraw(register store.Register, to string) error {
	ctx, cancel := context.WithTimeout(context.Background(), a.Timeout)
	defer cancel()
	rec, version, err := a.read(ctx, register)
	if err == nil && rec.To == to && rec.Holder != to {
		next := *rec
		next.Turn++
		next.To = ""
		err = a.swap(ctx, register, version, &next)
	}
	return errors.Join(context.DeadlineExceeded, err)
}

// swap replaces the record. That somebody else was faster is no error: it is read again.
func (a *Asker) swap(ctx context.Context, register store.Register, version string, rec *lease.Record) error {
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	_, err := register.Swap(ctx, version, rec.Append(nil))
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

func (a *Asker) read(ctx context.Context, register store.Register) (*lease.Record, string, error) {
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	bytes, version, err := register.Read(ctx)
	if err != nil {
		return nil, "", err
	}
	rec, err := lease.Parse(bytes)
	if err != nil {
		return nil, "", fmt.Errorf("what is kept as the right is none: %w", err)
	}
	return &rec, version, nil
}

func (a *Asker) open(ctx context.Context, url string) (store.Store, error) {
	spec, err := open.Parse(url)
	if err != nil {
		return nil, err
	}
	return open.Open(ctx, spec, open.Options{Timeout: a.Timeout})
}

// Observation is what the stores show of two sites.
type Observation struct {
	Right *RightStatus `json:"right,omitempty"`
	To    string       `json:"asked_for,omitempty"` // who is to get the right
	Beats []SeenBeat   `json:"heartbeats"`
}

// SeenBeat is a heartbeat as a store shows it.
type SeenBeat struct {
	Site    string  `json:"site"`
	Store   string  `json:"store"`
	Sight   string  `json:"sight"` // heartbeat, none, garbled or unreadable
	Changes int     `json:"changes"`
	Over    float64 `json:"over_seconds"` // for how long it was looked at
	Epoch   uint64  `json:"epoch"`
	Written string  `json:"written,omitempty"` // by the writer's wall clock: information only
	Detail  string  `json:"detail,omitempty"`
}

// Observe looks at the right and the heartbeats of the sites for a while.
func (a *Asker) Observe(ctx context.Context, set *Settings, sites []string, span time.Duration) (*Observation, error) {
	o := &Observation{Beats: []SeenBeat{}}
	if url, ok := set.RightStore(); ok {
		if err := a.observeRight(ctx, o, url); err != nil {
			return nil, err
		}
	}
	var blobs []store.Blob
	for _, url := range set.pages() {
		s, err := a.open(ctx, url)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		for _, site := range sites {
			blobs = append(blobs, s.Blob(HeartbeatKey(site)))
			o.Beats = append(o.Beats, SeenBeat{Site: site, Store: url})
		}
	}
	began := a.Now()
	marks := make([]string, len(blobs))
	for {
		for i, blob := range blobs {
			a.observe(ctx, &o.Beats[i], blob, &marks[i])
			o.Beats[i].Over = a.Now().Sub(began).Seconds()
		}
		if a.Now().Sub(began) >= span {
			return o, nil
		}
		select {
		case <-ctx.Done():
			return o, nil
		case <-time.After(min(span, askEvery)):
		}
	}
}

func (a *Asker) observeRight(ctx context.Context, o *Observation, url string) error {
	s, err := a.open(ctx, url)
	if err != nil {
		return err
	}
	defer s.Close()
	rec, _, err := a.read(ctx, s.Register(RightKey))
	o.Right = &RightStatus{State: "none"}
	switch {
	case errors.Is(err, store.ErrAbsent):
		o.Right.Known = true
	case err != nil:
		o.Right.Trouble = err.Error()
	default:
		o.To = rec.To
		*o.Right = RightStatus{Known: true, Holder: rec.Holder, State: rec.State.String(), Epoch: rec.Epoch, TTL: rec.TTL.Seconds()}
	}
	return nil
}

// observe looks at one heartbeat once.
func (a *Asker) observe(ctx context.Context, b *SeenBeat, blob store.Blob, last *string) {
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	s := see(ctx, blob, b.Site)
	b.Sight, b.Detail = [...]string{"unreadable", "none", "garbled", "heartbeat"}[s.Sight], s.Detail
	if s.Sight != gate.Beaten {
		return
	}
	if *last != "" && *last != s.Mark {
		b.Changes++
	}
	*last, b.Epoch = s.Mark, s.Epoch
	if !s.At.IsZero() {
		b.Written = s.At.UTC().Format(time.RFC3339)
	}
}
