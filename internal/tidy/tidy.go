// Package tidy holds the rules of this house as code.
//
// A rule looks at the files of the project and returns what it finds wrong,
// with file and line. The test in this package runs every rule over the whole
// tree; beside it, every rule has a small tree of its own that it must refuse,
// so that a rule cannot go blind unnoticed.
package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Tree is the files of a project: slash paths from its root, and their contents.
type Tree struct {
	Files  map[string]string
	fset   *token.FileSet
	parsed map[string]*ast.File
}

// Finding is one thing that a rule refuses.
type Finding struct {
	Path string
	Line int // 0 where it is about the file as a whole
	Text string
}

func (f Finding) String() string {
	if f.Line == 0 {
		return f.Path + ": " + f.Text
	}
	return fmt.Sprintf("%s:%d: %s", f.Path, f.Line, f.Text)
}

// Rule looks at a tree.
type Rule struct {
	Name  string
	Check func(*Tree) []Finding
}

// Rules are all the rules of the house.
var Rules = []Rule{
	{"core is pure", Purity},
	{"core does not depend on map order", MapOrder},
	{"layers look down only", Layers},
	{"the clock is read in one place", Clock},
	{"files and functions can be seen whole", Size},
	{"packages say what they are", PackageComments},
	{"exported names are documented", DocComments},
	{"words", Words},
	{"checks are not skipped", Skips},
	{"dependencies have a reason", Dependencies},
	{"links lead somewhere", Links},
	{"verbs are documented", Verbs},
	{"documented commands exist", Commands},
}

// generated are directories that builds write and version control ignores.
var generated = []string{".git", "bin", "dist", "lab-report"}

// Load reads the text files below root.
func Load(root string) (*Tree, error) {
	files := map[string]string{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains(generated, rel) {
			return filepath.SkipDir
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if !slices.Contains(data[:min(len(data), 1024)], 0) {
			files[filepath.ToSlash(rel)] = string(data)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return NewTree(files)
}

// NewTree parses the Go files among files. Those under a testdata directory are
// data, not code.
func NewTree(files map[string]string) (*Tree, error) {
	t := &Tree{Files: files, fset: token.NewFileSet(), parsed: map[string]*ast.File{}}
	for _, name := range t.names() {
		if path.Ext(name) != ".go" || strings.Contains("/"+name, "/testdata/") {
			continue
		}
		file, err := parser.ParseFile(t.fset, name, files[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		t.parsed[name] = file
	}
	return t, nil
}

func (t *Tree) names() []string {
	names := make([]string, 0, len(t.Files))
	for name := range t.Files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// code calls f for the Go files whose path has the prefix, in order.
func (t *Tree) code(prefix string, f func(name string, file *ast.File)) {
	for _, name := range t.names() {
		if file := t.parsed[name]; file != nil && strings.HasPrefix(name, prefix) {
			f(name, file)
		}
	}
}

// at makes a finding about a place in a Go file.
func (t *Tree) at(pos token.Pos, format string, args ...any) Finding {
	place := t.fset.Position(pos)
	return Finding{Path: place.Filename, Line: place.Line, Text: fmt.Sprintf(format, args...)}
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

// selector returns the package path and the name of an expression such as
// time.Now, or empty strings.
func selector(file *ast.File, node ast.Node) (pkg, name string) {
	sel, ok := node.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	ident, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	for _, imported := range file.Imports {
		importPath := strings.Trim(imported.Path.Value, `"`)
		local := path.Base(importPath)
		if imported.Name != nil {
			local = imported.Name.Name
		}
		if local == ident.Name {
			return importPath, sel.Sel.Name
		}
	}
	return "", ""
}
