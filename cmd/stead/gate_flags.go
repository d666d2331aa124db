package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"stead/internal/config"
	core "stead/internal/core/gate"
	"stead/internal/engine"
	"stead/internal/gate"
)

// gateFlags are what the verbs about gates have in common.
type gateFlags struct {
	site, other, store, right       string
	preferred, anyOf, folder        bool
	witnesses                       []string
	network, keyFile, never, format string
	to                              []string
	flatline, stopAfter, grace      time.Duration
	openAfter, beat, timeout        time.Duration
	exec, watch, asJSON             bool
	processes                       []string
	user, epochFile, onStop, listen string
	beatGiven                       bool
	progress                        progressFlags
}

func (f *gateFlags) siteFlags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.site, "site", "", "name of this site (default $THIS_CLUSTER)")
	fs.StringVar(&f.other, "other", "", "name of the other site (default $THAT_CLUSTER)")
	fs.StringVar(&f.store, "store", "", "URL of what both sites reach (default folder:$HEART_BEAT_FOLDER)")
	fs.StringVar(&f.right, "right", "", "URL of another store for the right, or none: time alone keeps the sites apart")
	fs.BoolVar(&f.asJSON, "json", false, "print JSON")
}

func (f *gateFlags) witnessFlags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.BoolVar(&f.preferred, "preferred", false, "this site starts where nothing was ever heard of the other one, and first where both could")
	fs.StringArrayVar(&f.witnesses, "witness", nil, "NAME=URL of a store with the other site's heartbeat, or NAME=network (repeat it; default: --store, and the network where --network is given)")
	fs.BoolVar(&f.anyOf, "any", false, "one witness that shows a flatline is enough (default: all of them)")
	fs.StringVar(&f.never, "never", "auto", "what a heartbeat that never was means: wait, flatlined, or auto: flatlined where this site is preferred")
	fs.StringVar(&f.network, "network", "", "address:port where heartbeats of the other site arrive over the network")
	fs.StringArrayVar(&f.to, "to", nil, "host:port of the other site's --network (repeat it for each path)")
	fs.StringVar(&f.keyFile, "key-file", "", "file with the key that authenticates heartbeats over the network, the same at both sites")
}

func (f *gateFlags) timeFlags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.DurationVar(&f.flatline, "flatline", core.DefaultFlatline, "T2: the other site has flatlined when nothing has changed for so long")
	fs.DurationVar(&f.stopAfter, "stop-after", core.DefaultStopAfter, "T1: the workload is stopped when the heartbeat or the right could not be written for so long")
	fs.DurationVar(&f.grace, "grace", core.DefaultGrace, "between SIGTERM and SIGKILL")
	fs.DurationVar(&f.openAfter, "open-after", 0, "open when nothing could be told of the other site for so long (0: never)")
	fs.DurationVar(&f.beat, "beat", core.DefaultBeat, "how often this site's heartbeat is written (0: it is not; default 5s with --exec and --watch, else 0)")
	fs.DurationVar(&f.timeout, "timeout", core.DefaultTimeout, "of one access of a store")
	fs.StringVar(&f.format, "format", "", "of this site's heartbeat: stead or ticks (default stead; ticks where the store comes from $HEART_BEAT_FOLDER)")
}

func (f *gateFlags) guardFlags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.BoolVar(&f.exec, "exec", false, "run COMMAND when open, and guard it")
	fs.BoolVar(&f.watch, "watch", false, "stay when open, and guard what something else has started")
	fs.StringArrayVar(&f.processes, "stop-process", nil, "with --watch: name of a process that is ended, and kept from running, while the right is not here (repeat it)")
	fs.StringVar(&f.user, "user", "", "with --exec: run COMMAND as this user")
	fs.StringVar(&f.epochFile, "epoch-file", "", "file to write the epoch to; with --watch a right that was claimed with it is guarded on")
	fs.StringVar(&f.onStop, "on-stop", "park", "what becomes of the right at the end: park it for this site's next run, or release it")
	fs.StringVar(&f.listen, "listen", "", "host:port to serve /healthz, /open, /status and /metrics at (:port is on the loopback interface alone)")
	f.progress.add(cmd, "and the other site lives, that one gets the right")
	fs.DurationVar(&f.progress.pause, "stall-pause", 0, "with --progress-at: for how long a right that was handed over is not handed over for a stall (default ten times --stalled, at least 10m)")
	cmd.PreRun = func(*cobra.Command, []string) {
		f.beatGiven = fs.Changed("beat")
	}
}

// settings makes what the gate needs of the flags, the environment and the rest
// of the command line.
func (f *gateFlags) settings(args []string) (*gate.Settings, error) {
	f.fromEnvironment()
	set := &gate.Settings{
		Site: f.site, Other: f.other, Store: f.store, Right: f.right, Preferred: f.preferred, Any: f.anyOf,
		OpenAfter: f.openAfter, Watch: f.watch, Processes: f.processes, User: f.user, EpochFile: f.epochFile,
		Timing: core.Timing{Beat: f.beat, Flatline: f.flatline, StopAfter: f.stopAfter, Grace: f.grace, Timeout: f.timeout},
	}
	var errs []error
	if f.exec != (len(args) > 0) {
		errs = append(errs, errors.New("--exec and a command go together: stead gate … --exec -- COMMAND"))
	}
	set.Command = args
	if !f.beatGiven && !f.exec && !f.watch {
		set.Timing.Beat = 0
	}
	errs = append(errs, f.words(set), f.readWitnesses(set))
	var err error
	if set.Progress, err = f.progress.settings(f.store); err != nil {
		errs = append(errs, err)
	}
	set.Network = gate.Network{Listen: f.network, SendTo: f.to}
	if f.keyFile != "" {
		if set.Network.Keys, err = readKeys(f.keyFile); err != nil {
			errs = append(errs, err)
		}
	}
	return set, errors.Join(append(errs, set.Check())...)
}

// fromEnvironment takes what was not given from the variables of the program that
// the gate stands in for.
func (f *gateFlags) fromEnvironment() {
	f.site = cmp.Or(f.site, os.Getenv("THIS_CLUSTER"))
	f.other = cmp.Or(f.other, os.Getenv("THAT_CLUSTER"))
	if dir := os.Getenv("HEART_BEAT_FOLDER"); f.store == "" && dir != "" {
		f.store, f.folder = "folder:"+strings.TrimRight(dir, "/"), true
		f.format = cmp.Or(f.format, "ticks")
		if f.right == "" && !f.exec && !f.watch && readOnly(dir) {
			f.right = gate.NoRight
		}
	}
	f.format = cmp.Or(f.format, "stead")
}

// readOnly tells whether a folder is on a file system that is mounted read-only. One
// that does not answer is not known to be: the gate says so when it is under way.
func readOnly(dir string) bool {
	answer := make(chan bool, 1)
	go func() {
		var st unix.Statfs_t
		answer <- unix.Statfs(dir, &st) == nil && st.Flags&unix.ST_RDONLY != 0
	}()
	select {
	case is := <-answer:
		return is
	case <-time.After(core.DefaultTimeout):
		return false
	}
}

// words reads the flags that are one of a few words.
func (f *gateFlags) words(set *gate.Settings) error {
	var errs []error
	switch f.never {
	case "auto":
		set.Never = core.NeverAuto
	case "wait":
		set.Never = core.NeverWait
	case "flatlined":
		set.Never = core.NeverFlatlined
	default:
		errs = append(errs, fmt.Errorf("--never %q: not one of auto, wait, flatlined", f.never))
	}
	switch f.onStop {
	case "park":
	case "release":
		set.Release = true
	default:
		errs = append(errs, fmt.Errorf("--on-stop %q: not one of park, release", f.onStop))
	}
	var err error
	set.Format, err = formatOf(f.format)
	return errors.Join(append(errs, err)...)
}

func formatOf(word string) (core.Format, error) {
	switch word {
	case "stead":
		return core.FormatStead, nil
	case "ticks":
		return core.FormatTicks, nil
	}
	return 0, fmt.Errorf("--format %q: not one of stead, ticks", word)
}

// readWitnesses reads NAME=URL.
func (f *gateFlags) readWitnesses(set *gate.Settings) error {
	var errs []error
	for _, text := range f.witnesses {
		name, url, ok := strings.Cut(text, "=")
		if !ok || name == "" || url == "" {
			errs = append(errs, fmt.Errorf("--witness %q: is not NAME=URL or NAME=network", text))
			continue
		}
		w := gate.Witness{Name: name, Store: url}
		if url == "network" {
			w = gate.Witness{Name: name, Network: true}
		}
		set.Witnesses = append(set.Witnesses, w)
	}
	return errors.Join(errs...)
}

// warn says what is weaker than it might be taken for.
func (f *gateFlags) warn(log *slog.Logger, set *gate.Settings) {
	if f.folder && f.right == gate.NoRight {
		log.Warn("note", "site", set.Site, "other", set.Other, "detail",
			"the folder is mounted read-only or no right was wanted: none is claimed, and time alone keeps the two sites apart")
	}
	if set.Right != gate.NoRight && len(set.Command) == 0 && !set.Watch {
		log.Info("note", "site", set.Site, "other", set.Other, "detail",
			"nobody guards the right after the gate has opened: run a second gate with --watch, or the workload by --exec")
	}
}

// surroundings are what a gate or a heartbeat has of this process.
func surroundings(out io.Writer, asJSON bool) gate.Surroundings {
	var handler slog.Handler = slog.NewTextHandler(out, nil)
	if asJSON {
		handler = slog.NewJSONHandler(out, nil)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		boot = nil // what an earlier run has left is not trusted then
	}
	return gate.Surroundings{
		Now: engine.Now, Wall: wallClock, Log: slog.New(handler), Session: session(),
		Boot: strings.TrimSpace(string(boot)), Environ: os.Environ(),
	}
}

// session is a number that no other run has, not 0.
func session() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it does not fail
	return max(1, binary.NativeEndian.Uint64(b[:]))
}

// readKeys reads a key file as the daemon does.
func readKeys(path string) ([][]byte, error) {
	cfg := &config.Config{Security: config.Security{KeyFiles: []string{path}}}
	err := config.LoadKeys(cfg)
	return cfg.Security.Keys, err
}

// serveHTTP answers at address until the function that it returns is called. An
// empty address is none.
func serveHTTP(address string, h http.Handler) (end func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	listener, err := gate.Listen(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = gate.Serve(ctx, listener, h)
	}()
	return func() { cancel(); <-done }, nil
}
