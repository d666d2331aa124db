package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite expected output and generated files")

// files lists testdata; a test over no files would prove nothing.
func files(t testing.TB, glob string) []string {
	t.Helper()
	found, err := filepath.Glob(glob)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: no files (%v)", glob, err)
	}
	return found
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// golden compares got with the file at path, or writes it with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := string(read(t, path)); got != want {
		t.Errorf("%s: got\n%s\nwant\n%s\n(go test ./internal/config -update rewrites it)", path, got, want)
	}
}

func TestGoodFilesLoad(t *testing.T) {
	for _, path := range files(t, "testdata/good/*.yaml") {
		cfg, err := Load(path)
		if err != nil {
			t.Errorf("%s is refused:\n%v", path, err)
			continue
		}
		if err := invariants(cfg); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestBadFiles has one file for each message: beside it stands what is said.
func TestBadFiles(t *testing.T) {
	for _, path := range files(t, "testdata/bad/*.yaml") {
		_, err := Parse(filepath.Base(path), read(t, path))
		var all *Errors
		if !errors.As(err, &all) || len(all.Problems) == 0 {
			t.Errorf("%s is accepted (%v)", path, err)
			continue
		}
		golden(t, strings.TrimSuffix(path, ".yaml")+".txt", all.Error()+"\n")
	}
}
