package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stead/internal/adapter/store"
	"stead/internal/config"
	core "stead/internal/core/gate"
	"stead/internal/gate"
)

// progressStore is the name by which numbers have the store of --store.
const progressStore = "store"

// progressFlags are those of the work that has to move on.
type progressFlags struct {
	at, end               string
	stalled, every, pause time.Duration
}

func (f *progressFlags) add(cmd *cobra.Command, does string) {
	fs := cmd.Flags()
	fs.StringVar(&f.at, "progress-at", "", "the consumer's checkpoint, a number that has to move: FROM[#/pointer], FROM a path, an http or https URL, or store:KEY in --store; while it stands still "+does)
	fs.StringVar(&f.end, "progress-end", "", "with --progress-at: how far the producer is, in the same form; a checkpoint that has come so far may stand still")
	fs.DurationVar(&f.stalled, "stalled", time.Minute, "with --progress-at: for how long it may stand still while work is left")
	fs.DurationVar(&f.every, "progress-every", 5*time.Second, "with --progress-at: how often it is read")
}

// settings are nil where no checkpoint is named.
func (f *progressFlags) settings(url string) (*gate.Progress, error) {
	if f.at == "" {
		if f.end != "" {
			return nil, errors.New("--progress-end: has no meaning without --progress-at: name the checkpoint, too")
		}
		return nil, nil
	}
	p := &gate.Progress{Interval: f.every, Pause: f.pause, Stores: map[string]string{progressStore: url}}
	p.Stalled = f.stalled
	if p.Pause == 0 {
		p.Pause = core.DefaultStallPause(f.stalled)
	}
	at, err := numberAt("--progress-at", f.at, url)
	if err != nil {
		return nil, err
	}
	p.At = at
	if f.end != "" {
		end, err := numberAt("--progress-end", f.end, url)
		if err != nil {
			return nil, err
		}
		p.End = &end
	}
	return p, nil
}

// numberAt reads FROM[#/pointer].
func numberAt(flag, text, url string) (config.Number, error) {
	n := config.Number{From: text}
	if i := strings.LastIndex(text, "#/"); i >= 0 {
		n.From, n.Pointer = text[:i], text[i+1:]
	}
	key, inStore := strings.CutPrefix(n.From, "store:")
	switch {
	case inStore && url == "":
		return n, fmt.Errorf("%s %q: there is no store: give --store", flag, text)
	case inStore:
		blob, _, _ := strings.Cut(key, "#")
		if err := store.CheckBlobKey(blob); err != nil {
			return n, fmt.Errorf("%s %q: %w", flag, text, err)
		}
		n.From = "store:" + progressStore + "/" + key
	case filepath.IsAbs(n.From), strings.HasPrefix(n.From, "http://"), strings.HasPrefix(n.From, "https://"):
	default:
		return n, fmt.Errorf("%s %q: is no absolute path, http or https URL, or store:KEY", flag, text)
	}
	return n, nil
}
