package folder

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"stead/internal/adapter/store"
)

// Store is a folder. It implements store.Store and store.Placed.
type Store struct {
	path     string
	mounted  bool // refuse a folder on the file system of the root directory
	umask    fs.FileMode
	log      *slog.Logger
	calls    calls
	cleaning chan struct{} // holds one entry while something is tidied up

	mu     sync.Mutex
	first  *place         // where the folder was first
	writes map[string]int // to each directory
}

// Open returns the store of a folder. Whether it is there is seen by each call: a
// share may be mounted later.
func Open(_ context.Context, spec *store.Spec, options store.Options) (store.Store, error) {
	return &Store{
		path: spec.Path, mounted: spec.Flag("mounted"), umask: umask(), log: options.Complete().Log,
		cleaning: make(chan struct{}, 1), writes: map[string]int{},
	}, nil
}

// Register implements store.Store.
func (s *Store) Register(key string) store.Register { return &register{s, key} }

// Blob implements store.Store. What it returns implements store.Placed, too.
func (s *Store) Blob(key string) store.Blob { return &blob{s, key} }

// Metadata implements store.Store: files have none.
func (s *Store) Metadata(context.Context, string, string) (string, error) {
	return "", store.ErrNoMetadata
}

// Close waits a moment for what is being tidied up.
func (s *Store) Close() error {
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	select {
	case s.cleaning <- struct{}{}:
		<-s.cleaning
	case <-patience.C:
	}
	return nil
}

// enter opens the folder anew, so that a share which was mounted or unmounted is
// noticed. What is opened stays on that file system whatever happens to the path.
func (s *Store) enter() (*os.Root, fs.FileMode, error) {
	root, err := os.OpenRoot(s.path)
	if err != nil {
		return nil, 0, outside(err)
	}
	stat, err := fstat(root)
	if err == nil {
		err = s.checkPlace(root, stat.Dev)
	}
	if err != nil {
		root.Close()
		return nil, 0, outside(err)
	}
	return root, fs.FileMode(stat.Mode) & fs.ModePerm &^ 0o002, nil
}

// outside words an error of the folder itself: that it is not there does not say
// that a value is absent.
func outside(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is no such folder: create it, or mount the share")
	}
	return err
}

// within tells whether an error says that something is absent in a folder which is
// still there. A folder that was removed while it was open has nothing in it.
func within(root *os.Root, err error) bool {
	if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	stat, err := fstat(root)
	return err == nil && stat.Nlink > 0
}

// makeDir makes a directory, and those on the way to it.
func (s *Store) makeDir(root *os.Root, dir string, mode fs.FileMode) error {
	made := ""
	for part := range strings.SplitSeq(dir, "/") {
		made = strings.TrimPrefix(made+"/"+part, "/")
		if err := s.mkdir(root, made, mode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// mkdir makes a directory with these permissions, whatever the umask is.
func (s *Store) mkdir(root *os.Root, name string, mode fs.FileMode) error {
	if err := root.Mkdir(name, mode); err != nil {
		return err
	}
	if mode&s.umask != 0 {
		// Servers without modes refuse: then there is nothing to be set.
		_ = root.Chmod(name, mode)
	}
	return nil
}

func nonce() string {
	raw := make([]byte, nonceLength)
	rand.Read(raw)
	return hex.EncodeToString(raw)
}

// where words an error: what was done to which value.
func (s *Store) where(what, key string, err error) error {
	return fmt.Errorf("%s %s in %s: %w", what, key, s.path, err)
}
