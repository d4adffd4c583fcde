"""Completion offers what may be written, and only on our lines."""

from __future__ import annotations

import pytest

from spotmagic.notebook.hooks import Completer

COMMANDS = {"ls": [], "stats": ["by=day", "by=model"], "status": []}
complete = Completer(lambda: COMMANDS, lambda: ["docs", "df", "x"]).matches


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("%%spot ke", ["key=", "keep="]),
        ("%%spot key=a t", ["ttl=", "tpm="]),
        ("%%spot re", ["retry=", "refresh"]),
        ("%%spot mode=re", ["mode=record", "mode=replay"]),
        ("%%spot inputs=d", ["inputs=docs", "inputs=df"]),
        ("%%spot inputs=df,x,d", ["inputs=df,x,docs", "inputs=df,x,df"]),
        ("%%spot zz", []),
        ("%spot st", ["stats", "status"]),
        ("%spot stats by=", ["by=day", "by=model"]),
        ("%spot stats by=day b", ["by=model"]),
        ("%spot key=a qu", ["quiet"]),
        ("%spot_load_ext json:loads o", ["off"]),
        ("%%time ke", []),
        ("x = ke", []),
        ("%%spot", []),
    ],
)
def test_what_may_follow(line, found):
    assert complete(line) == found


def test_what_is_given_already_is_not_offered_again():
    assert "key=" not in complete("%%spot key=a ")
    assert {"ttl=", "quiet"} <= set(complete("%%spot key=a "))
