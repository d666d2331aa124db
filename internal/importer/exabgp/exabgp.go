// Package exabgp reads the configuration of ExaBGP, version 4, and says the same in
// that of Stead.
//
// The work is done in three steps. The reader turns a file into a tree of directives,
// each of which knows its file and line. The converter walks the tree and notes for
// each host which peers it has and what it announces; it marks every word as
// converted, or lists it as a Finding: what carries no mark at the end is a Finding
// too, so that nothing is dropped in silence. The writer puts one host, or the hosts of
// a pair, into one configuration.
//
// Keywords, defaults and ranges are those of the source of ExaBGP 4.2.21.
package exabgp

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	"stead/internal/importer/draft"
)

// Source is the configuration of one host.
type Source struct {
	Node string // its name in Stead; empty: the name of Host
	Path string // of its exabgp.conf
}

// Options are what an exabgp.conf does not say.
type Options struct {
	Address netip.Addr // where others reach the node; not valid: local-address. For one Source only
	Secrets string     // the directory of passwords; empty: /etc/stead
	Host    Host
}

// Host is what is asked of the machine. A nil function knows nothing.
type Host struct {
	Name     string                            // of the machine
	LookPath func(program string) string       // the absolute path of a program; empty: not found
	Loopback func(label string) []netip.Prefix // addresses of lo that have this label, or any where it is empty
	ReadFile func(path string) ([]byte, error) // the file of exabgp healthcheck --config
}

// Result is a converted configuration.
type Result struct {
	Config   []byte          // YAML
	Findings []draft.Finding // by file and line
	Secrets  []Secret        // what the configuration refers to and does not hold

	trees [][]*Directive
}

// Secret is a file that Config refers to.
type Secret struct {
	Path    string
	Content []byte
	File    string // where it stood
	Line    int
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

// Import converts the files of one host, or of the hosts that share addresses, into
// one configuration. A file that ExaBGP would refuse is an error that names the line.
func Import(sources []Source, o Options) (*Result, error) {
	o.Host = o.Host.complete()
	var all [][]*Directive
	for _, s := range sources {
		tree, err := Parse(s.Path)
		if err != nil {
			return nil, err
		}
		all = append(all, tree)
	}
	return convert(sources, all, o)
}

// convert makes one configuration of the trees of all sources.
func convert(sources []Source, trees [][]*Directive, o Options) (*Result, error) {
	var hosts []*host
	result := &Result{trees: trees}
	names := map[string]bool{}
	for i, s := range sources {
		name, err := nodeName(s, o)
		if err != nil {
			return nil, err
		}
		if names[name] {
			return nil, fmt.Errorf("node %q: is named twice: write NODE=FILE with a name for each", name)
		}
		names[name] = true
		c := &converter{o: o, tree: trees[i], host: host{name: name}}
		if len(sources) > 1 {
			c.o.Address = netip.Addr{}
		}
		if err := c.convert(s.Path); err != nil {
			return nil, err
		}
		result.Findings = append(result.Findings, c.findings...)
		hosts = append(hosts, &c.host)
	}
	w := newWriter(o, hosts)
	result.Config = w.write(sources)
	result.Findings = draft.Sort(append(result.Findings, w.findings...))
	result.Secrets = w.secrets
	return result, nil
}

func nodeName(s Source, o Options) (string, error) {
	if s.Node == "" {
		return draft.PlainName(o.Host.Name), nil
	}
	if draft.PlainName(s.Node) != s.Node {
		return "", fmt.Errorf("node %q: is not a name: use letters, digits, '.', '_' and '-', at most 63", s.Node)
	}
	return s.Node, nil
}

// Parse reads the file at path.
func Parse(path string) ([]*Directive, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxBytes {
		return nil, fmt.Errorf("%s: is larger than %d MiB: is this a configuration?", path, maxBytes>>20)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return nil, fmt.Errorf("%s: %w (name an exabgp.conf that can be read)", path, failed.Err)
	}
	if err != nil {
		return nil, err
	}
	return parse(path, string(data))
}

// otherFile tells that the text is not an exabgp.conf at all.
func otherFile(path, text string) error {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "[exabgp."):
			return fmt.Errorf("%s: is the environment of exabgp, which has no routes and no neighbors: name the exabgp.conf", path)
		default:
			return nil
		}
	}
	return nil
}

func (h Host) complete() Host {
	if h.LookPath == nil {
		h.LookPath = func(string) string { return "" }
	}
	if h.Loopback == nil {
		h.Loopback = func(string) []netip.Prefix { return nil }
	}
	if h.ReadFile == nil {
		h.ReadFile = func(string) ([]byte, error) { return nil, fs.ErrNotExist }
	}
	return h
}
