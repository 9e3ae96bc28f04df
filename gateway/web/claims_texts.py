"""What the page of claims says, in Russian and English."""

TEXTS: dict[str, tuple[str, str]] = {
    "place_claims": ("Показания от людей", "Readings from people"),
    "claims_note": (
        (
            "Такое показание хранится как передано. В счёт оно идёт, только если нет свежего"
            " автоматического и оно лучшее из переданных; остальные сверяются и остаются здесь."
        ),
        (
            "Such a reading is kept as it was given. It counts only where no fresh automatic one"
            " is and it is the best of those given; the others are compared, and stay here."
        ),
    ),
    "claims_none": ("Никто ничего не передавал", "Nobody has given any"),
    "claim_by": ("передал(а) {}, {}", "given by {}, {}"),
    "claim_from_inspection": ("осмотр", "inspection"),
    "claim_from_photo": ("фото", "photo"),
    "claim_from_resident": ("показание жильца", "resident's figure"),
    "claim_from_gis-zhkh": ("из ГИС ЖКХ", "from ГИС ЖКХ"),
    "claim_open": ("ждёт закрытия", "waits for the closing"),
    "claim_chosen": ("принято в расчёт", "counts"),
    "claim_confirmed": ("принято, подтвердилось", "counts, confirmed"),
    "claim_accepted": ("принято человеком", "accepted by a person"),
    "claim_agrees": ("совпадает", "agrees"),
    "claim_contradicts": ("противоречит", "contradicts"),
    "claim_unneeded": ("не понадобилось", "not needed"),
    "claim_lost": ("выбрано другое", "another was believed"),
    "claim_in review": ("на разборе", "in review"),
    "claim_rejected": ("отклонено", "rejected"),
}
