"""What a row of ``trading_pnlpoint`` says, in SQL, once."""

COUNTED = "(realised + unrealised - fees)"
"""PnL of what counted for the strategy then (trading.portfolio.books.Counting)."""

REAL = f"({COUNTED} - CASE WHEN rehearsing THEN coalesce(paper, 0) ELSE 0 END)"
"""PnL without what was made on rehearsal accounts."""
