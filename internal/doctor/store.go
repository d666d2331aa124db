package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"stead/internal/adapter/store"
	"stead/internal/config"
)

var (
	storeUnreachable = &Problem{"store-unreachable", Fatal, "a store cannot be read",
		"an election by it elects nobody, its vote is missing, and a gate cannot tell and stays closed", "what was seen says why; see stores.{store} in {file}"}
	storeUnwritable = &Problem{"store-not-writable", Fatal, "a store cannot be written",
		"this node cannot take a lease or the right to run, and its heartbeat is not seen", "give the identity of this node the right to create and replace values; docs/how-to/elect-by-a-store.md says what each store needs"}
	storeNoSwap = &Problem{"store-no-compare-and-swap", Fatal, "a store does not keep two writers apart",
		"two nodes could have the lease at once: both serve", "take another store for stores.{store} in {file}: one whose conditional writes, or renames, are atomic"}
	storeSlow = &Problem{"store-slow", Warning, "a store is slow for what is kept there",
		"one operation that takes a little longer fails, and a few of them end the lease of a healthy node", "raise `ttl` and `renew`, or the times of the gate, in {file}; or take a store that is nearer"}
	storeLocal = &Problem{"store-folder-local", Warning, "the folder of a store is on a file system of this host alone",
		"unless this host is the server of the share, every node has a folder of its own, and each of them the lease", "mount the share there, and add ?mounted=true to the url of stores.{store} in {file}: findmnt -T {path}"}
	storeSecret = &Problem{"store-secret-readable", Fatal, "others may read a file with a credential of a store",
		"whoever is on this machine can take the lease away; the daemon refuses the file", "chmod 600 {path}"}
)

// StoreTrial is what a store did.
type StoreTrial struct {
	Read, Swap time.Duration // how long it took
	Unwritable error         // nothing could be written
	Unguarded  bool          // a replacement of an old version was taken
}

var stores = Check{
	Name:     "stores",
	Problems: []*Problem{storeUnreachable, storeUnwritable, storeNoSwap, storeSlow, storeLocal, storeSecret},
	Run: func(ctx context.Context, e *Env) []Finding {
		var out []Finding
		needs := e.storeNeeds()
		for _, name := range slices.Sorted(maps.Keys(needs)) {
			if s, ok := e.Config.Store(name); ok {
				out = append(out, e.storeFiles(s)...)
				out = append(out, e.storeWorks(ctx, s, needs[name])...)
			}
		}
		return out
	},
}

// storeNeed is what this node wants of a store.
type storeNeed struct {
	writes bool
	every  time.Duration // the shortest time between two renewals; 0: none
	who    string        // renews so often
}

// storeNeeds are those of the groups, the checks and the gate of this node.
func (e *Env) storeNeeds() map[string]storeNeed {
	needs := map[string]storeNeed{}
	if e.Config == nil || e.Config.Self == "" {
		return needs
	}
	add := func(name string, writes bool, every time.Duration, who string) {
		n := needs[name]
		n.writes = n.writes || writes
		if every > 0 && (n.every == 0 || every < n.every) {
			n.every, n.who = every, who
		}
		needs[name] = n
	}
	for _, g := range e.groups() {
		if r := g.Election.Right; r != nil {
			add(r.Store, true, r.Renew, "group "+g.Name)
		}
		if g.Election.Witness != "" {
			add(g.Election.Witness, true, 0, "")
		}
		for _, k := range g.Checks {
			for _, name := range storesOf(k.Progress) {
				add(name, false, 0, "")
			}
		}
	}
	if g := e.Config.Gate.For(e.Config.Self); g != nil {
		if g.Right {
			add(g.Store, true, g.Timing(e.Config.GateTimeout()).Lease(g.Site, 1, g.Preferred).Renew, "the gate")
		}
		for _, w := range g.Witnesses {
			if w.Store != "" {
				add(w.Store, true, g.Beat, "the gate")
			}
		}
	}
	return needs
}

// storesOf are the stores that a check reads.
func storesOf(p *config.Progress) (names []string) {
	if p == nil {
		return nil
	}
	for _, n := range []*config.Number{&p.At, p.End} {
		if n == nil {
			continue
		}
		if rest, ok := strings.CutPrefix(n.From, "store:"); ok {
			name, _, _ := strings.Cut(rest, "/")
			names = append(names, name)
		}
	}
	return names
}

// storeWorks reads the store, and has a register of the doctor's own replaced there.
func (e *Env) storeWorks(ctx context.Context, s *config.Store, need storeNeed) []Finding {
	did, err := e.Store(ctx, s, need.writes)
	switch {
	case errors.Is(err, fs.ErrPermission) && e.ordinary():
		return []Finding{unchecked("store "+s.Name, oneLine(err))}
	case err != nil:
		return []Finding{storeUnreachable.at(s.Name, oneLine(err), "store", s.Name, "file", e.File)}
	case did.Unwritable != nil && errors.Is(did.Unwritable, fs.ErrPermission) && e.ordinary():
		return []Finding{unchecked("whether store "+s.Name+" can be written", oneLine(did.Unwritable))}
	case did.Unwritable != nil:
		return []Finding{storeUnwritable.at(s.Name, oneLine(did.Unwritable))}
	case did.Unguarded:
		return []Finding{storeNoSwap.at(s.Name, "a value that had been replaced was replaced once more by who knew the old one", "store", s.Name, "file", e.File)}
	}
	seen := fmt.Sprintf("read in %s", did.Read.Round(time.Millisecond/10))
	if need.writes {
		seen += fmt.Sprintf(", replaced in %s, and a late writer was refused", did.Swap.Round(time.Millisecond/10))
	}
	worst := max(did.Read, did.Swap)
	switch {
	case need.every > 0 && worst > need.every/2:
		seen += fmt.Sprintf("; %s writes every %s", need.who, need.every)
	case worst > s.Timeout/2:
		seen += fmt.Sprintf("; the timeout is %s", s.Timeout)
	default:
		return []Finding{fine(s.Name, seen)}
	}
	return []Finding{storeSlow.at(s.Name, seen, "file", e.File)}
}

// secretParams are the parameters of a store's URL that name files with secrets.
var secretParams = []string{"key", "key-file", "sas-file", "connection-string-file", "credentials-file", "password-file", "token-file"}

// storeFiles looks at the files that the URL names, and where a folder is.
func (e *Env) storeFiles(s *config.Store) (out []Finding) {
	spec, err := store.Parse(s.URL)
	if err != nil {
		return []Finding{unchecked("store "+s.Name, oneLine(err))}
	}
	for _, param := range secretParams {
		file := spec.Params[param]
		if file == "" {
			continue
		}
		info, err := e.Stat(file)
		if err == nil && info.Mode().Perm()&0o004 != 0 {
			out = append(out, storeSecret.at(s.Name, fmt.Sprintf("%s has mode %04o", file, info.Mode().Perm()), "path", file))
		}
	}
	if spec.Kind != "folder" {
		return out
	}
	m, err := e.mountOf(spec.Path)
	switch {
	case err != nil:
		out = append(out, unchecked("file system of store "+s.Name, oneLine(err)))
	case !m.shared():
		out = append(out, storeLocal.at(s.Name, fmt.Sprintf("%s is on %s (%s), mounted on %s", spec.Path, m.source, m.kind, m.point), "path", spec.Path, "store", s.Name, "file", e.File))
	default:
		out = append(out, fine(s.Name, fmt.Sprintf("%s is on %s (%s)", spec.Path, m.source, m.kind)))
	}
	return out
}
