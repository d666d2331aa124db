package bgp

// Established tells whether the peer hears what is announced.
func (s *Session) Established() bool { return s.established() != nil }

// Unsent tells whether something that is to be announced or withdrawn has not
// been taken by the kernel yet.
func (s *Session) Unsent() bool { return s.rib.unsent || s.rib.pending() && s.Established() }

// Last is the connection that the session has asked for last.
func (s *Session) Last() Conn { return s.last }

// Told are the changes of this step so far: what Finish adds is of kind Announced.
func (s *Session) Told() []Change { return s.out.Changes }
