package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// The bounds of a key in bytes.
const (
	leastKey = 16
	mostKey  = 4096
)

func keyAdvice(path string) string {
	return fmt.Sprintf("make one with: head -c 32 /dev/urandom | base64 > %s; chmod 600 %s", path, path)
}

func hmacAdvice(path string) string {
	return fmt.Sprintf("make one with: (printf hex:; head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \\n') > %s; chmod 600 %s", path, path)
}

// LoadKeys reads the key files of cfg into its Security.Keys, the signing key first.
// A client exchanges no heartbeats and needs no key: nothing is read on one.
// A file that others may read, that belongs to another user, or that is too short is refused.
func LoadKeys(cfg *Config) error {
	if self, ok := cfg.Node(cfg.Self); ok && self.Role == RoleClient {
		return nil
	}
	var keys [][]byte
	var all []error
	for _, path := range cfg.Security.KeyFiles {
		key, err := readKey(path)
		if err != nil {
			all = append(all, err)
			continue
		}
		keys = append(keys, key)
	}
	if len(all) > 0 {
		return errors.Join(all...)
	}
	cfg.Security.Keys = keys
	return nil
}

func readKey(path string) ([]byte, error) {
	// A FIFO in the key's place must not stop the daemon from starting.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("key file %s: %w: %s", path, os.ErrNotExist, keyAdvice(path))
	}
	if err != nil {
		return nil, fmt.Errorf("key file %w", fileError(path, err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("key file %w", fileError(path, err))
	}
	if err := private(path, info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, mostKey+2))
	if err != nil {
		return nil, fmt.Errorf("key file %w", fileError(path, err))
	}
	key := bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if len(key) < leastKey || len(key) > mostKey {
		return nil, fmt.Errorf("key file %s: holds %d bytes, not %d–%d: %s", path, len(key), leastKey, mostKey, keyAdvice(path))
	}
	return key, nil
}

// private refuses a key that others could have read or written.
func private(path string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("key file %s: is not a regular file: %s", path, keyAdvice(path))
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("key file %s: mode %04o lets others use it: chmod 600 %s", path, mode, path)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("key file %s: belongs to user %d, not to root or to user %d: chown root %s", path, stat.Uid, os.Geteuid(), path)
	}
	return nil
}
