"""Management commands of the trading path."""
