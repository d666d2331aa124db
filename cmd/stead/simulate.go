package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stead/internal/assemble"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/sim"
)

// simulation is what the flags of the verb say.
type simulation struct {
	seed     uint64
	from     uint64
	seeds    int
	file     string
	duration time.Duration
	hours    float64
	workers  int
	trace    bool
	json     bool
	routers  bool
	routes   bool
	bfd      bool
	gates    bool
	rights   bool
	votes    bool
	oneSeed  bool
}

func newSimulateCmd() *cobra.Command {
	var s simulation
	cmd := &cobra.Command{
		Use:   "simulate [-c FILE]",
		Short: "run the election in random worlds that break it, and check what it promises",
		Long: `Run whole clusters on a virtual network, with virtual kernels and clocks: packets
are lost, delayed, doubled and forged, links cut, hosts paused, killed and
switched off, actuators slow or broken. Checkers compare what happens with what
Stead promises. The same seed is always the same world. A violation prints the
seed, the end of the log and the command that replays it, and exits with 1.

With -c the configuration is yours; otherwise every world makes up its own: of
nodes that elect among themselves, with --vrrp of virtual routers, or with --bgp of
nodes and the route servers to which they announce addresses. With --bfd the worlds
are of two BFD sessions that watch the path between them, and with --gate of two
sites, each with a gate that holds its workload back, and the store they share.
With --lease nodes elect by a record in a store, with --vote among themselves and
with a store as one more voter.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.oneSeed = cmd.Flags().Changed("seed")
			return s.run(cmd)
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&s.seed, "seed", 0, "run this world only")
	f.Uint64Var(&s.from, "from", 0, "the first seed")
	f.IntVar(&s.seeds, "seeds", 200, "how many worlds")
	f.StringVarP(&s.file, "config", "c", "", "simulate this configuration")
	f.BoolVar(&s.routers, "vrrp", false, "make up virtual routers")
	f.BoolVar(&s.routes, "bgp", false, "make up nodes that announce addresses to route servers")
	f.BoolVar(&s.bfd, "bfd", false, "make up pairs of BFD sessions")
	f.BoolVar(&s.gates, "gate", false, "make up pairs of sites with a gate each")
	f.BoolVar(&s.rights, "lease", false, "make up nodes that elect by a lease in a store")
	f.BoolVar(&s.votes, "vote", false, "make up nodes that elect with the vote of a store")
	f.DurationVar(&s.duration, "duration", 0, "virtual time of each world, at least")
	f.Float64Var(&s.hours, "hours", 0, "the same in hours")
	f.IntVar(&s.workers, "workers", 0, "worlds at the same time (default: one a processor)")
	f.BoolVar(&s.trace, "trace", false, "print all that happens")
	f.BoolVar(&s.json, "json", false, "print the outcome as JSON")
	cmd.MarkFlagsMutuallyExclusive("seed", "seeds")
	cmd.MarkFlagsMutuallyExclusive("seed", "from")
	cmd.MarkFlagsMutuallyExclusive("hours", "duration")
	cmd.MarkFlagsMutuallyExclusive("vrrp", "config", "bfd", "bgp", "gate", "lease", "vote")
	return cmd
}

func (s *simulation) run(cmd *cobra.Command) error {
	if s.seeds < 1 || s.hours < 0 || s.duration < 0 {
		return withCode(exitUsage, fmt.Errorf("simulate: --seeds, --hours and --duration must be positive"))
	}
	if s.hours > 0 {
		s.duration = time.Duration(s.hours * float64(time.Hour))
	}
	switch {
	case s.bfd:
		return s.runBFD(cmd)
	case s.gates:
		return s.runGates(cmd)
	}
	setup, err := s.setup()
	if err != nil {
		return withCode(exitUsage, err)
	}
	first, worlds := s.worlds()
	sum, failed := sim.Run(cmd.Context(), sim.Runs{From: first, Worlds: worlds, Setup: setup, Workers: s.workers, Trace: s.traceTo(cmd)})
	o := outcome{Summary: &sum, OK: failed == nil}
	if failed != nil {
		s.fail(&o, failed.Seed, failed.Violations, failed.Log)
	}
	return s.print(cmd.OutOrStdout(), &o)
}

// worlds are the first seed and the number of worlds.
func (s *simulation) worlds() (from uint64, worlds int) {
	if s.oneSeed {
		return s.seed, 1
	}
	return s.from, s.seeds
}

// traceTo is where the log of every world goes.
func (s *simulation) traceTo(cmd *cobra.Command) io.Writer {
	switch {
	case !s.trace:
		return nil
	case s.json:
		return cmd.ErrOrStderr()
	}
	return cmd.OutOrStdout()
}

// setup returns what makes the world of a seed.
func (s *simulation) setup() (func(uint64) sim.Setup, error) {
	random := sim.RandomSetup
	switch {
	case s.routers:
		random = sim.RandomRouterSetup
	case s.routes:
		random = sim.RandomRoutesSetup
	case s.rights:
		random = sim.RandomRightSetup
	case s.votes:
		random = sim.RandomVoteSetup
	}
	if s.file == "" {
		return func(seed uint64) sim.Setup {
			out := random(seed)
			out.Lengthen(seed, s.duration)
			return out
		}, nil
	}
	hosts, err := s.ownConfig()
	if err != nil {
		return nil, err
	}
	return func(seed uint64) sim.Setup { return sim.OwnSetup(hosts, seed, s.duration) }, nil
}

// ownConfig reads the user's file, as each node has it. A client, which runs no
// daemon, has nothing.
func (s *simulation) ownConfig() ([]core.Config, error) {
	cfg, err := config.Load(s.file)
	if err != nil {
		return nil, err
	}
	// The keys of the cluster need not be on the machine that simulates it.
	config.StandInKeys(cfg)
	hosts := make([]core.Config, len(cfg.Nodes))
	for i, n := range cfg.Nodes {
		if n.Role == config.RoleClient {
			continue
		}
		cfg.Self = n.Name
		if hosts[i], err = assemble.CoreConfig(cfg, 0, nil); err != nil {
			return nil, fmt.Errorf("%s: %w", s.file, err)
		}
		if len(hosts[i].Groups) == 0 {
			return nil, fmt.Errorf("%s: groups: there is none to simulate", s.file)
		}
	}
	return hosts, nil
}

// outcome is what --json prints.
type outcome struct {
	Summary fmt.Stringer
	OK      bool
	Seed    *uint64 // of the world with a violation
	What    []string
	Log     []string
	Replay  string
}

// MarshalJSON puts the verdict after the fields of the summary.
func (o *outcome) MarshalJSON() ([]byte, error) {
	summary, err := json.Marshal(o.Summary)
	if err != nil {
		return nil, err
	}
	verdict, err := json.Marshal(struct {
		OK     bool     `json:"ok"`
		Seed   *uint64  `json:"seed,omitempty"`
		What   []string `json:"what,omitempty"`
		Log    []string `json:"log,omitempty"`
		Replay string   `json:"replay,omitempty"`
	}{o.OK, o.Seed, o.What, o.Log, o.Replay})
	return append(append(summary[:len(summary)-1], ','), verdict[1:]...), err
}

// fail takes the world with a violation in.
func (s *simulation) fail(o *outcome, seed uint64, violations []sim.Violation, log []string) {
	o.Seed, o.Log, o.Replay = &seed, log, s.replay(seed)
	for _, v := range violations {
		o.What = append(o.What, v.String())
	}
}

// print tells the outcome, which is also the verb's.
func (s *simulation) print(out io.Writer, o *outcome) error {
	var err error
	if s.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(o)
	} else {
		for _, line := range o.Log {
			fmt.Fprintln(out, line)
		}
		for _, what := range o.What {
			fmt.Fprintf(out, "VIOLATION seed %d: %s\n", *o.Seed, what)
		}
		if !o.OK {
			fmt.Fprintf(out, "replay with: %s\n\n", o.Replay)
		}
		_, err = fmt.Fprint(out, o.Summary)
	}
	if err != nil || !o.OK {
		return withCode(exitFailed, err)
	}
	return nil
}

// replay is the command that runs one world again.
func (s *simulation) replay(seed uint64) string {
	words := []string{"stead", "simulate", "--seed", fmt.Sprint(seed)}
	if s.file != "" {
		words = append(words, "-c", s.file)
	}
	if s.routers {
		words = append(words, "--vrrp")
	}
	if s.routes {
		words = append(words, "--bgp")
	}
	if s.bfd {
		words = append(words, "--bfd")
	}
	if s.gates {
		words = append(words, "--gate")
	}
	if s.rights {
		words = append(words, "--lease")
	}
	if s.votes {
		words = append(words, "--vote")
	}
	if s.duration > 0 {
		words = append(words, "--duration", s.duration.String())
	}
	return strings.Join(append(words, "--trace"), " ")
}
