package bfd

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/transcript"
)

// The transcripts in testdata read like the report of an incident: a line at the
// margin is done to the sessions a and b, the indented lines below it are what they
// do. -rewrite regenerates those; the diff is to be read. Lines that begin with
// "expect" hold whatever -rewrite writes. A packet is shown when it says something
// else than the one before.
func TestTranscripts(t *testing.T) { transcript.Files(t, 10, play) }

func play(t *testing.T, text string) string {
	p := &script{world: &world{t: t, now: boot, base: 100 * us}}
	p.note = p.tell
	for i := range p.ends {
		cfg := standard()
		cfg.Discriminator, cfg.Seed = uint32(10*(i+1)), uint64(i)
		cfg.DesiredMinTX, cfg.RequiredMinRX = 10*ms, 10*ms
		p.ends[i] = &end{cfg: cfg, s: New(cfg), stopped: clock.Never}
	}
	return transcript.Play(t, text, &p.out, func(words []string) error { return p.obey(words[0], words[1:]) })
}

// script is a transcript as it is played.
type script struct {
	*world
	last     [2]string // what each has said
	refusals [2]uint64
	record   []byte // of what a has sent
	out      []string
}

func (p *script) say(i int, format string, args ...any) {
	at := fmt.Sprintf("%.4fs", p.now.Sub(boot).Seconds())
	p.out = append(p.out, fmt.Sprintf("%12s  %c ", at, 'a'+i)+fmt.Sprintf(format, args...))
}

// tell shows what a step of a session has asked for.
func (p *script) tell(i int, out *Out) {
	e := p.ends[i]
	if n := e.s.Status(p.now).Refused; n > p.refusals[i] {
		p.say(i, "refuses: %s", e.s.count.lastRefusal)
		p.refusals[i] = n
	}
	for _, c := range out.Changes {
		line := fmt.Sprintf("%v → %v", c.From, c.To)
		if c.To == Down || c.To == AdminDown {
			line += fmt.Sprintf(" (%v)", c.Diag)
		}
		if c.Silent {
			line += fmt.Sprintf(" after %v", c.Took)
		}
		if c.PeerAdmin {
			line += ", the other one is AdminDown"
		}
		p.say(i, "%s", line)
	}
	for _, b := range out.Sends {
		if i == 0 {
			p.record = append([]byte(nil), b...)
		}
		if text := describe(b); text != p.last[i] {
			p.say(i, "sends %s", text)
			p.last[i] = text
		}
	}
}

func describe(b []byte) string {
	c, _ := parse(b)
	text := c.state.String()
	if c.poll {
		text += " Poll"
	}
	if c.final {
		text += " Final"
	}
	text += fmt.Sprintf(" to %d, %v/%v × %d", c.yours, c.desiredMinTX, c.requiredMinRX, c.mult)
	if c.auth {
		text += fmt.Sprintf(", key %d", b[26])
	}
	return text
}

// obey does what a line of a transcript says.
func (p *script) obey(verb string, args []string) error {
	if verb == "run" {
		d, err := time.ParseDuration(args[0])
		p.run(d)
		return err
	}
	if args[0] != "a" && args[0] != "b" {
		return fmt.Errorf("no such session")
	}
	i := int(args[0][0] - 'a')
	e := p.ends[i]
	switch verb {
	case "start":
		p.restart(i)
		p.refusals[i] = 0
	case "kill":
		e.stopped, e.waiting = clock.Never, nil
	case "freeze":
		e.stopped = clock.Never
	case "thaw":
		e.stopped, e.since = p.now, p.now
		p.event()
	case "cut", "mend":
		p.cut[i] = verb == "cut"
	case "replay":
		p.receive(1, p.record)
	case "admin":
		p.do(i, func(s *Session) { s.SetAdminDown(p.now, args[1] == "down") })
	case "set":
		return p.set(i, args[1:])
	case "expect":
		if got := e.s.Status(p.now).State.String(); got != args[1] {
			return fmt.Errorf("it is %s", got)
		}
	default:
		return fmt.Errorf("no such line")
	}
	return nil
}

// set changes the configuration of a session, which may run or not.
func (p *script) set(i int, args []string) error {
	e := p.ends[i]
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		d, notTime := time.ParseDuration(value)
		n, notNumber := strconv.Atoi(value)
		var err error
		switch key {
		case "tx":
			e.cfg.DesiredMinTX, err = d, notTime
		case "rx":
			e.cfg.RequiredMinRX, err = d, notTime
		case "mult":
			e.cfg.DetectMult, err = uint8(n), notNumber
		case "passive":
			e.cfg.Passive = true
		case "auth":
			e.cfg.Auth.Type = kindNames[value]
		case "keys":
			e.cfg.Auth.Keys = nil
			for _, word := range strings.Split(value, ",") {
				id, secret, _ := strings.Cut(word, ":")
				n, err = strconv.Atoi(id)
				e.cfg.Auth.Keys = append(e.cfg.Auth.Keys, Key{ID: uint8(n), Secret: []byte(secret)})
			}
		default:
			err = fmt.Errorf("no such setting")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}
	}
	if e.stopped != clock.Never {
		p.do(i, func(s *Session) { s.Reconfigure(p.now, e.cfg) })
	}
	return nil
}
