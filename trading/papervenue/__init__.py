"""A simulated exchange: own process, own storage, own truth, reached over TCP like any other."""
