"""Incremental indicators over packed ticks, vectorised across strategies and instruments."""
