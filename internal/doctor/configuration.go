package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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
		"the daemon does not start: without a key no heartbeat is sent or believed", "put the same key on every node, into a file of root's with mode 0600; stead doctor"}
)

var configuration = Check{
	Name:     "configuration",
	Problems: []*Problem{configInvalid, configOdd, nodeUnknown, keyUnusable},
	Run: func(_ context.Context, e *Env) []Finding {
		switch {
		case e.Config == nil && errors.Is(e.ConfigErr, fs.ErrPermission) && e.ordinary():
			return []Finding{unchecked("everything that the configuration names", oneLine(e.ConfigErr))}
		case e.Config == nil:
			return []Finding{configInvalid.at(e.File, oneLine(e.ConfigErr), "file", e.File)}
		}
		var out []Finding
		if e.ConfigErr != nil {
			out = append(out, nodeUnknown.at(e.File, oneLine(e.ConfigErr), "file", e.File))
		}
		switch {
		case e.KeyErr == nil:
		case errors.Is(e.KeyErr, fs.ErrPermission) && e.ordinary():
			out = append(out, unchecked("key", oneLine(e.KeyErr)))
		default:
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
