package share

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// setStale begins or ends the time in which reads see what was. m.mu is held.
func (m *Mount) setStale(on bool) error {
	switch {
	case on && m.stale == "":
		dir, err := os.MkdirTemp("", "share-stale-")
		if err != nil {
			return fmt.Errorf("keep what the share holds: %w", err)
		}
		if err := copyTree(m.live, dir); err != nil {
			return errors.Join(fmt.Errorf("keep what the share holds: %w", err), os.RemoveAll(dir))
		}
		m.stale = dir
	case !on && m.stale != "":
		dir := m.stale
		m.stale = ""
		return os.RemoveAll(dir)
	}
	return nil
}

// wrote lets this mount see what it has changed itself, though the rest of what
// it sees is stale.
func (m *Mount) wrote(paths ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stale == "" {
		return
	}
	for _, path := range paths {
		copied := filepath.Join(m.stale, path)
		_ = os.RemoveAll(copied)
		_ = copyTree(filepath.Join(m.live, path), copied)
	}
}

// copyTree copies files and directories. What vanishes meanwhile is left out.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
}
