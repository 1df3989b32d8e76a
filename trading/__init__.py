"""From a tick to a position: feeds, indicators, strategies, orders, gateway, venues, portfolio."""
