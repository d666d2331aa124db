package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"stead/internal/adapter/store"
)

// history is a register that was swapped so often, and its folder.
func history(t *testing.T, swaps int) (*register, *os.Root, string) {
	t.Helper()
	dir := t.TempDir()
	s := openFolder(t, dir)
	r := &register{s, "web"}
	version := ""
	for i := range swaps {
		var err error
		if version, err = r.Swap(t.Context(), version, []byte("value "+strconv.Itoa(i+1))); err != nil {
			t.Fatal(err)
		}
		s.Close() // waits until old versions are forgotten
	}
	root, _, err := s.enter()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return r, root, filepath.Join(dir, "web.right")
}

func TestOldVersionsAreForgotten(t *testing.T) {
	_, _, dir := history(t, keep+5)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if len(names) != keep+1 || names[0] != "0000000000" || names[1] != "0000000006" || names[keep] != numberName(keep+5) {
		t.Errorf("there are %q", names)
	}
}

// Who has missed everything since an early version, or since before the first, can
// take the place of none that was forgotten.
func TestPlacesOfForgottenVersions(t *testing.T) {
	r, root, _ := history(t, keep+5)
	for number := uint64(1); number <= keep+5; number++ {
		if err := r.put(t.Context(), root, 0o750, token{number, "00112233445566aa", "late"}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("put version %d: %v", number, err)
		}
	}
	if value, _, err := r.Read(t.Context()); err != nil || string(value) != fmt.Sprint("value ", keep+5) {
		t.Fatalf("read: %q, %v", value, err)
	}
}

// Who was to seal the first version's predecessor can have died before it was done.
func TestSealThatWasBroken(t *testing.T) {
	r, _, dir := history(t, 2)
	if err := os.RemoveAll(filepath.Join(dir, "0000000000")); err != nil {
		t.Fatal(err)
	}
	_, version, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range keep + 2 {
		if version, err = r.Swap(t.Context(), version, []byte("x")); err != nil {
			t.Fatal(err)
		}
		r.store.Close()
	}
	if info, err := os.Stat(filepath.Join(dir, "0000000000")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the seal: %v, %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "0000000001")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the first version: %v; want it forgotten", err)
	}
}

func TestRenameOntoAnother(t *testing.T) {
	r, root, dir := history(t, 3)
	for number := uint64(1); number <= 3; number++ {
		if err := r.put(t.Context(), root, 0o750, token{number, "00112233445566aa", "late"}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("put version %d: %v", number, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*", temporary+"*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// The answer to a rename that has taken effect was lost, and the client has asked again.
func TestLostAnswerToARename(t *testing.T) {
	r, root, dir := history(t, 3)
	mine := token{4, "00112233445566aa", "mine"}
	if err := os.MkdirAll(filepath.Join(dir, "0000000004", tokenName(mine.nonce, mine.value)), 0o750); err != nil {
		t.Fatal(err)
	}
	temp := "web.right/0000000003/" + temporary + mine.nonce
	if err := r.refused(root, temp, mine, os.ErrNotExist); err != nil {
		t.Errorf("the own nonce is there: %v", err)
	}
	// Somebody else's is there: had the own one been there before, it and its predecessor
	// would have gone together, and nothing could have been made to take its place.
	other := token{4, "00112233445566bb", "other"}
	if err := r.refused(root, temp, other, os.ErrNotExist); !errors.Is(err, store.ErrConflict) {
		t.Errorf("another has the place: %v; want a conflict", err)
	}
	// Nobody is there, and the own source is not gone for a reason that is known.
	later := token{5, "00112233445566cc", "later"}
	if err := r.refused(root, "web.right/0000000004/"+temporary+later.nonce, later, os.ErrDeadlineExceeded); err == nil || errors.Is(err, store.ErrConflict) {
		t.Errorf("nobody has the place: %v; want an outcome that is not known", err)
	}
}

// What is left when a rename comes after its source was emptied: no version, and in nobody's way.
func TestEmptyVersion(t *testing.T) {
	r, _, dir := history(t, 2)
	_, version, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "0000000003"), 0o750); err != nil {
		t.Fatal(err)
	}
	if value, again, err := r.Read(t.Context()); err != nil || string(value) != "value 2" || again != version {
		t.Fatalf("read: %q, %q, %v", value, again, err)
	}
	if _, err := r.Swap(t.Context(), version, []byte("three")); err != nil {
		t.Fatal(err)
	}
	if value, _, err := r.Read(t.Context()); err != nil || string(value) != "three" {
		t.Fatalf("read: %q, %v", value, err)
	}
}

func TestCreatorThatDied(t *testing.T) {
	dir := t.TempDir()
	r := openFolder(t, dir).Register("web")
	if err := os.MkdirAll(filepath.Join(dir, "web.right", "0000000000", temporary+"00112233445566aa", tokenName("00112233445566aa", "x")), 0o750); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Read(t.Context()); !errors.Is(err, store.ErrAbsent) {
		t.Fatalf("read: %v; want absent", err)
	}
	if _, err := r.Swap(t.Context(), "", []byte("first")); err != nil {
		t.Fatal(err)
	}
}

func TestMeddling(t *testing.T) {
	for name, make := range map[string][]string{
		"foreign name":   {"0000000003/notes.txt"},
		"two names":      {"0000000003/" + tokenName("00112233445566aa", "a"), "0000000003/" + tokenName("00112233445566bb", "b")},
		"torn name":      {"0000000003/00112233445566aa-v1.val"},
		"value too long": {"0000000003/00112233445566aa-.value"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, dir := history(t, 2)
			for _, path := range make {
				if err := os.MkdirAll(filepath.Join(dir, path), 0o750); err != nil {
					t.Fatal(err)
				}
			}
			_, _, err := r.Read(t.Context())
			mustFail(t, "read", err)
		})
	}
}

func TestNamesBesideVersionsAreIgnored(t *testing.T) {
	r, _, dir := history(t, 2)
	for _, name := range []string{".nfs000000000001", "desktop.ini", "12", "00000000012", "9999999999999999999", "0000000009.bak", "0000000002/.DS_Store"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	if value, _, err := r.Read(t.Context()); err != nil || string(value) != "value 2" {
		t.Errorf("read: %q, %v", value, err)
	}
}

func FuzzToken(f *testing.F) {
	f.Add(tokenName("00112233445566aa", "v1 e=7:h/west"))
	f.Add("00112233445566aa-.value")
	f.Add("00112233445566AA-x.value")
	f.Fuzz(func(t *testing.T, name string) {
		nonce, value, ok := parseToken(name)
		if ok && tokenName(nonce, value) != name {
			t.Errorf("%q is read as %q, %q, which is written as %q", name, nonce, value, tokenName(nonce, value))
		}
		if number, ok := parseNumber(name); ok && numberName(number) != name {
			t.Errorf("%q is read as %d", name, number)
		}
		if number, nonce, ok := parseVersion(name); ok && (token{number: number, nonce: nonce}).version() != name {
			t.Errorf("%q is read as %d, %q", name, number, nonce)
		}
		if store.CheckValue([]byte(name)) == nil {
			written := tokenName("00112233445566aa", name)
			if _, value, ok := parseToken(written); !ok || value != name || len(written) > 255 {
				t.Errorf("the value %q is written as %q and read as %q, %v", name, written, value, ok)
			}
		}
	})
}
