package gate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// claim is what one run of a gate leaves for the next that guards on. It stands
// beside the epoch file.
type claim struct {
	Site    string  `json:"site"`
	Epoch   uint64  `json:"epoch"`
	Session uint64  `json:"session"`
	Until   Instant `json:"until"` // of the machine's clock since boot
	Boot    string  `json:"boot"`  // to which of its boots that belongs
}

// claimFile is the name of the file beside an epoch file.
func claimFile(epochFile string) string { return epochFile + ".claim" }

// writeEpoch writes the epoch file, which holds the number and a line end, and the
// claim beside it.
func writeEpoch(path string, c *claim) error {
	if err := writeClaim(path, c); err != nil {
		return err
	}
	return replace(path, append(strconv.AppendUint(nil, c.Epoch, 10), '\n'))
}

func writeClaim(epochFile string, c *claim) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return replace(claimFile(epochFile), append(text, '\n'))
}

// removeClaim removes a claim. One that stays names a right that another run has
// not any more, and is found out.
func removeClaim(epochFile string) { _ = os.Remove(claimFile(epochFile)) }

// readClaim reads what an earlier run has left; nil where there is nothing.
func readClaim(epochFile string) (*claim, error) {
	text, err := os.ReadFile(claimFile(epochFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := &claim{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("%s: %w (remove it if no workload runs)", claimFile(epochFile), err)
	}
	return c, nil
}

// replace replaces a file as a whole: a reader sees the old one or the new one.
func replace(path string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
