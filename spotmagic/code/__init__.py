"""What code reads, writes and reaches, found without running it."""
