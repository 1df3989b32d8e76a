"""Who may come in: sign-in with two factors, tokens, and the door that is closed by default."""
