"""What the page of disputes says, and a resident's own page of one, in Russian and English."""

TEXTS: dict[str, tuple[str, str]] = {
    "place_disputes": ("Споры", "Disputes"),
    "disputes_note": (
        (
            "Жители ждут ответа. Спор ничего в расчётах не меняет: меняет разбор показания, осмотр"
            " или исправление, а ответ говорит, что сделано."
        ),
        (
            "Residents wait for an answer. A dispute changes nothing that is billed: a review, an"
            " inspection or a correction does, and the answer tells what was done."
        ),
    ),
    "disputes_none": ("Открытых споров нет", "No dispute is open"),
    "disputes_open": ("Открытые споры", "Open disputes"),
    "disputes_beside": ("Ждут ответа жители: {}", "Residents wait for an answer: {}"),
    "dispute_due": ("ответить до {}", "to be answered before {}"),
    "dispute_late": ("срок прошёл {}", "the term was over {}"),
    "dispute_opened": ("открыт {}", "opened {}"),
    "dispute_had_by": ("у {} с {}", "{} has it since {}"),
    "dispute_kind_reading": ("о показании", "about a reading"),
    "dispute_kind_line": ("о строке счёта", "about a bill line"),
    "dispute_kind_no-meter": ("счётчика нет в списке", "no meter is shown"),
    "dispute_kind_wrong-meter": ("не тот счётчик", "the wrong meter"),
    "dispute_state_received": ("получен", "received"),
    "dispute_state_in-work": ("в работе", "in work"),
    "dispute_state_answered": ("дан ответ", "answered"),
    "dispute_state_withdrawn": ("отозван жителем", "withdrawn by the resident"),
    "dispute_many_open": (
        "Открытых споров уже пять: отзовите один или дождитесь ответа",
        "Five disputes are open already: withdraw one, or wait for an answer",
    ),
    "dispute_many_today": (
        "Сегодня уже открыто пять споров: продолжите завтра",
        "Five disputes were opened today: go on tomorrow",
    ),
    "dispute_bad_text": (
        "Напишите, в чём дело: от 1 до 2000 знаков",
        "Write what it is about: 1 to 2000 characters",
    ),
    "dispute_no_subject": (
        "Такого показания, строки или счётчика у этой квартиры нет",
        "This dwelling has no such reading, line or meter",
    ),
    "dispute_no_dwelling": ("Такой квартиры в реестре нет", "The registry has no such dwelling"),
    "dispute_unknown": ("Спора с таким номером нет", "There is no dispute of this number"),
    "dispute_is_received": ("Спор уже получен", "The dispute is received already"),
    "dispute_is_in-work": ("Спор уже в работе", "The dispute is in work already"),
    "dispute_is_answered": ("На спор уже дан ответ", "The dispute is answered already"),
    "dispute_is_withdrawn": ("Спор уже отозван", "The dispute is withdrawn already"),
    "photos_review": ("Фото на разборе", "Photos under review"),
    "photos_review_note": (
        "Житель подтвердил показание вопреки подсказке. Решает человек.",
        "The resident confirmed the reading against advice. A person decides.",
    ),
    "photos_review_none": ("Таких нет", "There are none"),
    "photo_of": ("Фото счётчика {}", "Photo of meter {}"),
    "photo_gone": ("Фото уже удалено", "The photo is deleted already"),
    "photo_answer": ("ответ: {}", "answer: {}"),
}
