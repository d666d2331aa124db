// Package secretfile reads files with secrets: keys, passwords, tokens. One that
// others could have read or written is refused.
package secretfile

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// HexMark stands before a key in hexadecimal digits.
const HexMark = "hex:"

// Most is how many bytes a password or a token has at most.
const Most = 4096

// File is a file with a secret, and what may be in it.
type File struct {
	Noun        string // what errors call it: key file
	Path        string
	Least, Most int    // bytes of the secret
	Hex         bool   // may be HexMark and hexadecimal digits
	Group       bool   // the file's group may read it: in a pod whose user is not root, Kubernetes offers no other way
	Advice      string // how to make one
}

// Read returns the secret: what is in the file without a final newline. It refuses a
// file that is not regular, that others may use, that belongs to neither root nor
// this user, and a secret that is too short or too long.
func (f File) Read() ([]byte, error) {
	// A FIFO in the key's place must not stop the daemon from starting.
	file, err := os.OpenFile(f.Path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s %s: %w: %s", f.Noun, f.Path, os.ErrNotExist, f.Advice)
	}
	if err != nil {
		return nil, f.failed(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, f.failed(err)
	}
	if err := f.private(info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, int64(len(HexMark)+2*f.Most+3)))
	if err != nil {
		return nil, f.failed(err)
	}
	return f.decode(data)
}

// failed words an error of the operating system, which names the file, too.
func (f File) failed(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("%s %s: %w", f.Noun, f.Path, err)
}

// decode takes a final newline and the mark of hexadecimal digits off.
func (f File) decode(data []byte) ([]byte, error) {
	secret := bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if digits, marked := strings.CutPrefix(string(secret), HexMark); marked && f.Hex {
		decoded, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fmt.Errorf("%s %s: what follows %s is not hexadecimal: write two digits for each byte", f.Noun, f.Path, HexMark)
		}
		secret = decoded
	}
	if len(secret) < f.Least || len(secret) > f.Most {
		return nil, fmt.Errorf("%s %s: holds %d bytes, not %d–%d: %s", f.Noun, f.Path, len(secret), f.Least, f.Most, f.Advice)
	}
	return secret, nil
}

// private refuses a secret that others could have read or written.
func (f File) private(info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s %s: is not a regular file: %s", f.Noun, f.Path, f.Advice)
	}
	refused := os.FileMode(0o077)
	if f.Group {
		refused = 0o037
	}
	if mode := info.Mode().Perm(); mode&refused != 0 {
		return fmt.Errorf("%s %s: mode %04o lets others use it: chmod 600 %s", f.Noun, f.Path, mode, f.Path)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s %s: belongs to user %d, not to root or to user %d: chown root %s", f.Noun, f.Path, stat.Uid, os.Geteuid(), f.Path)
	}
	return nil
}
