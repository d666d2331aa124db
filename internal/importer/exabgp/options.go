package exabgp

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// option is an option of `exabgp healthcheck`.
type option struct {
	name  string
	short string
	plain bool // it has no value
	maybe bool // it has a value, or none
}

var healthOptions = []option{
	{name: "silent", short: "s", plain: true}, {name: "syslog-facility", maybe: true}, {name: "no-syslog", plain: true},
	{name: "no-ack", short: "a", plain: true}, {name: "sudo", plain: true}, {name: "debug", short: "d", plain: true},
	{name: "name", short: "n"}, {name: "config", short: "F"}, {name: "pid", short: "p"}, {name: "user"}, {name: "group"},
	{name: "interval", short: "i"}, {name: "fast-interval", short: "f"}, {name: "timeout", short: "t"}, {name: "rise"}, {name: "fall"},
	{name: "disable"}, {name: "command", short: "c"}, {name: "cmd"}, {name: "next-hop", short: "N"}, {name: "ip"},
	{name: "local-preference"}, {name: "deaggregate-networks", plain: true}, {name: "no-ip-setup", plain: true},
	{name: "dynamic-ip-setup", plain: true}, {name: "label"}, {name: "start-ip"}, {name: "up-metric"}, {name: "down-metric"},
	{name: "disabled-metric"}, {name: "increase"}, {name: "community"}, {name: "extended-community"}, {name: "large-community"},
	{name: "disabled-community"}, {name: "as-path"}, {name: "up-as-path"}, {name: "down-as-path"}, {name: "disabled-as-path"},
	{name: "withdraw-on-down", plain: true}, {name: "path-id"}, {name: "neighbor"}, {name: "execute"}, {name: "up-execute"},
	{name: "down-execute"}, {name: "disabled-execute"},
}

// options are those of one `exabgp healthcheck`, with all values of each in order.
type options map[string][]string

// get is the last value.
func (o options) get(name, otherwise string) string {
	if list := o[name]; len(list) > 0 {
		return list[len(list)-1]
	}
	return otherwise
}

func (o options) has(name string) bool { return len(o[name]) > 0 }

var interpreter = regexp.MustCompile(`^(env|python[0-9.]*)$`)

// healthArgs are the arguments of a process that runs exabgp's own healthcheck.
func healthArgs(words []string) ([]string, bool) {
	for i, word := range words {
		switch base := path.Base(word); {
		case slices.Contains([]string{"healthcheck", "healthcheck.py", "exabgp-healthcheck", "exabgp.application.healthcheck"}, base):
			return words[i+1:], true
		case interpreter.MatchString(base), base == "exabgp", word == "-m", word == "-u", word == "-E", word == "-s":
		default:
			return nil, false
		}
	}
	return nil, false
}

// parseOptions takes the arguments apart as Python's argparse does: long options may
// be shortened, and have their value behind '=' or in the next word.
func parseOptions(args []string) (options, error) {
	found := options{}
	for i := 0; i < len(args); i++ {
		word := args[i]
		value, attached := "", false
		var o *option
		switch {
		case word == "-sF" || strings.HasPrefix(word, "-sF="):
			value, attached = strings.CutPrefix(word, "-sF=")
			o = findOption("syslog-facility")
		case strings.HasPrefix(word, "--"):
			var name string
			name, value, attached = strings.Cut(word[2:], "=")
			o = findOption(name)
		case strings.HasPrefix(word, "-") && len(word) > 1:
			short := slices.IndexFunc(healthOptions, func(o option) bool { return o.short == word[1:2] })
			if short >= 0 {
				o = &healthOptions[short]
				value, attached = strings.TrimPrefix(word[2:], "="), len(word) > 2
			}
			if o != nil && o.plain && attached {
				args = slices.Insert(slices.Clone(args), i+1, "-"+word[2:])
				attached = false
			}
		}
		switch {
		case o == nil:
			return nil, fmt.Errorf("%q is no option of it", word)
		case o.plain && attached:
			return nil, fmt.Errorf("--%s has no value", o.name)
		case o.plain:
			value = ""
		case attached:
		case i+1 < len(args) && (!strings.HasPrefix(args[i+1], "-") || negative.MatchString(args[i+1])):
			i++
			value = args[i]
		case !o.maybe:
			return nil, fmt.Errorf("--%s has no value behind it", o.name)
		}
		name := o.name
		if name == "cmd" {
			name = "command"
		}
		found[name] = append(found[name], value)
	}
	return found, nil
}

var negative = regexp.MustCompile(`^-[0-9.]+$`)

// findOption finds a long option, or the only one that begins so.
func findOption(name string) *option {
	var only *option
	for i := range healthOptions {
		o := &healthOptions[i]
		switch {
		case o.name == name:
			return o
		case !strings.HasPrefix(o.name, name) || name == "":
		case only != nil:
			return nil
		default:
			only = o
		}
	}
	return only
}
