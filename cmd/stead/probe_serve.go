package main

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"stead/internal/workload"
)

func newProbeServeCmd() *cobra.Command {
	var id, listen string
	var port uint16
	var realtime bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "answer with an ID over HTTP and UDP until SIGTERM",
		Long: `Answer every HTTP request with the ID in text/plain, and every UDP datagram
with its first 8 bytes (the sequence number of the request) and the ID.
ID and PORT are taken from the environment where no flag gives them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := serveDefaults(cmd, &id, &port); err != nil {
				return withCode(exitUsage, err)
			}
			var address netip.Addr
			if listen != "" {
				var err error
				if address, err = netip.ParseAddr(listen); err != nil {
					return withCode(exitUsage, fmt.Errorf("--listen %s: not an address of this host", listen))
				}
			}
			server, err := workload.Listen(id, address, port)
			if err != nil {
				return withCode(exitFailed, err)
			}
			server.Realtime = realtime
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			fmt.Fprintf(cmd.ErrOrStderr(), "%s answers on port %d\n", server.ID, server.Addr().Port())
			if err := server.Serve(ctx); err != nil {
				return withCode(exitFailed, err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "what to answer (default: $ID, or the host name)")
	cmd.Flags().Uint16Var(&port, "port", probePort, "TCP and UDP port ($PORT)")
	cmd.Flags().BoolVar(&realtime, "realtime", false, "answer UDP with real-time priority, where permitted")
	cmd.Flags().StringVar(&listen, "listen", "", "address to listen on (default: all of this host)")
	return cmd
}

// serveDefaults fills in from the environment what no flag gave.
func serveDefaults(cmd *cobra.Command, id *string, port *uint16) error {
	if *id == "" {
		*id = os.Getenv("ID")
	}
	if *id == "" {
		*id, _ = os.Hostname()
	}
	if text := os.Getenv("PORT"); text != "" && !cmd.Flags().Changed("port") {
		number, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return fmt.Errorf("PORT=%s in the environment: not a number from 0 to 65535", text)
		}
		*port = uint16(number)
	}
	return nil
}
