package open

import (
	"stead/internal/adapter/store/folder"
	"stead/internal/adapter/store/kubernetes"
)

// openers has a line for each kind of store.
var openers = map[string]opener{
	"folder":     folder.Open,
	"kubernetes": kubernetes.Open,
}
