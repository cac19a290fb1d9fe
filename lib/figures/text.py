"""Numbers and names as they stand in figures: three significant digits, thin spaces, '–' for undefined, inert names.

Plotly renders a small HTML (`<b>`, `<a href>`, `<br>`), `%{...}` in hover templates and `$...$` as mathematics, in every
text it is given. Whatever a stranger typed goes through `escape` first.
"""

import math
import unicodedata

THIN = "\u2009"
UNDEFINED = "–"
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
HARMFUL = str.maketrans({c: f"&#{ord(c)};" for c in "&<>\"'{}$%"})
KEPT_INVISIBLE = "\u200d\ufe0f"  # joiners, without which an emoji falls apart


def count(n: float | None) -> str:
    """A number of rows: `28 431`. Means over seeds that are not whole keep one digit below 100."""
    if n is None or not math.isfinite(n):
        return UNDEFINED
    digits = 1 if abs(n) < 99.95 and abs(n - round(n)) >= 0.05 else 0
    return f"{n:,.{digits}f}".replace(",", THIN)


def number(x: float | None) -> str:
    """Three significant digits: `0.0457`, `12.3`, `4 570`, `1.20·10⁻⁷`."""
    if x is None or math.isnan(x):
        return UNDEFINED
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    if x == 0:
        return "0"
    rounded = float(f"{x:.2e}")
    exponent = math.floor(math.log10(abs(rounded)))
    if not -4 <= exponent < 6:
        return f"{x:.2e}".split("e")[0].replace("-", "−") + "·10" + str(exponent).translate(SUPERSCRIPT)
    return f"{rounded:,.{max(2 - exponent, 0)}f}".replace(",", THIN).replace("-", "−")


def share(x: float | None) -> str:
    """A part of a clear whole, in percent. Only all is 100% and only nothing is 0%."""
    if x is None or not math.isfinite(x):
        return UNDEFINED
    if x in (0, 1):
        return f"{x:.0%}"
    if 0.9995 <= x < 1:
        return ">99.9%"
    if 0 < x < 0.001:
        return "<0.1%"
    return f"{x:.1%}" if x < 0.0995 or x >= 0.995 else f"{x:.0%}"


def interval(low: float, high: float) -> str:
    return f"[{number(low)}, {number(high)}]"


def escape(text: str, longest: int = 60) -> str:
    """A stranger's text, inert inside any Plotly text: in one line, shortened, every active character as an entity."""
    return shorten(text, longest).translate(HARMFUL)


def shorten(text: str, longest: int) -> str:
    """Plain text for an alt text: one line, no control or direction characters, at most `longest` characters."""
    flat = " ".join(str(text)[: 4 * longest + 200].split())
    shown = "".join(c for c in flat if unicodedata.category(c) not in ("Cc", "Cf", "Cs") or c in KEPT_INVISIBLE)
    if len(shown) > longest:
        shown = shown[: longest - 1].rstrip("\u200d ") + "…"
    if any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in shown):
        shown = f"\u2068{shown}\u2069"  # isolated: a right-to-left name does not turn round what stands beside it
    return shown or "(no name)"


def ends(text: str, longest: int) -> str:
    """Both ends of a stranger's text, inert: of names that begin alike the end tells which is which."""
    whole = shorten(text, 500)
    half = longest // 2
    return escape(whole if len(whole) <= longest else f"{whole[: longest - half - 1].rstrip()}…{whole[-half:]}", longest)


def listed(parts: list[str], most: int = 12) -> str:
    """`a, b, c`; of long lists the first and how many are left."""
    return ", ".join(parts[:most]) + (f" and {len(parts) - most} more" if len(parts) > most else "")
