"""One call's way: key, mode, store, flight, limit, run, store, outcome."""
