"""Static files in a bucket of an S3-compatible object store; needs the extra `s3` (boto3).

Key, region and address are looked up where boto3 looks for them; a client of one's own can be handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from ...errors import Conflict, InputError, Unavailable
from .objects import check_key, check_prefix
from .paths import CHECKPOINT

__all__ = ["S3Objects"]

SIDE_BY_SIDE = 16
KEYS_AT_ONCE = 1000  # the most that DeleteObjects takes

# tlog-tiles, "Checkpoints" and "Merkle Tree": the one must not be cached for long, the others may for ever.
MUTABLE = {"ContentType": "text/plain; charset=utf-8", "CacheControl": "max-age=2"}
IMMUTABLE = {"ContentType": "application/octet-stream", "CacheControl": "max-age=31536000, immutable"}


class S3Objects:
    """Objects in a bucket, below a prefix; see `ObjectStore` for the rules.

    - An object store writes an object whole or not at all, and durably, before it answers.
    - `swap` is a conditional PUT (`If-Match`, `If-None-Match`). A store that does not know those answers with
      an error; one that ignores them must have one exporter only.
    """

    def __init__(self, bucket: str, *, prefix: str = "", client: Any = None) -> None:
        """Keep objects in `bucket`, in its folder `prefix` or, if that is empty, at its top."""
        folder = prefix.strip("/")
        self._bucket, self._prefix = bucket, f"{folder}/" if folder else ""
        self._client = _client() if client is None else client

    def get(self, key: str) -> bytes | None:
        found = self._get(key)
        return found and found[0]

    def put(self, objects: Iterable[tuple[str, bytes]]) -> None:
        from concurrent.futures import ThreadPoolExecutor  # clients of boto3 may be shared between threads

        waiting = iter(objects)
        with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
            while some := list(islice(waiting, 4 * SIDE_BY_SIDE)):
                for _ in pool.map(lambda one: self._put(*one), some):
                    pass

    def swap(self, key: str, old: bytes | None, new: bytes) -> None:
        found = self._get(key)
        if (found and found[0]) != old:
            raise Conflict("static.overtaken", key=key)
        self._put(key, new, **({"IfMatch": found[1]} if found else {"IfNoneMatch": "*"}))

    def list(self, prefix: str) -> list[str]:
        check_prefix(prefix)
        pages = self._client.get_paginator("list_objects_v2")
        with _reported():
            found = pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix)
            keys = [str(one["Key"]) for page in found for one in page.get("Contents", ())]
        return sorted(key.removeprefix(self._prefix) for key in keys)

    def delete(self, keys: Iterable[str]) -> None:
        waiting = iter(keys)
        while some := list(islice(waiting, KEYS_AT_ONCE)):
            for key in some:
                check_key(key)
            names = [{"Key": self._prefix + key} for key in some]
            with _reported():
                done = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": names, "Quiet": True}
                )
            if errors := done.get("Errors"):
                raise Unavailable("static.storage", problem=errors[0].get("Code"))

    def _get(self, key: str) -> tuple[bytes, str] | None:
        """Return bytes and entity tag of an object, or None."""
        check_key(key)
        with _reported(key):
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
                return found["Body"].read(), found["ETag"]
            except self._client.exceptions.NoSuchKey:
                return None

    def _put(self, key: str, data: bytes, **condition: str) -> None:
        check_key(key)
        headers = MUTABLE if key == CHECKPOINT else IMMUTABLE
        with _reported(key):
            self._client.put_object(
                Bucket=self._bucket, Key=self._prefix + key, Body=data, **headers, **condition
            )


def _client() -> Any:
    try:
        import boto3  # type: ignore[import-untyped]  # has no types
    except ImportError as error:
        raise InputError("static.no_boto3") from error
    with _reported():
        return boto3.client("s3")


@contextmanager
def _reported(key: str = "") -> Iterator[None]:
    """Translate what boto3 raises; it was imported before, or there would be no client."""
    from botocore.exceptions import (  # type: ignore[import-untyped]  # has no types
        BotoCoreError,
        ClientError,
    )

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        # Lost against another writer: at once (412), or while both were writing (409).
        if code in ("PreconditionFailed", "ConditionalRequestConflict"):
            raise Conflict("static.overtaken", key=key) from error
        raise Unavailable("static.storage", problem=code) from error
    except (BotoCoreError, OSError) as error:
        raise Unavailable("static.storage", problem=type(error).__name__) from error
