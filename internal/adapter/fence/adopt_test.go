package fence

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"stead/internal/config"
	"stead/internal/testns"
)

// lost starts a holder, kills it, and waits until its lease has ended.
func (s *scene) lost(t *testing.T, method AttachMethod) {
	t.Helper()
	holder, _ := s.startHolder(t, config.FenceKernel, method)
	s.expect(t, "held", everything)
	signalTo(t, -holder.Process.Pid, syscall.SIGKILL)
	_ = holder.Wait()
	s.expect(t, "after the loss", silent)
}

// answersMeanwhile counts the answers for the service address to a client that
// asks all the time while f runs.
func (s *scene) answersMeanwhile(t *testing.T, f func()) int {
	t.Helper()
	stop, count := make(chan struct{}), make(chan int)
	asker := openWire(t, s.client, "eth0")
	go func() {
		answers := 0
		buf := make([]byte, 2048)
		for {
			select {
			case <-stop:
				count <- answers
				return
			default:
			}
			asker.send(t, arpRequest(service4).frame)
			if arpReplyFrom(asker.receive(buf)) == service4 {
				answers++
			}
		}
	}()
	f()
	close(stop)
	return <-count
}

func TestKernelFenceIsAdopted(t *testing.T) {
	methods := []AttachMethod{AttachTCX, AttachFilter}
	for _, before := range methods {
		for _, after := range methods {
			t.Run(string(before)+" then "+string(after), func(t *testing.T) {
				s := newScene(t, "eth0")
				s.lost(t, before)
				var f Fence
				answers := s.answersMeanwhile(t, func() {
					f = s.fence(t, config.FenceKernel, Options{Attach: after})
				})
				if answers != 0 {
					t.Errorf("answered %d questions while the fence was taken over", answers)
				}
				st := f.Status()
				if !st.Adopted || len(st.Problems) != 0 || st.Repairs.Attachments != 0 {
					t.Errorf("status after the adoption: %+v", st)
				}
				if want := []netip.Addr{service4, service6}; !slices.Equal(f.Bound(), want) {
					t.Errorf("bound: %v, want %v", f.Bound(), want)
				}
				if err := f.Slot(open(1)); err != nil {
					t.Fatal(err)
				}
				s.expect(t, "a slot of the earlier run opens nothing", silent)
				bind(t, f, "eth0", 1)
				s.expect(t, "bound again", everything)
				s.attachments(t, after, 1)
				s.attachments(t, other(after), 0)
			})
		}
	}
}

func other(m AttachMethod) AttachMethod {
	if m == AttachTCX {
		return AttachFilter
	}
	return AttachTCX
}

// hookIn returns a hook for the host; it is to be used within Do.
func (s *scene) hookIn(m AttachMethod) hook {
	if m == AttachTCX {
		return tcx{}
	}
	return filter{s.host.Netlink()}
}

// attachments checks how many programs of ours are on eth0 in each direction.
func (s *scene) attachments(t *testing.T, m AttachMethod, want int) {
	t.Helper()
	index := s.host.Link(t, "eth0").Attrs().Index
	for d := range directions {
		var found []ebpf.ProgramID
		var err error
		s.host.Do(func() { found, _, err = s.hookIn(m).list(index, d) })
		if err != nil || len(found) != want {
			t.Errorf("%s, direction %d: %d programs, want %d: %v", m, d, len(found), want, err)
		}
	}
}

// A daemon that has no more capabilities than it needs cannot read what an
// earlier run left, but replaces it.
func TestKernelFenceWithFewCapabilities(t *testing.T) {
	few := []string{"setpriv", "--bounding-set=-all,+net_admin,+bpf", "--inh-caps=-all"}
	s := newScene(t, "eth0")
	for range 2 {
		holder, _ := s.startHolder(t, config.FenceKernel, AttachBest, few...)
		s.expect(t, "held", everything)
		s.attachments(t, AttachFilter, 1)
		signalTo(t, -holder.Process.Pid, syscall.SIGKILL)
		_ = holder.Wait()
		s.expect(t, "after the loss", silent)
	}
	f := s.fence(t, config.FenceKernel, Options{}) // with all of them
	s.expect(t, "adopted", silent)
	bind(t, f, "eth0", 1)
	if err := f.Slot(open(1)); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "open", everything)
	s.attachments(t, AttachTCX, 1)
}

// A version whose maps have another shape leaves its programs; its addresses are
// known by their keys.
func TestKernelFenceReplacesAnotherVersion(t *testing.T) {
	eachMethod(t, func(t *testing.T, opts Options) {
		s := newScene(t, "eth0")
		old := make(map[string]*ebpf.Map)
		fds := make(map[string]int)
		for name, spec := range mapSpecs() {
			if name == addressesMap {
				spec.MaxEntries = 16
			}
			m, err := ebpf.NewMap(spec)
			if err != nil {
				testns.Lacking(t, "CAP_BPF", err)
			}
			defer m.Close()
			old[name], fds[name] = m, m.FD()
		}
		if err := old[addressesMap].Put(service4.As16(), uint32(1)); err != nil {
			t.Fatal(err)
		}
		p, err := ebpf.NewProgram(ingressProgram(fds))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		index := s.host.Link(t, "eth0").Attrs().Index
		s.host.Do(func() { err = s.hookIn(opts.Attach).attach(index, ingress, p) })
		if err != nil {
			t.Fatal(err)
		}
		closed4 := seen{neighbor6: true, packet6: true}
		s.expect(t, "closed by the other version", closed4)
		var f Fence
		if n := s.answersMeanwhile(t, func() { f = s.fence(t, config.FenceKernel, opts) }); n != 0 {
			t.Errorf("answered %d questions while the fence was replaced", n)
		}
		s.expect(t, "closed by this version", closed4)
		s.attachments(t, opts.Attach, 1)
		if err := f.Unbind(service4); err != nil {
			t.Fatal(err)
		}
		s.expect(t, "unbound", everything)
	})
}

func TestKernelFenceStaysWhileAddressesAreBound(t *testing.T) {
	eachMethod(t, func(t *testing.T, opts Options) {
		s := newScene(t, "eth0")
		var f Fence
		var err error
		s.host.Do(func() { f, err = Open(config.FenceKernel, opts) })
		if err != nil {
			testns.Lacking(t, "CAP_BPF", err)
		}
		bind(t, f, "eth0", 1)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		s.expect(t, "closed with addresses", silent)
		s.host.Do(func() { f, err = Open(config.FenceKernel, opts) })
		if err != nil {
			t.Fatal(err)
		}
		for _, addr := range f.Bound() {
			if err := f.Unbind(addr); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		s.attachments(t, opts.Attach, 0)
		s.expect(t, "closed without addresses", everything)
	})
}

func TestKernelFenceComesBackWhenRemoved(t *testing.T) {
	strangers := map[AttachMethod]func(t *testing.T, s *scene){
		AttachFilter: func(t *testing.T, s *scene) {
			s.host.Run(t, "tc", "qdisc", "del", "dev", "eth0", "clsact")
		},
		AttachTCX: func(t *testing.T, s *scene) {
			index := s.host.Link(t, "eth0").Attrs().Index
			s.host.Do(func() {
				for d := range directions {
					found, _, err := tcx{}.list(index, d)
					if err != nil || len(found) != 1 {
						t.Errorf("programs on eth0: %v, %v", found, err)
						return
					}
					if err := (tcx{}).detach(index, d, found[0]); err != nil {
						t.Error(err)
					}
				}
			})
		},
	}
	eachMethod(t, func(t *testing.T, opts Options) {
		opts.CheckEvery = 20 * time.Millisecond
		s := newScene(t, "eth0")
		f := s.fence(t, config.FenceKernel, opts)
		bind(t, f, "eth0", 1)
		s.expect(t, "closed", silent)
		strangers[opts.Attach](t, s)
		testns.Eventually(t, seeWithin, "both programs are attached again", func() bool {
			return f.Status().Repairs.Attachments == 2
		})
		s.expect(t, "closed again", silent)
	})
}

// A program in front of the fence may let packets past it: that is told.
func TestKernelFenceTellsOfAProgramInFront(t *testing.T) {
	s := newScene(t, "eth0")
	f := s.fence(t, config.FenceKernel, Options{Attach: AttachTCX, CheckEvery: 20 * time.Millisecond})
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "stranger", Type: ebpf.SchedCLS, License: "MIT",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	index := s.host.Link(t, "eth0").Attrs().Index
	s.host.Do(func() {
		err = link.RawAttachProgram(link.RawAttachProgramOptions{
			Target: index, Program: p, Attach: ebpf.AttachTCXIngress, Anchor: link.Head(),
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	testns.Eventually(t, seeWithin, "status names the interface", func() bool {
		problems := f.Status().Problems
		return len(problems) == 1 && strings.HasPrefix(problems[0], "eth0: another program")
	})
}

func TestKernelFenceHasOneOwner(t *testing.T) {
	s := newScene(t, "eth0")
	f := s.fence(t, config.FenceKernel, Options{})
	bind(t, f, "eth0", 1)
	if err := f.Slot(open(1)); err != nil {
		t.Fatal(err)
	}
	var err error
	s.host.Do(func() { _, err = Open(config.FenceKernel, Options{}) })
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second owner: %v", err)
	}
	s.expect(t, "the first one's address", everything)
}

// Without the right to load programs, auto takes the guard and says why.
func TestAutoFallsBackToTheGuard(t *testing.T) {
	child := exec.Command("/proc/self/exe", "auto")
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := child.CombinedOutput()
	if err != nil {
		testns.Lacking(t, "user namespaces", errors.New(err.Error()+": "+string(out)))
	}
	text := string(out)
	if !strings.HasPrefix(text, "guard: no kernel fence: ") || !strings.Contains(text, "user namespace") || strings.Count(text, "\n") != 1 {
		t.Errorf("auto in a user namespace says %q", text)
	}
}
