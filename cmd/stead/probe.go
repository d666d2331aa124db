package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"
)

// probePort is where the workload listens unless it is told otherwise.
const probePort = 3000

func newProbeCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "probe",
		Short: "a workload that answers with its name, and clients that measure it",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newProbeServeCmd(), newProbePingCmd(), newProbeHoldersCmd())
	return cmd
}

// untilSignal ends a context with SIGINT or SIGTERM.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(parent, syscall.SIGINT, syscall.SIGTERM)
}

// parseTarget reads an address with or without a port.
func parseTarget(text string) (netip.AddrPort, error) {
	if target, err := netip.ParseAddrPort(text); err == nil {
		return target, nil
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(addr, probePort), nil
	}
	host, port := text, strconv.Itoa(probePort)
	if h, p, err := net.SplitHostPort(text); err == nil {
		host, port = h, p
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("target %s: port %q is not a number from 1 to 65535", text, port)
	}
	// Once, before the first request: a name server must not be part of what is measured.
	addrs, err := net.LookupIP(host)
	if err != nil || len(addrs) == 0 {
		return netip.AddrPort{}, fmt.Errorf("target %s: not an address, and no name that resolves: give it as 192.168.0.200:3000", text)
	}
	addr, _ := netip.AddrFromSlice(addrs[0])
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), nil
}
