package webhook

import (
	"io"
	"log"
	"net"
)

var quiet = log.New(io.Discard, "", 0)

// listenAt listens where somebody listened before.
func listenAt(address string) (net.Listener, error) { return net.Listen("tcp", address) }
