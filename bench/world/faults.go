package world

import "errors"

// Cut takes the host's cable out of the switch: its carrier goes.
func (w *World) Cut(host string) error {
	port, err := w.hub.link.LinkByName(host)
	if err != nil {
		return err
	}
	return w.hub.link.LinkSetDown(port)
}

// BlackHole lets everything from and to the host vanish; its carrier stays.
func (w *World) BlackHole(host string) error {
	port, err := w.hub.link.LinkByName(host)
	if err != nil {
		return err
	}
	return w.hub.link.LinkSetNoMaster(port)
}

// Mend undoes Cut and BlackHole.
func (w *World) Mend(host string) error {
	port, err := w.hub.link.LinkByName(host)
	if err != nil {
		return err
	}
	bridge, err := w.hub.link.LinkByName("switch")
	if err != nil {
		return err
	}
	return errors.Join(w.hub.link.LinkSetMaster(port, bridge), w.hub.link.LinkSetUp(port))
}

// MAC is the hardware address of a host's interface.
func (w *World) MAC(host, device string) (string, error) {
	link, err := w.hosts[host].link.LinkByName(device)
	if err != nil {
		return "", err
	}
	return link.Attrs().HardwareAddr.String(), nil
}
