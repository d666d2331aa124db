package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"syscall"

	"stead/internal/config"
)

var (
	stateUnwritable = &Problem{"state-not-writable", Fatal, "the state directory cannot be written",
		"the daemon does not start, or forgets the epoch: after a restart of every node an old holder might look newer", "install -d -m 700 {dir}"}
	stateFull = &Problem{"state-full", Warning, "the file system of the state directory is nearly full",
		"a new epoch cannot be noted", "df -h {dir}"}
	socketDir = &Problem{"control-socket-directory", Warning, "the directory of the control socket cannot be used",
		"no command reaches the daemon", "install -d -m 755 {dir}"}
)

// leastSpace in bytes is more than the state ever needs.
const leastSpace = 16 << 20

var files = Check{
	Name:     "files",
	Problems: []*Problem{stateUnwritable, stateFull, socketDir},
	Run: func(_ context.Context, e *Env) []Finding {
		if e.Config == nil {
			return nil
		}
		if e.ordinary() {
			return []Finding{unchecked("whether the daemon can write its state", "this is an ordinary user's process: run it as root")}
		}
		var out []Finding
		dir := e.Config.State.Dir
		switch free, err := e.Space(existing(e, dir)); {
		case err != nil:
			out = append(out, stateUnwritable.at(dir, err.Error(), "dir", dir))
		case free < leastSpace:
			out = append(out, stateFull.at(dir, fmt.Sprintf("%d KiB are free", free>>10), "dir", dir))
		}
		if e.absent() {
			dir := path.Dir(e.Socket)
			if _, err := e.Space(existing(e, dir)); err != nil {
				out = append(out, socketDir.at(dir, err.Error(), "dir", dir))
			}
		}
		if len(out) == 0 {
			out = append(out, fine("", "the state can be written"))
		}
		return out
	},
}

// existing is the directory, or the first above it that exists: the daemon makes
// what is missing.
func existing(e *Env, dir string) string {
	for {
		if _, err := e.Stat(dir); err == nil || dir == "/" || dir == "." {
			return dir
		}
		dir = path.Dir(dir)
	}
}

// program is one that a check or a hook runs.
type program struct {
	of, path, user string
	shell          bool
}

var (
	noProgram = &Problem{"program-missing", Warning, "a program of a check or a hook cannot be run",
		"a hook does not do what the service needs after a takeover; a check that cannot be run keeps its last result", "see {of} in {file}: ls -l {path}"}
	openProgram = &Problem{"program-writable", Warning, "everybody may write a program of a check or a hook",
		"whoever is on this machine can become root by it; the daemon refuses to run it", "chmod o-w {path}"}
	noUser = &Problem{"program-user-missing", Warning, "the user of a check or a hook does not exist",
		"the program cannot be run", "useradd --system {user}, or correct `user` of {of} in {file}"}
)

var programs = Check{
	Name:     "programs",
	Problems: []*Problem{noProgram, openProgram, noUser},
	Run: func(_ context.Context, e *Env) []Finding {
		var out []Finding
		all := e.runs()
		for _, p := range all {
			out = append(out, e.program(p)...)
		}
		if len(out) == 0 && len(all) > 0 {
			out = append(out, fine("", fmt.Sprintf("%d of checks and hooks can be run", len(all))))
		}
		return out
	},
}

// runs lists the programs of this node's groups, and the workload of its gate.
func (e *Env) runs() (out []program) {
	for _, g := range e.groups() {
		for i := range g.Checks {
			if c := &g.Checks[i]; c.Kind == config.CheckExec && len(c.Command) > 0 {
				out = append(out, program{fmt.Sprintf("group %s, check %s", g.Name, c.Name), c.Command[0], c.User, c.Shell})
			}
		}
		for _, kind := range []config.HookKind{config.HookPrepare, config.HookActivate, config.HookStandby, config.HookFault, config.HookStop} {
			if h, ok := g.Hooks[kind]; ok && len(h.Command) > 0 {
				out = append(out, program{fmt.Sprintf("group %s, hook %s", g.Name, kind), h.Command[0], h.User, h.Shell})
			}
		}
	}
	if e.Config == nil {
		return out
	}
	if g := e.Config.Gate.For(e.Config.Self); g != nil && len(g.Command) > 0 {
		out = append(out, program{"gate", g.Command[0], g.User, false})
	}
	return out
}

func (e *Env) program(p program) (out []Finding) {
	say := func(problem *Problem, seen string) {
		out = append(out, problem.at(p.of, seen, "of", p.of, "path", p.path, "file", e.File, "user", p.user))
	}
	if p.user != "" {
		if err := e.User(p.user); err != nil {
			say(noUser, err.Error())
		}
	}
	if p.shell {
		p.path = "/bin/sh"
	}
	if !filepath.IsAbs(p.path) {
		return out // looked for by the daemon in its own PATH, which reports it
	}
	info, err := e.Stat(p.path)
	switch {
	case errors.Is(err, fs.ErrPermission) && e.ordinary():
		out = append(out, unchecked("the program of "+p.of, oneLine(err)))
	case err != nil:
		say(noProgram, oneLine(err))
	case !info.Mode().IsRegular():
		say(noProgram, p.path+" is not a file")
	case info.Mode().Perm()&0o111 == 0:
		say(noProgram, fmt.Sprintf("%s has mode %04o: nobody may run it", p.path, info.Mode().Perm()))
	case info.Mode().Perm()&0o002 != 0:
		say(openProgram, fmt.Sprintf("%s has mode %04o", p.path, info.Mode().Perm()))
	default:
		if where := e.openAbove(p.path, info); where != "" {
			p.path = where
			say(openProgram, "everybody may write the directory "+where)
		}
	}
	return out
}

// openAbove finds a directory above the file in which everybody could exchange it.
// In a sticky one only the owner of an entry may.
func (e *Env) openAbove(file string, entry fs.FileInfo) string {
	for at := file; at != "/"; {
		at = path.Dir(at)
		info, err := e.Stat(at)
		if err != nil {
			return ""
		}
		owner, known := entry.Sys().(*syscall.Stat_t)
		kept := info.Mode()&fs.ModeSticky != 0 && (!known || owner.Uid == 0)
		if info.Mode().Perm()&0o002 != 0 && !kept {
			return at
		}
		entry = info
	}
	return ""
}
