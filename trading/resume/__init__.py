"""What must be proven before trading comes back, and where it comes back to."""
