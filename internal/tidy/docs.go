package tidy

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var (
	requireLine = regexp.MustCompile(`^\s*(?:require )?([\w.\-/]+\.[\w.\-/]+) v\S+$`)
	tableLine   = regexp.MustCompile("^\\| `([\\w.\\-/]+)` \\|([^|]*)\\|")
)

// Dependencies compares the direct requirements of go.mod with the table in
// ARCHITECTURE.md, in which each has its reason, and with what the code imports.
func Dependencies(t *Tree) (found []Finding) {
	found = t.undeclared()
	required := t.direct()
	var listed []string
	for number, line := range strings.Split(t.Files["ARCHITECTURE.md"], "\n") {
		match := tableLine.FindStringSubmatch(line)
		if match == nil || !strings.Contains(strings.SplitN(match[1], "/", 2)[0], ".") {
			continue
		}
		listed = append(listed, match[1])
		if !slices.Contains(required, match[1]) {
			found = append(found, Finding{"ARCHITECTURE.md", number + 1, match[1] + " is no direct dependency in go.mod"})
		}
		if len(strings.Fields(match[2])) < 3 {
			found = append(found, Finding{"ARCHITECTURE.md", number + 1, match[1] + " has no reason"})
		}
	}
	for _, module := range required {
		if !slices.Contains(listed, module) {
			found = append(found, Finding{"go.mod", 0, module + " is not in the table of dependencies in ARCHITECTURE.md"})
		}
	}
	return found
}

// direct returns the modules that go.mod requires for the project's own imports.
func (t *Tree) direct() (modules []string) {
	for _, line := range strings.Split(t.Files["go.mod"], "\n") {
		if match := requireLine.FindStringSubmatch(line); match != nil {
			modules = append(modules, match[1])
		}
	}
	return modules
}

// undeclared finds imports of modules that go.mod does not name as direct.
func (t *Tree) undeclared() (found []Finding) {
	direct := t.direct()
	named := map[string]bool{}
	t.code("", func(name string, file *ast.File) {
		if t.ownModule(name) {
			return
		}
		for _, imported := range file.Imports {
			importPath := strings.Trim(imported.Path.Value, `"`)
			first, _, _ := strings.Cut(importPath, "/")
			known := slices.ContainsFunc(direct, func(module string) bool {
				return strings.HasPrefix(importPath+"/", module+"/")
			})
			if strings.Contains(first, ".") && !known && !named[importPath] {
				named[importPath] = true
				found = append(found, t.at(imported.Pos(), "%s is imported, but go.mod names no direct requirement for it", importPath))
			}
		}
	})
	return found
}

// ownModule tells whether a file belongs to a module below this one, which has a
// go.mod of its own.
func (t *Tree) ownModule(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, ok := t.Files[dir+"/go.mod"]; ok {
			return true
		}
	}
	return false
}

var (
	link  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fence = regexp.MustCompile("^\\s*```")
)

// Links refuses relative links in Markdown files to files or headings that do
// not exist.
func Links(t *Tree) (found []Finding) {
	for _, name := range t.names() {
		if path.Ext(name) != ".md" {
			continue
		}
		for _, use := range t.links(name) {
			target, heading, _ := strings.Cut(use.target, "#")
			file := path.Join(path.Dir(name), target)
			if target == "" {
				file = name
			}
			if !t.exists(file) {
				found = append(found, Finding{name, use.line, "link to " + use.target + ": no such file"})
			} else if heading != "" && path.Ext(file) == ".md" && !slices.Contains(anchors(t.Files[file]), heading) {
				found = append(found, Finding{name, use.line, "link to " + use.target + ": no such heading"})
			}
		}
	}
	return found
}

type usedLink struct {
	line   int
	target string
}

func (t *Tree) links(name string) (links []usedLink) {
	quoted := false
	for number, line := range strings.Split(t.Files[name], "\n") {
		if fence.MatchString(line) {
			quoted = !quoted
		}
		if quoted {
			continue
		}
		for _, match := range link.FindAllStringSubmatch(line, -1) {
			if !strings.Contains(match[1], ":") {
				links = append(links, usedLink{number + 1, match[1]})
			}
		}
	}
	return links
}

func (t *Tree) exists(file string) bool {
	if _, ok := t.Files[file]; ok {
		return true
	}
	for name := range t.Files {
		if strings.HasPrefix(name, file+"/") {
			return true
		}
	}
	return false
}

// anchors returns the names by which the headings of a page are linked.
func anchors(page string) (names []string) {
	for _, line := range strings.Split(page, "\n") {
		title := strings.TrimLeft(line, "#")
		if len(title) == len(line) || !strings.HasPrefix(title, " ") {
			continue
		}
		names = append(names, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(title)))
	}
	return names
}

// Verbs refuses a verb in cmd/stead/main.go that docs/reference/cli.md does not
// explain under a heading of its own. Hidden verbs are none.
func Verbs(t *Tree) (found []Finding) {
	const table, page = "cmd/stead/main.go", "docs/reference/cli.md"
	main := t.parsed[table]
	if main == nil {
		return nil
	}
	headings := strings.Join(anchors(t.Files[page]), "\n")
	ast.Inspect(main, func(node ast.Node) bool {
		ident, ok := node.(*ast.Ident)
		if !ok || !strings.HasPrefix(ident.Name, "new") || !strings.HasSuffix(ident.Name, "Cmd") {
			return true
		}
		verb := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(ident.Name, "new"), "Cmd"))
		if strings.Contains(t.Files["cmd/stead/"+verb+".go"], "Hidden:") {
			return true
		}
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^(stead-)?%s\b`, verb)).MatchString(headings) {
			found = append(found, t.at(ident.Pos(), "stead %s has no heading in %s", verb, page))
		}
		return true
	})
	return found
}
