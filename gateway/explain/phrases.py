"""The phrases of findings, of what became of claims, and of what has no line and why.

English is as the rules, the claims, the reconciliation and the book of periods write it.
"""

from typing import Final

from gateway.explain.translation import table

_AMOUNT = r"(-?[\d.]+ \S+?)"
_CLAIM = r"(the (?:inspection|photo|resident's figure|figure from ГИС ЖКХ) of \S+ \(claim-\d+\))"

PHRASES: Final = table(
    # The numbers of a reading.
    (rf"{_AMOUNT} is negative", r"\1: меньше нуля"),
    (rf"fell from {_AMOUNT} to {_AMOUNT}", r"было \1, стало \2"),
    (rf"{_AMOUNT} does not fit the (\d+) digits", r"\1 не помещается на шкале, знаков: \2"),
    (rf"rolled over from {_AMOUNT} to {_AMOUNT}", r"с \1 перешёл через ноль на \2"),
    (
        rf"rose by {_AMOUNT} in (\d+) s, at most {_AMOUNT} an hour are possible",
        r"прибавилось \1 за \2 с, а возможно не больше \3 в час",
    ),
    (
        rf"unchanged at {_AMOUNT} for (\d+) h, limit (\d+) h",
        r"стоит на \1 уже \2 ч, обычно не дольше \3 ч",
    ),
    (
        (
            rf"used {_AMOUNT} in ([\d.]+) days, a day more than (\d+) times the usual {_AMOUNT}"
            r" in ([\d.]+) days"
        ),
        r"\1 за \2 сут., это в \3 с лишним раза больше обычного (\4 за \5 сут.)",
    ),
    (
        (
            rf"used {_AMOUNT} in ([\d.]+) days, a day less than (\S+) of the usual {_AMOUNT}"
            r" in ([\d.]+) days"
        ),
        r"\1 за \2 сут., это меньше \3 обычного (\4 за \5 сут.)",
    ),
    (
        rf"more than (\d+) times: {_AMOUNT} since the last value, usual are {_AMOUNT}",
        r"с прошлого показания \2, это в \1 с лишним раза больше обычного (\3)",
    ),
    (
        rf"less than (\S+): {_AMOUNT} since the last value, usual are {_AMOUNT}",
        r"с прошлого показания \2, это меньше \1 обычного (\3)",
    ),
    (
        (
            rf"counted {_AMOUNT} on since it was removed with {_AMOUNT} at (\S+):"
            r" look where the meter is, or correct the exchange"
        ),
        (
            r"снят с показанием \2 (\3), после этого насчитал ещё \1:"
            r" найдите счётчик или исправьте запись о замене"
        ),
    ),
    (
        (
            rf"{_AMOUNT} may be {_AMOUNT} with the decimal point (\d) to the (?:left|right);"
            rf" expected about {_AMOUNT}"
        ),
        r"\1 похоже на \2 со сдвинутой запятой (знаков: \3); ожидалось около \4",
    ),
    (
        (
            rf"{_AMOUNT} may be what was used, not what the meter shows: that would be about"
            rf" {_AMOUNT}"
        ),
        r"\1 похоже на расход, а не на показание; показание было бы около \2",
    ),
    (
        rf"{_AMOUNT} may be the last digits only: the whole would be {_AMOUNT}",
        r"\1 похоже на последние цифры; целиком было бы \2",
    ),
    (
        rf"{_AMOUNT} fits (\S+), whose {_AMOUNT} fits (\S+): are the two registers exchanged\?",
        r"\1 подходит регистру \2, а его \3 — регистру \4: не перепутаны ли они?",
    ),
    (
        (
            rf"{_AMOUNT} fits (\S+) (\S+), and what was given there fits here:"
            r" are the two exchanged\?"
        ),
        r"\1 подходит счётчику \2 (\3), а переданное там — сюда: не перепутаны ли они?",
    ),
    (
        rf"{_AMOUNT} fits (\S+) (\S+), where {_AMOUNT} stood before: are the two exchanged\?",
        r"\1 подходит счётчику \2 (\3), где было \4: не перепутаны ли они?",
    ),
    (
        (
            rf"tariffs (.+) and total {_AMOUNT} are {_AMOUNT} further apart than at the"
            rf" installation, at most {_AMOUNT} are rounding"
        ),
        r"тарифы \1, общее \2: с установки разошлись на \3, округлением объяснимо до \4",
    ),
    # How and when it was read.
    (r"read without (.+) of the same meter", r"вместе с ним не прочитано: \1"),
    (
        rf"duplicate-conflict: {_AMOUNT} came, {_AMOUNT} is stored for the same instant",
        r"пришло \1, а на тот же момент уже сохранено \2",
    ),
    (r"captured by a clock that was never set", "часы устройства не были выставлены"),
    (
        r"captured in relative time, placed by its boot's start",
        "время восстановлено по включению устройства",
    ),
    (
        r"captured (\d+) s after it was received, at most (\d+) s are clock difference",
        r"снято на \1 с позже, чем получено; расхождение часов бывает до \2 с",
    ),
    (
        r"the clock may have been wrong by (\d+) s, at most (\d+) s are in order",
        r"часы могли ошибаться на \1 с, допустимо до \2 с",
    ),
    (
        (
            r"chained as #(\d+) and captured (\S+), after #(\d+) captured (\S+):"
            r" the clock was set back"
        ),
        r"пакет \1 снят \2, хотя идёт после пакета \3, снятого \4: часы перевели назад",
    ),
    (
        (
            r"expected (\S+) at (\S+), got (\S+) (\S+): correct the register's unit and"
            r" exponent in the registry"
        ),
        r"ожидалось \1 с точностью \2, пришло \3 \4: исправьте единицу и точность в реестре",
    ),
    (
        r"not-bound: meter (.+) is not assigned to device (.+) at (\S+)",
        r"счётчик \1 не закреплён за устройством \2 (\3)",
    ),
    (
        r"unregistered: the registry has no register (.+) of meter (.+)",
        r"в реестре нет регистра \1 счётчика \2",
    ),
    (
        r"estimated for (\d+) periods in a row, limit (\d+)",
        r"периодов подряд без показаний: \1, предел \2",
    ),
    # What people said and decided.
    (
        rf"{_CLAIM} says {_AMOUNT}, {_CLAIM} says {_AMOUNT} and is believed (\(.+\))",
        r"\1: \2; \3: \4, в расчёт взято второе \5",
    ),
    (
        (
            rf"(.+) says {_AMOUNT}, the automatic readings say {_AMOUNT} then: {_AMOUNT} apart,"
            rf" {_AMOUNT} are tolerated; a visit is due (\(.+\))"
        ),
        (
            r"\1: \2; автоматическое на тот момент: \3; расходятся на \4, допустимо \5;"
            r" нужен осмотр \6"
        ),
    ),
    (rf"{_CLAIM} was not believed", r"\1: не принято"),
    (rf"{_CLAIM} was confirmed against advice \((.+)\)", r"\1: подтверждено вопреки вопросам (\2)"),
    (
        rf"{_CLAIM} closes a time without automatic readings since (\S+)",
        r"\1: автоматических показаний нет с \2",
    ),
    (rf"{_CLAIM} is believed", r"в расчёт взято другое: \1"),
    (rf"{_CLAIM} was brought before a person by (.+)", r"\1: на разбор передал(а) \2"),
    (r"no automatic reading since (\S+)", r"автоматических показаний нет с \1"),
    (r"its period is closed by a reading", "период закрыт показанием счётчика"),
    (
        r"the automatic reading of (\S+) is fresh enough",
        r"есть свежее автоматическое показание: \1",
    ),
    (
        r"the automatic readings around it fall",
        "автоматические показания вокруг него уменьшаются",
    ),
    (rf"agrees with the automatic {_AMOUNT}", r"сходится с автоматическим \1"),
    (
        r"below the value of (\S+) by no more than is tolerated: adds nothing",
        r"ниже показания за \1 в пределах допуска: ничего не добавляет",
    ),
    (
        r"the automatic reading of (\S+) goes on from it",
        r"автоматическое показание за \1 его продолжает",
    ),
    (
        r"the automatic readings agree with it",
        "автоматические показания его подтвердили",
    ),
    (r"accepted by ([^:]+): (.+)", r"принял(а) \1: \2"),
    (r"rejected by ([^:]+): (.+)", r"отклонил(а) \1: \2"),
    (rf"read by ([^:]+) in place of {_AMOUNT}: (.+)", r"снял(а) \1 вместо \2: \3"),
    # A day, slot by slot.
    (
        (
            r"(\d+) of (\d+) slots were measured, (\d+) estimated, (\d+) missing;"
            r" the first is that of (.+)"
        ),
        r"измерено интервалов: \1 из \2, рассчитано: \3, нет данных: \4; первый — в \5",
    ),
    (
        rf"{_AMOUNT} in a slot, the third highest is {_AMOUNT}: (\d+) % above, limit (\d+) %",
        r"\1 за интервал, третий по величине \2: больше на \3 %, предел \4 %",
    ),
    (
        (
            rf"{_AMOUNT} in the slot of (.+), median around it {_AMOUNT}, {_AMOUNT} apart are"
            r" in order; slots like that: (\d+)"
        ),
        r"\1 в \2, вокруг обычно \3, допустимо ±\4; таких интервалов: \5",
    ),
    (
        (
            rf"the slots add up to {_AMOUNT}, the register went {_AMOUNT};"
            rf" {_AMOUNT} apart are in order"
        ),
        r"интервалы в сумме \1, показание выросло на \2; допустима разница \3",
    ),
    (
        (
            r"(\d+) slots on a day of (\d+) hours that holds (\d+):"
            r" the hour that comes twice was kept once"
        ),
        r"интервалов \1 в сутках из \2 ч, где их \3: повторный час сохранён один раз",
    ),
    (
        r"(.+) went (\S+), its check meter (.+) (\S+): (\S+) apart, (\S+) are in order",
        r"\1: \2, контрольный \3: \4; расходятся на \5, допустимо \6",
    ),
    # What an interference is charged.
    (
        (
            r"interference, (ПП 354 .+?), act (\S+) of (\S+): capacity (\S+) an hour × (\d+) h"
            r" × (\d+) days, (.+?): (\S+)"
        ),
        (
            r"вмешательство, \1, акт \2 от \3: пропускная способность или мощность \4 в час"
            r" × \5 ч × \6 сут., \7: \8"
        ),
    ),
    (
        (
            r"interference, (ПП 354 .+?), act (\S+) of (\S+): norm × (\d+) for (\d+) days,"
            r" no capacity known, (.+?): (\S+)"
        ),
        (
            r"вмешательство, \1, акт \2 от \3: норматив × \4 за \5 сут.,"
            r" мощность неизвестна, \6: \7"
        ),
    ),
    # A month, on both sides.
    (r"(\d+) never handed over, the first is (\S+)", r"не переданы: \1, первая \2"),
    (
        r"(\d+) of no record, the first is (\S+)",
        r"переданы без записи в журнале: \1, первая \2",
    ),
    (
        r"(\S+) of (\S+): the ledger has (\S+) (\S+), (\S+) were handed over",
        r"\1, \2: в журнале \3 \4, передано \5 \4",
    ),
    (
        r"(.+): (\d+) of (\d+) events were never put before it, the first is (\S+)",
        r"\1: не предложено событий: \2 из \3, первое \4",
    ),
    # Why something has no line.
    (r"no meter is known", "счётчик не внесён"),
    (
        r"its meter has no register that is billed",
        "у счётчика нет регистра, по которому начисляют",
    ),
    (
        r"its meter is there from (\S+) on, after the period ended",
        r"счётчик стоит с \1, после конца периода",
    ),
    (
        r"its last meter was removed on (\S+), and a line before ended with that",
        r"последний счётчик снят \1, это учтено строкой раньше",
    ),
    (
        r"it came into the registry after the period was closed",
        "внесён в реестр уже после закрытия периода",
    ),
)

# Why a charge begins when it does, inside its reason.
SINCE: Final = table(
    (r"(\d+) months back", r"месяцев назад: \1"),
    (r"since the check before \(act (\S+) of (\S+)\)", r"с прошлой проверки (акт \1 от \2)"),
    (r"since the day the act names", "со дня, названного в акте"),
)

# What somebody told, named inside of a finding.
NAMES: Final = table(
    *(
        (rf"the {english} of (\S+) \(", rf"{russian} за \1 (")
        for english, russian in (
            ("inspection", "осмотр"),
            ("photo", "фото"),
            ("resident's figure", "показание жильца"),
            ("figure from ГИС ЖКХ", "показание из ГИС ЖКХ"),
        )
    )
)
