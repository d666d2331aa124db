package keepalived

import (
	"fmt"
	"net"
	"path"
	"regexp"
	"strconv"
	"strings"

	"stead/internal/importer/draft"
)

// command is a program with its arguments as keepalived starts it: directly, found
// by PATH, without a shell.
type command struct {
	args []string
	user string
	note string // what a comment should say of it
}

var devTCP = regexp.MustCompile(`^<\s*/dev/(tcp|udp)/([^/\s]+)/([0-9]+)$`)

// scriptWords reads the line of a script as keepalived does: its second word is
// the command, which is taken apart a second time; a user may follow.
func (d *Directive) scriptWords() (args, rest []string, ok bool) {
	words, ok := splitQuoted(d.Raw, false)
	if !ok || len(words) < 2 {
		return nil, nil, false
	}
	args, ok = splitQuoted(words[1], true)
	return args, words[2:], ok && len(args) > 0
}

// command converts the command of a script directive. A false result was listed.
func (c *converter) command(d *Directive, userAllowed bool) (cmd command, ok bool) {
	args, rest, ok := d.scriptWords()
	if !ok {
		c.find(d, Lost, "is not a command that keepalived can take apart", "quote it as keepalived.conf(5) says")
		return cmd, false
	}
	for i, a := range args {
		if strings.IndexFunc(a, control) >= 0 || len(a) > 4096 || i >= 256 {
			c.find(d, Lost, "the command has control characters, or is too long for Stead", "put it into a script of its own")
			return cmd, false
		}
	}
	d.useAll()
	cmd = command{args: args, user: c.global.user}
	switch {
	case len(rest) > 0 && !userAllowed:
		c.note(d, Changed, "keepalived takes the first word only: "+strings.Join(rest, " ")+" is not of the command", "put the command and its arguments into quotes")
	case len(rest) > 0:
		cmd.user = c.scriptUser(d, rest[0])
		if len(rest) > 1 {
			c.note(d, Changed, "a program gets the groups of its user: "+strings.Join(rest[1:], " ")+" is not taken over",
				"make it a group of the user, or nothing if it is one")
		}
	}
	c.absolute(d, &cmd)
	return cmd, true
}

// absolute finds the program by PATH where keepalived does: Stead wants the path.
func (c *converter) absolute(d *Directive, cmd *command) {
	program := cmd.args[0]
	if strings.HasPrefix(program, "/") {
		return
	}
	if cmd.connects() != nil {
		return
	}
	if !strings.Contains(program, "/") {
		if found := c.o.Host.LookPath(program); found != "" {
			cmd.note = program + " by PATH of this machine"
			cmd.args[0] = found
			return
		}
	}
	cmd.args[0] = path.Join("/usr/bin", program)
	if strings.Contains(program, "/") {
		cmd.args[0] = path.Join("/", program)
	}
	cmd.note = program + " was not found here"
	c.note(d, Todo, fmt.Sprintf("Stead starts programs by their path, and %s was not found on this machine", program),
		"look whether it is "+cmd.args[0])
}

// target writes what a check of a script looks at: the command, or the port that
// an old form of it connects to.
func (cmd *command) target(s *draft.Section, note string) {
	if m := cmd.connects(); m != nil {
		s.Set(m[1], draft.Scalar(net.JoinHostPort(m[2], m[3])), note+": keepalived starts no shell any more, which this wants")
		return
	}
	s.Set("exec", draft.Flow(cmd.args), note+behindNote(cmd.note))
	if cmd.user != "" {
		s.Set("user", draft.Scalar(cmd.user), "")
	}
	if name := cmd.lookedFor(); name != "" {
		s.Remark("exec", "; process: "+draft.Printable(name)+" looks for the same without starting a program")
	}
}

func behindNote(note string) string {
	if note == "" {
		return ""
	}
	return "; " + draft.Printable(note)
}

// connects is kind, host and port of a command that only connects, else nil.
func (cmd *command) connects() []string {
	m := devTCP.FindStringSubmatch(strings.Join(cmd.args, " "))
	if m == nil || !destination(m[2], m[3]) {
		return nil
	}
	return m
}

// scriptUser is the name of a user, where it is one.
func (c *converter) scriptUser(d *Directive, name string) string {
	if userName.MatchString(name) {
		return name
	}
	c.note(d, Changed, strconv.Quote(name)+" is not the name of a user: the daemon's runs the program", "correct it")
	return ""
}

// lookedFor is the process that the command looks for, when it does nothing else.
func (cmd *command) lookedFor() string {
	if len(cmd.args) == 3 && strings.HasSuffix(cmd.args[0], "/killall") && cmd.args[1] == "-0" &&
		regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(cmd.args[2]) {
		return cmd.args[2]
	}
	return ""
}
