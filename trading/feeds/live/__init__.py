"""Public market data of exchanges, live, through ccxt."""
