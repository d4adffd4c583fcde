"""What a run reads: the files it opens, and what it asks of folders."""
