package config

import (
	"fmt"
	"strings"
)

const referenceIntro = `# Configuration

<!-- generated from internal/config/reference.yaml and the table of keys: go generate ./internal/config -->

Stead reads one YAML file, strictly: an unknown or missing key, a wrong type or an impossible value is refused, with
its line, its column and advice, and all mistakes are reported in one run. ` + "`stead check FILE`" + ` does that without starting
anything, and says in words what the file means. For editors there is a [JSON Schema](stead.schema.json).

How values are written:

* A **duration** is a number with its unit: ` + "`50ms`, `1m30s`" + `; units are ns, us, ms, s, m and h. Only 0 may stand without one.
* An **integer** is decimal, without leading zeros, underscores or quotes. A **boolean** is ` + "`true` or `false`" + `, nothing else.
* A text that YAML could take for a number or a boolean (` + "`no`, `1`" + `) stands in quotes.
* An **address** is literal: names are not looked up, except in checks. A service address has the length of its prefix.
* An **AS number** is decimal, or two numbers of 16 bits with a dot: ` + "`65546` and `1.10`" + ` are the same one.
* A file has one document of at most 1 MiB. Anchors, aliases and merge keys work; what they stand for is limited to
  300,000 values. Tags are refused.
* Names of nodes, groups and checks have letters, digits, ` + "`.`, `_` and `-`" + `, at most 63. In the headings below NAME is such a name.

Bounds: 64 nodes, 4 addresses a node, 4096 groups, 255 of them decided by VRRP, 64 overlays, and in one group
256 addresses, 255 of them advertised, 64 checks, and 256 prefixes and 64 communities announced by BGP; 64 BGP peers, and 512 places
that ask for a BFD session: a path that several ask for has one; 64 stores, and 8 witnesses of a gate.

Keys of other versions (election type ` + "`manual`; `geneve`" + ` and more) are refused with what to use instead.
`

// ReferenceDoc is the reference of all keys in Markdown, from the text of the
// commented configuration.
func ReferenceDoc(reference string) (string, error) {
	docs, err := documented(reference)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(referenceIntro)
	told := map[*shape]bool{}
	docSection(&b, "The file", keys, "", docs, told)
	b.WriteString("\n## A file with every key\n\n```yaml\n")
	b.WriteString(uncommented(reference))
	b.WriteString("```\n")
	return squeezed(b.String()), nil
}

// uncommented leaves the comments off. A dash that has a comment behind it moves to
// the line below.
func uncommented(text string) string {
	var out []string
	dash := -1
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		bare := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(bare, "- #"):
			dash = strings.Index(line, "-")
			continue
		case strings.HasPrefix(bare, "#"):
			continue
		case dash >= 0:
			line = line[:dash] + "-" + line[dash+1:]
			dash = -1
		}
		out = append(out, line)
	}
	return strings.TrimLeft(strings.Join(out, "\n"), "\n") + "\n"
}

// squeezed leaves one empty line where there were several.
func squeezed(text string) string {
	for strings.Contains(text, "\n\n\n") {
		text = strings.ReplaceAll(text, "\n\n\n", "\n\n")
	}
	return text
}

// docSection tells the keys of one mapping, and then those of the mappings inside it.
func docSection(b *strings.Builder, title string, s *shape, path string, docs map[*field]entryDoc, told map[*shape]bool) {
	if told[s] {
		return
	}
	told[s] = true
	fmt.Fprintf(b, "\n## %s\n\n", title)
	b.WriteString("| Key | Holds | Default | Meaning |\n|---|---|---|---|\n")
	for i := range s.fields {
		f := &s.fields[i]
		def := f.def
		switch {
		case f.required:
			def = "required"
		case def == "":
			def = "–"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.key, cell(f.shape.words()), cell(def), cell(docs[f].text))
	}
	for i := range s.fields {
		f := &s.fields[i]
		at := strings.TrimPrefix(path+"."+f.key, ".")
		inner, name := inside(f.shape)
		if inner == nil {
			continue
		}
		at += name
		title := "`" + at + "`"
		if inner == hookKeys {
			title = "`" + path + ".prepare`, `.activate`, `.standby`, `.fault`, `.stop`"
		}
		docSection(b, title, inner, at, docs, told)
	}
}

// inside is the mapping that a shape holds, by name or in a list, if any.
func inside(s *shape) (inner *shape, suffix string) {
	switch {
	case s.kind == mappingShape:
		return s, ""
	case s.kind == namedShape && s.elem.kind == mappingShape:
		return s.elem, ".NAME"
	case s.kind == listShape && s.elem.kind == mappingShape:
		return s.elem, "[]"
	case s.kind == eitherShape:
		for _, of := range s.shapes {
			if inner, suffix := inside(of); inner != nil {
				return inner, suffix
			}
		}
	}
	return nil, ""
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
