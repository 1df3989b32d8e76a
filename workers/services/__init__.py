"""PostgreSQL and Redis of our own: found on the machine or in wheels, started privately."""
