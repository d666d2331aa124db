package spawn

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// shell runs a command line where one is asked for (POSIX).
const shell = "/bin/sh"

// searchPath is where a program without a slash in its name is looked for, and
// the PATH that programs get.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Program is a program that was looked up, together with the user it runs as.
// It may be run from several goroutines.
type Program struct {
	path       string
	argv       []string
	credential *syscall.Credential // nil: the user of this process
	home       string
	user       string
	shell      bool
	lingering  atomic.Int32 // runs that were killed and have not died
}

// Resolve looks a command and a user up. With viaShell the command is one line,
// run by /bin/sh -c. An empty user stands for the one of this process.
//
// A process of root refuses a program that others could replace: one that
// everybody may write, or that lies below a directory that everybody may write.
func Resolve(command []string, viaShell bool, asUser string) (*Program, error) {
	if len(command) == 0 || command[0] == "" {
		return nil, errors.New("no command given")
	}
	p := &Program{argv: command, shell: viaShell}
	if viaShell {
		if len(command) != 1 {
			return nil, fmt.Errorf("%d words for the shell: give it one line", len(command))
		}
		p.argv = []string{shell, "-c", command[0]}
	}
	path, err := find(p.argv[0])
	if err != nil {
		return nil, err
	}
	p.path = path
	if os.Geteuid() == 0 {
		if err := checkWritable(path); err != nil {
			return nil, err
		}
	}
	return p, p.become(asUser)
}

// ViaShell reports whether the command line is run by a shell.
func (p *Program) ViaShell() bool { return p.shell }

// arguments are those of the command with more after them. A shell takes the
// first one after its line for its own name ($0).
func (p *Program) arguments(more []string) []string {
	all := slices.Clone(p.argv)
	if p.shell && len(more) > 0 {
		all = append(all, shell)
	}
	return append(all, more...)
}

// find returns the absolute path of a program.
func find(name string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			return "", fmt.Errorf("%s: not an absolute path: programs are run from the root directory", name)
		}
		return filepath.Clean(name), executable(name)
	}
	for _, dir := range filepath.SplitList(searchPath) {
		path := filepath.Join(dir, name)
		if executable(path) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: not found in %s: give the absolute path", name, searchPath)
}

func executable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: not a regular file", path)
	case info.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("%s: not executable (try chmod +x)", path)
	default:
		return nil
	}
}

// become looks the user up. Asking for the user that this process already is
// needs no privilege.
func (p *Program) become(name string) error {
	p.user, p.home = "root", "/"
	if name == "" {
		if self, err := user.Current(); err == nil {
			p.user, p.home = self.Username, self.HomeDir
		}
		return nil
	}
	account, err := user.Lookup(name)
	if err != nil {
		account, err = user.LookupId(name)
	}
	if err != nil {
		return fmt.Errorf("run as %s: no such user", name)
	}
	p.user, p.home = account.Username, account.HomeDir
	uid, errUID := strconv.ParseUint(account.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(account.Gid, 10, 32)
	if err := errors.Join(errUID, errGID); err != nil {
		return fmt.Errorf("run as %s: %w", name, err)
	}
	if int(uid) == os.Geteuid() {
		return nil
	}
	if !maySetUser() {
		return fmt.Errorf("run as %s: permission denied (needs CAP_SETUID and CAP_SETGID)", name)
	}
	groups, err := supplementary(account)
	if err != nil {
		return fmt.Errorf("run as %s: groups: %w", name, err)
	}
	p.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groups}
	return nil
}

func supplementary(account *user.User) ([]uint32, error) {
	ids, err := account.GroupIds()
	if err != nil {
		return nil, err
	}
	groups := make([]uint32, 0, len(ids))
	for _, id := range ids {
		gid, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, err
		}
		groups = append(groups, uint32(gid))
	}
	return groups, nil
}

func maySetUser() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return os.Geteuid() == 0
	}
	const need = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	return data[0].Effective&need == need
}

// environment is what every program gets.
func (p *Program) environment() []string {
	return []string{
		"PATH=" + searchPath, "HOME=" + p.home, "USER=" + p.user, "LOGNAME=" + p.user,
		"SHELL=" + shell, "LANG=C.UTF-8",
	}
}
