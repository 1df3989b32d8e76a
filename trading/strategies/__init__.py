"""Strategies: from indicators to signals, from signals to sized order intents."""
