package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"stead/internal/report/api"
)

func newReloadCmd() *cobra.Command {
	var o order
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "apply the changed configuration file without a failover",
		Long: `Have the daemon read its configuration file again and apply it. A file with a mistake
is refused and changes nothing. SIGHUP does the same, and says the outcome in the log only.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.talk(cmd, func(ctx context.Context, client *api.Client) error {
				changed, err := client.Reload(ctx)
				if err != nil {
					return err
				}
				if o.asJSON {
					return printJSON(cmd.OutOrStdout(), api.Reloaded{Changed: changed})
				}
				if changed == "" {
					changed = "nothing changed"
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), changed)
				return err
			})
		},
	}
	o.flags(cmd)
	return cmd
}
