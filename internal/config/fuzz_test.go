package config

import (
	"errors"
	"testing"
)

// FuzzParse: nothing makes the loader panic, what it accepts keeps the
// invariants, and what it refuses it refuses with a reason.
func FuzzParse(f *testing.F) {
	for _, glob := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml"} {
		for _, path := range files(f, glob) {
			if data := read(f, path); len(data) < 4096 {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := Parse("fuzz.yaml", data)
		if err == nil {
			if err := invariants(cfg); err != nil {
				t.Fatal(err)
			}
			describeEveryNode(t, cfg)
			return
		}
		var all *Errors
		if !errors.As(err, &all) || len(all.Problems) == 0 || len(all.Problems) > maxProblems+1 {
			t.Fatalf("refused with %v", err)
		}
		for _, p := range all.Problems {
			if p.What == "" || p.File != "fuzz.yaml" {
				t.Fatalf("problem without words: %+v", p)
			}
		}
	})
}
