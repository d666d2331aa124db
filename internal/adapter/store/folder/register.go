package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"stead/internal/adapter/store"
)

const (
	keep    = 4  // versions that stay, the last one among them
	mostTry = 20 // readings of a register that changes all the while
)

type register struct {
	store *Store
	key   string
}

// Read implements store.Register.
func (r *register) Read(ctx context.Context) ([]byte, string, error) {
	if err := store.CheckKey(r.key); err != nil {
		return nil, "", err
	}
	newest, err := do(ctx, &r.store.calls, func() (token, error) {
		root, _, err := r.store.enter()
		if err != nil {
			return token{}, err
		}
		defer root.Close()
		return r.newest(root)
	})
	if err != nil {
		return nil, "", r.store.where("read", r.key, err)
	}
	return []byte(newest.value), newest.version(), nil
}

func (r *register) dir() string { return r.key + registerSuffix }

// newest reads the highest version that has something in it. The highest one is never removed
// and never empty, so that the first look has it. Only where a listing was
// overtaken by many swaps, or where there is nothing, does it look again: what two looks
// agree upon is so.
func (r *register) newest(root *os.Root) (token, error) {
	var before []uint64
	for try := range mostTry {
		numbers, err := r.numbers(root)
		if err != nil {
			return token{}, err
		}
		for i, number := range numbers {
			found, err := r.read(root, number)
			switch {
			case err == nil && (i == 0 || try > 0 && slices.Equal(numbers, before)):
				return found, nil
			case err != nil && !errors.Is(err, fs.ErrNotExist):
				return token{}, err
			}
			if err == nil {
				break
			}
		}
		if try > 0 && slices.Equal(numbers, before) {
			return token{}, store.ErrAbsent
		}
		before = numbers
	}
	return token{}, errors.New("it changes faster than it can be read")
}

// numbers lists the versions that are there, the highest first. A register that was
// never written has none.
func (r *register) numbers(root *os.Root) ([]uint64, error) {
	names, err := list(root, r.dir())
	if within(root, err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, name := range names {
		if number, ok := parseNumber(name); ok {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	return numbers, nil
}

// read reads one version; fs.ErrNotExist where it is gone or empty.
func (r *register) read(root *os.Root, number uint64) (token, error) {
	dir := path.Join(r.dir(), numberName(number))
	names, err := list(root, dir)
	if err != nil {
		return token{}, err
	}
	// Servers and clients put files of their own beside, such as .nfs0000000000.
	names = slices.DeleteFunc(names, func(name string) bool { return name[0] == '.' })
	if len(names) == 0 {
		return token{}, fs.ErrNotExist
	}
	if len(names) > 1 {
		return token{}, fmt.Errorf("%s holds %d names, not one: somebody else writes there", dir, len(names))
	}
	nonce, value, ok := parseToken(names[0])
	if !ok {
		return token{}, fmt.Errorf("%s holds %q, which Stead has not written", dir, names[0])
	}
	return token{number, nonce, value}, nil
}
