package config

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

// pair is a key of a mapping with its value, merge keys resolved.
type pair struct {
	key, value *yaml.Node
	merged     bool
}

// valueOf checks the value of a pair. What a merge key brought is counted like
// what an alias stands for.
func (w *walker) valueOf(p pair, s *shape, where, label string) *value {
	if p.merged {
		w.borrowed++
		defer func() { w.borrowed-- }()
	}
	return w.value(p.value, s, where, label)
}

// pairs are the keys of the mapping n: its own first, then those that merge keys
// bring and that it does not have. v says where it stands.
func (w *walker) pairs(v *value, n *yaml.Node, depth int) []pair {
	var own []pair
	var merge *yaml.Node
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			w.at(key, v.place(), "a key that is not a name", "a name", "write the name itself")
			continue
		}
		if first := seen[key.Value]; first != nil {
			w.at(key, v.place(), fmt.Sprintf("key %q stands here a second time", clipped(key.Value)), "each key once",
				fmt.Sprintf("the first is in line %d", first.Line))
			continue
		}
		seen[key.Value] = key
		if key.Tag == "!!merge" {
			merge = val
			continue
		}
		own = append(own, pair{key: key, value: val})
	}
	if merge == nil {
		return own
	}
	for _, p := range w.merged(v, merge, depth) {
		if seen[p.key.Value] == nil {
			seen[p.key.Value] = p.key
			own = append(own, p)
		}
	}
	return own
}

// merged are the keys that the value of a merge key brings; of two mappings the first wins.
func (w *walker) merged(v *value, n *yaml.Node, depth int) []pair {
	sources := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		sources = n.Content
	}
	var all []pair
	for _, source := range sources {
		if !w.spend(source) {
			return all
		}
		target := source
		if source.Kind == yaml.AliasNode {
			target = source.Alias
		}
		if target.Kind != yaml.MappingNode {
			w.at(source, v.place(), "a merge key (<<) without a mapping", "a mapping, or an alias of one", "write <<: *name")
			continue
		}
		if depth >= maxMerges {
			w.at(source, v.place(), "merge keys (<<) refer to each other too deeply", fmt.Sprintf("at most %d levels", maxMerges), "write the values out")
			return all
		}
		for _, p := range w.pairs(v, target, depth+1) {
			if !w.spend(p.key) {
				return all
			}
			all = append(all, pair{p.key, p.value, true})
		}
	}
	return all
}
