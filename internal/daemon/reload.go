package daemon

import (
	"context"
	"errors"
)

// Reload applies the configuration file without a failover.
func (d *Daemon) Reload(ctx context.Context) (string, error) {
	return "", errors.New("reload")
}
