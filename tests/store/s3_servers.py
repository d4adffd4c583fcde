"""Object stores on loopback that speak S3: rclone's, which ignores create-if-absent, and moto's, which honours it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest
from loopback import Program

BUCKET = "bucket"
KEY, SECRET = "some-access-key", "some-secret-key"


class S3Server(Program):
    """A server of our own, which can be stopped and started again at the same address."""

    @property
    def endpoint(self) -> str:
        """Its address, as ``AWS_ENDPOINT_URL`` says it."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        super().start()
        try:
            self.make_bucket()
        except BaseException:
            self.stop()
            raise

    def make_bucket(self) -> None:
        """See that the bucket is there."""

    @property
    def variables(self) -> dict[str, str]:
        """What a user sets who has an account there."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }


class Rclone(S3Server):
    """``rclone serve s3`` over a folder: what it holds outlives it."""

    def command(self) -> list[str]:
        program = shutil.which("rclone", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        assert program is not None
        (self.folder / "data" / BUCKET).mkdir(parents=True, exist_ok=True)
        return [program, "serve", "s3", "--addr", f"127.0.0.1:{self.port}", "--auth-key", f"{KEY},{SECRET}",
                "--config", "", str(self.folder / "data")]  # fmt: skip

    @staticmethod
    def missing() -> bool:
        """Whether it is not installed."""
        return shutil.which("rclone", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") is None


class Moto(S3Server):
    """moto's server, which holds everything in memory."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def make_bucket(self) -> None:
        import boto3  # moto brings it

        client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )
        client.create_bucket(Bucket=BUCKET)
        client.close()

    @staticmethod
    def missing() -> bool:
        """Whether it is not installed."""
        return importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None


SERVERS = {"rclone": Rclone, "moto": Moto}


def started(name: str, folder: Path) -> S3Server:
    """A server that runs. Skips the test where it is not installed, which CI does not allow."""
    kind = SERVERS[name]
    if kind.missing() or importlib.util.find_spec("obstore") is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} or obstore is not installed, and CI has to run these tests")
        pytest.skip(f"{name} or obstore is not installed")
    return kind(folder)
