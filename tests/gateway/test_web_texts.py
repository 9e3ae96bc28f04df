"""Texts and colours of the site: every text in both languages and used, every pair readable."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway.web
from gateway.web import texts
from gateway.web.charts import COLOURS

WEB = Path(gateway.web.__file__).parent
GATEWAY = WEB.parent
SOURCES = [
    *WEB.rglob("*.py"),
    *WEB.rglob("*.html"),
    *(GATEWAY / "explain").glob("*.py"),
    *(GATEWAY / "commands").glob("*.py"),
    *(GATEWAY / "resident").glob("*.py"),
]
CODE = "\n".join(one.read_text() for one in SOURCES if not one.name.endswith("_texts.py"))
# Keys that are put together: what stands before the part that varies.
MADE = (
    "badge_", "claim_", "clock_", "cutoff_", "decided_", "found_", "handed_", "hint_", "method_",
    "origin_", "period_", "reading_", "reconcile_", "remark_", "role_", "rule_", "signature_of_",
    "slot_", "source_", "state_", "sum_", "tier_", "todo_", "unit_", "way_", "balance_by_",
    "brought_", "chain_", "log_", "identity_", "not_in_", "act_answer_", "act_how_", "act_now_",
    "dispute_is_", "dispute_kind_", "dispute_state_", "history_from_", "history_is_",
    "refused_", "visit_event_", "visit_kind_", "visit_outcome_", "visit_why_", "visit_value_",
)  # fmt: skip
RESOURCES = {"electricity", "cold-water", "hot-water", "heat", "gas"}

# WCAG 2.2 AA: 4.5 for text, 3 for large text.
CONTRAST_MIN = 4.5
LARGE_MIN = 3.0


@pytest.mark.parametrize("key", texts.TEXTS)
def test_every_text_is_there_in_both_languages_with_the_same_places(key: str) -> None:
    russian, english = texts.TEXTS[key]
    assert russian.strip()
    assert english.strip()
    places = [sorted(re.findall(r"\{\d*\}", one)) for one in (russian, english)]
    assert places[0] == places[1]


def test_no_text_is_left_over() -> None:
    """A key stands in a template or in code, or is put together from a prefix that does."""
    unused = [
        key
        for key in texts.TEXTS
        if key not in RESOURCES
        and not re.search(rf"[\"']{re.escape(key)}[\"']", CODE.replace(f'"{key}": (', ""))
        and not any(key.startswith(made) and re.search(rf"[\"']{made}", CODE) for made in MADE)
    ]
    assert unused == []


def test_no_text_of_a_page_is_of_the_wrong_language() -> None:
    """Russian texts hold no English sentence, English ones none of Russian."""
    names = "ПП|п|ГИС|ЖКХ"
    for key, (russian, english) in texts.TEXTS.items():
        if key == "language":
            continue
        bare = re.sub(r"plomba-(?:edge|gateway) [\w ./-]+|GIS ZhKH|PDF|QR", "", russian)
        assert not re.search(r"[a-z]{3,} [a-z]{3,}", bare), key
        assert not re.search(r"[А-Яа-я]{3,}", re.sub(names, "", english)), key


def variables(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", css))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(two * 2 for two in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def pairs() -> Iterator[tuple[str, str, str]]:
    """Selector, colour and background: the rule's own, else both that text may stand on."""
    css = re.sub(r"/\*.*?\*/", "", (WEB / "static/page.css").read_text(), flags=re.DOTALL)
    known = variables(css)

    def value(found: re.Match[str]) -> str:
        return known.get(found[1] or "", found[2] or "")

    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        ink = re.search(r"(?<![-\w])color: (?:var\(--([\w-]+)\)|(#\w+))", body)
        ground = re.search(r"background: (?:var\(--([\w-]+)\)|(#\w+))", body)
        if (ink is None and ground is None) or "dot" in selector:
            continue
        colour = value(ink) if ink else known["ink"]
        for behind in [value(ground)] if ground else [known["card"], known["ground"]]:
            if colour and behind:
                yield selector.strip(), colour, behind


def test_there_are_pairs_to_check() -> None:
    assert len(list(pairs())) > 40


@pytest.mark.parametrize(("selector", "colour", "behind"), [*pairs()])
def test_every_text_can_be_read_on_what_is_behind_it(
    selector: str, colour: str, behind: str
) -> None:
    assert contrast(colour, behind) >= CONTRAST_MIN, selector


def test_the_contrast_is_that_of_wcag() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777", "#fff") == pytest.approx(4.48, abs=0.01)


def test_charts_stand_out_from_their_card() -> None:
    """WCAG 1.4.11 asks 3 of a graphic; their labels are text."""
    assert [name for name, one in COLOURS.items() if contrast(one, "#fff") < LARGE_MIN] == []
