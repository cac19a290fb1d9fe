"""Labels without features: what a class is called, in which order classes stand, and counts out of pasted text.

Class names come from strangers. They are kept as plain text: trimmed, without control characters, at most 80 characters;
what is drawn from them must escape them as any other text.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lib.registry import brief

NAME_LENGTH = 80
MAX_CLASSES = 1000
FEWEST_ROWS = 10
MEASURED = 20  # distinct numbers with decimals above which they are a measurement, not classes
MAX_PASTED = 1_000_000  # characters
MAX_COUNT = 10**15
RATIO_ROWS = 100  # rows that the rarest class of a pasted ratio gets
RATIO_TOTAL = 2_000_000  # and what the whole may have at most

MISSING = frozenset({"", "nan", "NaN", "NAN", "<NA>", "NaT", "#N/A"})  # what programs write where nothing is
AMBIGUOUS = frozenset({"na", "n/a", "none", "null"})  # in lower case: nothing, or Namibia, or "none of these"

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff\ud800-\udfff]+")


@dataclass(frozen=True)
class LabelCounts:
    """Class names and the rows of each, in class order; `missing` rows had no label; `notices` say what was decided."""

    names: tuple[str, ...]
    counts: tuple[int, ...]
    notices: tuple[str, ...] = ()
    missing: int = 0

    @property
    def rows(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True)
class Classes:
    """Names in class order, and for each distinct value its class; -1 where the value means "no label"."""

    names: tuple[str, ...]
    index: tuple[int, ...]
    notices: tuple[str, ...] = ()


def plain(text: str, length: int = NAME_LENGTH) -> str:
    """Text from a stranger as one short line: NFC, no control or direction-turning characters, single spaces."""
    head = _HIDDEN.sub(" ", text[: 20 * length])
    line = " ".join(unicodedata.normalize("NFC", head).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def unique(names: Iterable[str]) -> list[str]:
    """The same names, where the second `a` becomes `a (2)`; still at most NAME_LENGTH characters."""
    taken: dict[str, int] = {}
    result = []
    for name in names:
        candidate, number = name, taken.get(name, 0)
        while candidate in taken:
            number += 1
            tail = f" ({number + 1})"
            candidate = name[: NAME_LENGTH - len(tail)] + tail
        taken[name] = number
        taken[candidate] = 0
        result.append(candidate)
    return result


def class_text(value: object) -> str:
    """How a label value is written: whole floats without their `.0`, text trimmed."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def classes_of(values: Sequence[object], *, na_words: str = "class") -> Classes:
    """Distinct label values -> classes in order: as numbers when all are numbers, as text otherwise.

    Values that differ only in surrounding blanks are one class. `na_words`: whether NA, None and null name a class
    (`class`) or the lack of one (`missing`).
    """
    texts = [class_text(value) for value in values]
    full = [unicodedata.normalize("NFC", text) if not text.isascii() else text for text in texts]
    dropped = {text for text in full if text in MISSING or (na_words == "missing" and text.lower() in AMBIGUOUS)}
    distinct = set(full) - dropped
    numeric = all(is_number(text) for text in distinct)
    ordered = sorted(distinct, key=lambda text: (float(text) if numeric else 0.0, text))
    position = {text: number for number, text in enumerate(ordered)}
    names = unique(plain(text) or f"class {number}" for number, text in enumerate(ordered))
    index = tuple(position.get(text, -1) for text in full)
    return Classes(tuple(names), index, tuple(_name_notices(values, ordered, full, na_words)))


def _name_notices(values: Sequence[object], ordered: list[str], full: list[str], na_words: str) -> list[str]:
    notices = []
    spelt = sum(1 for text in full if text not in MISSING)
    if spelt > len(ordered) and na_words == "class":
        notices.append("Labels that differ only in blanks around them are counted as one class.")
    if any(text.lower() in AMBIGUOUS for text in ordered):
        words = ", ".join(text for text in ordered if text.lower() in AMBIGUOUS)
        notices.append(f"The label {words} is read as a class of that name; it can be set to mean “no label”.")
    long = [text for text in ordered if len(text) > NAME_LENGTH]
    if long:
        notices.append(f"Class names longer than {NAME_LENGTH} characters are shortened ({len(long)} of {len(ordered)}).")
    if any("\n" in text for text in ordered):
        notices.append("A label contains a line break; perhaps a quote is left open in the file.")
    folded = Counter(text.casefold() for text in ordered)
    twins = [brief(text) for text in ordered if folded[text.casefold()] > 1]
    if twins:
        notices.append(f"These labels differ only in capitals and are different classes: {', '.join(twins[:6])}.")
    return notices


def count_labels(values: Sequence[object], counts: Sequence[int], *, na_words: str = "class") -> LabelCounts:
    """Distinct label values and how often each occurs -> class counts. Raises ValueError on what cannot be labels."""
    refuse_measurements(values, sum(counts), "The labels")
    classes = classes_of(values, na_words=na_words)
    totals = [0] * len(classes.names)
    missing = 0
    for number, count in zip(classes.index, counts, strict=True):
        if number < 0:
            missing += int(count)
        else:
            totals[number] += int(count)
    check_number_of_classes(classes.names, sum(totals), "The labels")
    without = [f"{missing} {'row has' if missing == 1 else 'rows have'} no label; they are not counted."] if missing else []
    return LabelCounts(classes.names, tuple(totals), (*classes.notices, *without), missing)


def refuse_measurements(values: Sequence[object], rows: int, owner: str) -> None:
    """Raises ValueError when distinct values, out of so many rows, are an id or a measurement and no classes."""
    remedy = "A label says which class a row is in; choose another column, or join values into classes."
    if len(values) == rows >= FEWEST_ROWS:
        raise ValueError(f"{owner} must be classes, got {rows} rows that all differ, like an id. {remedy}")
    broken = [value for value in values[: 20 * MAX_CLASSES] if isinstance(value, float) and value % 1]
    if broken and len(values) > MEASURED:
        came = f"{len(values)} different numbers such as {broken[0]:g}, like a measurement"
        raise ValueError(f"{owner} must be classes, got {came}. {remedy}")
    if len(values) > 20 * MAX_CLASSES:  # names that only differ in blanks are joined later, but not that many
        raise ValueError(f"{owner} must have 2 to {MAX_CLASSES} classes, got {len(values)} different values. {remedy}")


def check_number_of_classes(names: Sequence[str], rows: int, owner: str) -> None:
    """Raises ValueError unless there are 2 to MAX_CLASSES classes. `owner` is what the message is about."""
    if not names:
        raise ValueError(f"{owner} must have at least two classes, got no label at all.")
    if len(names) == 1:
        raise ValueError(
            f"{owner} must have at least two classes, got one: {brief(names[0])} in all {rows} rows. "
            "Weights balance one class against another; add rows of a second class."
        )
    if len(names) > MAX_CLASSES:
        raise ValueError(
            f"{owner} must have 2 to {MAX_CLASSES} classes, got {len(names)} different values in {rows} rows, "
            f"such as {brief(names[0])}. A label says which class a row is in; choose another column or join classes."
        )


def paste(text: str) -> LabelCounts:
    """Pasted text: counts if every entry is a name and a number (or it is a ratio), labels otherwise; the notice says which.

    Raises ValueError that quotes the entry that cannot be read.
    """
    if _looks_like_counts(_short_enough(text)):
        found = parse_counts(text)
        return LabelCounts(found.names, found.counts, ("Read as class counts.", *found.notices))
    found = parse_labels(text)
    said = f"Read as labels, one for each of {found.rows + found.missing} rows."
    return LabelCounts(found.names, found.counts, (said, *found.notices), found.missing)


def parse_counts(text: str) -> LabelCounts:
    """`cat 5000, dog 300, bird 12`; also with `:` or `=`, one per line, from a JSON object; `1:100` is a ratio.

    Classes keep the order in which they were written. Raises ValueError that quotes the entry that cannot be read.
    """
    entries = _entries(_short_enough(text))
    if _is_ratio(entries):
        return _from_ratio([float(part) for part in entries[0].split(":")])
    if entries and all(_COUNT.fullmatch(entry) for entry in entries):
        pairs = [(str(number), _count(entry, entry)) for number, entry in enumerate(entries)]
        notices = ["The counts have no names: the classes are numbered from 0."]
    else:
        named = [_name_and_count(entry) for entry in entries]
        heading = len(named) > 2 and named[0] is None and not any(sign.isdigit() for sign in entries[0])
        pairs, notices = [], [f"The first line, {brief(entries[0])}, is read as a heading."] if heading else []
        for entry, pair in list(zip(entries, named, strict=True))[int(heading) :]:
            if pair is None:
                raise ValueError(
                    f"Expected a class name and a whole number of rows, such as “cat 5000”, got {brief(entry)}. "
                    "Correct this entry; shares can be written as a ratio, such as 95:5."
                )
            pairs.append((pair[0], _count(pair[1], entry)))
    names = [plain(name) for name, _ in pairs]
    twice = next((name for name, often in Counter(names).items() if often > 1), None)
    if twice is not None:
        raise ValueError(f"Expected every class once, got {brief(twice)} twice. Add its counts up, or rename one.")
    counts = tuple(count for _, count in pairs)
    check_number_of_classes(names, sum(counts), "The counts")
    if not any(counts):
        raise ValueError("Expected at least one row, got counts that are all 0. Write how many rows each class has.")
    return LabelCounts(tuple(names), counts, tuple(notices))


def parse_labels(text: str) -> LabelCounts:
    """One label per line, or separated by comma, semicolon, tab or blanks. Classes are sorted as in an uploaded file."""
    cleaned = _unwrapped(_short_enough(text))
    lines = [line for line in cleaned.splitlines() if line.strip()]
    values = [_unquoted(value) for value in _divided(cleaned, lines)]
    if not values:
        raise ValueError("Expected labels, got nothing. Paste one label per line, or counts such as “cat 5000, dog 300”.")
    tally = Counter(values)
    return count_labels(list(tally), list(tally.values()))


_DIGITS = r"\d{1,3}(?:[ \u00a0\u202f.,'’_]\d{3})+|\d+"
_RATIO = re.compile(r"\d+(\.\d+)?(\s*:\s*\d+(\.\d+)?)+")
_COUNT = re.compile(_DIGITS)
_TOLD = re.compile(rf"(?P<name>.*\S)\s?[:=\t]\s?(?P<count>-?(?:{_DIGITS}))")  # cat: 5 000
_SPACED = re.compile(r"(?P<name>.*\S)\s(?P<count>-?(?:\d{1,3}(?:[.,'’_]\d{3})+|\d+))")  # cat 5,000
_CELLS = re.compile(r"(?P<name>.*[^\d\s,;].*?)\s?[,;]\s?(?P<count>-?\d+)")  # cat,5000 on a line of its own
_FIRST = re.compile(r"(?P<count>\d+)\s?[x×]?\s(?P<name>[^\d\s].*)")  # 5000 cat
_ENDS_IN_NUMBER = re.compile(r".{0,160}[\s:=]-?\d[\d.,]*\s?%?")


def _short_enough(text: str) -> str:
    if len(text) > MAX_PASTED:
        raise ValueError(f"Expected at most {MAX_PASTED} pasted characters, got {len(text)}. Upload the labels as a file.")
    if not text.strip():
        raise ValueError("Expected labels or counts, got nothing. Paste one label per line, or “cat 5000, dog 300”.")
    return text.strip()


def _unwrapped(text: str) -> str:
    """Without the brackets of a Python list, a JSON object or a Counter, and without pandas' last line."""
    text = text.strip()
    if (call := re.match(r"\w{1,20}\(", text)) and text.endswith(")"):
        text = text[call.end() : -1].strip()
    if text[:1] + text[-1:] in ("[]", "{}", "()"):
        text = text[1:-1]
    return "\n".join(line for line in text.splitlines() if not re.match(r"(Name: .*)?dtype: ", line))


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'“”" else text


def _entries(text: str) -> list[str]:
    """Pieces that should each be a name and a count: lines where there are several, else what commas divide."""
    cleaned = _unwrapped(text)
    lines = [line.strip().rstrip(",;") for line in cleaned.splitlines() if line.strip()]
    if len(lines) > 1 and all(_name_and_count(line) or not any(sign.isdigit() for sign in line) for line in lines):
        return lines
    if all(_COUNT.fullmatch(piece) for piece in re.split(r"[,;\s]+", cleaned.strip(" ,;"))):
        return re.split(r"[,;\s]+", cleaned.strip(" ,;"))  # numbers alone: there a comma divides
    return [piece.strip() for line in lines for piece in re.split(r";|,(?!\d{3}(?!\d))", line) if piece.strip()]


def _is_ratio(entries: list[str]) -> bool:
    return len(entries) == 1 and len(entries[0]) < 2 * NAME_LENGTH and _RATIO.fullmatch(entries[0]) is not None


def _name_and_count(entry: str) -> tuple[str, str] | None:
    if len(entry) > 2 * NAME_LENGTH:  # no name is that long, and the patterns below take quadratic time
        return None
    entry = re.sub(r" {2,}", "\t", entry.strip()).removesuffix(" rows")
    for pattern in (_TOLD, _SPACED, _CELLS, _FIRST):
        if match := pattern.fullmatch(entry):
            name, count = match["name"], match["count"]
            if pattern is _SPACED and re.fullmatch(r"0\d\d", count) and (head := re.fullmatch(r"(.*\S) (\d{1,3})", name)):
                name, count = head.group(1), head.group(2) + count  # "cat 5 000"
            return _unquoted(name), count
    return None


def _count(text: str, entry: str) -> int:
    digits = re.sub(r"[^\d-]", "", text)
    number = int(digits) if len(digits) < 20 else -1
    if not 0 <= number <= MAX_COUNT:
        raise ValueError(f"Expected a count from 0 to {MAX_COUNT:g} rows, got {brief(entry)}. Correct this entry.")
    return number


def _from_ratio(parts: list[float]) -> LabelCounts:
    """`1:100`: the most frequent class first, the rarest with RATIO_ROWS rows."""
    if min(parts) <= 0:
        raise ValueError("Expected a ratio of numbers above 0, such as 1:100, got a 0. Write a class without rows as a count.")
    parts = sorted(parts, reverse=True)
    rare = min(float(RATIO_ROWS), RATIO_TOTAL * parts[-1] / sum(parts))
    counts = tuple(max(round(rare * part / parts[-1]), 1) for part in parts)
    check_number_of_classes([str(number) for number in range(len(counts))], sum(counts), "The ratio")
    written = ":".join(f"{part:g}" for part in parts)
    notice = f"{written} is read as a ratio: class 0 is the most frequent, the rarest class has {counts[-1]} rows."
    return LabelCounts(tuple(str(number) for number in range(len(counts))), counts, (notice,))


def _divided(text: str, lines: list[str]) -> list[str]:
    """Labels one by one: by line where there are several, unless all is numbers; else by the sign that occurs."""
    pieces = [piece for piece in re.split(r"[,;\s]+", text) if piece]
    if all(is_number(piece) for piece in pieces):
        return pieces
    if len(lines) > 1 and not all("," in line for line in lines):
        return lines
    for sign in (";", ",", "\t", " "):
        if sign in text:
            return [piece for piece in re.split(f"[{sign}\n]", text) if piece.strip()]
    return lines


def _looks_like_counts(text: str) -> bool:
    entries = _entries(text)
    if _is_ratio(entries):
        return True
    if all(is_number(entry) for entry in entries):  # 5000 300 12 are counts, 0 1 1 0 are labels
        whole = [int(entry) for entry in entries if entry.isdigit()]
        return len(whole) == len(set(whole)) == len(entries) > 1 and max(whole) > 2 * len(entries)
    if all(is_number(piece) for piece in re.split(r"[,;\s]+", text) if piece):
        return False
    headed = len(entries) > 2 and not any(sign.isdigit() for sign in entries[0])
    rest = entries[int(headed) :]
    return len(set(rest)) == len(rest) and all(_name_and_count(entry) or _ENDS_IN_NUMBER.fullmatch(entry) for entry in rest)
