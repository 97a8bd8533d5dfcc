"""The official SD-JWT structures: what is concealed, and what the holder shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from sd_jwt.common import SDObj  # type: ignore[import-untyped]  # the package ships no types
from sd_jwt.utils.yaml_specification import load_yaml_specification  # type: ignore[import-untyped]  # likewise

from konsens.credentials import ClaimPath

VECTORS = Path(__file__).parent.parent / "vectors" / "sd-jwt"


class Structure(NamedTuple):
    """One `specification.yml` with the settings that go with it."""

    name: str
    specification: dict[str, Any]
    settings: dict[str, Any]

    @property
    def claims(self) -> dict[str, Any]:
        """The claims without their marks."""
        plain: dict[str, Any] = _plain(self.specification["user_claims"])
        return plain

    @property
    def concealed(self) -> set[ClaimPath]:
        """Where the marks stand."""
        return set(_marks(self.specification["user_claims"], ()))

    @property
    def shown(self) -> set[ClaimPath]:
        """What the holder shows: of a container, only itself."""
        return self.concealed & set(_chosen(self.specification["holder_disclosed_claims"], ()))

    @property
    def expected(self) -> dict[str, Any] | None:
        """The claims that come out, where the source says so."""
        claims: dict[str, Any] | None = self.specification.get("expect_verified_user_claims")
        return claims

    @property
    def header(self) -> dict[str, Any]:
        """What the header of the issuer-signed JWT has besides `alg`."""
        return {"typ": "example+sd-jwt", **self.specification.get("extra_header_parameters", {})}

    def jwk(self, who: str) -> dict[str, str]:
        """Return the private key of `issuer` or `holder`."""
        keys = self.settings["key_settings"]
        if who == "holder":
            return dict(keys["holder_key"])
        return dict(keys["issuer_keys"][0] if "issuer_keys" in keys else keys["issuer_key"])


def structures() -> list[Structure]:
    """Return every official structure, by the name of its folder."""
    found = []
    for path in sorted(VECTORS.rglob("specification.yml")):
        settings = yaml.safe_load((path.parent.parent / "settings.yml").read_text("utf-8"))
        name = f"{path.relative_to(VECTORS).parts[0]}/{path.parent.name}"
        found.append(Structure(name, load_yaml_specification(path), settings))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, SDObj):
        return _plain(value.value)
    if isinstance(value, dict):
        return {_plain(name): _plain(member) for name, member in value.items()}
    return [_plain(element) for element in value] if isinstance(value, list) else value


def _marks(value: Any, path: ClaimPath) -> Iterator[ClaimPath]:
    if isinstance(value, dict):
        for name, member in value.items():
            here = (*path, _plain(name))
            if isinstance(name, SDObj):
                yield here
            yield from _marks(member, here)
    elif isinstance(value, list):
        for position, element in enumerate(value):
            here = (*path, position)
            if isinstance(element, SDObj):
                yield here
            yield from _marks(element.value if isinstance(element, SDObj) else element, here)


def _chosen(value: Any, path: ClaimPath) -> Iterator[ClaimPath]:
    if isinstance(value, dict | list):
        for name, member in value.items() if isinstance(value, dict) else enumerate(value):
            if member:  # an empty container chooses nothing, and neither do `false` and `null`
                yield (*path, name)
            yield from _chosen(member, (*path, name))
