// Package routeserver writes the configuration of routers as a cloud's route
// servers are: they take a host route from each of some nodes, by BGP over
// several hops, put the best one, or several that are equally good, into the
// kernel's table, and announce nothing. The lab and the benchmarks run them.
package routeserver
