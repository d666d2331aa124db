package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"stead/internal/adapter/store"
)

// The race: each writer has a store of its own, as on a machine of its own.
const (
	writers = 8
	rounds  = 30
)

// attempt is what became of one writer's swap.
type attempt struct {
	value, version string
	err            error
}

// once lets all writers swap the same version at the same time. The only winner's
// value is what everybody reads next.
func once(t *testing.T, registers []store.Register, round int, version string) string {
	t.Helper()
	ctx := limited(t)
	results := make([]attempt, len(registers))
	start := make(chan struct{})
	var done sync.WaitGroup
	for i, r := range registers {
		done.Go(func() {
			value := fmt.Sprintf("round %d writer %d", round, i)
			<-start
			next, err := r.Swap(ctx, version, []byte(value))
			results[i] = attempt{value, next, err}
		})
	}
	close(start)
	done.Wait()
	var won []attempt
	for _, a := range results {
		switch {
		case a.err == nil:
			won = append(won, a)
		case !errors.Is(a.err, store.ErrConflict):
			t.Fatalf("round %d: %v", round, a.err)
		}
	}
	if len(won) != 1 {
		t.Fatalf("round %d: %d winners: %+v", round, len(won), results)
	}
	for _, r := range registers {
		mustRead(t, r, won[0].value, won[0].version)
	}
	return won[0].version
}

func racers(t *testing.T, open func(*testing.T) store.Store) []store.Store {
	all := make([]store.Store, writers)
	for i := range all {
		all[i] = open(t)
	}
	return all
}

func race(t *testing.T, open func(*testing.T) store.Store) {
	key := fresh("right")
	var registers []store.Register
	for _, s := range racers(t, open) {
		registers = append(registers, s.Register(key))
	}
	seen := map[string]bool{}
	version := ""
	for round := range rounds {
		version = once(t, registers, round, version)
		if seen[version] {
			t.Fatalf("round %d: version %q was there before", round, version)
		}
		seen[version] = true
	}
}

// raceToCreate has a register of its own in each round: nothing that the keys share is there yet.
func raceToCreate(t *testing.T, open func(*testing.T) store.Store) {
	stores := racers(t, open)
	for round := range rounds / 3 {
		key := fresh("groups/web")
		registers := make([]store.Register, len(stores))
		for i, s := range stores {
			registers[i] = s.Register(key)
		}
		once(t, registers, round, "")
	}
}
