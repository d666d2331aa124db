package config

import (
	_ "embed"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

//go:generate go test . -run TestGenerated -update

// referenceText documents every key in comments, and loads.
//
//go:embed reference.yaml
var referenceText string

// factsMark begins the generated comment line of a key.
const factsMark = "#: "

// Reference is a commented configuration with every key.
func Reference() string { return referenceText }

// entryDoc is what the reference says of a key.
type entryDoc struct {
	path string // where it stands first with a comment: `groups.*.election.timing`
	line int    // of the key, from 1
	text string // its comment
}

// documented finds the comment of every key: the lines right above it, where it
// stands with one for the first time.
func documented(text string) (map[*field]entryDoc, error) {
	root, problem := document("reference.yaml", []byte(text))
	if problem != nil {
		return nil, fmt.Errorf("%s", problem)
	}
	docs := map[*field]entryDoc{}
	lines := strings.Split(text, "\n")
	collect(root, keys, "", func(path string, f *field, line int) {
		doc := entryDoc{path: path, line: line, text: commentAbove(lines, line)}
		if old, ok := docs[f]; !ok || old.text == "" {
			docs[f] = doc
		}
	})
	return docs, nil
}

// collect calls f for every key in the file that the table knows.
func collect(n *yaml.Node, s *shape, path string, f func(path string, key *field, line int)) {
	s = s.of(n)
	switch {
	case s == nil:
	case s.kind == mappingShape && n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if key := s.field(n.Content[i].Value); key != nil {
				at := strings.TrimPrefix(path+"."+key.key, ".")
				f(at, key, n.Content[i].Line)
				collect(n.Content[i+1], key.shape, at, f)
			}
		}
	case s.kind == namedShape && n.Kind == yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			collect(n.Content[i], s.elem, path+".*", f)
		}
	case s.kind == listShape && n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			collect(item, s.elem, path+"[]", f)
		}
	}
}

// commentAbove joins the comment lines right above a line. The first of them may
// stand behind the dash of a list.
func commentAbove(lines []string, line int) string {
	var words []string
	for i := line - 2; i >= 0; i-- {
		text := strings.TrimSpace(lines[i])
		dash := strings.HasPrefix(text, "- #")
		text = strings.TrimPrefix(text, "- ")
		if !strings.HasPrefix(text, "#") {
			break
		}
		if !strings.HasPrefix(text, factsMark) {
			words = append([]string{strings.TrimSpace(strings.TrimPrefix(text, "#"))}, words...)
		}
		if dash {
			break
		}
	}
	return strings.Join(words, " ")
}

// withFacts puts the generated line above every documented key of the reference.
func withFacts(text string) (string, error) {
	docs, err := documented(text)
	if err != nil {
		return "", err
	}
	facts := map[int]string{}
	for f, doc := range docs {
		if fact := f.facts(); doc.text != "" && fact != "mapping" {
			facts[doc.line] = fact
		}
	}
	var out []string
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), factsMark) {
			continue
		}
		if fact, ok := facts[i+1]; ok {
			indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
			out = append(out, indent+factsMark+fact)
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n"), nil
}
