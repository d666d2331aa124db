package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

var (
	daemonMissing = &Problem{"daemon-not-running", Hint, "no daemon answers",
		"what only a running daemon knows was not looked at (whether the others hear it, what fence is in force, how punctual it is), and this process's rights and limits were looked at in place of its own",
		"systemctl start stead; stead doctor"}
	daemonSilent = &Problem{"daemon-silent", Fatal, "a daemon is there, but does not answer",
		"it is stopped or stuck: its leases end, and it takes no part", "systemctl status stead; journalctl -u stead -n 50; systemctl restart stead"}
	daemonOther = &Problem{"daemon-other-version", Hint, "the running daemon is of another version than this program",
		"what it does is not what this file would do", "systemctl restart stead (hand over first: stead drain --wait)"}
	daemonElsewhere = &Problem{"daemon-in-other-namespace", Warning, "the daemon is in another network namespace",
		"what is said here about interfaces and addresses is not about those of the daemon", "nsenter -t {pid} -n stead doctor"}
	daemonOtherNode = &Problem{"daemon-other-node", Warning, "the daemon that answers is another node",
		"this configuration is not the one that runs", "stead doctor --node {node}"}
)

var running = Check{
	Name:     "daemon",
	Problems: []*Problem{daemonMissing, daemonSilent, daemonOther, daemonOtherNode},
	Run: func(_ context.Context, e *Env) []Finding {
		switch {
		case errors.Is(e.StatusErr, unix.ENOENT):
			return []Finding{daemonMissing.at("", "there is no control socket at "+e.Socket)}
		case e.absent():
			return []Finding{daemonMissing.at("", "nobody listens on control socket "+e.Socket)}
		case errors.Is(e.StatusErr, fs.ErrPermission):
			return []Finding{unchecked("the daemon", oneLine(e.StatusErr))}
		case e.Status == nil:
			return []Finding{daemonSilent.at("", oneLine(e.StatusErr))}
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
		switch {
		case e.absent():
			return nil
		case e.PID == 0:
			return []Finding{unchecked("network namespace of the daemon", e.hidden())}
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
