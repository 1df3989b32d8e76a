"""Where quotes come from, how each is checked, and how they are packed onto the tick stream."""
