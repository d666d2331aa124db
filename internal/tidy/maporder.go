package tidy

import (
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
)

// orderFree is the comment that allows a loop over a map; the reason follows it.
const orderFree = "order does not matter:"

// MapOrder refuses loops over maps in internal/core: their order differs from
// run to run. slices.Sorted(maps.Keys(m)) is the way, or a comment that says why
// the order does not matter.
func MapOrder(t *Tree) (found []Finding) {
	check := newChecker(t)
	for _, dir := range t.coreDirs() {
		if err := check.load(dir); err != nil {
			found = append(found, Finding{Path: dir, Text: "types: " + err.Error()})
		}
	}
	t.code("internal/core/", func(name string, file *ast.File) {
		if isTest(name) {
			return
		}
		ast.Inspect(file, func(node ast.Node) bool {
			loop, ok := node.(*ast.RangeStmt)
			if ok && check.overMap(file, loop.X) && !t.saysOrderFree(file, loop.Pos()) {
				found = append(found, t.at(loop.Pos(), "core must not depend on map order: sort the keys, or say above the loop `// %s why`", orderFree))
			}
			return true
		})
	})
	return found
}

// coreDirs returns the directories below internal/core that hold code.
func (t *Tree) coreDirs() (dirs []string) {
	t.code("internal/core/", func(name string, _ *ast.File) {
		if !isTest(name) && !slices.Contains(dirs, path.Dir(name)) {
			dirs = append(dirs, path.Dir(name))
		}
	})
	return dirs
}

// saysOrderFree tells whether the comment that ends on the line above pos, or
// stands on its line, allows the loop.
func (t *Tree) saysOrderFree(file *ast.File, pos token.Pos) bool {
	line := t.fset.Position(pos).Line
	for _, comment := range file.Comments {
		end := t.fset.Position(comment.End()).Line
		if (end == line || end == line-1) && strings.Contains(comment.Text(), orderFree) {
			return true
		}
	}
	return false
}

// checker finds the types of the core's expressions. It reads the project's own
// packages from the tree and the standard library from its source.
type checker struct {
	tree     *Tree
	standard types.Importer
	done     map[string]*types.Package
	info     *types.Info
}

func newChecker(t *Tree) *checker {
	return &checker{
		tree:     t,
		standard: importer.ForCompiler(t.fset, "source", nil),
		done:     map[string]*types.Package{},
		info:     &types.Info{Types: map[ast.Expr]types.TypeAndValue{}},
	}
}

func (c *checker) load(dir string) error {
	_, err := c.Import("stead/" + dir)
	return err
}

// Import implements types.Importer.
func (c *checker) Import(importPath string) (*types.Package, error) {
	if pkg := c.done[importPath]; pkg != nil {
		return pkg, nil
	}
	dir, inside := strings.CutPrefix(importPath, "stead/")
	if !inside {
		return c.standard.Import(importPath)
	}
	var files []*ast.File
	c.tree.code(dir+"/", func(name string, file *ast.File) {
		if path.Dir(name) == dir && !isTest(name) {
			files = append(files, file)
		}
	})
	config := types.Config{Importer: c}
	pkg, err := config.Check(importPath, c.tree.fset, files, c.info)
	c.done[importPath] = pkg
	return pkg, err
}

// overMap tells whether ranging over x goes through a map in its own order.
func (c *checker) overMap(file *ast.File, x ast.Expr) bool {
	if call, ok := x.(*ast.CallExpr); ok {
		pkg, _ := selector(file, call.Fun)
		return pkg == "maps"
	}
	typed, ok := c.info.Types[x]
	if !ok {
		return false
	}
	_, isMap := typed.Type.Underlying().(*types.Map)
	return isMap
}
