package report

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"stead/internal/core"
	"stead/internal/core/reason"
	"stead/internal/report/docpage"
)

var _ = flag.Bool("update", false, "write the generated parts of the page anew")

// constants parses the constants of a type from a file: their names and, where they are text, their values.
func constants(t *testing.T, file, typeName string) (names, values []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range parsed.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.CONST {
			continue
		}
		current := ""
		for _, spec := range gen.Specs {
			value := spec.(*ast.ValueSpec)
			if id, ok := value.Type.(*ast.Ident); ok {
				current = id.Name
			} else if len(value.Values) > 0 {
				current = ""
			}
			if current != typeName {
				continue
			}
			names = append(names, value.Names[0].Name)
			if len(value.Values) == 0 {
				continue
			}
			if lit, ok := value.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, text)
			}
		}
	}
	if len(names) == 0 {
		t.Fatalf("%s has no constants of type %s", file, typeName)
	}
	return names, values
}

func TestEveryReasonHasWords(t *testing.T) {
	_, want := constants(t, "../core/reason/reason.go", "Reason")
	want = slices.DeleteFunc(want, func(s string) bool { return s == string(reason.None) })
	var got []string
	for _, info := range Reasons {
		got = append(got, string(info.Reason))
		if info.Text == "" {
			t.Errorf("%s has no words", info.Reason)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reason.go (-) and Reasons (+) differ: %s", diff)
	}
}

func TestEveryNoteHasAKind(t *testing.T) {
	names, _ := constants(t, "../core/action.go", "NoteKind")
	seen := map[Kind]bool{}
	for i, name := range names {
		kind := KindOf(core.NoteKind(i + 1))
		if kind == "unknown" {
			t.Errorf("core.%s has no kind of event", name)
		}
		// BecameActive is became-active: the names of the core are the names of the events.
		if got := strings.ReplaceAll(string(kind), "-", ""); got != strings.ToLower(name) {
			t.Errorf("core.%s is called %q", name, kind)
		}
		seen[kind] = true
	}
	if got := KindOf(core.NoteKind(len(names) + 1)); got != "unknown" {
		t.Errorf("a kind for a note that the core does not have: %s", got)
	}
	_, kinds := constants(t, "kind.go", "Kind")
	for _, k := range kinds {
		if !slices.ContainsFunc(Kinds, func(i KindInfo) bool { return i.Kind == Kind(k) && i.Text != "" }) {
			t.Errorf("event kind %s has no words", k)
		}
	}
	if len(kinds) != len(Kinds) {
		t.Errorf("%d kinds, %d described", len(kinds), len(Kinds))
	}
}

func TestFromNote(t *testing.T) {
	names := Names{Self: 0, Nodes: []string{"primary", "secondary"}, Groups: []string{"web"}}
	wall := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := core.Instant(10 * time.Second)
	tests := []struct {
		name string
		note core.Note
		want Event
	}{
		{
			"own change", core.Note{At: now.Add(-time.Second), Kind: core.BecameActive, Group: 0, Node: 0, Epoch: 8, Reason: reason.PeerSilent, Took: 1500 * time.Microsecond},
			Event{Wall: wall.Add(-time.Second), BootNS: 9e9, Node: "primary", Kind: BecameActive, Group: "web", Role: RoleActive, Epoch: 8, Reason: reason.PeerSilent, TookUS: 1500},
		},
		{
			"a peer, no group", core.Note{At: now, Kind: core.PeerDown, Group: core.NoGroup, Node: 1, Reason: reason.PeerLost},
			Event{Wall: wall, BootNS: 10e9, Node: "primary", Kind: PeerDown, Peer: "secondary", Reason: reason.PeerLost},
		},
		{
			"nobody, and a group that is gone", core.Note{At: now, Kind: core.BecameStandby, Group: 7, Node: core.NoNode},
			Event{Wall: wall, BootNS: 10e9, Node: "primary", Kind: BecameStandby, Role: RoleStandby},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, FromNote(tt.note, names, now, wall)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The keys that DESIGN promises to scripts are there, also when they are empty.
func TestStatusKeys(t *testing.T) {
	data, err := json.Marshal(Status{Groups: []Group{{}}, Peers: []Peer{{}}})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Node   *string
		Groups []map[string]any
		Peers  []map[string]any
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"name", "role", "active_node", "epoch", "since", "reason", "ready", "fence", "addresses"} {
		if _, ok := got.Groups[0][key]; !ok {
			t.Errorf("a group has no %q", key)
		}
	}
	for _, key := range []string{"name", "alive", "rtt_us"} {
		if _, ok := got.Peers[0][key]; !ok {
			t.Errorf("a peer has no %q", key)
		}
	}
}

func TestLateness(t *testing.T) {
	var l Lateness
	for _, d := range []time.Duration{-1, 0, 50 * time.Microsecond, 51 * time.Microsecond, time.Second, time.Second + 1} {
		l.Observe(d)
	}
	want := Lateness{SumUS: 2000101, MaxUS: 1000000}
	want.Counts[0], want.Counts[1], want.Counts[10], want.Counts[11] = 3, 1, 1, 1
	if diff := cmp.Diff(want, l); diff != "" {
		t.Error(diff)
	}
	if l.Total() != 6 {
		t.Errorf("total %d", l.Total())
	}
	if n := testing.AllocsPerRun(100, func() { l.Observe(time.Millisecond) }); n != 0 {
		t.Errorf("Observe allocates %v times", n)
	}
}

func TestPrintable(t *testing.T) {
	tests := []struct {
		in    string
		limit int
		want  string
	}{
		{"503 Service Unavailable", 80, "503 Service Unavailable"},
		{"\x1b]0;owned\x07\x1b[2J\r\nnext", 80, "]0;owned  [2J  next"},
		{"right\u202eto left\u009b31m", 80, "right to left 31m"},
		{"zażółć gęślą", 6, "zażółć…"},
		{"", 5, ""},
	}
	for _, tt := range tests {
		if got := Printable(tt.in, tt.limit); got != tt.want {
			t.Errorf("Printable(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}

func TestPage(t *testing.T) {
	var kinds, reasons strings.Builder
	kinds.WriteString("| Kind | Meaning |\n|---|---|\n")
	for _, k := range Kinds {
		kinds.WriteString("| `" + string(k.Kind) + "` | " + k.Text + " |\n")
	}
	reasons.WriteString("| Reason | It changed because |\n|---|---|\n")
	for _, r := range Reasons {
		reasons.WriteString("| `" + string(r.Reason) + "` | " + r.Text + " |\n")
	}
	const page = "../../docs/reference/events.md"
	docpage.Check(t, page, "kinds", kinds.String())
	docpage.Check(t, page, "reasons", reasons.String())
}

// docs/reference/http.md names every key of a status, and events.md every key of an event.
func TestEveryKeyIsDocumented(t *testing.T) {
	for page, values := range map[string][]any{"http.md": {Status{}, Lease{}, Vote{}}, "events.md": {Event{}}} {
		data, err := os.ReadFile("../../docs/reference/" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range values {
			for _, key := range keys(reflect.TypeOf(value)) {
				if !regexp.MustCompile("\\b" + key + "\\b").Match(data) {
					t.Errorf("%s does not name %q", page, key)
				}
			}
		}
	}
}

func keys(of reflect.Type) []string {
	for of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || of == reflect.TypeFor[time.Time]() {
		return nil
	}
	var names []string
	for i := range of.NumField() {
		f := of.Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); !f.Anonymous {
			names = append(names, name)
		}
		names = append(names, keys(f.Type)...)
	}
	return names
}
