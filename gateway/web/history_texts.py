"""What a dwelling's history says, in Russian and English."""

TEXTS: dict[str, tuple[str, str]] = {
    "history_title": ("История показаний", "History of readings"),
    "history_about": ("{}, кв. {} · лицевой счёт {}", "{}, flat {} · account {}"),
    "history_as_of": ("На {}", "As of {}"),
    "history_used": ("Последний год", "The last year"),
    "history_before": ("Годом раньше", "The year before"),
    "history_house": ("В среднем по дому", "House average"),
    "history_months": ("Расход по месяцам, {}", "Use by month, {}"),
    "history_chart_alt": (
        "График расхода по месяцам: {}. Те же числа в таблице ниже.",
        "A chart of the use by month: {}. The table below has the same figures.",
    ),
    "history_months_note": (
        (
            "Расход — как в счетах, с исправлениями; ≈ — начислено без показаний. Среднее по дому —"
            " другие квартиры с таким же счётчиком; если их меньше пяти, его не показываем."
        ),
        (
            "Use is what was billed, with corrections; ≈ is billed without readings. The house"
            " average is of the other flats with such a meter, and not shown if they are fewer"
            " than five."
        ),
    ),
    "history_month": ("Месяц", "Month"),
    "history_values": ("Показания", "Readings"),
    "history_at": ("Время", "Time"),
    "history_meter": ("Счётчик", "Meter"),
    "history_point": ("Точка учёта", "Metering point"),
    "history_register": ("Регистр", "Register"),
    "history_value": ("Показание", "Reading"),
    "history_unit": ("Единица", "Unit"),
    "history_source": ("Откуда", "From"),
    "history_standing": ("Состояние", "Standing"),
    "history_act": ("Акт", "Act"),
    "history_none": ("Показаний пока нет", "No readings yet"),
    "history_no_months": ("Закрытых периодов пока нет", "No period has been closed yet"),
    "history_from_device": ("автоматически", "automatic"),
    "history_from_bill": ("закрытие периода", "closing of a period"),
    "history_from_inspection": ("осмотр", "inspection"),
    "history_from_photo": ("фото", "photo"),
    "history_from_resident": ("житель", "resident"),
    "history_from_gis-zhkh": ("ГИС ЖКХ", "ГИС ЖКХ"),
    "history_is_counts": ("принято", "accepted"),
    "history_is_open": ("ждёт закрытия периода", "waits for the closing"),
    "history_is_chosen": ("вошло в счёт", "counted"),
    "history_is_confirmed": ("вошло в счёт", "counted"),
    "history_is_accepted": ("принято после разбора", "accepted after review"),
    "history_is_agrees": ("совпадает с автоматическим", "agrees with the automatic one"),
    "history_is_contradicts": ("на разборе", "in review"),
    "history_is_in review": ("на разборе", "in review"),
    "history_is_rejected": ("отклонено", "rejected"),
    "history_is_unneeded": ("не понадобилось", "not needed"),
    "history_is_lost": ("выбрано другое", "another was believed"),
    "history_is_actual": ("по показанию", "by a reading"),
    "history_is_carried": ("без показаний", "without a reading"),
    "history_is_interpolated": ("между показаниями", "between readings"),
    "history_is_average": ("по среднему", "by the average"),
    "history_is_norm": ("по нормативу", "by the norm"),
    "history_is_check": ("по контрольному счётчику", "by the check meter"),
    "history_shown": (
        "Показаны последние {}; все — в файле CSV",
        "The last {} are shown; the CSV file has all",
    ),
}
