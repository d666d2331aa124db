package fence

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/core"
)

// lease is what the holder renews, four times in its length.
const lease = 60 * time.Millisecond

// hold is a daemon in small: it holds the service addresses open by renewing a
// lease until it is killed. It notes the deadline in a shared file before it asks
// for it, so that a test knows it afterwards.
func hold(args []string) error {
	mode, method, device, path := config.FenceMode(args[0]), AttachMethod(args[1]), args[2], args[3]
	last, err := sharedWord(path)
	if err != nil {
		return err
	}
	f, err := Open(mode, Options{Attach: method})
	if err != nil {
		return err
	}
	for _, prefix := range []string{"192.0.2.200/32", "2001:db8::200/128"} {
		if err := f.Bind(Address{Prefix: netip.MustParsePrefix(prefix), Interface: device}, 1); err != nil {
			return err
		}
	}
	for first := true; ; first = false {
		at := in(lease)
		last.Store(uint64(at))
		if err := f.Slot(core.FenceSlot{Slot: 1, Answer: at, Serve: at}); err != nil {
			return err
		}
		if first {
			fmt.Println("ready")
		}
		time.Sleep(lease / 4)
	}
}

// sharedWord maps a word that is in a file.
func sharedWord(path string) (*atomic.Uint64, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := file.Truncate(8); err != nil {
		return nil, err
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, 8, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*atomic.Uint64)(unsafe.Pointer(&memory[0])), nil
}

// startHolder starts a holder in the host, in a process group of its own. A
// command line before its own, as in setpriv, is for its privileges.
func (s *scene) startHolder(t testing.TB, mode config.FenceMode, method AttachMethod, with ...string) (holder *exec.Cmd, last *atomic.Uint64) {
	t.Helper()
	if mode == config.FenceKernel {
		load(t) // the holder could only fail
	}
	path := pathOf(t, "deadline")
	last, err := sharedWord(path)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(slices.Clone(with), self, "holder", string(mode), string(method), s.device, path)
	holder = exec.Command(args[0], args[1:]...)
	holder.Stderr = os.Stderr
	said, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.host.Start(t, holder)
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil {
		t.Fatalf("the holder says %q: %v", line, err)
	}
	return holder, last
}

// silence asks by ARP every millisecond until long after the deadline that last
// has when stop returns, and returns when the last question that was answered had
// been sent, and the deadline.
func (s *scene) silence(t testing.TB, last *atomic.Uint64, stop func()) (lastAnswered, deadline core.Instant) {
	t.Helper()
	const before, after = 50, 200 // questions
	sent := make([]core.Instant, 0, 2000)
	buf := make([]byte, 2048)
	collect := func(until core.Instant) {
		for bootTime() < until {
			f := s.arp.receive(buf)
			if arpReplyFrom(f) != service4 {
				continue
			}
			if number := binary.BigEndian.Uint32(f[34:]); number > 0 && int(number) <= len(sent) {
				lastAnswered = max(lastAnswered, sent[number-1])
			}
		}
	}
	end := core.Instant(0)
	for i := 0; end == 0 || sent[len(sent)-1] < end; i++ {
		if i == before {
			if lastAnswered == 0 {
				t.Fatal("the holder does not answer")
			}
			stop()
			deadline = core.Instant(last.Load())
			end = deadline.Add(after * time.Millisecond)
		}
		at := bootTime()
		sent = append(sent, at)
		s.arp.send(t, arpRequestNumber(service4, uint32(len(sent))).frame)
		collect(at.Add(time.Millisecond))
	}
	collect(in(50 * time.Millisecond))
	return lastAnswered, deadline
}

// ways to lose a daemon.
var losses = map[string]func(t testing.TB, holder *exec.Cmd){
	"SIGKILL": func(t testing.TB, holder *exec.Cmd) {
		signalTo(t, holder.Process.Pid, syscall.SIGKILL)
	},
	"SIGKILL of the group": func(t testing.TB, holder *exec.Cmd) {
		signalTo(t, -holder.Process.Pid, syscall.SIGKILL)
	},
	"SIGSTOP of the group": func(t testing.TB, holder *exec.Cmd) {
		signalTo(t, -holder.Process.Pid, syscall.SIGSTOP)
	},
}

// signalTo sends a signal and waits until no thread of the process runs on.
func signalTo(t testing.TB, pid int, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, signal); err != nil {
		t.Fatal(err)
	}
	leader := max(pid, -pid)
	for end := time.Now().Add(seeWithin); time.Now().Before(end); {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, leader, &info, unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT|unix.WNOHANG, nil)
		if err == nil && info.Signo != 0 {
			return
		}
	}
	t.Fatalf("process %d goes on after signal %v", leader, signal)
}

// The kernel drops a question that was sent after the deadline: there is nothing
// to be late.
func TestKernelFenceOutlivesTheDaemon(t *testing.T) {
	eachMethod(t, func(t *testing.T, opts Options) {
		for name, lose := range losses {
			t.Run(name, func(t *testing.T) {
				s := newScene(t, "eth0")
				holder, last := s.startHolder(t, config.FenceKernel, opts.Attach)
				answered, deadline := s.silence(t, last, func() { lose(t, holder) })
				t.Logf("last answered question sent %v before the deadline", deadline.Sub(answered))
				if answered > deadline {
					t.Errorf("a question sent %v after the deadline was answered", answered.Sub(deadline))
				}
				s.expect(t, "after the loss", silent)
			})
		}
	})
}

// The guard has to wake up and to be given a processor. On an idle machine that
// takes some 0.1 ms; the bound allows for a machine that runs other tests.
const guardLate = 50 * time.Millisecond

func TestGuardOutlivesTheDaemon(t *testing.T) {
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "eth0")
			holder, last := s.startHolder(t, config.FenceGuard, "")
			answered, deadline := s.silence(t, last, func() { lose(t, holder) })
			t.Logf("last answered question sent %v after the deadline", answered.Sub(deadline))
			if answered.Sub(deadline) > guardLate {
				t.Errorf("a question sent %v after the deadline was answered", answered.Sub(deadline))
			}
			s.expect(t, "after the loss", silent)
		})
	}
}
