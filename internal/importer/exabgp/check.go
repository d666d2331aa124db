package exabgp

import (
	"strconv"
	"strings"
	"time"

	"stead/internal/importer/draft"
)

// The bounds of Stead's checks.
const (
	leastExec    = 100 * time.Millisecond
	mostInterval = time.Hour
	mostCount    = 100
)

// checks are those of the command, and of the file that disables the service.
func (h *health) checks() []check {
	interval, fast := h.seconds("interval", "5"), h.seconds("fast-interval", "1")
	rise, fall := h.count("rise"), h.count("fall")
	user := h.options.get("user", "")
	if interval == 0 {
		h.about("interval", draft.Changed, "it looks once, and ends: Stead looks all the time", "remove the check, if it is to be announced whatever happens")
		interval = 5 * time.Second
	}
	every := interval
	if fast > 0 && fast < interval {
		every = fast
	}
	every = min(max(every, leastExec), mostInterval)
	var list []check
	if text := strings.TrimSpace(h.options.get("command", "")); text != "" {
		k := check{name: draft.PlainName(h.name), exec: text, user: user, interval: every, rise: rise, fall: fall, d: h.d}
		k.timeout = time.Duration(h.number("timeout", "5", 0, 86400)) * time.Second
		if k.timeout == 0 {
			k.timeout = every
			h.about("timeout", draft.Changed, "a run of Stead always has a timeout: it became "+length(every), "")
		}
		if k.timeout > every {
			h.about("timeout", draft.Changed, "a run ends before the next one starts: the interval became "+length(min(k.timeout, mostInterval))+", that of the timeout",
				"lower timeout and interval of the check to "+length(every)+", if the command answers sooner")
			k.timeout = min(k.timeout, mostInterval)
			k.interval = k.timeout
		} else if every != interval {
			k.note = "looks as often all the time; exabgp each " + length(interval) + ", and so when something changes"
		}
		list = append(list, k)
	}
	if file := h.options.get("disable", ""); file != "" {
		list = append(list, h.disable(file, every))
	}
	return list
}

// disable is the check of a file that must not be there.
func (h *health) disable(file string, every time.Duration) check {
	test := h.c.o.Host.LookPath("test")
	if test == "" {
		test = "/usr/bin/test"
	}
	if !strings.HasPrefix(file, "/") {
		h.about("disable", draft.Todo, "the path is from the directory that ExaBGP was started in", "write the whole path into the check")
		file = "/" + file
	}
	h.about("disable", draft.Unneeded, "a check looks for the file; `stead drain` does the same without one", "")
	return check{name: draft.PlainName(h.name + "-disable"), command: []string{test, "!", "-e", file}, interval: every, timeout: min(every, time.Second), rise: 1, fall: 1, d: h.d}
}

func (h *health) count(name string) int {
	n := h.number(name, "3", -1<<31, 1<<31)
	if n > mostCount {
		h.about(name, draft.Changed, "at most "+strconv.Itoa(mostCount)+" results in a row decide", "raise the interval instead")
	}
	return int(min(max(n, 1), mostCount))
}

// hooks are what runs when the state changes. The programs find it in STATE.
func (h *health) hooks() []hook {
	var list []hook
	for _, role := range []struct{ kind, option, state string }{
		{"activate", "up-execute", "UP"}, {"standby", "disabled-execute", "DISABLED"}, {"fault", "down-execute", "DOWN"},
	} {
		commands := append(append([]string{}, h.options[role.option]...), h.options["execute"]...)
		if len(commands) == 0 {
			continue
		}
		list = append(list, hook{role.kind, "export STATE=" + role.state + "; " + strings.Join(commands, "; "), h.d})
	}
	if h.options.has("disabled-execute") || h.options.has("execute") {
		if h.options.has("disable") {
			h.c.about(h.d, "run ... --disable "+h.options.get("disable", ""), draft.Changed, "the hook fault runs when the file appears, with STATE=DOWN; standby, with STATE=DISABLED, when the node is drained", "use stead drain")
		} else if h.options.has("disabled-execute") {
			h.about("disabled-execute", draft.Unneeded, "runs when the node is drained, which is what disabled means here", "")
		}
	}
	return list
}
