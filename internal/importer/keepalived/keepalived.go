// Package keepalived reads the configuration of keepalived and says the same in
// that of Stead.
//
// The work is done in three steps. The reader turns files into lines: comments,
// conditions, definitions, sequences and includes are those of keepalived's own
// parser. The parser turns lines into a tree of directives, each of which knows
// its file and line. The converter walks the tree and marks every word of it as
// converted, or lists it as a Finding: what carries no mark at the end is a
// Finding too, so that nothing is dropped in silence.
//
// Keywords, defaults and ranges are those of keepalived.conf(5) and of the source
// of keepalived 2.4.3; what older versions do otherwise is said where it matters.
package keepalived

import (
	"fmt"
	"net/netip"

	"stead/internal/importer/draft"
)

// Options are what a keepalived.conf does not say.
type Options struct {
	Node     string     // the name of this node; empty: router_id, or the host's name
	Address  netip.Addr // where others reach this node; not valid: what the file or Host tells
	ConfigID string     // which lines with @ are this host's (keepalived -i); empty: the host's name up to the first dot
	Secrets  string     // the directory of passwords and keys; empty: /etc/stead
	Host     Host
}

// Host is what is asked of the machine. A nil function knows nothing.
type Host struct {
	Name     string                         // of the machine
	LookPath func(program string) string    // the absolute path of a program; empty: not found
	HasUser  func(name string) bool         // whether the user exists
	Address  func(device string) netip.Addr // the first address of an interface
	Getenv   func(name string) (string, bool)
}

// Result is a converted configuration.
type Result struct {
	Config   []byte    // YAML
	Findings []Finding // by file and line
	Secrets  []Secret  // what the configuration refers to and does not hold

	tree []*Directive
}

// Secret is a file that Config refers to.
type Secret struct {
	Path    string
	Content []byte // empty: it stays where it is, or could not be read
	From    *Directive
}

// Complete tells whether the result means the same without anything left to do.
func (r *Result) Complete() bool {
	for _, f := range r.Findings {
		if f.Kind.Matters() {
			return false
		}
	}
	return true
}

// Import converts the file at path and all that it includes.
func Import(path string, o Options) (*Result, error) {
	o.Host = o.Host.complete()
	if o.Node != "" && draft.PlainName(o.Node) != o.Node {
		return nil, fmt.Errorf("node %q: is not a name: use letters, digits, '.', '_' and '-', at most 63", o.Node)
	}
	if o.Address.IsValid() && !nodeHost(o.Address) {
		return nil, fmt.Errorf("address %s: is not one where others reach this node: use a unicast address that is not link-local", o.Address)
	}
	tree, notes, err := Parse(path, o)
	if err != nil {
		return nil, err
	}
	c := newConverter(o, tree, notes)
	c.convert()
	return &Result{Config: c.write(path), Findings: c.list(), Secrets: c.secrets, tree: tree}, nil
}

func (h Host) complete() Host {
	if h.LookPath == nil {
		h.LookPath = func(string) string { return "" }
	}
	if h.HasUser == nil {
		h.HasUser = func(string) bool { return false }
	}
	if h.Address == nil {
		h.Address = func(string) netip.Addr { return netip.Addr{} }
	}
	if h.Getenv == nil {
		h.Getenv = func(string) (string, bool) { return "", false }
	}
	return h
}
