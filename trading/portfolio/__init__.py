"""Fills to positions and PnL in exact decimals; marks, exposure and the live snapshots."""
