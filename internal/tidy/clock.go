package tidy

import (
	"go/ast"
	"slices"
	"strings"
)

// clockFile is the one place where the daemon reads the clock that it decides by.
const clockFile = "internal/engine/clock_linux.go"

// wallTime are further places that may read a clock, each with what for.
var wallTime = map[string]string{
	"internal/lab/":      "measures the daemon from outside",
	"internal/workload/": "measures the daemon from outside",
	"bench/":             "measures the daemon from outside",
	"test/":              "measures the daemon from outside",
	"internal/testns/":   "tests only",

	"internal/report/eventlog/eventlog.go":       "the time of an event, as a person reads it",
	"internal/report/api/server.go":              "how long a client may take to read",
	"internal/report/logging/clock.go":           "how long a write to the log's socket may take",
	"internal/report/reporttest/":                "tests only",
	"internal/report/web/server.go":              "how old a snapshot is, which the probes do not believe then",
	"internal/report/web/stream.go":              "how long a page may take to read",
	"internal/adapter/probe/clock.go":            "when a check runs and has had its time",
	"internal/adapter/spawn/clock.go":            "when a program has had its time",
	"internal/adapter/outbox/clock.go":           "when a mail or a webhook is sent and given up",
	"internal/adapter/webhook/clock.go":          "when a request is sent, as its recipient reads it",
	"internal/adapter/mail/clock.go":             "the date of a mail",
	"internal/adapter/store/kubernetes/clock.go": "the times of a Lease, as people read them",
	"internal/adapter/systemd/clock.go":          "when a reload begins, as the service manager compares it",
	"internal/adapter/link/clean.go":             "how long the last release may try",
	"internal/daemon/daemon.go":                  "the time of an event, as a person reads it",
	"internal/daemon/gate.go":                    "the time of day in heartbeats, as a person reads it",
	"internal/daemon/routers.go":                 "the time of day that authenticated advertisements carry",
	"internal/daemon/status.go":                  "the time of a status, as a person reads it",
	"internal/daemon/tell.go":                    "the time of an event or a check, as a person reads it",
	"cmd/stead/wall.go":                          "the time in a heartbeat, as a person or the program before reads it",
	"cmd/stead/events.go":                        "ten minutes ago, as a person says it",
}

var clockReads = map[string][]string{
	"time":                  {"Now", "Since", "Until"},
	"golang.org/x/sys/unix": {"ClockGettime", "Gettimeofday", "Time", "Times"},
	"syscall":               {"Gettimeofday", "Time", "Times"},
}

// Clock refuses reads of a clock outside the engine's clock file and the places
// that show wall time to people.
func Clock(t *Tree) (found []Finding) {
	t.code("", func(name string, file *ast.File) {
		if isTest(name) || name == clockFile || mayShowWallTime(name) {
			return
		}
		ast.Inspect(file, func(node ast.Node) bool {
			pkg, read := selector(file, node)
			if slices.Contains(clockReads[pkg], read) {
				found = append(found, t.at(node.Pos(), "%s reads a clock: take the time as an argument, or name the file in internal/tidy/clock.go", read))
			}
			return true
		})
	})
	return found
}

func mayShowWallTime(name string) bool {
	for place := range wallTime {
		if name == place || strings.HasSuffix(place, "/") && strings.HasPrefix(name, place) {
			return true
		}
	}
	return false
}

// Skips refuses tests that skip for another reason than the declared one: that
// the person who runs them said, by an environment variable, that the
// privileges are not there.
func Skips(t *Tree) (found []Finding) {
	t.code("", func(name string, file *ast.File) {
		for _, decl := range file.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok || function.Body == nil {
				continue
			}
			start, end := t.fset.Position(function.Pos()).Offset, t.fset.Position(function.End()).Offset
			if body := t.Files[name][start:end]; strings.Contains(body, "STEAD_UNPRIVILEGED") || strings.Contains(body, "testing.Short()") {
				continue
			}
			ast.Inspect(function, func(node ast.Node) bool {
				if call, ok := node.(*ast.SelectorExpr); ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, call.Sel.Name) && isTest(name) {
					found = append(found, t.at(node.Pos(), "a check must not be skipped: fail, unless STEAD_UNPRIVILEGED is set"))
				}
				return true
			})
		}
	})
	return found
}
