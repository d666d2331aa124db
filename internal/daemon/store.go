package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"stead/internal/core"
)

// stateFile keeps what must outlive a restart: for each group a ceiling below which
// epochs may have been used, and whether the node was drained. It writes behind
// the engine, which reserves epochs long before it uses them.
type stateFile struct {
	path string
	wake chan struct{}
	said string // the last problem that a person was told of; of openStore, then of run

	mu    sync.Mutex
	state stored
	dirty bool
}

// stored is the file's content.
type stored struct {
	Node    string            `json:"node"`
	Drained bool              `json:"drained"`
	Epochs  map[string]uint64 `json:"epoch_ceilings"`
}

// openStore reads the state of the run before. A directory that cannot be
// written is said once, clearly, and does not keep the service down.
func (d *Daemon) openStore() error {
	d.store = &stateFile{path: filepath.Join(d.cfg.State.Dir, "state.json"), wake: make(chan struct{}, 1)}
	s := d.store
	s.state = stored{Node: d.cfg.Self, Epochs: map[string]uint64{}}
	data, err := os.ReadFile(s.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return fmt.Errorf("state: %w: the epochs of the last run are in it; make it readable, or remove it if every node was down", err)
	default:
		if err := json.Unmarshal(data, &s.state); err != nil {
			return fmt.Errorf("state %s is damaged: %w: move it away; epochs then continue from what the other nodes know", s.path, err)
		}
	}
	if s.state.Epochs == nil {
		s.state.Epochs = map[string]uint64{}
	}
	if err := s.write(); err != nil {
		s.said = err.Error()
		d.log.Warn("state cannot be stored: after a restart of every node epochs may repeat", "problem", err, "advice", "make state.dir writable, or free space there")
	}
	return nil
}

// ceilings are the stored ceilings by group.
func (s *stateFile) ceilings() map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.state.Epochs)
}

// put notes what the engine asks to store.
func (s *stateFile) put(group string, p *core.Persist) {
	s.mu.Lock()
	if group != "" {
		s.state.Epochs[group] = max(s.state.Epochs[group], p.EpochCeiling)
	} else {
		s.state.Drained = p.HeldOff
	}
	s.dirty = true
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run writes what was put until ctx ends. A disk that does not take it is
// reported once for each way in which it fails.
func (s *stateFile) run(ctx context.Context, complain func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		err := s.write()
		if err != nil && err.Error() != s.said {
			s.said = err.Error()
			complain(fmt.Errorf("state: %w (epochs may repeat after a restart of every node)", err))
		}
		if err == nil {
			s.said = ""
		}
	}
}

// flush writes what is still waiting at the end.
func (s *stateFile) flush() {
	s.mu.Lock()
	dirty := s.dirty
	s.mu.Unlock()
	if dirty {
		_ = s.write() // reported by run already
	}
}

// write stores the state. Its error names the directory: the file that could not
// be written has another name each time.
func (s *stateFile) write() error {
	err := s.replace()
	var file *fs.PathError
	if errors.As(err, &file) {
		err = file.Err
	}
	if err != nil {
		return fmt.Errorf("store in %s: %w", filepath.Dir(s.path), err)
	}
	return nil
}

// replace replaces the file, so that a reader sees the old or the new content and
// a loss of power leaves one of them.
func (s *stateFile) replace() (err error) {
	s.mu.Lock()
	data, err := json.MarshalIndent(s.state, "", "  ")
	s.dirty = false
	s.mu.Unlock()
	defer func() {
		if err != nil {
			s.mu.Lock()
			s.dirty = true
			s.mu.Unlock()
		}
	}()
	if err != nil {
		return err
	}
	dir := filepath.Dir(s.path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".state-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	return err
}
