package doctor

import (
	"context"
	"fmt"
	"time"
)

// Greeting is what came of a heartbeat that was sent in the daemon's place.
type Greeting uint8

// The outcomes of a greeting.
const (
	GreetSilent   Greeting = iota // no answer
	GreetAnswered                 // by a daemon with the same key
	GreetHeard                    // it sends, but does not answer
	GreetRefused                  // the host is there, no daemon listens
	GreetStrange                  // an answer that the key does not open
	GreetBusy                     // the port is in use here
	GreetNoWay                    // it cannot be sent: the error says why
	GreetNoKey                    // there is no key to sign with
)

var (
	peerSilent = &Problem{"peer-silent", Warning, "a node does not answer a heartbeat",
		"either it is down, or UDP is blocked on the way there or back, or its key is another: this node would take it for dead",
		"on {node}: stead doctor; and let UDP port {port} through in both directions"}
	peerNoDaemon = &Problem{"peer-without-daemon", Hint, "a node is there, but no daemon listens on it",
		"it could not take over", "on {node}: systemctl start stead"}
	peerStrange = &Problem{"peer-answers-strangely", Warning, "a node answers with a heartbeat that the key does not open",
		"the two do not believe each other: each takes the other for dead", "compare on both: sha256sum {key}"}
	portBusy = &Problem{"heartbeat-port-in-use", Fatal, "another program has the port of the heartbeats",
		"the daemon cannot hear the other nodes: it would take them for dead", "ss -ulpn 'sport = :{port}'; then end that program, or set heartbeat.port on every node"}
	noWay = &Problem{"no-way-to-peer", Fatal, "heartbeats to a node cannot be sent",
		"this node takes it for dead, and it this one", "ip addr; ip route get {address} from {local}; nft list ruleset"}
)

// greetAll bounds the time for all greetings: a silent path takes greetTries × greetWait.
const greetAll = 10 * time.Second

var reachable = Check{
	Name:     "reachability",
	Problems: []*Problem{peerSilent, peerDeaf, peerNoDaemon, peerStrange, portBusy, noWay},
	Run: func(ctx context.Context, e *Env) []Finding {
		if e.Status != nil || e.self() == nil {
			return nil // its heartbeats say more
		}
		if !e.absent() {
			return []Finding{unchecked("whether the other nodes answer", "a daemon seems to have the port, and does not say what it hears")}
		}
		ctx, cancel := context.WithTimeout(ctx, greetAll)
		defer cancel()
		var out []Finding
		port := fmt.Sprint(e.Config.Heartbeat.Port)
		for _, p := range e.paths() {
			subject := fmt.Sprintf("%s (%s)", p.Node, p.Remote)
			g, err := e.Greet(ctx, p)
			if ctx.Err() != nil && g == GreetSilent {
				out = append(out, unchecked("whether "+subject+" answers", oneLine(ctx.Err())))
				continue
			}
			switch g {
			case GreetAnswered:
				out = append(out, fine(subject, "a daemon with the same key answers: UDP passes in both directions"))
			case GreetRefused:
				out = append(out, peerNoDaemon.at(subject, "the port is refused", "node", p.Node))
			case GreetStrange:
				out = append(out, peerStrange.at(subject, "its answer is not authentic", "key", keyFile(e)))
			case GreetHeard:
				out = append(out, peerDeaf.at(subject, "its heartbeats arrive here, a signed one from here is not answered", "node", p.Node, "port", port))
			case GreetBusy:
				return append(out, portBusy.at(p.Local.String(), "it is in use, although no daemon answers on "+e.Socket, "port", port))
			case GreetNoWay:
				out = append(out, noWay.at(subject, oneLine(err), "address", p.Remote.Addr().String(), "local", p.Local.Addr().String()))
			case GreetNoKey:
				return append(out, unchecked("whether the other nodes hear this one", "there is no key to sign with"))
			default:
				out = append(out, peerSilent.at(subject, "no answer to a signed heartbeat", "node", p.Node, "port", port))
			}
		}
		return out
	},
}

func keyFile(e *Env) string {
	if files := e.Config.Security.KeyFiles; len(files) > 0 {
		return files[0]
	}
	return "/etc/stead/key"
}
