"""The registry: a hash-chained log of seals in public formats, and everything that is proven about it.

>>> log = NoteSigner("log.muster.example", bytes(32))
>>> leaf = make_seal_leaf(bytes(31) + b"\\1", bytes(32), origin=log.name)
>>> check_seal_leaf(leaf, origin=log.name)
>>> signed = sign_checkpoint(Checkpoint(log.name, 1, root_of([leaf_hash(leaf.entry)])), log)
>>> check_checkpoint(signed.note, log.vkey).size
1
"""

from .ack import check_ack, sign_ack
from .check_ahead import LeafChecker
from .checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    check_checkpoint,
    check_origin,
    parse_checkpoint,
    parse_signed_checkpoint,
    render_checkpoint,
    sign_checkpoint,
)
from .cosignature import MAP_SUFFIX, Cosignature, Cosigner, MlDsaCosigner, check_cosignatures, cosign
from .folder import Place, Registry, Remembered, check_holds_all, check_registry_origin
from .fsck import Check, Report, fsck
from .leaf import HeadLeaf, PublicLeaf, SealLeaf, check_seal_leaf, make_seal_leaf, parse_leaf, seal_of
from .log import SealLog
from .memory import MemoryStore
from .note import (
    NoteSigner,
    VerifierKey,
    check_note,
    parse_note,
    parse_vkey,
    render_vkey,
    sign_note,
)
from .policy import Policy, ProvenCheckpoint, check_fresh, parse_policy, render_policy
from .proof import (
    ConsistencyProof,
    Holds,
    HoldsExtra,
    InclusionProof,
    NoteChecker,
    check_consistency_proof,
    check_holds_proof,
    check_inclusion_proof,
    parse_consistency_proof,
    parse_holds_extra,
    parse_proof,
    render_consistency_proof,
    render_holds_extra,
    render_proof,
)
from .seal_map import SealMap, check_map_proof, map_root
from .signer_head import LastSigned, SignerHead
from .sqlite import SqliteStore
from .store import Store
from .tree import (
    Frontier,
    check_consistency,
    check_inclusion,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_of,
)

__all__ = [
    "MAP_SUFFIX",
    "Check",
    "Checkpoint",
    "ConsistencyProof",
    "Cosignature",
    "Cosigner",
    "Frontier",
    "HeadLeaf",
    "Holds",
    "HoldsExtra",
    "InclusionProof",
    "LastSigned",
    "LeafChecker",
    "MemoryStore",
    "MlDsaCosigner",
    "NoteChecker",
    "NoteSigner",
    "Place",
    "Policy",
    "ProvenCheckpoint",
    "PublicLeaf",
    "Registry",
    "Remembered",
    "Report",
    "SealLeaf",
    "SealLog",
    "SealMap",
    "SignedCheckpoint",
    "SignerHead",
    "SqliteStore",
    "Store",
    "VerifierKey",
    "check_ack",
    "check_checkpoint",
    "check_consistency",
    "check_consistency_proof",
    "check_cosignatures",
    "check_fresh",
    "check_holds_all",
    "check_holds_proof",
    "check_inclusion",
    "check_inclusion_proof",
    "check_map_proof",
    "check_note",
    "check_origin",
    "check_registry_origin",
    "check_seal_leaf",
    "consistency_path",
    "cosign",
    "fsck",
    "inclusion_path",
    "leaf_hash",
    "make_seal_leaf",
    "map_root",
    "node_hash",
    "parse_checkpoint",
    "parse_consistency_proof",
    "parse_holds_extra",
    "parse_leaf",
    "parse_note",
    "parse_policy",
    "parse_proof",
    "parse_signed_checkpoint",
    "parse_vkey",
    "render_checkpoint",
    "render_consistency_proof",
    "render_holds_extra",
    "render_policy",
    "render_proof",
    "render_vkey",
    "root_of",
    "seal_of",
    "sign_ack",
    "sign_checkpoint",
    "sign_note",
]
