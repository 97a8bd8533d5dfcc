"""A folder, a bucket and a mapping keep the same promises."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import boto3  # type: ignore[import-untyped]  # has no types
import pytest
from moto import mock_aws

from konsens.errors import Conflict, InputError, KonsensError, Unavailable
from konsens.registry.static import FolderObjects, MemoryObjects, ObjectStore, export
from konsens.registry.static.s3 import S3Objects

from ..logs import VKEY
from .logs import exported, files_of, grown, read


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Objects]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        where = {"LocationConstraint": "eu-central-1"}
        boto3.client("s3").create_bucket(Bucket="log", CreateBucketConfiguration=where)
        yield S3Objects("log", prefix="public/")


@pytest.fixture(params=["memory", "folder", "bucket"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "memory":
        return MemoryObjects()
    if request.param == "folder":
        return FolderObjects(tmp_path / "public")
    bucket: S3Objects = request.getfixturevalue("bucket")
    return bucket


def test_what_was_put_is_there_until_it_is_deleted(objects: ObjectStore) -> None:
    assert (objects.get("tile/0/000"), objects.list("")) == (None, [])
    objects.put(
        [("tile/0/000", b"a"), ("tile/0/000.p/3", b"b"), ("tile/0/000.p/12", b"c"), ("checkpoint", b"")]
    )
    objects.put([("tile/0/000", b"d")])
    assert [objects.get("tile/0/000"), objects.get("tile/0/000.p/3"), objects.get("checkpoint")] == [
        b"d",
        b"b",
        b"",
    ]
    assert objects.list("") == ["checkpoint", "tile/0/000", "tile/0/000.p/12", "tile/0/000.p/3"]
    assert objects.list("tile/0/000.p/") == ["tile/0/000.p/12", "tile/0/000.p/3"]
    assert objects.list("tile/1/") == []
    objects.delete(["tile/0/000.p/3", "tile/0/000.p/12", "tile/9/000"])
    assert objects.list("") == ["checkpoint", "tile/0/000"]
    assert objects.get("tile/0/000.p/3") is None
    assert objects.get("tile/0") is None
    objects.delete([])
    objects.put([])


def test_many_objects_are_put_and_deleted(objects: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("konsens.registry.static.s3.KEYS_AT_ONCE", 50)
    keys = [f"many/{number:04}" for number in range(110)]
    objects.put((key, key.encode()) for key in keys)
    assert objects.list("many/") == keys
    assert objects.get("many/0077") == b"many/0077"
    objects.delete(iter(keys))
    assert objects.list("") == []


def test_a_swap_needs_what_was_there(objects: ObjectStore) -> None:
    objects.swap("checkpoint", None, b"one")
    for old in (None, b"two", b""):
        with pytest.raises(Conflict) as caught:
            objects.swap("checkpoint", old, b"three")
        assert caught.value.code == "static.overtaken"
    objects.swap("checkpoint", b"one", b"two")
    assert objects.get("checkpoint") == b"two"


@pytest.mark.parametrize("objects", ["memory", "folder"], indirect=True)
def test_of_many_who_swap_one_wins(objects: ObjectStore) -> None:
    objects.swap("checkpoint", None, b"old")
    gate, won = threading.Barrier(8), []

    def race(number: int) -> None:
        gate.wait()
        with suppress(Conflict):
            objects.swap("checkpoint", b"old", b"%d" % number)
            won.append(b"%d" % number)

    threads = [threading.Thread(target=race, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [objects.get("checkpoint")]


class Slow(S3Objects):
    """Lets somebody else write between the look and the swap."""

    meanwhile: Callable[[], object] | None = None

    def _get(self, key: str) -> tuple[bytes, str] | None:
        found = super()._get(key)
        if act := self.meanwhile:
            self.meanwhile = None
            act()
        return found


@pytest.mark.parametrize("old", [None, b"old"])
def test_a_bucket_itself_decides_who_came_first(bucket: S3Objects, old: bytes | None) -> None:
    if old is not None:
        bucket.swap("checkpoint", None, old)
    slow = Slow("log", prefix="public/")
    slow.meanwhile = lambda: bucket.swap("checkpoint", old, b"theirs")
    with pytest.raises(Conflict) as caught:
        slow.swap("checkpoint", old, b"ours")
    assert caught.value.code == "static.overtaken"
    assert bucket.get("checkpoint") == b"theirs"


STRANGE_KEYS = [
    "",
    "/",
    "/etc/passwd",
    "../x",
    "tile/../../x",
    "tile//x",
    "a/",
    ".new",
    "a/.b",
    "a\0b",
    "a\n",
]


def test_a_key_that_could_lead_elsewhere_is_refused(objects: ObjectStore) -> None:
    acts: list[Callable[[str], object]] = [
        objects.get,
        lambda key: objects.put([(key, b"")]),
        lambda key: objects.swap(key, None, b""),
        lambda key: objects.delete([key]),
        lambda key: objects.list(key.removesuffix("/") or "x"),
    ]
    for key in [*STRANGE_KEYS, "ä", "a" * 201]:
        for act in acts:
            with pytest.raises(InputError) as caught:
                act(key)
            assert caught.value.code == "static.path"


def test_a_log_is_exported_to_any_of_them(objects: ObjectStore, tmp_path: Path) -> None:
    log = grown(tmp_path, 300)
    export(log.store, objects, vkey=VKEY)
    log.grow(300)
    export(log.store, objects, vkey=VKEY)
    found = {key: objects.get(key) or b"" for key in objects.list("")}
    assert found == files_of(exported(log))
    assert read(found).entries(0, 1000) == log.entries()


def test_a_bucket_tells_browsers_and_caches_what_they_hold(bucket: S3Objects, tmp_path: Path) -> None:
    """tlog-tiles, "Checkpoints" and "Merkle Tree"."""
    export(grown(tmp_path, 300).store, bucket, vkey=VKEY)
    client = boto3.client("s3")
    checkpoint = client.head_object(Bucket="log", Key="public/checkpoint")
    assert (checkpoint["ContentType"], checkpoint["CacheControl"]) == (
        "text/plain; charset=utf-8",
        "max-age=2",
    )
    tile = client.head_object(Bucket="log", Key="public/tile/0/000")
    assert tile["ContentType"] == "application/octet-stream"
    assert "immutable" in tile["CacheControl"]


@pytest.mark.parametrize("prefix", ["Public Log", "Public Log/", "/Public Log"])
def test_the_folder_in_a_bucket_may_be_written_with_or_without_its_slash(
    bucket: S3Objects, prefix: str
) -> None:
    S3Objects("log", prefix=prefix).put([("tile/0/000", b"a")])
    assert boto3.client("s3").head_object(Bucket="log", Key="Public Log/tile/0/000")
    assert S3Objects("log", prefix="").get("tile/0/000") is None
    assert S3Objects("log", prefix=prefix).list("") == ["tile/0/000"]


def test_a_bucket_that_is_not_there_is_named(bucket: S3Objects) -> None:
    nowhere = S3Objects("nowhere")
    acts: list[Callable[[], object]] = [
        lambda: nowhere.list(""),
        lambda: nowhere.put([("a", b"")]),
        lambda: nowhere.swap("a", None, b""),
        lambda: nowhere.delete(["a"]),
        lambda: nowhere.get("a"),
    ]
    for act in acts:
        with pytest.raises(Unavailable) as caught:
            act()
        assert (caught.value.code, caught.value.facts["problem"]) == ("static.storage", "NoSuchBucket")


def test_a_store_that_nobody_answers_for_is_named() -> None:
    client = boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1:9",
        region_name="eu-central-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=boto3.session.Config(retries={"max_attempts": 0}, connect_timeout=1),
    )
    with pytest.raises(Unavailable) as caught:
        S3Objects("log", client=client).get("checkpoint")
    assert caught.value.code == "static.storage"


def test_without_boto3_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    with pytest.raises(KonsensError) as caught:
        S3Objects("log")
    assert caught.value.code == "static.no_boto3"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Unavailable) as caught:
        FolderObjects(tmp_path / "public").put([("a", b"")])
    assert caught.value.code == "static.storage"


def test_no_empty_folder_stays_behind(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "public")
    objects.put([("map/11/x001/x002/003", b""), ("map/newest", b"")])
    objects.delete(["map/11/x001/x002/003", "map/11/x009/000"])
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == [
        "public",
        "public/map",
        "public/map/newest",
    ]
    objects.delete(["map/newest"])
    assert list(tmp_path.rglob("*")) == [tmp_path / "public"]


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "public").write_text("in the way")
    with pytest.raises(Unavailable) as caught:
        FolderObjects(tmp_path / "public").put([("a", b"")])
    assert caught.value.code == "static.storage"
