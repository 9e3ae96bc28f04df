"""The reason of a line in Russian: the ledger keeps it as one English line, phrase by phrase.

The phrases are those of `gateway.settling`, `gateway.estimating` and `gateway.estimation.choice`; a
test makes them say all they can and finds each of them here.
"""

import re

from gateway.explain.translation import table, whole, within

_AND = "; "
# Inside a norm's reason the why follows a colon, which is a phrase of its own.
_NORM = re.compile(r"norm of consumption, (?:(.+), )?ПП 354 п\. 60: (.+)")

_SHUT = r"access refused \(acts (\S+) of (\S+), (\S+) of (\S+)\), (.+)"

_PHRASES = table(
    (r"no accepted reading in the period", r"за период нет принятого показания"),
    (r"no accepted reading of the new meter", r"нет принятого показания нового счётчика"),
    (r"the meter was exchanged once", r"счётчик заменён"),
    (r"the meter was exchanged (\d+) times", r"счётчик заменён, раз: \1"),
    (r"the meter counts anew from an act once", r"счётчик начал счёт заново по акту"),
    (r"the meter counts anew from an act (\d+) times", r"счёт заново по акту, раз: \1"),
    (r"no reading where the period ends", r"на конец периода показания нет"),
    (r"closed by the inspection \((.+)\)", r"закрыто проверкой (\1)"),
    (r"closed by the photo \((.+)\)", r"закрыто по фотографии (\1)"),
    (r"closed by the resident's figure \((.+)\)", r"закрыто показанием жителя (\1)"),
    (r"closed by the figure from ГИС ЖКХ \((.+)\)", r"закрыто показанием из ГИС ЖКХ (\1)"),
    (
        r"makes good what was submitted before and what was found \((.+)\)",
        r"пересчитана разница между переданным и найденным при проверке (\1)",
    ),
    (r"closed by the act of the meter's removal", r"закрыто актом снятия счётчика"),
    (r"the meter had been removed before the period", r"счётчик был снят до начала периода"),
    (r"the meter's verification has run out", r"истёк срок поверки счётчика"),
    (r"the meter is out of order", r"счётчик неисправен"),
    (
        r"it was taken away before the period ended: estimated until then",
        r"он был снят до конца периода: расчёт по день снятия",
    ),
    (
        r"the end of the period lies on a line between (.+) and (.+)",
        r"конец периода рассчитан между показаниями \1 и \2",
    ),
    (
        r"average of ([\d.]+) measured months, unread period (\d+) of (\d+) \((.+)\)",
        r"среднее за измеренных месяцев: \1; период без показаний \2-й из \3 (\4)",
    ),
    (
        r"average of ([\d.]+) measured months, unread period (\d+), (.+) without a limit",
        r"среднее за измеренных месяцев: \1; период без показаний \2-й (\3, без предела)",
    ),
    (
        r"unread period (\d+), after (\d+) by average \((.+)\)",
        r"период без показаний \1-й, после \2 по среднему (\3)",
    ),
    (r"unread period (\d+) of (\d+) \((.+)\)", r"период без показаний \1-й из \2 (\3)"),
    (r"unread period (\d+), (.+) without a limit", r"период без показаний \1-й (\2)"),
    (
        r"less than (\d+) measured months for an average",
        r"для среднего меньше \1 измеренных месяцев",
    ),
    (
        r"no heating season of the house is known: see registry seasons",
        r"отопительный сезон дома не задан",
    ),
    (r"no norm applies: see registry norms", r"норматив не задан"),
    (
        r"no norm is a house meter's: see house-balance for the common needs by norm",
        r"у общедомового счётчика нет норматива: ОДН по нормативу, см. баланс дома",
    ),
    (r"by its check meter at (.+)", r"по контрольному счётчику: точка учёта \1"),
    (
        r"access refused \(acts (\S+) of (\S+), (\S+) of (\S+)\), raised by ([\d.]+), (.+)",
        r"отказ в допуске (акты \1 от \2, \3 от \4), коэффициент \5, \6",
    ),
    *(
        (
            rf"{english} of (\S+) \((\S+)\) does not count: {_SHUT}",
            rf"{russian} от \1 (\2) не учтено: отказ в допуске (акты \3 от \4, \5 от \6), \7",
        )
        for english, russian in (
            ("the resident's figure", "показание жителя"),
            ("the photo", "показание по фотографии"),
            ("the figure from ГИС ЖКХ", "показание из ГИС ЖКХ"),
        )
    ),
)
# How a norm came about, where it has no row of its own.
_NORM_SAID = table(
    (r"([\d.]+) for each of (\d+) residents", r"\1 на каждого из жителей (их \2)"),
    (r"shared by (\d+) metering points", r"поровну на точек учёта: \1"),
    (r"shared by (\d+) tariffs", r"поровну на тарифов: \1"),
)


def in_russian(reason: str) -> str:
    """A line's reason in Russian, phrase by phrase."""
    return _AND.join(_phrase(part) for part in reason.split(_AND) if part)


def _phrase(part: str) -> str:
    norm = _NORM.fullmatch(part)
    if norm is not None:
        said = within(norm[1] or "", _NORM_SAID)
        named = ", ".join(filter(None, ("норматив потребления", said, "ПП 354 п. 60")))
        return f"{named}: {_phrase(norm[2])}"
    return whole(part, _PHRASES)
