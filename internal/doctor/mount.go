package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// mount is a mounted file system (proc_pid_mountinfo(5)).
type mount struct{ point, kind, source string }

// networked are the file systems that several hosts can have mounted.
var networked = []string{"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "lustre", "gpfs", "gfs2", "ocfs2", "9p", "virtiofs", "afs", "beegfs", "prl_fs", "vboxsf"}

// shared tells whether other hosts can have it, too. What a program serves may be anything.
func (m *mount) shared() bool {
	return slices.Contains(networked, m.kind) || strings.HasPrefix(m.kind, "fuse")
}

// mountOf is what is mounted where a path leads, in the daemon's mount namespace.
func (e *Env) mountOf(path string) (*mount, error) {
	text, err := e.ReadFile(e.proc("mountinfo"))
	if err != nil {
		return nil, err
	}
	var found *mount
	for line := range strings.Lines(string(text)) {
		front, back, ok := strings.Cut(line, " - ")
		before, after := strings.Fields(front), strings.Fields(back)
		if !ok || len(before) < 6 || len(after) < 2 {
			continue
		}
		m := &mount{point: unescaped(before[4]), kind: after[0], source: unescaped(after[1])}
		inside := m.point == "/" || path == m.point || strings.HasPrefix(path, m.point+"/")
		if inside && (found == nil || len(m.point) >= len(found.point)) { // of two at one place the later one is seen
			found = m
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%s: nothing is mounted above %s", e.proc("mountinfo"), path)
	}
	return found, nil
}

// unescaped reads what the kernel writes as \040.
func unescaped(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
