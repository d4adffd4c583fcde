"""The fingerprint of a value: what it holds, taken apart by families, as canonical bytes.

Families of Python are here, those of a library in the one file among the codecs that has all that is known of it.
"""
