package doctor

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

var (
	daemonMissing = &Problem{"daemon-not-running", Hint, "no daemon answers",
		"what only a running daemon knows was not looked at: whether the others hear it, what fence is in force, how punctual it is",
		"systemctl start stead; stead doctor"}
	daemonOther = &Problem{"daemon-other-version", Hint, "the running daemon is of another version than this program",
		"what it does is not what this file would do", "systemctl restart stead (hand over first: stead drain --wait)"}
	daemonElsewhere = &Problem{"daemon-in-other-namespace", Warning, "the daemon is in another network namespace",
		"what is said here about interfaces and addresses is not about those of the daemon", "nsenter -t {pid} -n stead doctor"}
	daemonOtherNode = &Problem{"daemon-other-node", Warning, "the daemon that answers is another node",
		"this configuration is not the one that runs", "stead doctor --node {node}"}
)

var running = Check{
	Name:     "daemon",
	Problems: []*Problem{daemonMissing, daemonOther, daemonOtherNode},
	Run: func(_ context.Context, e *Env) []Finding {
		if e.Status == nil {
			why := oneLine(e.StatusErr)
			if errors.Is(e.StatusErr, unix.ENOENT) {
				why = "there is no control socket at " + e.Socket
			}
			return []Finding{daemonMissing.at("", why)}
		}
		var out []Finding
		if e.Version != "" && e.Status.Version != e.Version {
			out = append(out, daemonOther.at("", fmt.Sprintf("daemon %s, this program %s", e.Status.Version, e.Version)))
		}
		if e.Config != nil && e.Config.Self != "" && e.Status.Node != e.Config.Self {
			out = append(out, daemonOtherNode.at("", fmt.Sprintf("it is node %s, not %s", e.Status.Node, e.Config.Self), "node", e.Status.Node))
		}
		if len(out) == 0 {
			out = append(out, fine("", fmt.Sprintf("version %s answers on %s", e.Status.Version, e.Socket)))
		}
		return out
	},
}

var elsewhere = Check{
	Name:     "namespace",
	Problems: []*Problem{daemonElsewhere},
	Run: func(_ context.Context, e *Env) []Finding {
		if e.PID == 0 {
			return nil
		}
		theirs, err := e.ReadLink(e.proc("ns/net"))
		if err != nil {
			return []Finding{unchecked("network namespace of the daemon", err.Error())}
		}
		ours, err := e.ReadLink("/proc/thread-self/ns/net")
		if err != nil {
			return []Finding{unchecked("network namespace of the daemon", err.Error())}
		}
		if theirs != ours {
			return []Finding{daemonElsewhere.at("", fmt.Sprintf("process %d is in %s, this one in %s", e.PID, theirs, ours), "pid", fmt.Sprint(e.PID))}
		}
		return []Finding{fine("", "the daemon's is this one")}
	},
}
