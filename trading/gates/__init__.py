"""Gates between a TradingEngine document and real money: evidence, sign-offs, and what they say."""
