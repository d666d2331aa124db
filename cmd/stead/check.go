package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/spf13/cobra"

	"stead/internal/config"
)

func newCheckCmd() *cobra.Command {
	var node string
	var keys, asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "validate a configuration, and say what this node would do",
		Long: `Check reads a configuration file, reports every mistake in it with its place, and
says in words what this node would do. Which node that is, --node tells, or the
host's name, or one of its addresses; when nothing tells, it is told for all nodes.

It changes nothing and needs neither privileges nor the other nodes.
Exit code 0: valid; 2: mistakes.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			report := checkFile(args[0], node, keys)
			if asJSON {
				return report.writeJSON(cmd)
			}
			return report.writeText(cmd)
		},
	}
	cmd.Flags().StringVar(&node, "node", "", "tell it for this node")
	cmd.Flags().BoolVar(&keys, "keys", false, "read the key files, too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// checkReport is what check has found.
type checkReport struct {
	OK       bool             `json:"ok"`
	Problems []config.Problem `json:"problems"`
	Warnings []config.Problem `json:"warnings"`
	Error    string           `json:"error,omitempty"` // what is not about a place in the file
	Plan     *config.Plan     `json:"plan,omitempty"`
	err      error
}

func checkFile(path, node string, keys bool) *checkReport {
	r := &checkReport{Problems: []config.Problem{}, Warnings: []config.Problem{}}
	cfg, err := config.Load(path)
	if err != nil {
		return r.refuse(err)
	}
	r.Warnings = append(r.Warnings, cfg.Warnings...)
	if _, err := config.Resolve(cfg, node, hostname(), localAddresses()); err != nil && node != "" {
		return r.refuse(err)
	}
	if keys {
		if err := config.LoadKeys(cfg); err != nil {
			return r.refuse(err)
		}
	}
	r.Plan, err = config.Describe(cfg, cfg.Self)
	if err != nil {
		return r.refuse(err)
	}
	r.OK = true
	return r
}

func (r *checkReport) refuse(err error) *checkReport {
	r.err = err
	var mistakes *config.Errors
	if errors.As(err, &mistakes) {
		r.Problems = mistakes.Problems
	} else {
		r.Error = err.Error()
	}
	return r
}

func (r *checkReport) writeJSON(cmd *cobra.Command) error {
	out := json.NewEncoder(cmd.OutOrStdout())
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	if err := out.Encode(r); err != nil {
		return withCode(exitFailed, err)
	}
	if !r.OK {
		return withCode(exitUsage, nil)
	}
	return nil
}

func (r *checkReport) writeText(cmd *cobra.Command) error {
	for _, p := range r.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "warning:", p)
	}
	if len(r.Problems) > 0 {
		// The lines stand alone, so that editors find the places.
		fmt.Fprintln(cmd.ErrOrStderr(), r.err)
		return withCode(exitUsage, nil)
	}
	if r.err != nil {
		return withCode(exitUsage, r.err)
	}
	if err := r.Plan.WriteText(cmd.OutOrStdout()); err != nil {
		return withCode(exitFailed, err)
	}
	return nil
}

// hostname of this machine; empty when the kernel does not tell.
func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// localAddresses of this machine; none when the kernel does not tell.
func localAddresses() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var addrs []netip.Addr
	for _, a := range list {
		if ipnet, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(ipnet.IP); ok {
				addrs = append(addrs, addr.Unmap())
			}
		}
	}
	return addrs
}
