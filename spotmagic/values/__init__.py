"""The fingerprint of a value: what it holds, taken apart by families, as canonical bytes."""
