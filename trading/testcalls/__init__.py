"""The runbooks' test calls: is each stage alive, and what would it say. Nothing real is touched."""
