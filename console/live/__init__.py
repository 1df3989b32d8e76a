"""Live sockets: one hub per web process, one consumer per open page."""
