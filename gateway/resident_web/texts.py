"""What the pages say, in Russian and English: short sentences, no word of the trade unexplained.

A `sorry_…` tells what went wrong, its `…_do` what to do next.
"""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from drivers.reading import from_ms
from gateway.model import Level
from gateway.resident_web.past_texts import PAST
from gateway.resident_web.ports import Item
from gateway.resident_web.signin_texts import SIGNIN
from gateway.resident_web.sorry_texts import SORRY
from gateway.web.texts import LANGUAGES, Words

TEXTS: dict[str, tuple[str, str]] = SORRY | {
    "title": ("Показания счётчиков", "Meter readings"),
    "offline_now": (
        (
            "Нет связи. Можно фотографировать: фото останется в телефоне и уйдёт само, когда "
            "связь появится."
        ),
        (
            "No connection. You can take photos: they stay in the phone and go by themselves "
            "when it is back."
        ),
    ),
    "offline_wait": (
        "Нет связи. Фото, которые вы сняли, ждут в телефоне и уйдут сами, когда связь появится.",
        "No connection. The photos you took wait in the phone and go by themselves.",
    ),
    "leave": ("Выйти", "Sign out"),
    "to_begin": ("На первую страницу", "To the first page"),
    "begin": ("Откройте ссылку из сообщения", "Open the link in the message"),
    "begin_how": (
        (
            "Ссылка приходит по почте или в СМС, когда нужны показания. Ещё она есть в "
            "объявлении дома: наведите камеру на квадратный код."
        ),
        (
            "The link comes by e-mail or text message when a reading is needed. It is also on "
            "the house's notice: point the camera at the square code."
        ),
    ),
    "begin_none": (
        (
            "Нет ни ссылки, ни кода — обратитесь в управляющую организацию: её телефон стоит в "
            "квитанции."
        ),
        (
            "Neither link nor code? Ask the company that manages the house: its telephone "
            "number is on the bill."
        ),
    ),
    "landing": ("Показания счётчиков", "Meter readings"),
    "landing_for": ("Для этого помещения:", "For this dwelling:"),
    "landing_time": (
        "Займёт около минуты: сфотографируйте счётчик и проверьте цифры.",
        "It takes about a minute: photograph the meter and check the digits.",
    ),
    "code_goes": (
        "Чтобы никто не передал показания за вас, пришлём код сюда:",
        "So that nobody sends readings in your name, we send a code here:",
    ),
    "code_get": ("Получить код", "Get the code"),
    "code_sent": ("Код отправлен:", "The code was sent to:"),
    "code_enter": ("Код из сообщения", "Code from the message"),
    "code_again": ("Прислать код ещё раз", "Send the code again"),
    "code_ready": ("Войти", "Go in"),
    "account_enter": ("Номер лицевого счёта", "Number of the personal account"),
    "account_how": (
        "Он напечатан в квитанции за квартиру, вверху: «лицевой счёт».",
        "It is printed at the top of the bill: “personal account” (лицевой счёт).",
    ),
    "again_sent": ("Новая ссылка отправлена", "A new link was sent"),
    "again_sent_to": ("Она придёт сюда:", "It comes to:"),
    "again_then": (
        "Откройте ссылку из этого сообщения. Эту страницу можно закрыть.",
        "Open the link in that message. You can close this page.",
    ),
    "again_here": (
        "Если вы входили по ней в этом телефоне:",
        "If you came in by it on this phone:",
    ),
    "again_other": ("Если нет — пришлём новую.", "If not, we send a new one."),
    "again_how": (
        "Пришлём новую на тот же адрес или телефон.",
        "We send a new one to the same address or telephone.",
    ),
    "again_send": ("Прислать новую ссылку", "Send a new link"),
    "start": ("Начать", "Begin"),
    "meters": ("Ваши счётчики", "Your meters"),
    "to_do": ("Ждём показания: {}", "Readings we wait for: {}"),
    "all_done": ("Всё передано. Больше ничего не нужно.", "All is sent. Nothing more is needed."),
    "flat": ("кв. {}", "flat {}"),
    "until": ("до {}", "until {}"),
    "through": ("до {} включительно", "by the end of {}"),
    "serial": ("счётчик № {}", "meter no. {}"),
    "when": ("Передать", "Send"),
    "last": ("В прошлый раз", "Last time"),
    "last_none": ("ещё не было", "none yet"),
    "photograph": ("Сфотографировать", "Take a photo"),
    "type_in": ("Ввести цифры без фото", "Type the digits without a photo"),
    "nothing_to_do": ("Делать ничего не нужно", "Nothing to do"),
    "nothing_how": (
        "Эти счётчики передают показания сами, или вы уже передали.",
        "These meters send by themselves, or you have already sent.",
    ),
    "anyway": ("Передать всё равно", "Send anyway"),
    "if_nothing": ("Если ничего не передать", "If nothing is sent"),
    "if_nothing_how": (
        (
            "Плату посчитают по среднему расходу, а если показаний нет давно — по нормативу: "
            "это часто дороже. Когда показания придут, разницу пересчитают."
        ),
        (
            "You are charged by your average use, and after some months by the norm, which is "
            "often more. When a reading comes, the difference is put right."
        ),
    ),
    "wrong": (
        "Нет нужного счётчика или что‑то не так",
        "A meter is missing, or something is wrong",
    ),
    "capture_title": ("Фото: {}", "Photo: {}"),
    "capture_how": (
        (
            "Снимите цифры прямо и крупно. Если темно, включите свет. Если стекло бликует, чуть "
            "наклоните телефон."
        ),
        (
            "Take the digits straight and large. If it is dark, put a light on. If the glass "
            "shines, tilt the phone a little."
        ),
    ),
    "camera_open": ("Открыть камеру", "Open the camera"),
    "camera_here": ("Цифры — в рамку", "Put the digits here"),
    "camera_shoot": ("Снять", "Take it"),
    "camera_close": ("Закрыть камеру", "Close the camera"),
    "camera_torch": ("Фонарик", "Torch"),
    "photo_file": ("Выбрать фото или снять", "Choose or take a photo"),
    "photo_send": ("Отправить фото", "Send the photo"),
    "sending": ("Отправляем фото…", "Sending the photo…"),
    "sending_part": ("Отправлено {}%", "{}% sent"),
    "reading_photo": ("Читаем цифры…", "Reading the digits…"),
    "kept": (
        "Связи нет. Фото сохранено в телефоне и уйдёт само, когда она появится.",
        "No connection. The photo is kept in the phone and goes by itself when it is back.",
    ),
    "others": ("Ещё ждём: {}", "Still waited for: {}"),
    "others_how": (
        "Можно снять все подряд, а цифры проверить потом.",
        "You can photograph all of them first and check the digits later.",
    ),
    "kept_many": ("Фото ждут отправки: {}", "Photos waiting to go: {}"),
    "kept_open": ("Проверить цифры: {}", "Check the digits: {}"),
    "kept_retake": ("Снять ещё раз: {}", "Take it again: {}"),
    "kept_old": (
        "Фото пролежало в телефоне больше суток и не отправлено.",
        "A photo lay in the phone for more than a day and was not sent.",
    ),
    "check": ("Проверьте цифры", "Check the digits"),
    "check_how": (
        "Сравните с фото. Неверную цифру нажмите и исправьте.",
        "Compare with the photo. Tap a wrong digit and put it right.",
    ),
    "check_open": (
        "Одну цифру не разобрать. Впишите её.",
        "One digit we could not make out. Please fill it in.",
    ),
    "check_open_many": (
        "Не разобрать цифр: {}. Впишите их.",
        "Digits we could not make out: {}. Please fill them in.",
    ),
    "check_not_found": (
        "Цифры на фото не нашлись. Впишите их сами или снимите ещё раз.",
        "No digits were found in the photo. Type them in, or take another photo.",
    ),
    "corners": ("Показать цифры на фото", "Show where the digits are"),
    "corners_how": (
        (
            "Перетащите четыре угла к краям ряда цифр. Или выберите угол и коснитесь места на "
            "фото; точнее — стрелками. Если на фото два счётчика, отметьте нужный."
        ),
        (
            "Drag the four corners to the ends of the row of digits. Or choose a corner and tap "
            "the place; the arrows are finer. Of two meters in a photo, mark the right one."
        ),
    ),
    "corner_top_left": ("Левый верхний угол", "Top left corner"),
    "corner_top_right": ("Правый верхний угол", "Top right corner"),
    "corner_bottom_right": ("Правый нижний угол", "Bottom right corner"),
    "corner_bottom_left": ("Левый нижний угол", "Bottom left corner"),
    "corners_move": ("Сдвинуть выбранный угол", "Move the chosen corner"),
    "corners_left": ("Влево", "Left"),
    "corners_right": ("Вправо", "Right"),
    "corners_up": ("Вверх", "Up"),
    "corners_down": ("Вниз", "Down"),
    "corners_nearer": ("Крупнее", "Larger"),
    "corners_farther": ("Мельче", "Smaller"),
    "corners_order": (
        "Первый — слева вверху у цифр, дальше по кругу вправо.",
        "The first is at the top left of the digits, the others go on to the right.",
    ),
    "corners_read": ("Прочитать ещё раз", "Read again"),
    "type_how": (
        "Перепишите все цифры слева направо, с нулями.",
        "Copy all digits from left to right, zeros too.",
    ),
    "red_how": (
        "Красные — после запятой. Если их не видно, оставьте пустыми.",
        "Red ones stand after the point. If you cannot see them, leave them empty.",
    ),
    "cell": ("Цифра {} из {}", "Digit {} of {}"),
    "cell_red": ("Цифра {} из {}, красная, после запятой", "Digit {} of {}, red, after the point"),
    "photo_alt": ("Ваше фото счётчика № {}", "Your photo of meter no. {}"),
    "near_alt": ("Цифры с вашего фото, крупно", "The digits of your photo, enlarged"),
    "photo_again": ("Снять ещё раз", "Take another photo"),
    "expected": ("Обычно к этому дню", "Usual by now"),
    "expected_about": ("около {}", "about {}"),
    "send": ("Цифры верны, передать", "The digits are right, send"),
    "question": ("Один вопрос", "One question"),
    "question_of": ("Вопрос {} из {}", "Question {} of {}"),
    "your_value": ("Вы передаёте", "You are sending"),
    "answer_yes": ("Да, на счётчике так и есть", "Yes, the meter shows this"),
    "answer_no": ("Нет, исправлю", "No, I will correct it"),
    "answer_how": (
        "Любой ответ примем. Если сомнение останется, показание посмотрит человек.",
        "Any answer is taken. If a doubt stays, a person looks at it.",
    ),
    "done": ("Показание принято", "The reading is received"),
    "done_number": ("Номер электронного акта", "Receipt number"),
    "done_when": ("Принято", "Received"),
    "done_bill": ("Что дальше", "What happens now"),
    "done_bill_how": (
        "По нему посчитают плату за {}, если до закрытия не будет показания надёжнее или позже.",
        "You are charged by it for {}, unless a surer or a later one comes before it is closed.",
    ),
    "done_bill_soon": (
        "По нему посчитают плату за этот месяц, если не будет показания надёжнее или позже.",
        "You are charged by it for this month, unless a surer or a later one comes.",
    ),
    "done_review": (
        (
            "Показание посмотрит человек: оно необычное, а вы его подтвердили. Делать ничего "
            "не нужно."
        ),
        "A person will look at it: it is unusual and you confirmed it. There is nothing to do.",
    ),
    "act_open": ("Открыть электронный акт", "Open the receipt"),
    "act_pdf": ("Скачать акт (PDF)", "Download the receipt (PDF)"),
    "next": ("Следующий: {}", "Next: {}"),
    "to_meters": ("Ко всем счётчикам", "To all meters"),
    "dispute": ("Что не так?", "What is wrong?"),
    "dispute_how": (
        "Напишем номер обращения и день ответа. За ходом можно следить здесь.",
        "You get a number and the day of the answer, and can follow it here.",
    ),
    "dispute_which": ("О каком счётчике речь?", "Which meter is it about?"),
    "dispute_none": ("его здесь нет", "it is not shown here"),
    "dispute_kind": ("Что случилось?", "What happened?"),
    "dispute_no-meter": ("Моего счётчика нет в списке", "My meter is not in the list"),
    "dispute_wrong-meter": ("Это не мой счётчик", "This is not my meter"),
    "dispute_reading": ("Неверное показание", "A reading is wrong"),
    "dispute_text": ("Своими словами", "In your own words"),
    "dispute_send": ("Отправить обращение", "Send it"),
    "disputed_received": ("Обращение принято", "We have received it"),
    "disputed_in-work": ("Обращение в работе", "It is being looked into"),
    "disputed_answered": ("На обращение ответили", "It is answered"),
    "disputed_withdrawn": ("Обращение отозвано", "It was taken back"),
    "disputed_number": ("Номер обращения", "Its number"),
    "disputed_state": ("Состояние", "State"),
    "state_received": ("получено", "received"),
    "state_in-work": ("в работе", "being looked into"),
    "state_answered": ("дан ответ", "answered"),
    "state_withdrawn": ("отозвано", "withdrawn"),
    "disputed_by": ("Ответим", "Answer due"),
    "disputed_answer": ("Ответ", "Answer"),
    "messages_end": ("Не присылать таких сообщений", "No more messages like this"),
    "messages_stop": ("Больше не присылать сообщения?", "Send no more messages?"),
    "messages_to": (
        "Напоминания о показаниях больше не будут приходить.",
        "Reminders about readings will come no more.",
    ),
    "messages_yes": ("Не присылать", "Send no more"),
    "messages_stopped": ("Сообщений больше не будет", "There will be no more messages"),
    "messages_back": (
        "Передать показания можно по коду из объявления дома или из квитанции.",
        "Readings can still be sent with the code on the house's notice or on the bill.",
    ),
    "offline_title": ("Нет связи", "No connection"),
    "offline_how": (
        "Страница откроется, когда связь появится. Фото, которые вы сняли, не пропали.",
        "The page opens when the connection is back. The photos you took are not lost.",
    ),
    "again": ("Попробовать ещё раз", "Try again"),
    "tariff": ("тариф {}", "tariff {}"),
}
TEXTS |= PAST | SIGNIN


class Speech(Words):
    """One language of these pages, and of what they share with the house's."""

    def __call__(self, key: str, *values: object) -> str:
        """The text of `key`, with `values` in their places."""
        if key in TEXTS:
            return TEXTS[key][LANGUAGES.index(self.language)].format(*values)
        return super().__call__(key, *values)

    def has(self, key: str) -> bool:
        """Whether there is a text of `key`."""
        return key in TEXTS or super().has(key)

    def resource(self, item: Item) -> str:
        """What a register counts, with its tariff where a meter has several."""
        name = self(item.resource) if self.has(item.resource) else item.resource
        tariff = item.obis.rpartition(".")[2]
        return f"{name}, {self('tariff', tariff)}" if tariff.strip("0") else name

    def level(self, level: Level | None, item: Item) -> str:
        """A value of a register with its unit."""
        if level is None:
            return self("last_none")
        return self.mantissa(level.mantissa, item)

    def mantissa(self, mantissa: int, item: Item) -> str:
        """A value of a register with its unit."""
        return self.value(Decimal(mantissa).scaleb(item.exponent), item)

    def expected(self, item: Item) -> str:
        """About where a register would stand by its usual use, empty where that is not known."""
        if item.expected is None:
            return ""
        return self("expected_about", self.mantissa(item.expected, item))

    def value(self, value: Decimal, item: Item) -> str:
        """A value as it was given, with its unit."""
        return f"{self.number(value)} {self.unit(item.unit)}"

    def given(self, value: str, item: Item) -> str:
        """The same of a value that comes as text."""
        return self.value(Decimal(value), item)

    def until(self, moment_ms: int, zone: str) -> str:
        """An end as people say it: midnight belongs to the day before."""
        local = from_ms(moment_ms).astimezone(ZoneInfo(zone))
        if (local.hour, local.minute) == (0, 0):
            return self("through", self.day(local - timedelta(days=1)))
        return self("until", self.time(moment_ms, ZoneInfo(zone)))

    def on(self, moment_ms: int, zone: str) -> str:
        """Day and time on the clocks there."""
        return self.time(moment_ms, ZoneInfo(zone))
