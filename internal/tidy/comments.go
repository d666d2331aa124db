package tidy

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// PackageComments refuses a package in which no file says what it is.
func PackageComments(t *Tree) (found []Finding) {
	commented := map[string]bool{}
	var dirs []string
	t.code("", func(name string, file *ast.File) {
		dir := path.Dir(name)
		if isTest(name) && strings.HasSuffix(file.Name.Name, "_test") {
			return
		}
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
		if file.Doc != nil && len(file.Doc.Text()) > 0 {
			commented[dir] = true
		}
	})
	for _, dir := range dirs {
		if !commented[dir] {
			found = append(found, Finding{Path: dir, Text: "no package comment: say what it is for and what it guarantees"})
		}
	}
	return found
}

// DocComments refuses exported names without a comment, and comments of types
// and functions that do not start with the name.
func DocComments(t *Tree) (found []Finding) {
	t.code("", func(name string, file *ast.File) {
		if isTest(name) || file.Name.Name == "main" {
			return
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				found = append(found, t.funcDoc(decl)...)
			case *ast.GenDecl:
				found = append(found, t.genDoc(decl)...)
			}
		}
	})
	return found
}

func (t *Tree) funcDoc(decl *ast.FuncDecl) []Finding {
	if !decl.Name.IsExported() || decl.Recv != nil && (!exportedReceiver(decl.Recv) || wellKnown(decl.Name.Name)) {
		return nil
	}
	return t.namedDoc(decl.Name, decl.Doc)
}

// wellKnown are methods whose meaning the standard library has given them.
func wellKnown(name string) bool {
	return slices.Contains([]string{"Error", "Unwrap", "String", "Len", "Less", "Swap"}, name)
}

func exportedReceiver(receiver *ast.FieldList) bool {
	kind := receiver.List[0].Type
	for {
		switch outer := kind.(type) {
		case *ast.StarExpr:
			kind = outer.X
		case *ast.IndexExpr:
			kind = outer.X
		case *ast.Ident:
			return outer.IsExported()
		default:
			return false
		}
	}
}

func (t *Tree) genDoc(decl *ast.GenDecl) (found []Finding) {
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			doc := spec.Doc
			if doc == nil && decl.Lparen == token.NoPos {
				doc = decl.Doc
			}
			if spec.Name.IsExported() {
				found = append(found, t.namedDoc(spec.Name, doc)...)
			}
		case *ast.ValueSpec:
			// A comment on the group speaks for all its constants.
			if spec.Names[0].IsExported() && decl.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				found = append(found, t.at(spec.Pos(), "%s has no doc comment", spec.Names[0].Name))
			}
		}
	}
	return found
}

func (t *Tree) namedDoc(name *ast.Ident, doc *ast.CommentGroup) []Finding {
	words := strings.Fields(doc.Text())
	if len(words) == 0 {
		return []Finding{t.at(name.Pos(), "%s has no doc comment", name.Name)}
	}
	if slices.Contains([]string{"A", "An", "The"}, words[0]) && len(words) > 1 {
		words = words[1:]
	}
	if strings.Trim(words[0], ".,:;'") != name.Name && words[0] != "Deprecated:" {
		return []Finding{t.at(name.Pos(), "the doc comment of %s starts with %q, not with its name", name.Name, words[0])}
	}
	return nil
}
