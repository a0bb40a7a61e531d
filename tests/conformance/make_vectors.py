"""Writes vectors.json: what every engine, in every language, must agree on.

`python -m tests.conformance.make_vectors`. Expectations come from unlimited integers and fractions,
from literals that other programs gave (sha256sum, Kafka's own tests), or are written by hand; from
nothing of the package.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("vectors.json")

DAY = 86_400_000
MOMENTS = [0, 1, 999, 1_000, 86_399_999, 86_400_000, 1_727_999_999_999, 1_728_000_000_000]
WIDTHS = [1_000, 45_000, 60_000, 900_000, 3_600_000, DAY]

ORDERED = [
    "0", "A", "a", "aa", "ab", "a\u00e9", "a\uffff", "a\U0001f600", "b", "z", "\u00e9", "\u07ff",
    "\u0800", "\ud7ff", "\ue000", "\ufb01", "\uffff", "\U00010000", "\U0001f600", "\U0010ffff",
]  # fmt: skip
"""By hand; checked below."""

DIGESTS = {
    "abc": "ba7816bf8f01cfea",
    "uu1": "9d4fe6b74db83019",
    "i1": "4cd9b7672d7fbee8",
    "\u00e9": "4a99557e4033c353",
    "\U0001f600": "f0443a342c5ef547",
    "red": "b1f51a511f1da0cd",
}
"""The first 16 digits that coreutils' sha256sum prints."""

DECIMALS = [
    ("12.34", 2), ("12.3", 2), ("12.345", 2), ("12.340", 2), ("-0.01", 2), ("0", 2), ("-0", 2),
    ("1e2", 2), ("1.5E1", 0), ("1.5", 0), ("0.1", 1), ("0.3", 1), ("4.35", 2), ("1.005", 3),
    ("1.005", 2), ("21474836.47", 2), ("21474836.48", 2), ("-21474836.47", 2), ("-21474836.48", 2),
    ("2147483647", 0), ("2147483648", 0), ("-2147483648", 0), ("0.000001", 6), ("1e-7", 6),
    ("2147.483647", 6), ("1e30", 0),
]  # fmt: skip

SQUARED = [0, 1, -1, 3, -3, 46_340, 46_341, -46_341, 65_536, 2**31 - 1, -(2**31 - 1)]

MURMUR = {
    "": 275646681,
    "1": -1993445489,
    "12": 126087238,
    "123": -267702483,
    "1234": -1614185708,
    "12345": -1188365604,
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}
"""Of Kafka's UtilsTest, and of what others took from Kafka's Utils.murmur2: signed 32 bits."""

OWNERS = [
    {"user_id": "u1", "session_id": "v1", "owner": "u:u1", "visit": "s:v1", "hashed": "uu1"},
    {"user_id": "u1", "session_id": None, "owner": "u:u1", "visit": "u:u1", "hashed": "uu1"},
    {"user_id": None, "session_id": "v1", "owner": "s:v1", "visit": "s:v1", "hashed": "sv1"},
    {"user_id": "s:v1", "session_id": "u1", "owner": "u:s:v1", "visit": "s:u1", "hashed": "us:v1"},
]

ABOUT = {
    "how": (
        "Each section says what is given and what must come of it. Numbers that a double cannot "
        "hold are texts. Written by tests/conformance/make_vectors.py, read by "
        "tests/conformance/test_language.py."
    ),
    "tiles": "timestamp and width in ms; tile = floor(timestamp / width).",
    "byte_order": (
        "Texts in ascending order: by the bytes of their UTF-8, which is by code points; UTF-16 "
        "puts what is beyond U+FFFF before U+E000. Ids at one timestamp are in this order."
    ),
    "value_hashes": (
        "hash: the first 8 bytes of the SHA-256 of the text's UTF-8, as a big-endian unsigned "
        "number; hex: the same."
    ),
    "decimals": (
        "text: a JSON number; places: the decimal places that are declared; scaled: text * "
        "10^places, or null where it is refused: not whole, or not below 2^31."
    ),
    "squares": (
        "low and high: the square of a value is high * 2^31 + low, 0 <= low < 2^31. Each is "
        "summed alone."
    ),
    "partitions": (
        "Kafka's murmur2 of the key's UTF-8 with the seed 0x9747b28c, signed 32 bits; its "
        "partition is (murmur2 & 0x7fffffff) mod partitions."
    ),
    "owners": (
        "owner: whose event it is, and its key on Kafka. visit: the key of its session. hashed: "
        "what stands for the owner when distinct people are counted (value_hashes). user_id or "
        "session_id may be null, not both."
    ),
}


def vectors() -> dict[str, Any]:
    assert sorted(ORDERED, key=lambda text: text.encode("utf-8", "surrogatepass")) == ORDERED
    return {
        "about": ABOUT,
        "tiles": [
            {"timestamp": ts, "width": width, "tile": int(Fraction(ts, width))}
            for ts in MOMENTS
            for width in WIDTHS
        ],
        "byte_order": ORDERED,
        "value_hashes": [
            {"text": text, "hex": digits, "hash": str(int(digits, 16))}
            for text, digits in DIGESTS.items()
        ],
        "decimals": [
            {"text": text, "places": places, "scaled": scaled(text, places)}
            for text, places in DECIMALS
        ],
        "squares": [
            {"value": v, "low": v * v % 2**31, "high": v * v // 2**31, "square": str(v * v)}
            for v in SQUARED
        ],
        "partitions": [
            {"key": key, "murmur2": said, "partitions": n, "partition": (said & 0x7FFFFFFF) % n}
            for key, said in MURMUR.items()
            for n in (1, 12, 64)
        ],
        "owners": OWNERS,
    }


def scaled(text: str, places: int) -> int | None:
    exact = Fraction(text) * 10**places
    whole = exact.denominator == 1 and abs(exact) < 2**31
    return int(exact) if whole else None


def document() -> str:
    return json.dumps(vectors(), indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    PATH.write_text(document(), encoding="ascii")
