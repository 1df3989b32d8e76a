"""A TradingEngine document driven by recorded data through the desk's own path, and its report."""
