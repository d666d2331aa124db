package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"

	"github.com/spf13/cobra"

	"stead/internal/config"
	"stead/internal/importer/keepalived"
)

func newImportCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "make a configuration of that of another program",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(newImportKeepalivedCmd())
	return cmd
}

// importFlags are the flags of an import.
type importFlags struct {
	node, address, configID, secrets, output string
	force, asJSON                            bool
}

func newImportKeepalivedCmd() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "keepalived FILE",
		Short: "make a configuration of a keepalived.conf",
		Long: `Import reads a keepalived.conf with all that it includes, and writes a configuration
of Stead that means the same, with the line that each part comes from. Each
directive that was not taken over word by word is listed on the standard error as
FILE:LINE: DIRECTIVE: why; what to do.

A keepalived.conf is of one host: the result has one node, and each host gets one
of its own. Run it on the host itself: it asks there for the paths of programs that
the file names without one, and for the address of the interface.

Passwords and keys are not written into the configuration, but into files of their
own with --secrets; without, the list says which to make.

Exit code 0: the result means the same; 2: the file has a mistake, or is not there;
5: something has no counterpart, or is left to do, as the list says.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return importKeepalived(cmd, args[0], &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.node, "node", "", "the name of this node (default router_id, or the host's name)")
	flags.StringVar(&f.address, "address", "", "where other nodes reach this one (default the source of its advertisements, or of its interface)")
	flags.StringVar(&f.configID, "config-id", "", "take the lines with @ of this host (default the host's name up to the first dot)")
	flags.StringVar(&f.secrets, "secrets", "", "write passwords and keys into this directory, with mode 0600")
	flags.StringVarP(&f.output, "output", "o", "", "write the configuration into this file")
	flags.BoolVar(&f.force, "force", false, "overwrite files")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

// importReport is the JSON of an import.
type importReport struct {
	Complete bool                 `json:"complete"`
	Config   string               `json:"config"`
	Findings []keepalived.Finding `json:"findings"`
	Secrets  []importSecret       `json:"secrets"`
	Problems []config.Problem     `json:"problems,omitempty"` // why the configuration does not load
}

type importSecret struct {
	Path    string `json:"path"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Written bool   `json:"written"`
}

func importKeepalived(cmd *cobra.Command, path string, f *importFlags) error {
	options := keepalived.Options{Node: f.node, ConfigID: f.configID, Secrets: f.secrets, Host: thisHost()}
	if f.address != "" {
		address, err := netip.ParseAddr(f.address)
		if err != nil {
			return fmt.Errorf("--address %s: is not an IP address: write one such as 10.0.1.10", f.address)
		}
		options.Address = address
	}
	if f.secrets != "" {
		dir, err := filepath.Abs(f.secrets)
		if err != nil {
			return fmt.Errorf("--secrets %w", err)
		}
		options.Secrets = dir
	}
	result, err := keepalived.Import(path, options)
	if err != nil {
		return err
	}
	report := importReport{Complete: result.Complete(), Config: string(result.Config), Findings: result.Findings, Secrets: []importSecret{}}
	if report.Findings == nil {
		report.Findings = []keepalived.Finding{}
	}
	if err := report.save(result, f); err != nil {
		return withCode(exitFailed, err)
	}
	_, err = config.Parse(path, result.Config)
	var mistakes *config.Errors
	if errors.As(err, &mistakes) {
		report.Problems, report.Complete = mistakes.Problems, false
	}
	return report.print(cmd, f)
}

// save writes the secrets and the configuration into their files, if there are any.
func (r *importReport) save(result *keepalived.Result, f *importFlags) error {
	for _, s := range result.Secrets {
		written := f.secrets != "" && len(s.Content) > 0
		if written {
			if err := os.MkdirAll(filepath.Dir(s.Path), 0o700); err != nil {
				return err
			}
			if err := create(s.Path, s.Content, 0o600, f.force); err != nil {
				return err
			}
		}
		r.Secrets = append(r.Secrets, importSecret{s.Path, s.From.File, s.From.Line, written})
	}
	if f.output == "" {
		return nil
	}
	return create(f.output, result.Config, 0o644, f.force)
}

// create writes a new file; one that is there is replaced with force only.
func create(path string, content []byte, mode os.FileMode, force bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	file, err := os.OpenFile(path, flags, mode)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("write %s: is there already: --force overwrites it", path)
	}
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

func (r *importReport) print(cmd *cobra.Command, f *importFlags) error {
	out, list := cmd.OutOrStdout(), cmd.ErrOrStderr()
	if f.asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(r); err != nil {
			return withCode(exitFailed, err)
		}
	} else {
		if f.output == "" {
			fmt.Fprint(out, r.Config)
		}
		for _, finding := range r.Findings {
			fmt.Fprintln(list, finding)
		}
		for _, p := range r.Problems {
			fmt.Fprintln(list, "the configuration does not load yet:", p)
		}
	}
	if !r.Complete {
		return withCode(exitIncomplete, nil)
	}
	return nil
}

// thisHost answers what keepalived would ask the machine.
func thisHost() keepalived.Host {
	return keepalived.Host{
		Name: hostname(),
		LookPath: func(program string) string {
			path, err := exec.LookPath(program)
			if err != nil || !filepath.IsAbs(path) {
				return ""
			}
			return path
		},
		HasUser: func(name string) bool { _, err := user.Lookup(name); return err == nil },
		Address: firstAddress,
		Getenv:  os.LookupEnv,
	}
}

// firstAddress of an interface that others can reach.
func firstAddress(device string) netip.Addr {
	i, err := net.InterfaceByName(device)
	if err != nil {
		return netip.Addr{}
	}
	list, err := i.Addrs()
	if err != nil {
		return netip.Addr{}
	}
	for _, a := range list {
		if ipnet, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(ipnet.IP); ok && !addr.Unmap().IsLinkLocalUnicast() && !addr.IsLoopback() {
				return addr.Unmap()
			}
		}
	}
	return netip.Addr{}
}
