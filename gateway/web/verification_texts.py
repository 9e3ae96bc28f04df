"""What the page of verifications says, in Russian and English."""

TEXTS: dict[str, tuple[str, str]] = {
    "place_verification": ("Поверка", "Verification"),
    "verification_note": (
        (
            "С конца последнего дня показания сохраняются, но не идут в счёт: период закрывается"
            " расчётом (ПП 354, п. 59), пока нет новой поверки."
        ),
        (
            "From the end of the last day readings are kept and do not bill: the period is"
            " estimated (ПП 354 п. 59) until there is a new verification."
        ),
    ),
    "verification_meter": ("Счётчик", "Meter"),
    "verification_tier": ("Ступень", "Tier"),
    "verification_last": ("Действует по", "Valid through"),
    "verification_since": ("с {}", "since {}"),
    "verification_number": ("Свидетельство", "Certificate"),
    "tier_expired": ("просрочена", "expired"),
    "tier_7": ("7 дней", "7 days"),
    "tier_30": ("30 дней", "30 days"),
    "tier_90": ("90 дней", "90 days"),
    "tier_valid": ("действует", "valid"),
    "tier_unknown": ("не внесена", "not entered"),
    "verification_none": ("Ни у одного счётчика срок не подходит", "No meter is due"),
    "verification_unknown": (
        "Поверка не внесена у счётчиков: {} (plomba-gateway registry verifications)",
        "Meters without a verification entered: {} (plomba-gateway registry verifications)",
    ),
    "verification_first": ("показаны первые {}", "the first {} are shown"),
    "seals_broken": ("Нарушенные пломбы", "Broken seals"),
    "seals_hint": (
        "Что из этого следует, решает человек: plomba-gateway registry out-of-order",
        "What follows from it is for a person to say: plomba-gateway registry out-of-order",
    ),
}
