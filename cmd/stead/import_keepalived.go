package main

import (
	"net"
	"net/netip"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"stead/internal/importer/keepalived"
)

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

func importKeepalived(cmd *cobra.Command, path string, f *importFlags) error {
	options := keepalived.Options{Node: f.node, ConfigID: f.configID, Host: thisHost()}
	var err error
	if options.Address, options.Secrets, err = f.places(); err != nil {
		return err
	}
	result, err := keepalived.Import(path, options)
	if err != nil {
		return err
	}
	report := importReport{Complete: result.Complete(), Config: string(result.Config), Findings: result.Findings}
	for _, s := range result.Secrets {
		report.Secrets = append(report.Secrets, importSecret{Path: s.Path, File: s.From.File, Line: s.From.Line, content: s.Content})
	}
	return report.finish(cmd, path, f)
}

// thisHost answers what keepalived would ask the machine.
func thisHost() keepalived.Host {
	return keepalived.Host{
		Name:     hostname(),
		LookPath: lookPath,
		HasUser:  func(name string) bool { _, err := user.Lookup(name); return err == nil },
		Address:  firstAddress,
		Getenv:   os.LookupEnv,
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
