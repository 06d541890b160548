"""The issuer's keys are fetched as the issuer's CDN wants it, and outlive its outages and rotations."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from shared import clock, issuer_keys
from shared.issuer_keys import FetchFailed, IssuerKeys, Key, KeysUnavailable, fetch
from shared.telemetry import journal
from tests.support.issuer import EC_KEY, OUTAGES, RSA_KEYS, FakeIssuer, jwk, publish, respond

HOUR_S = 3_600
TIMEOUT_S = issuer_keys.TIMEOUT_S  # before these tests shorten it
FAULT_S = 30  # how long an outage may last: much longer than a fetch takes on a busy machine


class Time:
    """The clock of these tests."""

    now_s = 1_800_000_000

    def forward(self, seconds: int) -> None:
        self.now_s += seconds


@pytest.fixture(autouse=True)
def timer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Time]:
    timer = Time()
    monkeypatch.setattr(clock, "now_s", lambda: timer.now_s)
    monkeypatch.setattr(issuer_keys, "TIMEOUT_S", 0.25)
    journal.drain()
    yield timer
    journal.drain()


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    issuer = FakeIssuer()
    yield issuer
    issuer.stop()


def find(keys: IssuerKeys, issuer: FakeIssuer, key_id: str | None = "k1", algorithm: str = "RS256") -> Key | None:
    return keys.find(issuer.url, key_id, algorithm)


# --- the request


@pytest.mark.parametrize("refused", ["python-urllib", "python-requests", "curl/", "java/", "mozilla/"])
def test_keys_come_from_a_cdn_that_refuses_common_agents(issuer: FakeIssuer, refused: str) -> None:
    """CDNs answer 403 to the agents of libraries, and to requests without one."""
    published = issuer.reply

    def cdn(request: Any) -> None:
        agent = request.headers.get("User-Agent", "").lower()
        if not agent or refused in agent or request.headers.get("Accept") != "application/json":
            respond(403, b"error code: 1010")(request)
        else:
            published(request)

    issuer.reply = cdn
    assert find(IssuerKeys(), issuer)
    (headers,) = issuer.requests
    assert headers["User-Agent"].startswith("garment-pay/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://issuer.example/keys",
        "http://127.0.0.1.example/keys",
        "http://user@issuer.example/keys",
        "http://10.0.0.1/keys",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://issuer.example/keys",
        "https://",
        "https://issuer.example:port/keys",
        "//issuer.example/keys",
    ],
)
def test_keys_are_fetched_over_tls_only(url: str) -> None:
    with pytest.raises(FetchFailed, match="the URL is"):
        fetch(url)


def test_container_of_sam_local_may_ask_its_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SAM_LOCAL", "true")
    with pytest.raises(FetchFailed, match="^(?!the URL is)"):
        fetch("http://172.17.0.1:9/keys")
    for url in ("http://8.8.8.8/keys", "http://issuer.example/keys"):
        with pytest.raises(FetchFailed, match="the URL is not https"):
            fetch(url)


@pytest.mark.parametrize("outage", OUTAGES)
def test_fetch_ends_in_time(outage: str, issuer: FakeIssuer) -> None:
    issuer.reply = OUTAGES[outage]
    began, cpu = time.monotonic(), time.process_time()
    with pytest.raises(FetchFailed):
        fetch(issuer.url)
    assert time.monotonic() - began < FAULT_S / 2 and time.process_time() - cpu < 0.5
    assert len(issuer.requests) == 1, "a redirect was followed"


def test_fetch_takes_two_seconds_at_most() -> None:
    assert TIMEOUT_S <= 2


def test_name_resolution_counts_as_part_of_the_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that does not answer would otherwise use up the function's time, and its keys with it."""

    tested = threading.Event()

    def resolve(*args: Any, **kwargs: Any) -> None:
        tested.wait(FAULT_S)
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    began = time.monotonic()
    with pytest.raises(FetchFailed, match="timed out"):
        fetch("https://issuer.example/keys")
    tested.set()
    assert time.monotonic() - began < FAULT_S / 2


# --- the published keys


def test_unusable_keys_do_not_disable_the_others(issuer: FakeIssuer) -> None:
    issuer.reply = publish(
        jwk(RSA_KEYS[0], "k1"),
        jwk(RSA_KEYS[0], "encrypts", use="enc"),
        jwk(RSA_KEYS[0], "other-algorithm", alg="PS256"),
        jwk(EC_KEY, "k2", use=None),
        {"kid": "symmetric", "kty": "oct", "k": "c2VjcmV0"},
        {"kid": "no-curve", "kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
        {"kid": "no-point", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kid": "no-number", "kty": "RSA", "n": 5, "e": None},
        {"kid": "empty", "kty": "RSA"},
        {"kid": ["list"], "kty": ["RSA"]},
        3,  # type: ignore[arg-type]
    )
    assert [key.id for key in fetch(issuer.url)] == ["k1", "k2"]


@pytest.mark.parametrize(
    ("published", "key_id"),
    [
        ([jwk(RSA_KEYS[0])], None),
        ([jwk(RSA_KEYS[0])], "k1"),
        ([jwk(RSA_KEYS[0], "k1")], None),
        ([jwk(RSA_KEYS[0], "")], None),
        ([jwk(RSA_KEYS[0], 7)], "7"),
        ([jwk(RSA_KEYS[0]), jwk(EC_KEY)], None),
        ([jwk(RSA_KEYS[0], "k1"), jwk(RSA_KEYS[1], "k2", use="enc")], None),
        ([jwk(RSA_KEYS[1], "k0"), jwk(RSA_KEYS[0], "k1/=+ é")], "k1/=+ é"),
    ],
)
def test_key_is_found_by_id_or_as_the_only_one(
    issuer: FakeIssuer, published: list[dict[str, Any]], key_id: str | None
) -> None:
    issuer.reply = publish(*published)
    key = find(IssuerKeys(), issuer, key_id)
    assert key and key.public == RSA_KEYS[0].public_key()


@pytest.mark.parametrize(
    ("published", "key_id", "algorithm"),
    [
        ([jwk(RSA_KEYS[0], "k1"), jwk(RSA_KEYS[1], "k2")], None, "RS256"),
        ([jwk(RSA_KEYS[0]), jwk(RSA_KEYS[1])], None, "RS256"),
        ([jwk(RSA_KEYS[0]), jwk(RSA_KEYS[1])], "k1", "RS256"),
        ([jwk(RSA_KEYS[0], "k1")], "K1", "RS256"),
        ([jwk(RSA_KEYS[0], "k1")], "k1", "ES256"),
        ([jwk(RSA_KEYS[0])], None, "ES256"),
    ],
)
def test_ambiguous_or_other_key_id_finds_no_key(
    issuer: FakeIssuer, published: list[dict[str, Any]], key_id: str | None, algorithm: str
) -> None:
    issuer.reply = publish(*published)
    assert find(IssuerKeys(), issuer, key_id, algorithm) is None


# --- outages


@pytest.mark.parametrize("outage", OUTAGES)
def test_known_keys_outlive_an_outage(outage: str, issuer: FakeIssuer, timer: Time) -> None:
    keys, published = IssuerKeys(), issuer.reply
    assert find(keys, issuer)
    issuer.reply = OUTAGES[outage]
    for seconds in (10, 289, 2, 599, HOUR_S, 5 * HOUR_S):
        timer.forward(seconds)
        assert find(keys, issuer), f"after {seconds} s more"
    assert journal.drain()[0] == {"KeysStale": 4}
    issuer.reply = published
    timer.forward(issuer_keys.PAUSE_WITH_KEY_S)
    assert find(keys, issuer) and not journal.drain()[0]


def test_known_keys_outlive_a_refused_connection(issuer: FakeIssuer, timer: Time) -> None:
    keys = IssuerKeys()
    assert find(keys, issuer)
    issuer.stop()
    for _ in range(3):
        timer.forward(HOUR_S)
        assert find(keys, issuer)
    counts, breadcrumbs, _ = journal.drain()
    assert (counts, breadcrumbs) == ({"KeysStale": 3}, ["issuer's keys: ConnectionRefusedError"] * 3)


@pytest.mark.parametrize("outage", OUTAGES)
def test_without_any_key_a_token_cannot_be_judged(outage: str, issuer: FakeIssuer, timer: Time) -> None:
    keys, published = IssuerKeys(), issuer.reply
    issuer.reply = OUTAGES[outage]
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            find(keys, issuer)
    assert len(issuer.requests) == 1
    issuer.reply = published
    timer.forward(issuer_keys.PAUSE_S)
    assert find(keys, issuer), "the issuer is back"


def test_known_keys_end_after_a_day(issuer: FakeIssuer, timer: Time) -> None:
    keys = IssuerKeys()
    assert find(keys, issuer)
    issuer.reply = OUTAGES["status 500"]
    timer.forward(24 * HOUR_S)
    assert find(keys, issuer)
    timer.forward(1)
    with pytest.raises(KeysUnavailable, match="^status 500$"):
        find(keys, issuer)


def test_long_silence_is_no_outage(issuer: FakeIssuer, timer: Time) -> None:
    keys = IssuerKeys()
    assert find(keys, issuer)
    timer.forward(72 * HOUR_S)
    assert find(keys, issuer) and not journal.drain()[0]


def test_an_hour_of_outage_asks_the_issuer_once_a_minute(issuer: FakeIssuer, timer: Time) -> None:
    keys = IssuerKeys()
    assert find(keys, issuer)
    issuer.reply = OUTAGES["status 500"]
    for _ in range(HOUR_S):
        timer.forward(1)
        assert find(keys, issuer)
    assert 55 <= len(issuer.requests) <= 61


# --- rotation


def test_new_key_is_accepted_at_once_beside_the_old(issuer: FakeIssuer, timer: Time) -> None:
    keys = IssuerKeys()
    assert find(keys, issuer)
    issuer.reply = publish(jwk(RSA_KEYS[0], "k1"), jwk(RSA_KEYS[1], "k9"))
    timer.forward(1)
    assert find(keys, issuer, "k9") and find(keys, issuer, "k1")
    issuer.reply = publish(jwk(RSA_KEYS[1], "k9"))
    timer.forward(issuer_keys.REFRESH_AFTER_S + 1)
    assert find(keys, issuer, "k9") and find(keys, issuer, "k1") is None


def test_new_key_during_an_outage_cannot_be_judged(issuer: FakeIssuer, timer: Time) -> None:
    keys = IssuerKeys()
    assert find(keys, issuer)
    issuer.reply = OUTAGES["maintenance page"]
    timer.forward(600)
    with pytest.raises(KeysUnavailable):
        find(keys, issuer, "k9")
    assert find(keys, issuer, "k1"), "the known key stays"
    issuer.reply = publish(jwk(RSA_KEYS[1], "k9"))
    timer.forward(issuer_keys.ASKED_AGAIN_AFTER_S)
    assert find(keys, issuer, "k9")


def test_made_up_key_ids_ask_the_issuer_rarely(issuer: FakeIssuer, timer: Time) -> None:
    keys = IssuerKeys()
    assert find(keys, issuer)
    for number in range(600):
        timer.forward(number % 10 == 0)  # ten a second
        assert find(keys, issuer, f"made-up-{number}") is None
    per_window = issuer_keys.ASKED_IDS_MAX / issuer_keys.ASKED_AGAIN_AFTER_S
    assert len(issuer.requests) <= 1 + (60 + issuer_keys.ASKED_AGAIN_AFTER_S) * per_window
    assert len(keys._asked_at_s) <= issuer_keys.ASKED_IDS_MAX
    timer.forward(issuer_keys.ASKED_AGAIN_AFTER_S)
    issuer.reply = publish(jwk(RSA_KEYS[1], "k9"))
    assert find(keys, issuer, "k9")


@pytest.mark.parametrize(("before", "after"), [("k1", "k1"), (None, None), ("k1", None), (None, "k9")])
def test_replaced_key_is_fetched_when_a_signature_does_not_match(
    issuer: FakeIssuer, timer: Time, before: str | None, after: str | None
) -> None:
    keys = IssuerKeys()
    issuer.reply = publish(jwk(RSA_KEYS[0], before))
    old = find(keys, issuer, before)
    assert old and keys.find_replacement(issuer.url, old, before) is None
    issuer.reply = publish(jwk(RSA_KEYS[1], after))
    timer.forward(issuer_keys.ASKED_AGAIN_AFTER_S)
    new = keys.find_replacement(issuer.url, old, after)
    assert new and new.public == RSA_KEYS[1].public_key()
    asked = len(issuer.requests)
    assert keys.find_replacement(issuer.url, new, after) is None and len(issuer.requests) == asked
