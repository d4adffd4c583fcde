"""Where entries live: journals that every kernel shares, and blobs for large parts."""
