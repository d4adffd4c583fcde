"""Keys: fingerprints of values, what functions reach, and the key of a call."""

from spotmagic.keys.account import SAMPLE, Account, Keyed, sample_input
from spotmagic.keys.fingerprint import fingerprint
from spotmagic.keys.function_key import FunctionKey
from spotmagic.keys.keygen import KeyGen
from spotmagic.keys.told import asked_with
from spotmagic.values.dispatch import register_fingerprint
from spotmagic.values.notes import Mask, Notes
from spotmagic.values.scheme import SCHEME, digest

__all__ = [
    "SAMPLE",
    "SCHEME",
    "Account",
    "FunctionKey",
    "KeyGen",
    "Keyed",
    "Mask",
    "Notes",
    "asked_with",
    "digest",
    "fingerprint",
    "register_fingerprint",
    "sample_input",
]
