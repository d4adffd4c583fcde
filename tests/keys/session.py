"""One session of a user: runs each project folder named on the command line, prints the keys of its call as JSON."""

from __future__ import annotations

import hashlib
import json
import runpy
import sys
import traceback
from pathlib import Path

from spotmagic.keys import FunctionKey
from spotmagic.options import mark_options


def mask(data: bytes) -> bytes:
    return hashlib.blake2b(data, key=b"secret of the test", digest_size=16).digest()


def key_of(folder: Path) -> dict[str, object]:
    sys.path.insert(0, str(folder))
    known = set(sys.modules)
    try:
        space = runpy.run_path(str(folder / "main.py"), run_name="__main__")
        options = mark_options(space.get("OPTIONS", {}))
        key = FunctionKey(space["f"], options, mask=mask)
        args, kwargs = space.get("ARGS", (1,)), space.get("KWARGS", {})
        if "AFTER" in space:  # what the user does between the import and the call
            exec(space["AFTER"], space)
        keyed = key.keyed(args, kwargs)
        assert keyed.key == key.key(args, kwargs)
        return {
            "key": keyed.key.hex(), "name": key.name, "trouble": keyed.trouble, "state": keyed.state,
            "inputs": {name: value.hex() for name, value in keyed.inputs.items()}, "code": keyed.code.hex(),
            "handles": keyed.handles,
        }  # fmt: skip
    except Exception as error:
        return {"key": "", "error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
    finally:
        sys.path.remove(str(folder))
        sys.path_importer_cache.clear()
        for name in set(sys.modules) - known:
            where = getattr(sys.modules[name], "__file__", None) or ""
            if where.startswith(str(folder)):
                del sys.modules[name]


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    folders = [Path(line) for line in sys.stdin.read().splitlines()]
    sys.stdout.write(json.dumps({folder.name: key_of(folder) for folder in folders}))
