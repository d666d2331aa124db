package open

import "stead/internal/adapter/store/kubernetes"

// openers has a line for each kind of store.
var openers = map[string]opener{
	"kubernetes": kubernetes.Open,
}
