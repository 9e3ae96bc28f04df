"""What the pages say when something does not work: what happened, and what to do next."""

SORRY: dict[str, tuple[str, str]] = {
    "sorry_signed_out": ("Нужно войти ещё раз", "Please come in again"),
    "sorry_signed_out_do": (
        "Откройте ссылку из сообщения или наведите камеру на код из объявления.",
        "Open the link in the message, or point the camera at the code on the notice.",
    ),
    "sorry_link_unknown": ("Такой ссылки нет", "There is no such link"),
    "sorry_link_unknown_do": (
        "Проверьте, что ссылка скопирована целиком. Последняя пришедшая ссылка верная.",
        "See that the link was copied as a whole. The one that came last is the right one.",
    ),
    "sorry_link_expired": ("Срок этой ссылки прошёл", "This link has expired"),
    "sorry_link_expired_do": (
        "Откройте ссылку из последнего сообщения или позвоните по телефону из квитанции.",
        "Open the link in the latest message, or call the number on the bill.",
    ),
    "sorry_link_used": ("Эта ссылка уже использована", "This link has been used"),
    "sorry_link_used_do": (
        "Она действует один раз. Откройте ссылку из последнего сообщения.",
        "It works once. Open the link in the latest message.",
    ),
    "sorry_wrong_code": ("Код не подошёл", "That is not the code"),
    "sorry_wrong_code_do": (
        "Сверьте код с последним сообщением или запросите новый.",
        "Compare it with the latest message, or ask for another code.",
    ),
    "sorry_wrong_account": (
        "Номер лицевого счёта не подошёл",
        "That is not the personal account's number",
    ),
    "sorry_wrong_account_do": (
        "Перепишите его из квитанции за эту квартиру целиком, с нулями в начале.",
        "Copy the whole of it from this dwelling's bill, with the zeros it begins with.",
    ),
    "sorry_link_ended": ("Эта ссылка больше не действует", "This link works no more"),
    "sorry_link_ended_do": (
        "Откройте ссылку из последнего сообщения или позвоните по телефону из квитанции.",
        "Open the link in the latest message, or call the number on the bill.",
    ),
    "sorry_code_spent": ("Этот код больше не действует", "This code no longer works"),
    "sorry_code_spent_do": ("Запросите новый.", "Ask for another one."),
    "sorry_code_wait": ("Новый код пока не отправляем", "No other code is sent yet"),
    "sorry_code_wait_do": (
        (
            "Введите последний из присланных: он приходит за несколько минут и действует десять. "
            "Новый можно запросить позже, обычно через час."
        ),
        (
            "Type the last one that was sent: it takes some minutes to come and works for ten. "
            "Ask for another one later, usually after an hour."
        ),
    ),
    "sorry_code_not_sent": ("Код не ушёл", "The code did not go out"),
    "sorry_code_not_sent_do": (
        "Попробуйте ещё раз через несколько минут.",
        "Try again in some minutes.",
    ),
    "sorry_too_often": ("Слишком много попыток подряд", "Too many tries in a row"),
    "sorry_too_often_do": ("Подождите несколько минут.", "Wait some minutes."),
    "sorry_broken": ("Что-то сломалось у нас", "Something broke on our side"),
    "sorry_broken_do": (
        "Попробуйте ещё раз через несколько минут. Что вы уже передали, не пропало.",
        "Try again in some minutes. What you have sent already is not lost.",
    ),
    "sorry_busy": ("Сейчас передают многие", "Many people are sending right now"),
    "sorry_busy_do": ("Попробуйте ещё раз через минуту.", "Try again in a minute."),
    "sorry_not_ours": ("Страница устарела", "The page is out of date"),
    "sorry_not_ours_do": (
        "Откройте её заново и повторите. Если не помогло, разрешите cookie в браузере.",
        "Open it anew and do it again. If that does not help, allow cookies in the browser.",
    ),
    "sorry_not_understood": ("Не получилось разобрать запрос", "The request was not understood"),
    "sorry_not_understood_do": ("Откройте страницу заново.", "Open the page anew."),
    "sorry_too_large": ("Слишком большой файл", "The file is too large"),
    "sorry_too_large_do": (
        "Фото может быть до 12 МБ. Снимите ещё раз обычной камерой.",
        "A photo may have 12 MB. Take it again with the ordinary camera.",
    ),
    "sorry_cut_short": ("Связь прервалась", "The connection broke"),
    "sorry_cut_short_do": ("Отправьте ещё раз.", "Send it again."),
    "sorry_offset": ("Отправка продолжится с другого места", "Sending goes on from elsewhere"),
    "sorry_offset_do": ("Отправьте ещё раз.", "Send it again."),
    "sorry_spoiled": ("Фото испортилось в пути", "The photo was spoiled on the way"),
    "sorry_spoiled_do": ("Отправьте его ещё раз.", "Send it again."),
    "sorry_no_upload": ("Этой отправки больше нет", "This upload is gone"),
    "sorry_no_upload_do": ("Снимите фото ещё раз.", "Take the photo again."),
    "sorry_too_many_photos": ("Слишком много фото в пути", "Too many photos on their way"),
    "sorry_too_many_photos_do": (
        "Дождитесь, пока отправятся начатые.",
        "Wait until those that were begun are there.",
    ),
    "sorry_many_photos": ("На сегодня фото уже достаточно", "That is enough photos for today"),
    "sorry_many_photos_do": (
        "Введите цифры без фото или вернитесь завтра.",
        "Type the digits without a photo, or come back tomorrow.",
    ),
    "sorry_photo_gone": ("Этого фото больше нет", "That photo is gone"),
    "sorry_photo_gone_do": (
        "Снимите ещё раз или введите цифры без фото.",
        "Take another one, or type the digits without a photo.",
    ),
    "sorry_bad_photo": ("Это фото не открылось", "This photo could not be opened"),
    "sorry_bad_photo_do": (
        "Подойдут JPEG, PNG, HEIC и WebP. Снимите ещё раз или введите цифры без фото.",
        "JPEG, PNG, HEIC and WebP will do. Take it again, or type the digits without a photo.",
    ),
    "sorry_frame": ("Углы стоят не по порядку", "The corners are out of order"),
    "sorry_frame_do": (
        "Вернитесь и поставьте их по краям цифр: сначала слева вверху, дальше по кругу вправо.",
        "Go back and put them around the digits: the first at the top left, on to the right.",
    ),
    "sorry_no_photo": ("Фото не выбрано", "No photo was chosen"),
    "sorry_no_photo_do": ("Выберите фото и отправьте.", "Choose a photo and send it."),
    "sorry_no_meter": ("Такого счётчика здесь нет", "There is no such meter here"),
    "sorry_no_meter_do": ("Выберите счётчик из списка.", "Choose a meter from the list."),
    "sorry_no_page": ("Такой страницы нет", "There is no such page"),
    "sorry_no_page_do": ("Вернитесь к списку счётчиков.", "Go back to the list of meters."),
    "sorry_not_taken": ("Показание не принято", "The reading was not taken"),
    "sorry_not_taken_do": (
        "Проверьте цифры и передайте ещё раз.",
        "Check the digits and send them again.",
    ),
    "sorry_digits": ("Заполнены не все цифры", "Some digits are missing"),
    "sorry_digits_do": (
        "Впишите каждую чёрную цифру, нули тоже.",
        "Fill in every black digit, zeros too.",
    ),
    "sorry_dispute_many": ("У вас уже есть открытые обращения", "Some of yours are open already"),
    "sorry_dispute_many_do": (
        "Дождитесь ответа на них или напишите завтра.",
        "Wait for their answer, or write tomorrow.",
    ),
    "sorry_dispute": ("Обращение не отправлено", "It was not sent"),
    "sorry_dispute_do": (
        "Выберите, что случилось, и напишите хотя бы несколько слов.",
        "Choose what happened and write at least some words.",
    ),
}
