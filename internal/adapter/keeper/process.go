package keeper

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// process is one line of the process table.
type process struct {
	pid, parent, session int
	zombie               bool
	comm                 string // the first 15 bytes of the program's name
	began                string // clock ticks since boot: with the pid it is one process for ever
}

// table reads the process table. What ends meanwhile is left out.
func table() []process {
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	var all []process
	for _, name := range names {
		if p, ok := readProcess(filepath.Base(name)); ok {
			all = append(all, p)
		}
	}
	return all
}

// readProcess reads what /proc tells of a process (proc_pid_stat(5)).
func readProcess(pid string) (p process, ok bool) {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return p, false
	}
	// A name may hold spaces and parentheses: it ends at the last one.
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return p, false
	}
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 20 {
		return p, false
	}
	p.comm = string(stat[open+1 : end])
	p.pid, _ = strconv.Atoi(pid)
	p.zombie = fields[0] == "Z" || fields[0] == "X"
	p.parent, _ = strconv.Atoi(fields[1])
	p.session, _ = strconv.Atoi(fields[3])
	p.began = fields[19]
	return p, true
}

// descendants are the processes below root.
func descendants(all []process, root int) []process {
	below := map[int][]process{}
	for _, p := range all {
		below[p.parent] = append(below[p.parent], p)
	}
	found := slices.Clone(below[root])
	for i := 0; i < len(found) && len(found) <= len(all); i++ {
		found = append(found, below[found[i].pid]...)
	}
	return found
}

// named are the processes with one of the names: that of the program's file, of
// the first word of the command line, or what the process calls itself.
func named(all []process, names []string, except ...int) []process {
	var found []process
	for _, p := range all {
		if !p.zombie && !slices.Contains(except, p.pid) && slices.ContainsFunc(names, p.is) {
			found = append(found, p)
		}
	}
	return found
}

// is tells whether the process has the name.
func (p process) is(name string) bool {
	if p.comm == name[:min(len(name), 15)] {
		// The kernel has cut a longer name: the rest has to be right, too.
		return len(name) < 15 || len(name) == 15 || p.program() == name || p.first() == name
	}
	return p.program() == name || p.first() == name
}

// program is the name of the program's file; empty where it may not be seen.
func (p process) program() string {
	path, err := os.Readlink("/proc/" + strconv.Itoa(p.pid) + "/exe")
	if err != nil {
		return ""
	}
	return filepath.Base(strings.TrimSuffix(path, " (deleted)"))
}

// first is the name in the first word of the command line.
func (p process) first() string {
	cmdline, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/cmdline")
	if err != nil || len(cmdline) == 0 {
		return ""
	}
	word, _, _ := bytes.Cut(cmdline, []byte{0})
	return filepath.Base(string(word))
}
