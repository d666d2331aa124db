package hook

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"stead/internal/config"
)

// docs/reference/hooks.md names all that a program is told.
func TestEveryKeyIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/hooks.md")
	if err != nil {
		t.Fatal(err)
	}
	e := change(config.HookActivate, 1)
	var names []string
	for _, variable := range e.environment() {
		name, _, _ := strings.Cut(variable, "=")
		names = append(names, name)
	}
	document := reflect.TypeFor[Document]()
	for i := range document.NumField() {
		name, _, _ := strings.Cut(document.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	for _, name := range names {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("the page does not name %s", name)
		}
	}
}
