package keeper

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSweepLeavesOthersAlone: a gate in another namespace of process IDs cannot be
// told from a dead one by its ID, so what it has made stays.
func TestSweepLeavesOthersAlone(t *testing.T) {
	prefix, err := ownGroups()
	if err != nil {
		t.Fatal(err)
	}
	if space := strings.TrimSuffix(strings.TrimPrefix(prefix, groupPrefix), "-"); space == "" || strings.Trim(space, "0123456789") != "" {
		t.Fatalf("prefix %q", prefix)
	}
	home := t.TempDir()
	dead, other := filepath.Join(home, prefix+"1-0"), filepath.Join(home, groupPrefix+"1-1-0")
	for _, dir := range []string{dead, other} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sweepGroups(home, prefix)
	if _, err := os.Stat(filepath.Join(dead, "cgroup.kill")); err != nil {
		t.Errorf("what a dead gate has left was not killed: %v", err)
	}
	if _, err := os.Stat(filepath.Join(other, "cgroup.kill")); err == nil {
		t.Error("what a gate elsewhere has made was killed")
	}
}
