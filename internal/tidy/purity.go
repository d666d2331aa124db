package tidy

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// coreMayImport is what deciding needs: values and arithmetic.
var coreMayImport = []string{
	"bytes", "cmp", "crypto/hmac", "crypto/sha1", "crypto/sha256", "crypto/subtle", "encoding", "encoding/binary",
	"encoding/hex", "errors", "fmt", "hash", "hash/fnv", "iter", "maps", "math", "math/bits", "net/netip",
	"slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// timeIsAnArgument are the names of package time that read the clock or wait.
var timeIsAnArgument = []string{
	"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker", "Local", "LoadLocation",
}

// Purity refuses in internal/core everything through which the same state, time
// and event could lead to different actions: the outside, the clock, concurrency.
func Purity(t *Tree) (found []Finding) {
	t.code("internal/core/", func(name string, file *ast.File) {
		if isTest(name) {
			return
		}
		for _, imported := range file.Imports {
			importPath := strings.Trim(imported.Path.Value, `"`)
			if !slices.Contains(coreMayImport, importPath) && !strings.HasPrefix(importPath+"/", "stead/internal/core/") {
				found = append(found, t.at(imported.Pos(), "core must not import %s: pass what it needs as an argument or an event", importPath))
			}
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if text := impure(file, node); text != "" {
				found = append(found, t.at(node.Pos(), "%s", text))
			}
			return true
		})
	})
	return found
}

func impure(file *ast.File, node ast.Node) string {
	switch node := node.(type) {
	case *ast.GoStmt:
		return "core must not start a goroutine"
	case *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
		return "core must not use channels"
	case *ast.UnaryExpr:
		if node.Op == token.ARROW {
			return "core must not use channels"
		}
	case *ast.SelectorExpr:
		if pkg, name := selector(file, node); pkg == "time" && slices.Contains(timeIsAnArgument, name) {
			return "core must not use time." + name + ": time is an argument, deadlines are state"
		}
	}
	return ""
}

// mayNotImport lists, by the prefix of the importing path, what lies above it or
// beside it. The daemon's parts meet in the engine and in cmd/stead only.
var mayNotImport = []struct{ from, to string }{
	{"internal/config/", "internal/engine"},
	{"internal/config/", "internal/adapter/"},
	{"internal/config/", "internal/report"},
	{"internal/adapter/", "internal/engine"},
	{"internal/adapter/", "internal/report"},
	{"internal/adapter/", "internal/sim"},
	{"internal/adapter/", "internal/lab"},
	{"internal/sim/", "internal/adapter/"},
	{"internal/sim/", "internal/engine"},
	{"internal/report/", "internal/adapter/"},
	{"internal/", "cmd/"},
}

// mayImport lists what may be imported all the same: a package, and not those below it.
var mayImport = []struct{ from, to string }{
	{"internal/config/", "internal/adapter/store"}, // reads URLs of stores, and opens none
}

// Layers refuses imports that go up or sideways between the layers. Tests may
// look where they like.
func Layers(t *Tree) (found []Finding) {
	t.code("", func(name string, file *ast.File) {
		if isTest(name) {
			return
		}
		for _, imported := range file.Imports {
			to, inside := strings.CutPrefix(strings.Trim(imported.Path.Value, `"`), "stead/")
			if !inside {
				continue
			}
			if slices.ContainsFunc(mayImport, func(rule struct{ from, to string }) bool { return strings.HasPrefix(name, rule.from) && to == rule.to }) {
				continue
			}
			for _, rule := range mayNotImport {
				if strings.HasPrefix(name, rule.from) && strings.HasPrefix(to+"/", path.Clean(rule.to)+"/") {
					found = append(found, t.at(imported.Pos(), "%s must not import %s", strings.TrimSuffix(rule.from, "/"), to))
				}
			}
		}
	})
	return found
}
