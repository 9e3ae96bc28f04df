"""What the pages of installers' visits say, in Russian and English."""

from cloud_sync.visit_doubts import DOUBTS

TEXTS: dict[str, tuple[str, str]] = {
    "place_visits": ("Выезды", "Visits"),
    "visits_note": (
        (
            "Акты ввода в эксплуатацию, как их запечатало устройство. Ясное внесено в реестр"
            " автоматически, остальное ждёт человека."
        ),
        (
            "Commissioning records as devices sealed them. What is clear went into the registry by"
            " itself; the rest waits for a person."
        ),
    ),
    "visits_none": ("Выездов пока не было", "No visits yet"),
    "visits_all": ("Все выезды", "All visits"),
    "visits_waiting": ("Ждут человека", "Wait for a person"),
    "visit_visit": ("Выезд", "Visit"),
    "visit_came": ("Получен", "Received"),
    "visit_by": ("Монтажник", "Installer"),
    "visit_events": ("Событий", "Events"),
    "visit_standing": ("Состояние", "Standing"),
    "visit_all_applied": ("внесено: {}", "applied: {}"),
    "visit_some_waiting": ("ждут: {}", "waiting: {}"),
    "visit_some_refused": ("отклонено: {}", "refused: {}"),
    "visit_rivals": ("под этим номером пришло другое: {}", "other bytes under its number: {}"),
    "visit_rivals_hint": (
        "Устройство прислало под тем же номером другой акт. Он не учтён и хранится для разбора.",
        "The device sent another record under the same number. It does not count, and is kept.",
    ),
    "visit_kind_commissioning": ("Ввод в эксплуатацию", "Commissioning"),
    "visit_kind_visit": ("Повторный выезд", "Later visit"),
    "visit_event_install": ("Установлен прибор учёта", "Meter installed"),
    "visit_event_exchange": ("Прибор учёта заменён", "Meter exchanged"),
    "visit_event_remove": ("Прибор учёта снят", "Meter removed"),
    "visit_event_device-exchange": ("Заменено устройство", "Device exchanged"),
    "visit_outcome_applied": ("внесено", "applied"),
    "visit_outcome_needs-a-person": ("ждёт человека", "waits for a person"),
    "visit_outcome_refused": ("отклонено", "refused"),
    "visit_from_to": ("с {} до {}", "from {} to {}"),
    "visit_sealed": ("Печать: ключ {}, SHA-256 {}", "Seal: key {}, SHA-256 {}"),
    "visit_pdf": ("Акт с фотографиями (PDF)", "The record with its photos (PDF)"),
    "visit_checks": ("Проверки на месте", "Checks on site"),
    "visit_photo_of": ("Фото {} выезда {}", "Photo {} of visit {}"),
    "visit_photo_missing": ("Фото ещё не пришло", "The photo has not come yet"),
    "visit_photo_deleted": ("Фото уже удалено", "The photo is deleted already"),
    "visit_point": ("точка учёта {}", "metering point {}"),
    "visit_value_final": ("снят на {}", "removed at {}"),
    "visit_value_first": ("начинает с {}", "begins at {}"),
    "visit_value_dial": ("на приборе видели {}", "seen on the dial: {}"),
    "visit_seal": ("пломба {}", "seal {}"),
    "visit_reads": ("ответил на {} из {} запросов", "answered {} of {} reads"),
    "visit_no_such": ("Такого выезда нет", "There is no such visit"),
} | {f"visit_why_{code}": said for code, said in DOUBTS.items()}
