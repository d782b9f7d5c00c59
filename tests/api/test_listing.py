"""Uniting the rows of pages."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bytesflows.api import PAGE_SIZE, Listing, Record, RecordsPage


def _page(
    ids: str, total: int | None, *, unidentified: int = 0, status: int | None = None
) -> RecordsPage:
    return RecordsPage(
        records=tuple(Record(id=name, status=status) for name in ids),
        total=total,
        unidentified=unidentified,
    )


def test_one_page() -> None:
    """A page that holds everything is a listing."""
    listing = Listing(_page("abc", 3))
    assert list(listing.records) == ["a", "b", "c"]
    assert listing.places == {"a": 0, "b": 1, "c": 2}
    assert listing.numbers == {1}
    assert listing.total == 3
    assert listing.unidentified == 0
    assert listing.missing == 0
    assert listing.page_size == PAGE_SIZE == 100


@pytest.mark.parametrize(
    ("page", "number", "page_size"),
    [
        (_page("abc", 9), 1, 3),
        (_page("ab", 9, unidentified=2), 1, 4),
        (_page("abc", None), 1, 3),
        (_page("abc", 3), 1, 20),
        (_page("", 9), 1, 20),
        (_page("", None), 1, 20),
        (_page("abc", 9), 2, 20),
        (_page("abcdefgh" * 5, 90), 1, 40),
    ],
)
def test_page_size(page: RecordsPage, number: int, page_size: int) -> None:
    """The first page of several shows how many rows the server puts on one."""
    listing = Listing(page, number=number, page_size=20)
    assert listing.page_size == page_size


def test_pages_that_repeat() -> None:
    """A repeated row counts once, where it was last; others are missing."""
    listing = Listing(_page("abc", 7))
    assert listing.missing == 4
    listing.add(2, _page("cde", 7, status=1))
    listing.add(3, _page("f", 7))

    assert list(listing.records) == ["a", "b", "c", "d", "e", "f"]
    assert listing.records["c"].status == 1
    assert listing.places == {"a": 0, "b": 1, "c": 3, "d": 4, "e": 5, "f": 6}
    assert listing.numbers == {1, 2, 3}
    assert listing.missing == 1

    listing.add_large(_page("abcdefg", 7, status=2))
    assert list(listing.records) == ["a", "b", "c", "d", "e", "f", "g"]
    assert {record.status for record in listing.records.values()} == {2}
    assert "g" not in listing.places
    assert listing.numbers == {1, 2, 3}
    assert listing.missing == 0


def test_pages_in_any_order() -> None:
    """Each row has its place, whichever page comes first."""
    listing = Listing(_page("e", 6), number=3, page_size=2)
    listing.add_large(_page("x", 6))
    listing.add(1, _page("ab", 6))
    listing.add(2, _page("cd", 6))
    assert set(listing.records) == set("abcdex")
    assert listing.places == {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4}

    listing.add(1, _page("ba", 6))
    assert listing.places["b"] == 0


def test_total_of_the_newest_page() -> None:
    """The newest page says how many rows there are, if it can be read."""
    listing = Listing(_page("ab", 4))
    listing.add(2, _page("cd", 5))
    assert (listing.total, listing.missing) == (5, 1)
    listing.add_large(_page("", None))
    assert (listing.total, listing.missing) == (None, 0)
    listing.add(2, _page("c", 1))
    assert (listing.total, listing.missing) == (1, 0)


def test_unidentified_rows() -> None:
    """Rows without an id are counted once per page, and are not missing."""
    listing = Listing(_page("ab", 7, unidentified=1))
    listing.add(2, _page("de", 7, unidentified=1))
    assert (listing.unidentified, listing.missing) == (2, 1)
    listing.add(2, _page("def", 7))
    assert (listing.unidentified, listing.missing) == (1, 1)
    listing.add_large(_page("abdef", 7, unidentified=2))
    assert (listing.unidentified, listing.missing) == (2, 0)


def _rows(*uses: int | None, id_: str = "a") -> RecordsPage:
    """Return a page with rows of one id; None is a use that cannot be read."""
    unreadable = frozenset({"trafficUsed"})
    records = tuple(
        Record(id=id_, unreadable=unreadable)
        if used is None
        else Record(id=id_, traffic_used=used)
        for used in uses
    )
    return RecordsPage(records=records, total=len(records))


@pytest.mark.parametrize(
    ("uses", "want"),
    [
        ((5, 3), 5),
        ((3, 5), 5),
        ((0, 5, 4), 5),
        ((None, 3), 3),
        ((3, None), 3),
        ((None, 0, None), 0),
    ],
)
def test_row_twice_with_different_use(uses: tuple[int | None, ...], want: int) -> None:
    """Of rows of one id the one with the most use counts, in whatever order."""
    at_once = Listing(_rows(*uses))
    assert at_once.records["a"].traffic_used == want
    assert at_once.records["a"].unreadable == frozenset()
    in_turn = Listing(_rows(uses[0]))
    large = Listing(_rows(uses[0]))
    for number, used in enumerate(uses[1:], 2):
        in_turn.add(number, _rows(used))
        large.add_large(_rows(used))
    assert in_turn.records == large.records == at_once.records


@given(
    pages=st.lists(
        st.tuples(st.integers(1, 5), st.text("abcdefghij", max_size=4)), min_size=1
    ),
    total=st.none() | st.integers(0, 20),
)
def test_any_pages(pages: list[tuple[int, str]], total: int | None) -> None:
    """Each row is listed once, and has a place."""
    first, *rest = pages
    listing = Listing(_page(first[1], total), number=first[0], page_size=4)
    for number, ids in rest:
        listing.add(number, _page(ids, total))

    assert set(listing.records) == set().union(*(ids for _, ids in pages))
    assert listing.places.keys() == listing.records.keys()
    assert listing.numbers == {number for number, _ in pages}
    assert listing.missing >= 0
