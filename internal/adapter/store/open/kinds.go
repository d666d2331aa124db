package open

// openers has a line for each kind of store.
var openers = map[string]opener{}
