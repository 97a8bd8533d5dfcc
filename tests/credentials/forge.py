"""Tokens that are signed correctly, whatever is in them, and the ways in which they are wrong here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any, TypeAlias

from konsens.did import PrivateKey
from konsens.encoding import b64u_encode

from .people import AUDIENCE, NONCE, NOW, VCT, did, key, signer


def b64(value: object) -> str:
    """Return base64url of JSON, or of bytes as they are."""
    return b64u_encode(value if isinstance(value, bytes) else json.dumps(value).encode())


def digest(disclosure: str) -> str:
    """Return the digest that stands for a disclosure."""
    return b64u_encode(sha256(disclosure.encode()).digest())


def jwt(header: object, payload: object, private: PrivateKey) -> str:
    """Return a correctly signed compact JWT, whatever is in it."""
    signed = f"{b64(header)}.{b64(payload)}"
    return f"{signed}.{b64u_encode(private.sign(signed.encode()))}"


def key_binding(
    sd_jwt: str,
    *,
    header: Mapping[str, Any] | None = None,
    private: PrivateKey | None = None,
    drop: Iterable[str] = (),
    **changes: Any,
) -> str:
    """Return a Key Binding JWT over `sd_jwt` that is right but for `changes`."""
    private = private or key("holder")
    payload = {"iat": NOW, "aud": AUDIENCE, "nonce": NONCE, "sd_hash": digest(sd_jwt)} | changes
    for name in drop:
        del payload[name]
    return jwt({"alg": private.alg, "typ": "kb+jwt"} | dict(header or {}), payload, private)


class Forge:
    """Makes credentials and presentations that are signed correctly and are wrong in one place."""

    def __init__(self, alg: str = "EdDSA") -> None:
        self.issuer = signer("issuer", alg)
        self.holder = key("holder", alg)
        self.disclosures = [b64(["salt-1", "level", "gold"]), b64(["salt-2", "age_over_18", True])]
        self.header: dict[str, Any] = {"alg": self.issuer.alg, "kid": self.issuer.kid, "typ": "dc+sd-jwt"}
        self.payload: dict[str, Any] = {
            "iss": did("issuer", alg),
            "vct": VCT,
            "iat": NOW - 3600,
            "exp": NOW + 3600,
            "cnf": {"jwk": self.holder.public.jwk},
            "_sd_alg": "sha-256",
            "_sd": sorted(map(digest, self.disclosures)),
        }

    def conceal(self, *disclosures: object, shown: bool = True) -> str:
        """Add the digests of disclosures to the payload, and the disclosures to what is shown."""
        texts = [one if isinstance(one, str) else b64(one) for one in disclosures]
        self.payload["_sd"] = [*self.payload["_sd"], *map(digest, texts)]
        if shown:
            self.disclosures += texts
        return texts[-1]

    def sd_jwt(self, *, private: PrivateKey | None = None, payload: object = None) -> str:
        """Return the SD-JWT, signed by the issuer."""
        signed = jwt(self.header, self.payload if payload is None else payload, private or self.issuer.key)
        return "~".join((signed, *self.disclosures, ""))

    def present(self, sd_jwt: str | None = None, **changes: Any) -> str:
        """Return the SD-JWT+KB, signed by the holder."""
        text = sd_jwt or self.sd_jwt()
        return text + key_binding(text, private=changes.pop("private", self.holder), **changes)


Maker: TypeAlias = Callable[[Forge], str]


def changed(**claims: Any) -> Maker:
    """Return a maker that gives the issuer's payload other claims; None takes one away."""

    def make(forge: Forge) -> str:
        forge.payload |= claims
        forge.payload = {name: value for name, value in forge.payload.items() if value is not None}
        return forge.present()

    return make


def with_header(**members: Any) -> Maker:
    """Return a maker that gives the issuer's header other members; None takes one away."""

    def make(forge: Forge) -> str:
        forge.header = {name: value for name, value in (forge.header | members).items() if value is not None}
        return forge.present()

    return make


def concealed(*disclosures: object, shown: bool = True) -> Maker:
    """Return a maker in which the issuer conceals these, and the holder shows them."""

    def make(forge: Forge) -> str:
        forge.conceal(*disclosures, shown=shown)
        return forge.present()

    return make


def bound(**changes: Any) -> Maker:
    """Return a maker whose key binding has other claims."""
    return lambda forge: forge.present(**changes)


def twice_in_sd(forge: Forge) -> str:
    forge.payload["_sd"].append(forge.payload["_sd"][0])
    return forge.present()


def twice_through_a_disclosure(forge: Forge) -> str:
    forge.conceal(["salt", "nested", {"_sd": [digest(forge.disclosures[0])]}])
    return forge.present()


def decoy_twice(forge: Forge) -> str:
    decoy = digest("a decoy")
    forge.payload |= {"list": [{"...": decoy}], "_sd": [*forge.payload["_sd"], decoy]}
    return forge.present()


def disclosure_sent_twice(forge: Forge) -> str:
    forge.disclosures.append(forge.disclosures[0])
    return forge.present()


def forged_value(forge: Forge) -> str:
    signed = forge.sd_jwt().partition("~")[0]
    forge.disclosures[0] = b64(["salt-1", "level", "platinum"])
    return forge.present("~".join((signed, *forge.disclosures, "")))


def left_over(forge: Forge) -> str:
    forge.disclosures.append(b64(["salt", "extra", 1]))
    return forge.present()


def child_without_its_parent(forge: Forge) -> str:
    child = b64(["salt", "street", "Musterweg 1"])
    forge.conceal(["salt", "address", {"_sd": [digest(child)]}], shown=False)
    forge.disclosures.append(child)
    return forge.present()


def element_as_property(forge: Forge) -> str:
    forge.conceal(["salt", "an element where a member should stand"])
    return forge.present()


def property_as_element(forge: Forge) -> str:
    disclosure = b64(["salt", "name", "a member where an element should stand"])
    forge.payload["list"] = [{"...": digest(disclosure)}]
    forge.disclosures.append(disclosure)
    return forge.present()


def not_canonical(forge: Forge) -> str:
    # "AB" and "AA" decode to the same byte: the last four bits are spare.
    text = b64(b'["salt", "n", 1]')
    assert text.endswith("Q")
    forge.conceal(text[:-1] + "R")
    return forge.present()


def padded(forge: Forge) -> str:
    forge.conceal(b64(b'["salt", "n", 1]') + "==")
    return forge.present()


def umlaut_in_a_disclosure(forge: Forge) -> str:
    whole = forge.present()
    return whole.replace(forge.disclosures[0], "ä" + forge.disclosures[0][1:])


def nested_disclosures(depth: int) -> Maker:
    def make(forge: Forge) -> str:
        value: Any = 1
        for _ in range(depth):
            inner = b64(["salt", "n", value])
            forge.disclosures.append(inner)
            value = {"_sd": [digest(inner)]}
        forge.payload |= value | {"_sd": [*forge.payload["_sd"], *value["_sd"]]}
        return forge.present()

    return make


def many_disclosures(forge: Forge) -> str:
    forge.conceal(*[[f"salt-{number}", f"claim-{number}", number] for number in range(999)])
    return forge.present()


def two_key_bindings(forge: Forge) -> str:
    text = forge.sd_jwt()
    return f"{text}{key_binding(text)}~{key_binding(text)}"


def key_binding_moved(forge: Forge) -> str:
    """The key binding of another presentation of the same credential, with one claim less."""
    whole = forge.present()
    signed, first, _, binding = whole.split("~")
    return "~".join((signed, first, binding))


def signed_by_the_other_alg(forge: Forge) -> str:
    forge.header["alg"] = "ES256"
    return forge.present()


def alg_of_the_holder_switched(forge: Forge) -> str:
    return forge.present(header={"alg": "ES256"})


def kid_of_another(forge: Forge) -> str:
    forge.header["kid"] = signer("stranger").kid
    return forge.present(forge.sd_jwt(private=key("stranger")))


def kid_unknown(forge: Forge) -> str:
    forge.header["kid"] = forge.payload["iss"] + "#another-key"
    return forge.present()


def signed_by_a_stranger(forge: Forge) -> str:
    return forge.present(forge.sd_jwt(private=key("stranger")))


def stranger(forge: Forge) -> str:
    forge.header["kid"], forge.payload["iss"] = signer("stranger").kid, did("stranger")
    return forge.present(forge.sd_jwt(private=key("stranger")))


def raw_payload(change: Callable[[str], str]) -> Maker:
    """Return a maker that signs another spelling of the payload."""

    def make(forge: Forge) -> str:
        return forge.present(
            forge.sd_jwt(payload=change(json.dumps(forge.payload)).encode("utf-8", "surrogatepass"))
        )

    return make


def raw_key_binding(text: bytes) -> Maker:
    def make(forge: Forge) -> str:
        return forge.sd_jwt() + jwt({"alg": "EdDSA", "typ": "kb+jwt"}, text, forge.holder)

    return make


def other_spelling_of_the_signature(forge: Forge) -> str:
    signed, rest = forge.sd_jwt().split("~", 1)
    last = {"A": "B", "Q": "R", "g": "h", "w": "x"}[signed[-1]]
    return forge.present(f"{signed[:-1]}{last}~{rest}")


def longer_signature(forge: Forge) -> str:
    signed, rest = forge.sd_jwt().split("~", 1)
    head, _, signature = signed.rpartition(".")
    return forge.present(f"{head}.{signature}AAAA~{rest}")


def weak_holder_key(forge: Forge) -> str:
    forge.payload["cnf"] = {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": b64u_encode(b"\x01" + bytes(31))}}
    return forge.present()
