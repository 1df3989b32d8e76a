"""The brakes: leases, licence, limits and pre-trade rules. Lies below the engine it stops."""
