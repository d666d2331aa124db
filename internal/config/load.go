package config

import (
	"go.yaml.in/yaml/v4"
)

// Load reads and checks the configuration file at path. Mistakes in it come back
// as *Errors, all of them. Keys are not read: see LoadKeys.
func Load(path string) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Parse checks the text of a configuration file; file names it in messages.
func Parse(file string, data []byte) (*Config, error) {
	root, problem := document(file, data)
	if problem != nil {
		return nil, &Errors{Problems: []Problem{*problem}}
	}
	w := walker{problems: problems{file: file}, open: map[*yaml.Node]bool{}}
	top := w.value(root, keys, "", "")
	b := builder{problems: w.problems, notes: problems{file: file}, cfg: &Config{File: file}}
	if top.ok() && !w.spent {
		b.build(top)
	}
	if len(b.list) > 0 {
		return nil, &Errors{Problems: b.inOrder()}
	}
	b.cfg.Warnings = b.notes.inOrder()
	return b.cfg, nil
}
