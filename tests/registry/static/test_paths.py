"""Where the files of a log lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konsens.errors import InputError
from konsens.registry.static import BundleName, TileName, bundle_path, parse_path, tile_path
from konsens.registry.static.edge import edge_of

widths = st.integers(1, 256)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        pytest.param(TileName(0, 1_234_067, 256), "tile/0/x001/x234/067", id="the specification's example"),
        pytest.param(TileName(0, 0, 256), "tile/0/000", id="the first tile"),
        pytest.param(TileName(0, 999, 1), "tile/0/999.p/1", id="the last one with one element"),
        pytest.param(TileName(1, 1000, 255), "tile/1/x001/000.p/255", id="the first one with two"),
        pytest.param(BundleName(273, 112), "tile/entries/273.p/112", id="a partial bundle"),
        pytest.param(BundleName(1000, 256), "tile/entries/x001/000", id="a full bundle"),
    ],
)
def test_a_path_is_spelt_as_the_specification_spells_it(name: TileName | BundleName, path: str) -> None:
    assert parse_path(path) == name
    if isinstance(name, TileName):
        assert tile_path(name.level, name.index, name.width) == path
    else:
        assert bundle_path(name.index, name.width) == path


@given(st.integers(0, 6), st.integers(0, (1 << 12) - 1) | st.integers(0, 1 << 14), widths)
def test_parsing_undoes_rendering(level: int, index: int, width: int) -> None:
    assert parse_path(tile_path(level, index, width)) == TileName(level, index, width)
    assert parse_path(bundle_path(index << 20, width)) == BundleName(index << 20, width)


@pytest.mark.parametrize(
    "path",
    [
        *[
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/0/1",
            "tile/0/0001",
            "/tile/0/001",
            "tile/0/001/",
            "tile//001",
        ],
        *["tile/00/001", "tile/01/001", "tile/64/000", "tile/100/000", "tile/-1/000", "tile/data/001"],
        *["tile/0/x000/001", "tile/0/x01/001", "tile/0/001/001", "tile/0/x001", "tile/0/x001/x001"],
        *["tile/0/001.p", "tile/0/001.p/", "tile/0/001.p/0", "tile/0/001.p/01", "tile/0/001.p/256"],
        *["tile/0/001.p/1/", "tile/0/001.P/1", "TILE/0/001", "tile/0/../0/001", "tile/0/001\n"],
        *["tile/0/\u0661\u0662\u0663", "tile/\u0661/001", "tile/entries", "tile/entries/x001/01"],
        "tile/0/" + "x999/" * 6 + "999",
    ],
)
def test_any_other_spelling_is_refused(path: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_path(path)
    assert caught.value.code == "static.path"


@pytest.mark.parametrize(
    ("size", "partial"),
    [
        pytest.param(0, [], id="nothing"),
        pytest.param(1, [TileName(0, 0, 1)], id="one entry"),
        pytest.param(256, [TileName(1, 0, 1)], id="the specification's second example"),
        pytest.param(
            70_000,
            [TileName(0, 273, 112), TileName(1, 1, 17), TileName(2, 0, 1)],
            id="the specification's first example",
        ),
        pytest.param(1 << 24, [TileName(3, 0, 1)], id="full up to the top"),
    ],
)
def test_the_partial_tiles_are_those_that_the_specification_names(size: int, partial: list[TileName]) -> None:
    assert list(edge_of(size)) == partial
