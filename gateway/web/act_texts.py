"""What a resident's electronic act and its check say, in Russian and English."""

TEXTS: dict[str, tuple[str, str]] = {
    "act_title": ("Электронный акт", "Electronic act"),
    "act_number": ("№ {} от {}", "No. {} of {}"),
    "act_said": ("Принятое показание", "The reading taken"),
    "act_given": ("Когда принято", "Taken in"),
    "act_utc": ("{} UTC", "{} UTC"),
    "act_register": ("Регистр", "Register"),
    "act_for_period": ("За период", "For the period"),
    "act_taken": ("Как получено", "How it was taken"),
    "act_how": ("Способ", "Way"),
    "act_how_photo": (
        "Фото счётчика; значение подтвердил житель",
        "A photo of the meter; the value was confirmed by the resident",
    ),
    "act_how_typed": (
        "Введено жителем вручную, без фото",
        "Typed by the resident, without a photo",
    ),
    "act_recognised": ("Прочитано по фото", "Read from the photo"),
    "act_recognised_same": ("совпадает с подтверждённым", "the same as was confirmed"),
    "act_recognised_other": ("житель исправил", "the resident corrected it"),
    "act_recognised_open": (
        "знак вопроса — цифра, которую прочитать не удалось",
        "a question mark is a digit that could not be read",
    ),
    "act_recognised_none": ("не прочитано", "nothing was read"),
    "act_photo_time": ("Время снимка", "The photo was taken"),
    "act_photo_time_note": ("со слов телефона", "as the phone says"),
    "act_photo_hash": ("SHA-256 отправленного фото", "SHA-256 of the photo sent"),
    "act_checks": ("Что проверено", "What was checked"),
    "act_checks_none": (
        (
            "Показание сверено с прошлым, с другими счётчиками квартиры и, где он известен, с"
            " обычным расходом: вопросов не возникло."
        ),
        (
            "The reading was compared with the last one, the dwelling's other meters and, where it"
            " is known, the usual use: nothing had to be asked."
        ),
    ),
    "act_answer_yes": ("да, верно", "yes, it is right"),
    "act_answer_no": ("нет", "no"),
    "act_means": ("Что это значит для счёта", "What it means for the bill"),
    "act_means_at": ("На {}", "As of {}"),
    "act_means_note": (
        "Эта часть не подписана: она показывает, что с показанием стало к этому времени.",
        "This part is not signed: it shows what has become of the reading by that time.",
    ),
    "act_if_nothing": (
        (
            "Без показания период закрывается расчётом: по среднему, потом по нормативу"
            " (ПП 354, п. 59 и 60)."
        ),
        (
            "Without a reading a period is closed by an estimate: by the average, later by the norm"
            " (ПП 354 п. 59, 60)."
        ),
    ),
    "act_now_waiting": (
        (
            "Войдёт в счёт за {}, если до закрытия не будет автоматического показания или другого,"
            " более надёжного или более позднего"
        ),
        (
            "Counts for {}, unless an automatic reading, or another that is surer or later, comes"
            " before it is closed"
        ),
    ),
    "act_now_asked": (
        "Подтверждено вопреки подсказке: до закрытия периода ({}) посмотрит человек",
        "Confirmed against advice: a person looks at it before the period ({}) is closed",
    ),
    "act_now_late": (
        (
            "Период за {} уже закрыт. Если он был рассчитан без показаний, разница войдёт в"
            " следующий счёт"
        ),
        "{} is closed already. If it was estimated, the difference comes with the next bill",
    ),
    "act_now_counts": ("Вошло в счёт за {}", "Counted in the bill for {}"),
    "act_now_agrees": (
        "Пришло автоматическое показание, счёт за {} — по нему. Ваше с ним сходится",
        "An automatic reading came and {} is billed by it. Yours agrees with it",
    ),
    "act_now_review": ("На разборе у человека", "A person is looking at it"),
    "act_now_rejected": ("Не принято после разбора", "Not accepted after the review"),
    "act_now_unneeded": (
        "Не понадобилось: счёт за {} — по автоматическому показанию",
        "Not needed: {} is billed by an automatic reading",
    ),
    "act_now_lost": (
        "Выбрано другое показание этого счётчика, счёт за {} — по нему",
        "Another reading of this meter was believed, and {} is billed by it",
    ),
    "act_now_unknown": ("Сведений больше нет", "Nothing is known of it any more"),
    "act_proof": ("Подпись и проверка", "Signature and check"),
    "act_code": ("Код акта", "Code of the act"),
    "act_scan": (
        "Наведите камеру на код или откройте ссылку: страница скажет, выдавал ли шлюз этот акт.",
        (
            "Point a camera at the code or open the link: the page says whether the gateway issued"
            " this act."
        ),
    ),
    "act_offline": (
        (
            "Ed25519, ключ {}. Подписанные байты вложены в PDF (act.cose): их проверит любая"
            " программа COSE с открытым ключом шлюза."
        ),
        (
            "Ed25519, key {}. The signed bytes are attached to the PDF (act.cose): any COSE program"
            " checks them with the gateway's public key."
        ),
    ),
    "act_page": ("стр. {} из {}", "page {} of {}"),
    "act_check_title": ("Проверка акта", "Check of an act"),
    "act_check_valid": (
        "Подпись верна: такой акт выдан",
        "The signature holds: this act was issued",
    ),
    "act_check_forgotten": (
        "Такой акт был выдан. Его содержание удалено по просьбе жителя",
        "This act was issued. What it said was removed at the resident's request",
    ),
    "act_check_broken": (
        "Запись об акте повреждена: обратитесь в управляющую организацию",
        "The record of this act is damaged: ask whoever runs the house",
    ),
    "act_check_no_key": (
        "Такой акт выдан, но проверить подпись здесь нечем: нет ключа шлюза",
        "This act was issued, but the gateway's key is not here to check it with",
    ),
    "act_check_unknown": (
        "Акта с таким номером и кодом нет. Проверьте, что переписали их без ошибок",
        "There is no act of this number and code. Check that both were copied without a slip",
    ),
    "act_check_note": (
        "Сверьте с бумагой: номер, счётчик, показание и время. Больше страница не говорит ничего.",
        "Compare with the paper: number, meter, reading and time. The page says no more than that.",
    ),
    "act_check_number": ("Акт", "Act"),
}
