package tidy

import (
	"fmt"
	"go/ast"
	"strings"
)

// The limits of what one can see whole.
const (
	maxFileLines = 500
	maxFuncLines = 70
)

// Size refuses long files and long functions.
func Size(t *Tree) (found []Finding) {
	t.code("", func(name string, file *ast.File) {
		if lines := strings.Count(t.Files[name], "\n"); lines > maxFileLines {
			found = append(found, Finding{Path: name, Text: fmt.Sprintf("%d lines: split it by subject (limit %d)", lines, maxFileLines)})
		}
		for _, decl := range file.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := t.fset.Position(function.End()).Line - t.fset.Position(function.Pos()).Line + 1
			if lines > maxFuncLines {
				found = append(found, t.at(function.Pos(), "%s has %d lines: split it (limit %d)", function.Name.Name, lines, maxFuncLines))
			}
		}
	})
	return found
}
