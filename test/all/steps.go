package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// run is one run of the steps.
type run struct {
	out   io.Writer
	root  bool
	seeds int
	fuzz  time.Duration
}

// command prepares a program; it reads nothing.
func (r *run) command(env []string, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// proof runs a program whose exit code is the verdict, and shows what it said
// when that is no.
func (r *run) proof(env []string, name string, args ...string) tally {
	output, err := r.command(env, name, args...).CombinedOutput()
	if err != nil {
		fmt.Fprintf(r.out, "%s%s %s: %v\n", output, name, strings.Join(args, " "), err)
	}
	return one(err == nil)
}

// goTest runs go test and counts what it reports.
func (r *run) goTest(args ...string) tally {
	env := []string{}
	if !r.root {
		env = append(env, "STEAD_UNPRIVILEGED=1")
	}
	cmd := r.command(env, "go", append([]string{"test", "-json"}, args...)...)
	stream, err := cmd.StdoutPipe()
	if err != nil {
		fmt.Fprintln(r.out, err)
		return one(false)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(r.out, err)
		return one(false)
	}
	total := count(stream, r.out)
	if err := cmd.Wait(); err != nil && total.failed == 0 {
		fmt.Fprintf(r.out, "%sgo test %s: %v\n", stderr.Bytes(), strings.Join(args, " "), err)
		total.failed++
	}
	return total
}

func (r *run) format() tally {
	output, err := r.command(nil, "gofmt", "-l", "cmd", "internal", "test", "bench").CombinedOutput()
	fmt.Fprintf(r.out, "%s", output)
	return one(err == nil && len(output) == 0)
}

func (r *run) vet() tally { return r.proof(nil, "go", "vet", "./...") }

func (r *run) tidy() tally { return r.goTest("-count=1", "./internal/tidy") }

func (r *run) staticcheck() tally {
	return r.proof(nil, "go", "tool", "-modfile=tools/go.mod", "staticcheck", "./...")
}

// build shows that the binary needs no other file, and that nothing in it is
// tied to this architecture.
func (r *run) build() tally {
	total := r.proof(nil, "make", "--no-print-directory", "build")
	interpreter, err := needsInterpreter("bin/stead")
	if err != nil || interpreter {
		fmt.Fprintf(r.out, "bin/stead: not a static binary (%v)\n", err)
	}
	total.add(one(err == nil && !interpreter))
	total.add(r.proof([]string{"CGO_ENABLED=0", "GOARCH=arm64"}, "go", "build", "-buildvcs=false", "-o", os.DevNull, "./cmd/stead"))
	return total
}

// needsInterpreter tells whether the kernel has to start a dynamic linker for it.
func needsInterpreter(binary string) (bool, error) {
	file, err := elf.Open(binary)
	if err != nil {
		return false, err
	}
	defer file.Close()
	return slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }), nil
}

// simulate goes through random worlds with the binary that was built. A world with
// route servers lasts longer: there is one for ten of the others.
func (r *run) simulate() tally {
	total := r.proof(nil, "bin/stead", "simulate", "--seeds", fmt.Sprint(r.seeds))
	total.add(r.proof(nil, "bin/stead", "simulate", "--bgp", "--seeds", fmt.Sprint(max(r.seeds/10, 1))))
	return total
}

// missingPackages names the packages that the tests need and that are not
// installed, each with what it is for.
func missingPackages() string {
	output, err := exec.Command("scripts/setup.sh", "--missing", "test").Output()
	if err != nil {
		return "scripts/setup.sh: " + err.Error()
	}
	return strings.TrimSpace(string(output))
}
