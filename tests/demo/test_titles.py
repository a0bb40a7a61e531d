from __future__ import annotations

import pytest

from afresh.demo.titles import department, phrase, size, title


@pytest.mark.parametrize(
    ("kind", "category", "package", "expected"),
    [
        ("EGGS - X-LARGE", "EGGS", "1 DZ", "Eggs, x-large, 1 dozen"),
        ("FLUID MILK WHITE ONLY", "FLUID MILK PRODUCTS", "1 GA", "Milk, 1 gal"),
        ("PREMIUM", "BACON", "16 OZ", "Bacon, premium, 16 oz"),
        ("POTATOES RUSSET (BULK&BAG)", "POTATOES", "5 LB", "Potatoes russet, 5 lb"),
        ("SOUP CRACKERS (SALTINE/OYSTER)", "CRACKERS", None, "Soup crackers"),
        ("TORTILLA/NACHO CHIPS", "BAG SNACKS", "12.5 OZ", "Tortilla/nacho chips, 12.5 oz"),
        ("BREAD:ITALIAN/FRENCH", "BREAD", None, "Bread, Italian/French"),
        ("ONIONS OTHER", "ONIONS", None, "Onions"),
        (None, "BREAD", "1 LB", "Bread, 1 lb"),
        (None, None, "1 LB", ""),
    ],
)
def test_titles_read_like_products(
    kind: str | None, category: str | None, package: str | None, expected: str
) -> None:
    assert title(kind, category, package) == expected


def test_abbreviations_become_words() -> None:
    assert phrase("FRZN VEGETABLE/VEG DSH") == "Frozen vegetable/vegetable dishes"
    assert phrase("WATER - CARBONATED/FLVRD DRINK") == "Water, carbonated/flavoured drink"


def test_a_word_that_the_source_cut_off_is_left_out() -> None:
    assert phrase("DAIRY CASE FRUIT TEA SUGAR OR S") == "Dairy case fruit tea sugar or"
    assert phrase("SHORT S") == "Short s"


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ("8 1/2 OZ", "8 1/2 oz"),
        ("83.5 SQ FT", "83.5 sq ft"),
        ("18514050 CT", ""),
        ("(600) 4 LB", ""),
        ("PT", ""),
        (None, ""),
    ],
)
def test_sizes_that_make_no_sense_are_left_out(package: str | None, expected: str) -> None:
    assert size(package) == expected


def test_departments_have_names_for_people() -> None:
    assert department("DRUG GM") == "Drugstore and home"
    assert department("SALAD BAR") == "Salad bar"
