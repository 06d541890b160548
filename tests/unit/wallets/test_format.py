"""The bytes of an entry: they fit a kilobyte, and their hash never changes."""

import pytest

from shared.wallets import ledger, packed
from shared.wallets.ledger import PAIRS
from shared.wallets.models import Entry
from shared.wallets.packed import Total
from tools.cost.meter import item_bytes

UUID = "ffffffff-ffff-5fff-8fff-ffffffffffff"
PAISE_MAX, COUNT_MAX, BUCKET_PAISE_MAX = 99_999_999_999, 10**6, 9_999_999
SEQ_MAX = (len(PAIRS) + len(ledger.UNLISTED)) * COUNT_MAX
AT_US = 4_102_444_799_999_999  # the end of 2099
BUCKETS = [(f"{year:02}{month:02}", kind) for year in (97, 98) for month in range(1, 13) for kind in "cr"][:26]


def an_entry(**values: object) -> Entry:
    entry = Entry(
        **{
            "wallet": UUID,
            "seq": 7,
            "version": ledger.VERSION,
            "kind": ledger.CREDIT,
            "category": "top_up",
            "amount_paise": 50_000,
            "by": ledger.by_payment(UUID),
            "cash_paise": 60_000,
            "held_paise": 200,
            "owed_paise": 0,
            "promo": "2712c9ix",
            "is_blocked": False,
            "totals": "A2.1efk.3G5.7ps.6",
            "at_us": 1_767_960_250_000_000,
            "opened_at_us": 1_767_960_000_123_456,
            "previous_hash": bytes(range(32)),
        }
        | values
    )
    entry.hash = ledger.entry_hash(entry)
    return entry


def widest(kind: str, category: str, by: str) -> Entry:
    return an_entry(
        seq=SEQ_MAX,
        kind=kind,
        category=category,
        by=by,
        amount_paise=PAISE_MAX,
        cash_paise=PAISE_MAX,
        held_paise=PAISE_MAX,
        owed_paise=PAISE_MAX,
        promo=packed.pack_promo(dict.fromkeys(BUCKETS, BUCKET_PAISE_MAX)),
        is_blocked=True,
        totals=packed.pack_totals(dict.fromkeys(PAIRS.values(), Total(COUNT_MAX, 10**11, SEQ_MAX))),
        at_us=AT_US,
        opened_at_us=AT_US,
    )


def record(kind: str, category: str) -> str:
    """The longest name of a record that may justify such an entry."""
    names = {"refund": ledger.by_refund(UUID, UUID), "dispute": ledger.by_dispute(UUID, UUID)}
    by_staff = ledger.by_staff(UUID)
    return "" if kind == ledger.OPENING else names.get(category, by_staff)


@pytest.mark.parametrize(("kind", "category"), [*PAIRS, *ledger.UNLISTED])
def test_widest_entry_fits_a_kilobyte(kind: str, category: str) -> None:
    """A transaction pays two write units for each kilobyte."""
    assert len(BUCKETS) == 26
    assert item_bytes(widest(kind, category, record(kind, category)).serialize()) <= 1_024


def test_bytes_of_version_3_are_pinned() -> None:
    """No entry can be checked any more if these change. Another format is another version."""
    entry = an_entry()
    assert entry.hash.hex() == "e596467303bd5bd475bb23069f14e37e0351cfc0c6a3f934861def0d114a0779"
    assert sorted(entry.serialize()) == [
        "amount_paise",
        "at_us",
        "by",
        "cash_paise",
        "category",
        "hash",
        "held_paise",
        "is_blocked",
        "kind",
        "opened_at_us",
        "owed_paise",
        "previous_hash",
        "promo",
        "seq",
        "totals",
        "version",
        "wallet",
    ]
    assert "".join(PAIRS.values()) == "ABCDEFGHIJKLMNOPQR"


def test_packed_texts_are_read_as_written() -> None:
    totals = {"A": Total(2, 65_936, 3), "G": Total(5, 9_999, 6)}
    assert packed.totals(packed.pack_totals(totals)) == totals and packed.totals("") == {}
    buckets = {("2712", "c"): 12_345, ("2801", "r"): 500}
    assert packed.pack_promo(buckets) == "2712c9ix;2801rdw" and packed.promo("2712c9ix;2801rdw") == buckets
    assert (packed.promo_paise("2712c9ix;2801rdw"), packed.promo_paise("2712c9ix;2801rdw", "r")) == (12_845, 500)


@pytest.mark.parametrize("text", ["A2.rs", "A02.rs.7", "G1.1.0A1.1.0", "A1.1.0;", "a1.1.0", "A1.1.0A1.1.0"])
def test_totals_in_another_writing_are_refused(text: str) -> None:
    """One state has one text, or the hash would not say what the state is."""
    with pytest.raises(ValueError, match="packed text"):
        packed.totals(text)


@pytest.mark.parametrize("text", ["2712x1", "2801r1;2712c1", "2712c1;", "2712c01", "2712c1;2712c1", "712c1"])
def test_promo_in_another_writing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="packed text"):
        packed.promo(text)
