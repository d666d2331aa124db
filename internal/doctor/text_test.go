package doctor

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// How a report reads, as text and as JSON.
func TestText(t *testing.T) {
	for name, change := range map[string]func(*world){
		"healthy": func(*world) {},
		"stopped": (*world).stopped,
		"sick": func(w *world) {
			answers(third)(w)
			w.Status.Peers[1].Loss = 0.03
			w.files["/proc/42/oom_score_adj"] = "0\n"
			wrong(4, "all", "arp_filter", "1")(w)
		},
		"nameless": func(w *world) {
			w.stopped()
			w.Config, w.ConfigErr = nil, errors.New("stead.yaml: no such file or directory")
		},
	} {
		w := healthy(t)
		change(w)
		r := Examine(t.Context(), w.Env, Checks)
		var text strings.Builder
		if err := Text(&text, r); err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/"+name+".txt", text.String())
		if name != "sick" {
			continue
		}
		b, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/"+name+".json", string(b)+"\n")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestTextThatCannotBeWritten(t *testing.T) {
	if err := Text(full{}, &Report{Worst: OK}); err == nil {
		t.Error("no error")
	}
}
