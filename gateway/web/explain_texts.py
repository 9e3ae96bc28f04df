"""What the explanation of a bill line says to the resident who pays it, in Russian and English."""

TEXTS: dict[str, tuple[str, str]] = {
    "place_lines": ("Начисления", "Bill lines"),
    "explain_title": ("Расшифровка начисления", "Bill line explained"),
    "explain_account_title": ("Расшифровка начислений за {}", "Bill explained, {}"),
    "explain_number": ("Строка {}", "Line {}"),
    "explain_address": ("Адрес", "Address"),
    "explain_dwelling": ("кв. {}", "flat {}"),
    "explain_whole_house": ("общедомовой учёт", "house meter"),
    "explain_period": ("Расчётный период", "Billing period"),
    "explain_resource": ("Ресурс", "Resource"),
    "explain_meter": ("Счётчик", "Meter"),
    "explain_meters": ("{} → {} (замена)", "{} → {} (exchanged)"),
    "explain_behind": ("После прибора", "Behind the meter of"),
    "explain_opening": ("Начальное показание", "Opening value"),
    "explain_closing": ("Конечное показание", "Closing value"),
    "explain_consumption": ("Расход", "Consumption"),
    "explain_method": ("Способ", "Method"),
    # Registers.
    "tariff_number": ("тариф {}", "tariff {}"),
    "tariff_export": ("отдано в сеть", "given into the grid"),
    "tariff_reactive": ("реактивная", "reactive"),
    "heat_volume": ("объём теплоносителя", "volume of the heat carrier"),
    "unit_hca": ("ед.", "units"),
    # Methods.
    "way_actual": ("по показанию счётчика", "by the meter's reading"),
    "way_carried": ("показаний нет, не начислено", "not read, nothing billed"),
    "way_interpolated": ("расчёт между двумя показаниями", "drawn between two readings"),
    "way_average": ("расчёт по среднему", "estimated by the average"),
    "way_norm": ("расчёт по нормативу", "estimated by the norm"),
    "way_check": ("по контрольному счётчику", "by the check meter"),
    "role_check": (
        "Это контрольная строка: она показана для сверки и не оплачивается.",
        "This line is for comparison: it is shown and not billed.",
    ),
    "role_export": (
        "Это энергия, отданная в сеть: она не входит в потребление.",
        "This is energy given into the grid: it is no consumption.",
    ),
    # The sum.
    "sum_title": ("Как посчитан расход", "How the consumption is counted"),
    "sum_rolled": (" + {} × {} (переход через ноль)", " + {} × {} (the dial passed zero)"),
    "sum_factor": ("({}) × {} (коэффициент)", "({}) × {} (factor)"),
    "sum_estimate": ("Начислено расчётным способом", "Billed by estimate"),
    "sum_check": ("Насчитал контрольный счётчик", "Counted by the check meter"),
    "sum_remainder": (
        "Разница, которую эти показания не объясняют",
        "A difference these values do not explain",
    ),
    "sum_total": ("Итого", "Total"),
    # The two values.
    "mark_same": (
        "Последнее показание (нового за период нет)",
        "The last value (none came in the period)",
    ),
    "mark_value": ("Показание", "Value"),
    "mark_at": ("Снято", "Read"),
    "mark_at_act": ("Дата", "Date"),
    "mark_how": ("Как получено", "How it was read"),
    "origin_reading": (
        "прибор учёта опрошен автоматически устройством {}",
        "the meter was read automatically by the device {}",
    ),
    "origin_person": ("показание снял или передал человек", "a person read it or told it"),
    "origin_installation": ("из акта установки счётчика", "from the act of the installation"),
    "origin_removal": ("из акта снятия счётчика", "from the act of the removal"),
    "origin_drawn": (
        "рассчитано на конец периода между двумя показаниями",
        "placed at the end of the period between two readings",
    ),
    "brought_inspection": ("снято контролёром", "read by an inspector"),
    "brought_photo": ("по фотографии счётчика", "read from a photo of the meter"),
    "brought_resident": ("передано жителем", "told by the resident"),
    "brought_gis-zhkh": ("передано через ГИС ЖКХ", "told through GIS ZhKH"),
    "mark_reference": ("основание: {}", "reference: {}"),
    "entered_by": ("внёс(ла) {}, {}", "entered by {}, {}"),
    "source_interval": ("плановый опрос", "a scheduled read"),
    "source_daily": ("опрос на конец суток", "the read at the end of the day"),
    "source_commissioning": ("первое чтение после установки", "the first read after installation"),
    "source_on-demand": ("опрос по запросу", "a read on demand"),
    "mark_clock": ("Часы устройства", "Clock of the device"),
    "clock_S": ("синхронизированы, ошибка не больше {} с", "synchronised, at most {} s off"),
    "clock_I": ("выставлены, ошибка не больше {} с", "set, at most {} s off"),
    "clock_R": (
        "время восстановлено позже по включению устройства",
        "the time was placed later, from the start of the device",
    ),
    "clock_U": ("не синхронизированы", "not synchronised"),
    "mark_signature": ("Электронная подпись", "Digital signature"),
    "signature_holds": (
        "верна: байты те же, что подписало устройство",
        "valid: the bytes are those the device signed",
    ),
    "signature_broken": (
        "НЕ ВЕРНА: сохранённые данные не те, что подписало устройство",
        "NOT VALID: the stored data are not what the device signed",
    ),
    "signature_of_person": (
        "нет: показание не из прибора, а от человека",
        "none: the value came from a person, not from a device",
    ),
    "signature_of_installation": ("нет: значение из акта", "none: the value is the act's"),
    "signature_of_removal": ("нет: значение из акта", "none: the value is the act's"),
    "signature_of_drawn": ("нет: значение рассчитано", "none: the value was computed"),
    "mark_zone": ("по часам дома ({})", "on the house's clock ({})"),
    "signature_key": ("ключ {}, пакет {}", "key {}, batch {}"),
    "mark_state": ("Состояние", "State"),
    "reading_accepted": ("принято", "accepted"),
    "reading_suspect": ("под вопросом", "in doubt"),
    "reading_rejected": ("отклонено", "rejected"),
    "reading_dismissed": ("отклонено человеком", "turned down by a person"),
    # What was checked.
    "checks_title": ("Что проверено", "What was checked"),
    "checks_of": (
        "Конечное показание проверено правилами версии {}.",
        "The closing value was checked by version {} of the rules.",
    ),
    "checks_opening": (
        "Замечания к начальному показанию",
        "What was found about the opening value",
    ),
    "checks_none": (
        "Автоматические правила к этому значению не применялись: оно не из прибора.",
        "No automatic rule was applied to this value: it did not come from a device.",
    ),
    "check_passed": ("в порядке", "passed"),
    "check_found": ("замечание", "a remark"),
    "rule_V-SIG": (
        "Устройство вправе читать этот счётчик",
        "The device is the one that is to read this meter",
    ),
    "rule_V-UOM": (
        "Единица измерения и число знаков — как у счётчика",
        "Unit and number of digits are the meter's own",
    ),
    "rule_V-DUP": (
        "На этот момент нет другого показания",
        "There is no other value for the same instant",
    ),
    "rule_V-TIME": ("Время снятия достоверно", "The time of the reading can be trusted"),
    "rule_V-NEG": ("Показание не меньше предыдущего", "The value is not below the one before"),
    "rule_V-ROLL": (
        "Счётчик не перешёл через ноль и не вышел за свою шкалу",
        "The register did not pass zero nor leave its scale",
    ),
    "rule_V-RATE": (
        "Расход не быстрее, чем пропускает труба или автомат",
        "Not faster than the pipe or the fuse lets through",
    ),
    "rule_V-ZERO": ("Счётчик не стоит на месте", "The register does not stand still"),
    "rule_V-INACT": ("Счётчик не снят с учёта", "The meter is in service"),
    "rule_V-HILO": ("Расход похож на обычный", "The use is like the usual one"),
    "rule_V-TOU": (
        "Тарифы в сумме дают общее показание (если их несколько)",
        "The tariffs add up to the total (where there are several)",
    ),
    "rule_V-SIB": (
        "Прочитаны все регистры счётчика (если их несколько)",
        "All registers of the meter were read (where there are several)",
    ),
    "rule_V-ORD": (
        "Показания пришли в порядке времени",
        "The readings agree in the order of their times",
    ),
    "rule_V-DEC": (
        "Десятичная запятая на своём месте",
        "The decimal point is where it should be",
    ),
    "rule_V-SWAP": (
        "Показания регистров не перепутаны местами",
        "The values of two registers are not exchanged",
    ),
    "rule_V-SRC": (
        "Показания из разных источников сходятся",
        "The values of several sources agree",
    ),
    "rule_REVIEW": ("Решение человека", "A person's decision"),
    # What it means that a rule found something.
    "found_V-SIG": ("устройство не привязано к счётчику", "the device is not bound to the meter"),
    "found_V-UOM": ("другая единица или лишние знаки", "another unit or too many digits"),
    "found_V-DUP": ("на этот момент есть другое значение", "another value for the same instant"),
    "found_V-TIME": ("время снятия под вопросом", "the time of the reading is in question"),
    "found_V-NEG": ("меньше предыдущего", "below the one before"),
    "found_V-ROLL": ("счётчик перешёл через ноль", "the dial passed zero"),
    "found_V-ROLL_E": ("показание вне шкалы", "the value is beyond the dial"),
    "found_V-RATE": ("быстрее физического предела", "faster than is physically possible"),
    "found_V-ZERO": ("показание давно не меняется", "the value has not moved for long"),
    "found_V-INACT": ("снятый счётчик показал больше", "a removed meter showed more"),
    "found_V-HILO": ("расход необычный", "an unusual use"),
    "found_V-TOU": ("сумма тарифов не сходится с общим", "the tariffs do not add up to the total"),
    "found_V-SIB": ("прочитаны не все регистры", "not all registers were read"),
    "found_V-ORD": ("не вяжется с соседними по времени", "it does not fit its neighbours in time"),
    "found_V-DEC": ("похоже, сдвинута запятая", "the decimal point seems to have slipped"),
    "found_V-SWAP": ("похоже, перепутаны регистры", "two registers seem to be exchanged"),
    "found_V-SRC": ("источники расходятся", "the sources disagree"),
    "found_REVIEW": ("решено человеком", "decided by a person"),
    "rule_CLAIM": ("Показание от человека", "A value given by a person"),
    "found_CLAIM": ("сверено с остальными", "compared with the others"),
    "rule_other": ("Правило", "Rule"),
    "span_h": ("{} ч", "{} h"),
    "span_min": ("{} мин", "{} min"),
    "span_s": ("{} с", "{} s"),
    # Estimates.
    "estimate_title": ("Почему не по показанию", "Why it is not by a reading"),
    "estimate_note": ("Что важно знать", "Worth knowing"),
    "estimate_what": ("Что произошло", "What happened"),
    "estimate_how": ("Как рассчитано", "How it was estimated"),
    "estimate_from": ("Измеренные периоды до этого", "The measured periods before"),
    "estimate_owed": (
        "Расчёт временный: придёт показание — разница вернётся или доначислится сама.",
        "The estimate is provisional: when a reading comes, the difference is corrected by itself.",
    ),
    "estimate_settled": ("Показание пришло, расчёт закрыт.", "A reading came and settled it."),
    # Decisions.
    "decisions_title": ("Решения людей", "What people decided"),
    "decided_accept": ("принято", "accepted"),
    "decided_reject": ("отклонено", "rejected"),
    "decided_replace": ("заменено снятым на месте", "replaced by the value read there"),
    "decided_ask-photo": ("запрошено фото", "a photo was asked for"),
    "decided_inspect": ("назначен осмотр", "a visit was asked for"),
    "decided_proposed": (" (предложено)", " (proposed)"),
    "decided_by": ("{}, {}", "{}, {}"),
    # Correction, chain, hand-off.
    "correction_title": ("Перерасчёт", "Correction"),
    "correction_was": ("Было начислено", "Billed at first"),
    "correction_is": ("По показаниям вышло", "It turned out to be"),
    "correction_difference": ("Разница", "Difference"),
    "correction_in": ("Учтена в периоде", "Handed over with"),
    "chain_title": ("Связь с соседними периодами", "How it joins its neighbours"),
    "chain_same": (
        "Начальное показание — это конечное показание предыдущей строки",
        "The opening value is the closing value of the line before",
    ),
    "chain_first": (
        "Первая строка: начало — из акта установки счётчика",
        "The first line: it begins with the meter's installation",
    ),
    "chain_corrected": (
        "Предыдущая строка исправлена перерасчётом; начало — от исправленной",
        "The line before was corrected; this one opens where the correction closes",
    ),
    "chain_exchanged": (
        "Предыдущая строка; с тех пор счётчик заменён, начало — от нового",
        "The line before; the meter was exchanged since, this line begins with the new one",
    ),
    "chain_after": ("Следующая строка", "The next line"),
    "chain_house": ("Баланс дома и ОДН", "The house's balance and common needs"),
    "handed_title": ("Передача в расчётный центр", "Hand-off to billing"),
    "handed_acknowledged": ("принято {}", "taken {}"),
    "handed_pending": ("ожидает передачи", "on its way"),
    "handed_refused": ("не принято: {}", "refused: {}"),
    "handed_left-out": ("не передаётся: {}", "left out: {}"),
    "handed_none": ("получатель не настроен", "no target is configured"),
    # Banners.
    "banner_withdrawn": (
        "Эта строка отозвана {}: {}",
        "This line was withdrawn {}: {}",
    ),
    "banner_replaced": ("Вместо неё действует строка {}", "Line {} stands in its place"),
    "banner_replaces": ("Заменяет отозванную строку {}", "Replaces the withdrawn line {}"),
    "banner_corrected": (
        "По этой строке сделан перерасчёт: {}",
        "This line was corrected: {}",
    ),
    "banner_confirmed": (
        "Показание подтвердило расчёт: разницы нет",
        "A reading confirmed the estimate: there is no difference",
    ),
    "banner_broken": (
        "Подпись под показанием не проходит проверку. Обратитесь в управляющую организацию.",
        "The signature under a reading does not hold. Please ask the managing company.",
    ),
    "banner_owed": ("Начислено временно, до показания", "Billed on account, until a reading comes"),
    # Proof.
    "proof_title": ("Как проверить самому", "How to check it yourself"),
    "proof_code": ("Код строки", "Code of the line"),
    "proof_scan": (
        "QR-код ведёт на страницу, которая скажет, есть ли эта строка в реестре и действует ли.",
        (
            "Point a phone at the QR code: the page says whether the ledger has this line"
            " and whether it stands."
        ),
    ),
    "proof_offline": (
        "Без доверия к нам: эти команды достают подписанный пакет и проверяют его открытым ключом.",
        (
            "Without trusting us: these commands take the signed batch out and check it by its"
            " public key."
        ),
    ),
    "proof_page": ("Стр. {} из {}", "Page {} of {}"),
    # The page of a period's lines.
    "lines_title": ("Начисления за {}", "Bill lines of {}"),
    "lines_none": ("За этот период строк нет", "This period has no lines"),
    "lines_other": ("Периоды", "Periods"),
    "lines_more": ("Дальше", "More"),
    "lines_begin": ("К началу", "To the beginning"),
    "lines_line": ("Строка", "Line"),
    "lines_sum": ("Сумма на этой странице", "Sum of this page"),
    "lines_of_all": ("начисления", "bill lines"),
    "lines_pdf": ("Скачать PDF", "Download PDF"),
    "lines_no_line": (
        "Строки с таким номером нет",
        "There is no line of that number",
    ),
    "badge_actual": ("показание", "read"),
    "badge_carried": ("нет показания", "not read"),
    "badge_interpolated": ("расчёт", "drawn"),
    "badge_average": ("среднее", "average"),
    "badge_norm": ("норматив", "norm"),
    "badge_check": ("контрольный", "check meter"),
    "badge_role_check": ("сверка", "comparison"),
    "badge_role_export": ("отдача", "export"),
    # The public check.
    "check_title": ("Проверка начисления", "Check of a bill line"),
    "check_line": ("Строка {} за {}", "Line {} of {}"),
    "check_standing": (
        "Такая строка есть в реестре и действует.",
        "The ledger has this line, and it stands.",
    ),
    "check_corrected": (
        "Такая строка есть в реестре. По ней сделан перерасчёт {}, учтён за {}.",
        "The ledger has this line. It was corrected by {}, handed over with {}.",
    ),
    "check_withdrawn": (
        "Такая строка была в реестре, но отозвана {}.",
        "The ledger had this line, but it was withdrawn {}.",
    ),
    "check_unknown": (
        "Такой строки в реестре нет: номер, код или числа не наши. Сверьте код с бумагой.",
        (
            "The ledger has no such line: number, code or figures are not ours. Compare the code"
            " with the paper."
        ),
    ),
    "check_note": (
        "Код зависит от каждого числа строки: изменённая бумага эту проверку не пройдёт.",
        "The code depends on every figure of the line: a paper that was altered does not pass.",
    ),
}
MONTHS = {
    "ru": (
        *("январь", "февраль", "март", "апрель", "май", "июнь"),
        *("июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
