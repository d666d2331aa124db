package doctor

import (
	"context"
	"fmt"
	"strings"
)

var (
	configInvalid = &Problem{"config-invalid", Fatal, "the configuration does not load",
		"the daemon does not start with it, and a reload is refused: this node cannot take over", "stead check {file}"}
	configOdd = &Problem{"config-odd", Hint, "allowed, but seldom meant",
		"the file may say something else than was wanted", "stead check {file}"}
	nodeUnknown = &Problem{"node-unknown", Fatal, "this machine is none of the nodes",
		"the daemon does not start without knowing which node it is", "stead doctor -c {file} --node NAME"}
	keyUnusable = &Problem{"key-unusable", Fatal, "the key cannot be used",
		"without a key no heartbeat is sent or believed: every node is alone", "head -c 32 /dev/urandom | base64 > FILE; chmod 600 FILE, and the same file on every node"}
)

var configuration = Check{
	Name:     "configuration",
	Problems: []*Problem{configInvalid, configOdd, nodeUnknown, keyUnusable},
	Run: func(_ context.Context, e *Env) []Finding {
		if e.Config == nil {
			return []Finding{configInvalid.at(e.File, oneLine(e.ConfigErr), "file", e.File)}
		}
		var out []Finding
		if e.ConfigErr != nil {
			out = append(out, nodeUnknown.at(e.File, oneLine(e.ConfigErr), "file", e.File))
		}
		if e.KeyErr != nil {
			out = append(out, keyUnusable.at("", oneLine(e.KeyErr)))
		}
		if len(out) == 0 {
			out = append(out, fine("", fmt.Sprintf("%s is valid, node %s", e.File, e.Config.Self)))
		}
		for _, w := range e.Config.Warnings {
			out = append(out, configOdd.at("", w.String(), "file", e.File))
		}
		return out
	},
}

// oneLine joins what an error says on several lines.
func oneLine(err error) string {
	if err == nil {
		return ""
	}
	return strings.Join(strings.Split(strings.TrimSpace(err.Error()), "\n"), "; ")
}
