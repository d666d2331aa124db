package config

import (
	"strings"
	"testing"
	"time"
)

// TestPlans tells every good file in words, for all nodes and for each.
func TestPlans(t *testing.T) {
	for _, path := range files(t, "testdata/good/*.yaml") {
		cfg, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, node := range append([]string{""}, nodeNames(cfg)...) {
			plan, err := Describe(cfg, node)
			if err != nil {
				t.Fatal(err)
			}
			if err := plan.WriteText(&b); err != nil {
				t.Fatal(err)
			}
			b.WriteString("\n")
		}
		golden(t, strings.TrimSuffix(path, ".yaml")+".txt", b.String())
	}
}

func TestPlanOfAnUnknownNode(t *testing.T) {
	cfg, err := Load("testdata/good/trial.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Describe(cfg, "secundary")
	if want := `testdata/good/trial.yaml: node "secundary" is not in the configuration: did you mean "secondary"?`; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestWordsOfANumber(t *testing.T) {
	for want, c := range map[string]Check{
		"; priority +2 × the number that it reads":                            {Weight: 2},
		"; a number other than 0, or down, means not ready (found within 3s)": {Fatal: true},
		"; down means not ready (found within 3s)":                            {Fatal: true, Weight: 2},
		"; shown only": {},
	} {
		c.Kind, c.Number, c.Interval, c.Timeout, c.Fall = CheckFile, true, 2*time.Second, time.Second, 1
		if got := checkWords(&c); !strings.HasSuffix(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
