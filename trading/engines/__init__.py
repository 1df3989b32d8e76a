"""TradingEngine documents: read, judged, kept as versions, and brought into force."""
