package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"stead/internal/adapter/store"
	"stead/internal/adapter/store/open"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/gate"
)

// openStore opens a store as the daemon does.
func openStore(ctx context.Context, s *config.Store) (store.Store, error) {
	spec, err := open.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	return open.Open(ctx, spec, open.Options{Timeout: s.Timeout})
}

// tryStore reads a register of the doctor's own, and has it replaced where that is
// wanted. Nothing else in the store is touched.
func tryStore(ctx context.Context, now func() core.Instant, s *config.Store, node string, write bool) (StoreTrial, error) {
	var did StoreTrial
	at, err := openStore(ctx, s)
	if err != nil {
		return did, err
	}
	defer at.Close()
	t := trial{now: now, store: s, reg: at.Register("doctor/" + node)}
	err = t.run(ctx, &did, write)
	return did, err
}

// trial is what is tried with one register.
type trial struct {
	now   func() core.Instant
	store *config.Store
	reg   store.Register
}

// run reads the register; an error says that this failed. It writes where that is wanted.
func (t *trial) run(ctx context.Context, did *StoreTrial, write bool) error {
	value, version, err := t.read(ctx, did)
	if err != nil || !write {
		return err
	}
	first, err := t.swap(ctx, did, version, value)
	if errors.Is(err, store.ErrConflict) { // another doctor looks at the same moment
		if value, version, err = t.read(ctx, did); err == nil {
			first, err = t.swap(ctx, did, version, value)
		}
	}
	if err == nil {
		_, err = t.swap(ctx, did, first, next(value))
	}
	if err != nil {
		did.Unwritable = err
		return nil
	}
	// A writer that is late: the version that it knows has been replaced.
	_, err = t.swap(ctx, &StoreTrial{}, first, next(next(value)))
	did.Unguarded = err == nil
	return nil
}

// read returns the value that comes next; a register that is not there is fine.
func (t *trial) read(ctx context.Context, did *StoreTrial) (value, version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.store.Timeout)
	defer cancel()
	began := t.now()
	was, version, err := t.reg.Read(ctx)
	did.Read = max(did.Read, t.now().Sub(began))
	if errors.Is(err, store.ErrAbsent) {
		return next(""), "", nil
	}
	return next(string(was)), version, err
}

func (t *trial) swap(ctx context.Context, did *StoreTrial, version, value string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, t.store.Timeout)
	defer cancel()
	began := t.now()
	version, err := t.reg.Swap(ctx, version, []byte(value))
	did.Swap = max(did.Swap, t.now().Sub(began))
	return version, err
}

// next is a value that differs from the one before.
func next(value string) string {
	count, _ := strconv.ParseUint(strings.TrimPrefix(value, "stead-doctor="), 10, 64)
	return fmt.Sprintf("stead-doctor=%d", count+1)
}

// readBeats reads the heartbeats of sites in a store.
func readBeats(ctx context.Context, s *config.Store, sites []string) (map[string]gate.Sample, error) {
	at, err := openStore(ctx, s)
	if err != nil {
		return nil, err
	}
	defer at.Close()
	seen := map[string]gate.Sample{}
	for _, site := range sites {
		if seen[site], err = readBeat(ctx, at, s, site); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

func readBeat(ctx context.Context, at store.Store, s *config.Store, site string) (gate.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	text, err := at.Blob(site + "/heartbeat.txt").Read(ctx)
	if errors.Is(err, store.ErrAbsent) {
		return gate.Sample{Sight: gate.Nothing}, nil
	}
	if err != nil {
		return gate.Sample{}, err
	}
	return gate.FormatAuto.Sight(site, text), nil
}
