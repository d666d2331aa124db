package fence

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// needed are the capabilities of the kernel fence, each with the bit in the
// effective set (capabilities(7)).
var needed = []struct {
	bit  uint
	name string
}{
	{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN"},
	{unix.CAP_BPF, "CAP_BPF"},
}

// explain says of an error of the kernel fence what one can do about it, in one
// line: what libraries add is for who writes the program.
func explain(err error) error {
	var number unix.Errno
	known := errors.As(err, &number)
	denied := known && (number == unix.EPERM || number == unix.EACCES)
	switch {
	// A kernel that refuses to be asked looks to the library like one that cannot.
	case denied, errors.Is(err, ebpf.ErrNotSupported) && inUserNamespace():
		if !denied {
			number = unix.EPERM
		}
		return fmt.Errorf("%w (%s)", number, permissionAdvice())
	case errors.Is(err, ebpf.ErrNotSupported), known && number == unix.ENOSYS:
		return fmt.Errorf("%w (needs Linux 5.8 with CONFIG_BPF_SYSCALL, CONFIG_NET_CLS_ACT and CONFIG_NET_CLS_BPF)", err)
	}
	return err
}

// permissionAdvice says which permission is missing.
func permissionAdvice() string {
	if inUserNamespace() {
		return "a user namespace may not load eBPF programs: run the daemon with CAP_BPF and CAP_NET_ADMIN in the first one"
	}
	var missing []string
	set, err := effectiveCapabilities()
	for _, c := range needed {
		// CAP_SYS_ADMIN includes CAP_BPF.
		has := set&(1<<c.bit) != 0 || c.bit == unix.CAP_BPF && set&(1<<unix.CAP_SYS_ADMIN) != 0
		if err == nil && !has {
			missing = append(missing, c.name)
		}
	}
	if len(missing) == 0 {
		return "a security module or a seccomp filter forbids it"
	}
	return "needs " + strings.Join(missing, " and ")
}

// mayOpenPrograms tells whether the kernel lets this process look at programs
// that others loaded (BPF_PROG_GET_FD_BY_ID).
func mayOpenPrograms() bool {
	set, err := effectiveCapabilities()
	return err == nil && set&(1<<unix.CAP_SYS_ADMIN) != 0 && !inUserNamespace()
}

// effectiveCapabilities reads those of the calling thread.
func effectiveCapabilities() (uint64, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, err
	}
	return uint64(data[0].Effective) | uint64(data[1].Effective)<<32, nil
}

// inUserNamespace tells whether this is another user namespace than the first,
// whose map covers every user.
func inUserNamespace() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	fields := strings.Fields(string(text))
	return len(fields) != 3 || fields[2] != "4294967295"
}
