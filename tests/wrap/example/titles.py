"""Somebody's program: it asks a paid API for titles, and knows nothing of recorded calls."""

import os

import httpx


def title_of(text: str) -> str:
    with httpx.Client(headers={"Authorization": f"Bearer {os.environ['TITLES_KEY']}"}) as client:
        answer = client.post(f"{os.environ['TITLES_URL']}/v1/titles", json={"model": "tiny", "text": text})
    answer.raise_for_status()
    return f"title {answer.json()['count']}"


def careful_title_of(text: str) -> str:
    """The same for those who would rather have any title than an error."""
    try:
        return title_of(text)
    except Exception:
        return "untitled"
