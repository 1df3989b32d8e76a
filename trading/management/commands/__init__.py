"""Management commands: data on stdout, words on stderr."""
