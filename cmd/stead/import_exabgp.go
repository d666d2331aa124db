package main

import (
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/vishvananda/netlink"

	"stead/internal/importer/exabgp"
)

func newImportExabgpCmd() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "exabgp [NODE=]FILE ...",
		Short: "make a configuration of an exabgp.conf",
		Long: `Import reads an exabgp.conf of version 4, and writes a configuration of Stead that
announces the same to the same peers, with the line that each part comes from. Each
directive that was not taken over word by word is listed on the standard error as
FILE:LINE: DIRECTIVE: why; what to do.

exabgp healthcheck becomes checks and hooks; other programs that talk to ExaBGP have
no counterpart and are listed. The addresses that are announced are put on lo.

An exabgp.conf is of one host. With several files, each with the name of its node,
the result is one configuration for all of them:

  stead import exabgp primary=primary.conf secondary=secondary.conf

Passwords are not written into the configuration, but into files of their own with
--secrets; without, the list says which to make.

Exit code 0: the result means the same; 2: the file has a mistake, or is not there;
5: something has no counterpart, or is left to do, as the list says.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return importExabgp(cmd, args, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.node, "node", "", "the name of this node, with one file (default the host's name)")
	flags.StringVar(&f.address, "address", "", "where other nodes reach this one, with one file (default its local-address)")
	flags.StringVar(&f.secrets, "secrets", "", "write passwords and keys into this directory, with mode 0600")
	flags.StringVarP(&f.output, "output", "o", "", "write the configuration into this file")
	flags.BoolVar(&f.force, "force", false, "overwrite files")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func importExabgp(cmd *cobra.Command, args []string, f *importFlags) error {
	options := exabgp.Options{Host: exabgp.Host{Name: hostname(), LookPath: lookPath, Loopback: loopback, ReadFile: readSmall}}
	var err error
	if options.Address, options.Secrets, err = f.places(); err != nil {
		return err
	}
	var sources []exabgp.Source
	for _, arg := range args {
		sources = append(sources, source(arg, f.node))
	}
	result, err := exabgp.Import(sources, options)
	if err != nil {
		return err
	}
	report := importReport{Complete: result.Complete(), Config: string(result.Config), Findings: result.Findings}
	for _, s := range result.Secrets {
		report.Secrets = append(report.Secrets, importSecret{Path: s.Path, File: s.File, Line: s.Line, content: s.Content})
	}
	return report.finish(cmd, sources[0].Path, f)
}

// source is NODE=FILE, or a file, which may have a '=' in its name.
func source(arg, node string) exabgp.Source {
	if _, err := os.Stat(arg); err == nil {
		return exabgp.Source{Node: node, Path: arg}
	}
	if name, path, ok := strings.Cut(arg, "="); ok && !strings.Contains(name, "/") {
		return exabgp.Source{Node: name, Path: path}
	}
	return exabgp.Source{Node: node, Path: arg}
}

// readSmall reads a file of options: one of a few lines.
func readSmall(path string) ([]byte, error) {
	const most = 1 << 16
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("%s: is not a small file", path)
	}
	return os.ReadFile(path)
}

// loopback are the addresses of lo with a label that begins so, as exabgp healthcheck
// chooses them.
func loopback(label string) []netip.Prefix {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return nil
	}
	list, err := netlink.AddrList(lo, netlink.FAMILY_ALL)
	if err != nil {
		return nil
	}
	var found []netip.Prefix
	for _, a := range list {
		ones, _ := a.Mask.Size()
		addr, ok := netip.AddrFromSlice(a.IP)
		own, labelled := strings.CutPrefix(a.Label, "lo:")
		if !ok || addr.Unmap().IsLoopback() || label != "" && !(labelled && strings.HasPrefix(own, label)) {
			continue
		}
		if addr = addr.Unmap(); ones <= addr.BitLen() {
			found = append(found, netip.PrefixFrom(addr, ones).Masked())
		}
	}
	return found
}
