package probe

import (
	"errors"
	"reflect"
	"sync"

	"stead/internal/config"
	"stead/internal/core"
)

// Report takes the outcome of one run. It is called from many goroutines, and
// must not block for long: the check that calls it waits.
type Report func(group core.GroupID, check int, r Result)

// Group is the checks of one group. A check is known by its place in Checks. Those
// by BFD have a place and no probe: the core has their sessions.
type Group struct {
	ID     core.GroupID
	Name   string
	Checks []config.Check
	Stores Stores // of progress checks; nil: there are none
}

// Set is the running checks of a node.
type Set struct {
	node    string
	report  Report
	replace sync.Mutex // one Replace or Stop at a time

	mu      sync.RWMutex // held to read while a result is reported
	running map[key]*member
}

// key is what a check is known by when the configuration changes.
type key struct{ group, check string }

// member is a running check and where its results go.
type member struct {
	check  config.Check
	group  core.GroupID
	index  int
	runner *runner
}

// Start builds the checks and starts them. Where any cannot be built, none is
// started, and the error names all of those.
func Start(node string, groups []Group, report Report) (*Set, error) {
	s := &Set{node: node, report: report, running: map[key]*member{}}
	if err := s.Replace(groups, nil); err != nil {
		return nil, err
	}
	return s, nil
}

// Replace makes these the running checks. A check whose group, name and
// settings have not changed goes on as it is, without a pause. Where any cannot
// be built, nothing changes, and the error names all of those.
//
// Between the last result that is reported under the old places and the first
// under the new ones, swap is called (it may be nil). It must not call the Set.
func (s *Set) Replace(groups []Group, swap func()) error {
	s.replace.Lock()
	defer s.replace.Unlock()
	fresh, err := s.build(groups)
	if err != nil {
		return err
	}

	s.mu.Lock()
	old := s.running
	s.running = map[key]*member{}
	for _, g := range groups {
		for i, c := range g.Checks {
			if c.Kind == config.CheckBFD {
				continue
			}
			k := key{g.Name, c.Name}
			m := old[k]
			if _, isFresh := fresh[k]; isFresh {
				m = &member{check: c}
			} else {
				delete(old, k)
			}
			m.group, m.index = g.ID, i
			s.running[k] = m
		}
	}
	if swap != nil {
		swap()
	}
	s.mu.Unlock()

	stopAll(old)
	for k, b := range fresh {
		m := s.running[k]
		m.runner = startRunner(b.target, b.probe, func(r Result) { s.deliver(k, m, r) })
	}
	return nil
}

// built is a check that is ready to be started.
type built struct {
	target Target
	probe  Probe
}

// build builds the probes of the checks that are new or have changed.
func (s *Set) build(groups []Group) (map[key]built, error) {
	fresh := map[key]built{}
	var errs []error
	for _, g := range groups {
		for _, c := range g.Checks {
			if c.Kind == config.CheckBFD {
				continue
			}
			k := key{g.Name, c.Name}
			if m := s.running[k]; m != nil && reflect.DeepEqual(m.check, c) {
				continue
			}
			target := Target{Check: c, Group: g.Name, Node: s.node, Stores: g.Stores}
			p, err := New(target)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			fresh[k] = built{target, p}
		}
	}
	if err := errors.Join(errs...); err != nil {
		for _, b := range fresh {
			b.probe.Close()
		}
		return nil, err
	}
	return fresh, nil
}

// deliver reports a result under the place that the check has now. One that was
// replaced in the meantime reports nothing.
func (s *Set) deliver(k key, m *member, r Result) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.running[k] == m {
		s.report(m.group, m.index, r)
	}
}

// Stop ends all checks. When it returns no more result is reported and every
// program that a check ran is gone.
func (s *Set) Stop() {
	s.replace.Lock()
	defer s.replace.Unlock()
	s.mu.Lock()
	old := s.running
	s.running = map[key]*member{}
	s.mu.Unlock()
	stopAll(old)
}

func stopAll(members map[key]*member) {
	for _, m := range members {
		m.runner.cancel()
	}
	for _, m := range members {
		m.runner.stop()
	}
}
