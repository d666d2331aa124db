package hook

import (
	"cmp"
	"strconv"

	"stead/internal/config"
)

// arguments are what the program is given after its own: nothing, or the four
// that keepalived gives to the scripts of `notify` (keepalived.conf(5)). It has
// no priority for a group and writes 0.
func (e *Event) arguments(form string) []string {
	switch form {
	case config.ArgumentsKeepalived:
		return []string{"INSTANCE", e.Group, e.state(), strconv.Itoa(e.Priority)}
	case config.ArgumentsKeepalivedGroup:
		return []string{"GROUP", cmp.Or(e.Sync, e.Group), e.state(), "0"}
	default:
		return nil
	}
}

// state is keepalived's word for the state that the group has come to.
func (e *Event) state() string {
	switch e.Kind {
	case config.HookActivate:
		return "MASTER"
	case config.HookFault:
		return "FAULT"
	case config.HookStop:
		return "STOP"
	default:
		return "BACKUP"
	}
}
