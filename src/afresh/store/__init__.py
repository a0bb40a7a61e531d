"""State kept beyond this process: snapshots on disk."""
