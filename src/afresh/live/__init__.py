"""Lists that stay open: who listens, and whom an event concerns."""
