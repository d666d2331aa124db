package gate

import (
	"strconv"
	"strings"
	"time"

	"stead/internal/core/lease"
)

// step runs a step of the machine, and the steps that follow from it.
func (r *rig) step(input func()) {
	for range 20 {
		r.m.Begin(r.now)
		input()
		o := r.m.Finish(r.now)
		r.tell(o)
		if input = r.follow(o); input == nil {
			return
		}
	}
	r.say("the gate does not come to rest")
}

// tell writes down what a person would see.
func (r *rig) tell(o *Out) {
	for i := range o.Changes {
		c := &o.Changes[i]
		words := []string{[...]string{"", "judged", "opened", "must end", "closed", "noted"}[c.Kind]}
		if c.Kind == Judged {
			words = append(words, c.Verdict.String())
		}
		if c.Kind == Opened || c.Kind == MustEnd || c.Kind == Closed {
			words = append(words, "epoch "+strconv.FormatUint(c.Epoch, 10))
		}
		if c.Reason != "" {
			words = append(words, string(c.Reason))
		}
		if c.Kind == MustEnd {
			words = append(words, "by "+time.Duration(c.By).String())
		}
		if c.Detail != "" {
			words = append(words, "("+c.Detail+")")
		}
		r.say("%s", strings.Join(words, " "))
		if c.Kind == Opened {
			r.run = true
		}
	}
	r.end, r.kill = o.End, o.Kill
}

// follow returns what comes of what the machine has asked for.
func (r *rig) follow(o *Out) func() {
	var inputs []func()
	for _, i := range o.Looks {
		s := r.place[i]
		s.Witness = i
		if !r.hangs {
			inputs = append(inputs, func() { r.m.Saw(r.now, &s) })
		}
	}
	for i := range o.Ops {
		res := r.carryOut(&o.Ops[i])
		inputs = append(inputs, func() { r.m.Done(r.now, &res) })
	}
	if o.Beat {
		ok := !r.noWrite
		inputs = append(inputs, func() { r.m.Wrote(r.now, ok, "no answer in 2s") })
	}
	for i := range o.Changes {
		if o.Changes[i].Kind == MustEnd && r.run && !r.busy {
			r.run = false
			inputs = append(inputs, func() { r.m.Ended(r.now) })
		}
	}
	if len(inputs) == 0 {
		return nil
	}
	return func() {
		for _, input := range inputs {
			input()
		}
	}
}

func (r *rig) carryOut(op *lease.Op) lease.Result {
	version := ""
	if r.record != nil {
		version = strconv.Itoa(r.version)
	}
	res := lease.Result{ID: op.ID, Version: version, Bytes: r.record}
	switch {
	case r.noStore:
		res.Detail = "no answer in 2s"
	case op.Swap && op.Version != version:
		res.Outcome = lease.Conflict
	case op.Swap:
		r.version++
		r.record = append([]byte(nil), op.Bytes...)
		rec, _ := lease.Parse(op.Bytes)
		if before := r.held; before != rec.State.String()+rec.To+strconv.FormatUint(rec.Epoch, 10) {
			r.held = rec.State.String() + rec.To + strconv.FormatUint(rec.Epoch, 10)
			r.say("the register: %s", op.Bytes)
		}
		res.Outcome, res.Version = lease.Written, strconv.Itoa(r.version)
	case version == "":
		res.Outcome = lease.Absent
	default:
		res.Outcome = lease.Got
	}
	return res
}
