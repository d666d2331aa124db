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
	"stead/internal/core/vrrp"
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
nodes that elect among themselves, or with --vrrp of virtual routers.`,
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
	f.DurationVar(&s.duration, "duration", 0, "virtual time of each world, at least")
	f.Float64Var(&s.hours, "hours", 0, "the same in hours")
	f.IntVar(&s.workers, "workers", 0, "worlds at the same time (default: one a processor)")
	f.BoolVar(&s.trace, "trace", false, "print all that happens")
	f.BoolVar(&s.json, "json", false, "print the outcome as JSON")
	cmd.MarkFlagsMutuallyExclusive("seed", "seeds")
	cmd.MarkFlagsMutuallyExclusive("seed", "from")
	cmd.MarkFlagsMutuallyExclusive("hours", "duration")
	cmd.MarkFlagsMutuallyExclusive("vrrp", "config")
	return cmd
}

func (s *simulation) run(cmd *cobra.Command) error {
	if s.seeds < 1 || s.hours < 0 || s.duration < 0 {
		return withCode(exitUsage, fmt.Errorf("simulate: --seeds, --hours and --duration must be positive"))
	}
	if s.hours > 0 {
		s.duration = time.Duration(s.hours * float64(time.Hour))
	}
	setup, err := s.setup()
	if err != nil {
		return withCode(exitUsage, err)
	}
	runs := sim.Runs{From: s.from, Worlds: s.seeds, Setup: setup, Workers: s.workers}
	if s.oneSeed {
		runs.From, runs.Worlds = s.seed, 1
	}
	if s.trace {
		runs.Trace = cmd.OutOrStdout()
		if s.json {
			runs.Trace = cmd.ErrOrStderr()
		}
	}
	sum, failed := sim.Run(cmd.Context(), runs)
	if err := s.print(cmd.OutOrStdout(), &sum, failed); err != nil {
		return withCode(exitFailed, err)
	}
	if failed != nil {
		return withCode(exitFailed, nil)
	}
	return nil
}

// setup returns what makes the world of a seed.
func (s *simulation) setup() (func(uint64) sim.Setup, error) {
	random := sim.RandomSetup
	if s.routers {
		random = sim.RandomRouterSetup
	}
	if s.file == "" {
		return func(seed uint64) sim.Setup {
			out := random(seed)
			out.Lengthen(seed, s.duration)
			return out
		}, nil
	}
	cfg, routers, err := s.ownConfig()
	if err != nil {
		return nil, err
	}
	return func(seed uint64) sim.Setup {
		out := sim.OwnSetup(cfg, seed, s.duration)
		out.Vary = func(host int, g *core.Group) { g.Router = routers[host][g.Name] }
		return out
	}, nil
}

// ownConfig reads the user's file. Any node will do as the one whose view it
// is: in the virtual cluster every node runs. What differs from node to node are
// the virtual routers, by node and group.
func (s *simulation) ownConfig() (core.Config, []map[string]*vrrp.Config, error) {
	cfg, err := config.Load(s.file)
	if err != nil {
		return core.Config{}, nil, err
	}
	// The keys of the cluster need not be on the machine that simulates it.
	config.StandInKeys(cfg)
	var first core.Config
	var routers []map[string]*vrrp.Config
	for _, n := range cfg.Nodes {
		byGroup := map[string]*vrrp.Config{}
		routers = append(routers, byGroup)
		if n.Role == config.RoleClient {
			continue
		}
		cfg.Self = n.Name
		one, err := assemble.CoreConfig(cfg, 0, nil)
		if err != nil {
			return first, nil, fmt.Errorf("%s: %w", s.file, err)
		}
		for i := range one.Groups {
			byGroup[one.Groups[i].Name] = one.Groups[i].Router
		}
		if first.Nodes == nil {
			first = one
		}
	}
	if len(first.Groups) == 0 {
		return first, nil, fmt.Errorf("%s: groups: there is none to simulate", s.file)
	}
	return first, routers, nil
}

// outcome is what --json prints.
type outcome struct {
	sim.Summary
	OK     bool     `json:"ok"`
	Seed   *uint64  `json:"seed,omitempty"` // of the world with a violation
	What   []string `json:"what,omitempty"`
	Log    []string `json:"log,omitempty"`
	Replay string   `json:"replay,omitempty"`
}

func (s *simulation) print(out io.Writer, sum *sim.Summary, failed *sim.Result) error {
	if s.json {
		o := outcome{Summary: *sum, OK: failed == nil}
		if failed != nil {
			o.Seed, o.Log, o.Replay = &failed.Seed, failed.Log, s.replay(failed.Seed)
			for _, v := range failed.Violations {
				o.What = append(o.What, v.String())
			}
		}
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return enc.Encode(o)
	}
	if failed != nil {
		for _, line := range failed.Log {
			fmt.Fprintln(out, line)
		}
		for _, v := range failed.Violations {
			fmt.Fprintf(out, "VIOLATION seed %d: %s\n", failed.Seed, v)
		}
		fmt.Fprintf(out, "replay with: %s\n\n", s.replay(failed.Seed))
	}
	_, err := fmt.Fprint(out, sum.String())
	return err
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
	if s.duration > 0 {
		words = append(words, "--duration", s.duration.String())
	}
	return strings.Join(append(words, "--trace"), " ")
}
