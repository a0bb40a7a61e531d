"""Readable titles from the receipts' product types: `EGGS - X-LARGE`, `1 DZ` -> Eggs, x-large.

The source has no product names, only a type of at most 30 capitals, a category and
a package size.
"""

from __future__ import annotations

import re

_WORDS = {
    "&": "and", "ACCESS": "accessories", "BR": "bread", "BRD": "bread", "BTL": "bottle",
    "BTR": "butter", "BKFST": "breakfast", "CAN": "canned", "CARB": "sparkling",
    "CATFD": "cat food", "CHS": "cheese", "CKYS": "cookies", "CNDY": "candy",
    "CNDMNTS": "condiments", "CRBNTD": "carbonated", "CRKR": "crackers", "DNR": "dinner",
    "DOGFD": "dog food", "DRNK": "drink", "DRNKS": "drinks", "DRNKING": "drinking",
    "DSH": "dishes", "ENTREES": "entrées", "FD": "food", "FEM": "feminine",
    "FLVRD": "flavoured", "FRSH": "fresh", "FRT": "fruit", "FRZ": "frozen",
    "FRZN": "frozen", "GDS": "goods", "GRHM": "graham", "HLTH": "health",
    "HYGN": "hygiene", "INSTORE": "in-store", "IQF": "", "IWS": "wrapped",
    "LNCH": "lunch", "LUNCHMEAT": "lunch meat", "MED": "medium", "MICROW": "microwave",
    "MISC": "other", "MLT": "multi", "MNERAL": "mineral", "MULTIGRAIN": "multigrain",
    "MW": "microwave", "MXS": "mixes", "NTRL": "natural", "PK": "pack", "PKGD": "packed",
    "PCKGD": "packed", "PKT": "packet", "PNT": "peanut", "PREP": "prepared",
    "PROC": "processed", "PROD": "products", "PWDR": "powder", "REFRGRATD": "refrigerated",
    "REFRG": "refrigerated", "REFRIG": "refrigerated", "RW": "raw", "SEAS": "seasonal",
    "SFT": "soft", "SHERBTS": "sherbets", "SHLF": "shelf", "SKNLS": "skinless",
    "SNGL": "single", "SNKS": "snacks", "SPECILATY": "speciality", "SPECLTY": "speciality",
    "SPLY": "supplies", "SRV": "serve", "STBL": "stable", "STR": "store", "SW": "sweet",
    "SWEETNERS": "sweeteners", "UNSCNTD": "unscented", "VEG": "vegetable",
    "VEGS": "vegetables", "W": "with", "WATE": "water", "WHLSM": "wholesome",
    "WHT": "white", "XTRA": "extra", "YOG": "yogurt", "YOGHURT": "yogurt", "BBQ": "BBQ",
    "FORMULA": "formula", "LN": "lean", "LT": "light", "ORNG": "orange", "JCE": "juice",
    "STK": "stick", "STKS": "sticks", "PIZ": "pizza", "SND": "sandwich", "SPF": "SPF",
    "COND": "condiments", "EXCP": "", "INCL": "", "EX": "", "LTR": "litre", "LITER": "litre",
    "GR": "", "O": "", "TP": "", "MRKT": "market", "VAL": "value", "ADDED": "cut",
    "ALL": "", "OTHERS": "other", "GRND": "ground", "CHIX": "chicken", "FRD": "fried",
    "DNRS": "dinners", "PKG": "packed", "SEAFD": "seafood", "MX": "mix", "CRYSTL": "crystal",
    "SALD": "salad", "DRSNG": "dressing", "SNDWCH": "sandwich", "SPRD": "spread", "BKD": "baked",
    "CONC": "concentrate", "WTR": "water", "CLEANG": "cleaning", "BRKFST": "breakfast",
    "SAUS": "sausage", "TRSH": "trash", "BG": "bags", "COCO": "cocoa", "BN": "beans",
    "SGL": "single", "SV": "serve", "SS": "single-serve", "VEND": "vending", "MACH": "machine",
    "CHICK": "chicken",
    "DEPT": "department", "TRANS": "transactions", "REG": "regular", "MAY": "mayonnaise",
    "XMAS": "Christmas", "HISPANIC": "Hispanic", "ITALIAN": "Italian", "FRENCH": "French",
    "MEXICAN": "Mexican", "ANGUS": "Angus", "OJ": "orange juice", "HBC": "care",
    "WHEAT": "wheat", "FS": "", "WHL": "whole", "JU": "juice", "CARDS": "cards",
}  # fmt: skip

# The most frequent types that rules would not make readable.
_WHOLE = {
    "SOFT DRINKS 12/18&15PK CAN CAR": "Soft drinks, cans",
    "SFT DRNK 2 LITER BTL CARB INCL": "Soft drink, bottle",
    "SFT DRNK SNGL SRV BTL CARB (EX": "Soft drink, single bottle",
    "SFT DRNK MLT-PK BTL CARB (EXCP": "Soft drinks, bottles",
    "FLUID MILK WHITE ONLY": "Milk",
    "IWS SINGLE CHEESE": "Cheese slices",
    "DAIRY CASE TEA WITH SUGAR OR S": "Iced tea, sweetened",
    "BUTTER SPRAY CRACKER (RITZ/CLU": "Butter crackers",
    "NON-CRBNTD DRNKING/MNERAL WATE": "Still water",
    "YOGURT NOT MULTI-PACKS": "Yogurt",
    "VARIETY BEANS - KIDNEY PINTO": "Beans, kidney and pinto",
    "SEMI-SOLID SALAD DRESSING MAY": "Mayonnaise and dressing",
}

_UNITS = {
    "CT": "ct", "DZ": "dozen", "FO": "fl oz", "FT": "ft", "GA": "gal", "GAL": "gal",
    "GM": "g", "HP": "half pint", "IN": "in", "L": "l", "LB": "lb", "LT": "l", "LTR": "l",
    "ML": "ml", "OZ": "oz", "PK": "pack", "PT": "pint", "QT": "quart", "SQ": "sq",
}  # fmt: skip

_DEPARTMENTS = {
    "CHEF SHOPPE": "Chef shop",
    "CNTRL/STORE SUP": "Store supplies",
    "CHARITABLE CONT": "Charity",
    "DRUG GM": "Drugstore and home",
    "ELECT &PLUMBING": "Electrical and plumbing",
    "GM MERCH EXP": "General goods",
    "MEAT-PCKGD": "Packed meat",
    "PASTRY": "Bakery",
    "PROD-WHS SALES": "Produce, wholesale",
    "SEAFOOD-PCKGD": "Packed seafood",
}

# Types that say nothing without their category: "Premium" is bacon.
_BARE = re.compile(
    r"^(SELECT|CHOICE|PRIME|PRIMAL|ENHANCED|PREMIUM|ECONOMY|NATURAL|BONELESS|BONE-IN|LEAN|"
    r"VEGETABLE|FROZEN|REFRIGERATED|REGULAR|SPECIALTY|MEAT INCLUDED|THIGHS|BREAST|WINGS|"
    r"WHOLE|LINKS|PATTIES|ROLLS|SNACKS|SINGLES|RED|TRADITIONAL|BETTER|BEST|SUPER PREMIUM|MISC.*)\b"
)


def department(name: str) -> str:
    """A department's name for people: `DRUG GM` -> Drugstore and home."""
    return _DEPARTMENTS.get(name, name.capitalize())


def phrase(text: str) -> str:
    """Capitals and abbreviations as words: `FRZN PIE/DESSERTS` -> Frozen pie / desserts."""
    if len(text) >= 30:
        text = re.sub(r"[ /]([A-Z]{1,2})$", _cut, text)
    text = re.sub(r"\([^)]*\)?", " ", text)  # the source cuts brackets off at 30 characters
    text = re.sub(r"\b(NON|MLT|MULTI|X|ULTRA|PRE|IN|BONE)-(?=[A-Z])", r"\1~", text)
    text = text.replace("&", " & ").replace(":", ", ").replace(" - ", ", ")
    text = re.sub(r"(?<=[A-Z]{3})-(?=[A-Z])", ", ", text)
    words = []
    for part in re.split(r"(\s+|[,/~.])", text):
        words.append(_WORDS.get(part, part.lower()) if part.strip() else part)
    text = "".join(words).replace("~", "-").replace(".", " ")
    text = re.sub(r" other$", "", re.sub(r"\s+", " ", text))
    text = re.sub(r" *(/ *)+", "/", text).replace(",/", ",")
    text = re.sub(r"\s*(,\s*)+", ", ", text).strip(" ,/-")
    return text[:1].upper() + text[1:]


def size(text: str | None) -> str:
    """A package size: `8 1/2 OZ` -> 8 1/2 oz; empty where the source's makes no sense."""
    if not text or not re.fullmatch(r"[0-9][0-9. /-]{0,7} ?[A-Z]{1,3}( [A-Z]{2})?", text.strip()):
        return ""
    number, *units = re.findall(r"[0-9][0-9. /-]*|[A-Z]+", text.strip())
    if len(re.sub(r"\D", "", number)) > 4:
        return ""
    return " ".join([number.strip(), *(_UNITS.get(u, u.lower()) for u in units)])


def title(product_type: str | None, category: str | None, package: str | None = None) -> str:
    """A product's title; empty when the source knows neither its type nor its category."""
    kind, group = _WHOLE.get(product_type or "", ""), phrase(category or "")
    kind = kind or phrase(product_type or "")
    if not kind:
        kind = group
    elif group and _BARE.match(product_type or "") and not _shared(kind, group):
        kind = f"{group}, {kind[:1].lower()}{kind[1:]}"
    amount = size(package)
    return f"{kind}, {amount}" if kind and amount else kind


def _cut(found: re.Match[str]) -> str:
    """What is left of a word that the source cut off."""
    return found[0] if found[1] in _WORDS else ""


def _shared(a: str, b: str) -> bool:
    stems = [{w[:4] for w in re.findall(r"[a-z]{3,}", t.lower())} for t in (a, b)]
    return bool(stems[0] & stems[1])
