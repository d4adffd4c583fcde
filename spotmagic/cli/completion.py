"""Scripts that let shells complete the command line, made from its parser."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

SHELLS = ("bash", "zsh", "fish")


@dataclass(frozen=True, slots=True)
class Word:
    """A word that a command takes: an option, or what stands at a place.

    Attributes:
        flags: of an option, such as ``--json``; none for what stands at a place.
        values: what may be said, where that is a closed list.
        takes_value: whether a value follows the option.
    """

    flags: tuple[str, ...]
    about: str
    values: tuple[str, ...]
    takes_value: bool


Commands = dict[str, tuple[str, list[Word]]]


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """The script of a shell, static: it names every command and option, and runs nothing to complete them."""
    make = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]
    return "\n".join(make(parser.prog, _commands(parser)))


def _commands(parser: argparse.ArgumentParser) -> Commands:
    (words,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    about = {choice.dest: choice.help or "" for choice in words._choices_actions}
    return {name: (about[name], [_word(action) for action in sub._actions]) for name, sub in words.choices.items()}


def _word(action: argparse.Action) -> Word:
    values = tuple(map(str, action.choices or ()))
    return Word(tuple(action.option_strings), action.help or "", values, action.nargs != 0)


def _bash(prog: str, commands: Commands) -> Iterator[str]:
    yield f"_{prog}() {{"
    yield '    local word="${COMP_WORDS[COMP_CWORD]}" last="${COMP_WORDS[COMP_CWORD-1]}" command= words='
    yield '    [ "$COMP_CWORD" -gt 1 ] && command="${COMP_WORDS[1]}"'
    yield '    case "$command $last" in'
    yield f'        " {prog}") words={shlex.quote(" ".join(commands))} ;;'
    for name, (_, words) in commands.items():
        for word in words:
            for flag in word.flags if word.takes_value else ():
                yield f'        "{name} {flag}") words={shlex.quote(" ".join(word.values))} ;;'
        values = " ".join(value for word in words if not word.flags for value in word.values)
        flags = " ".join(flag for word in words for flag in word.flags)
        yield f'        "{name} "*) words={shlex.quote(values)}; [[ $word == -* ]] && words={shlex.quote(flags)} ;;'
    yield "    esac"
    yield '    COMPREPLY=($(compgen -W "$words" -- "$word"))'
    yield "}"
    yield f"complete -o default -F _{prog} {prog}"


def _zsh(prog: str, commands: Commands) -> Iterator[str]:
    yield f"#compdef {prog}"
    yield f"_{prog}() {{"
    yield "    local -a commands"
    yield "    commands=("
    for name, (about, _) in commands.items():
        yield f"        {shlex.quote(f'{name}:{about}')}"
    yield "    )"
    yield "    if (( CURRENT == 2 )); then"
    yield f"        _describe 'command of {prog}' commands"
    yield "        return"
    yield "    fi"
    yield "    shift words"
    yield "    (( CURRENT-- ))"
    yield '    case "$words[1]" in'
    for name, (_, words) in commands.items():
        yield f"        {name}) _arguments {' '.join(map(shlex.quote, _arguments(words)))} ;;"
    yield "    esac"
    yield "}"
    yield f'if [ "$funcstack[1]" = "_{prog}" ]; then _{prog} "$@"; else compdef _{prog} {prog}; fi'


def _arguments(words: list[Word]) -> Iterator[str]:
    """Words as zsh's ``_arguments`` takes them."""
    for word in words:
        about = "".join(f"\\{char}" if char in "[]:\\" else char for char in word.about)
        action = f"({' '.join(word.values)})" if word.values else "_files"
        if not word.flags:
            yield f":word:{action}"
        for flag in word.flags:
            yield f"*{flag}[{about}]" + (f":value:{action}" if word.takes_value else "")


def _fish(prog: str, commands: Commands) -> Iterator[str]:
    for name, (about, words) in commands.items():
        yield f"complete -c {prog} -n __fish_use_subcommand -f -a {name} -d {_fish_quoted(about)}"
        here = f"complete -c {prog} -n '__fish_seen_subcommand_from {name}'"
        for word in words:
            values = f" -x -a {_fish_quoted(' '.join(word.values))}" if word.values else ""
            if not word.flags and values:
                yield here + values
            for flag in word.flags:
                option = f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
                value = (values or " -r") if word.takes_value else ""
                yield f"{here} {option}{value} -d {_fish_quoted(word.about)}"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
