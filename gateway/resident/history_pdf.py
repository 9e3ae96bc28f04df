"""A dwelling's history as PDF (cloud_sync/typeset.py), with the chart that its page has.

The chart says nothing that the table below it does not: whoever hears the paper read is told so.
"""

from pathlib import Path
from typing import Final

from cloud_sync.typeset import pdf
from gateway.resident.history import History, Kept
from gateway.resident.history_sheet import month_rows, name_of, source_of, standing_of
from gateway.web import charts
from gateway.web.texts import Words

_TEMPLATE = Path(__file__).with_name("history.typ")
# Two pages of a register; who wants more takes the CSV file.
VALUES_MAX: Final = 80


def of_history(history: History, words: Words) -> bytes:
    """The history on A4, tagged."""
    about = words("history_about", history.address, history.dwelling, history.account)
    data = {
        "title": words("history_title"),
        "about": about,
        "as_of": words("history_as_of", words.moment(history.at_ms, history.zone)),
        "note": words("history_months_note"),
        "no_months": words("history_no_months"),
        "no_values": words("history_none"),
        "values_title": words("history_values"),
        "language": words.language,
        "tagline": words("tagline"),
        "page": words("act_page", "{page}", "{pages}"),
        "registers": [_register(history, one, words) for one in history.registers],
    }
    return pdf(_TEMPLATE, data, history.at_ms)


def _register(history: History, kept: Kept, words: Words) -> dict[str, object]:
    heads = ("history_at", "history_meter", "history_value", "history_source", "history_standing")
    months = ("history_month", "history_used", "history_before", "history_house")
    return {
        "title": f"{name_of(kept.register, words)} · {kept.meter}",
        "months_title": words("history_months", words.unit(kept.register.unit)),
        "months_head": [words(key) for key in months],
        "months": list(month_rows(kept, words)),
        "chart": charts.compared(kept, words, on_paper=True).decode() if kept.has_use else "",
        "chart_alt": words("history_chart_alt", name_of(kept.register, words)),
        "values_head": [words(key) for key in heads],
        "values": [
            (
                *(words.moment(one.at_ms, history.zone), one.meter, words.number(one.value)),
                *(source_of(one, words), standing_of(one, words)),
            )
            for one in kept.values[:VALUES_MAX]
        ],
        "more": words("history_shown", VALUES_MAX) if len(kept.values) > VALUES_MAX else "",
    }
