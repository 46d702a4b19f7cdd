"""The patterns of the ways to write times that are known: directives, what may follow a date, and their order."""

from __future__ import annotations

DIRECTIVES = {
    "Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d{2})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})", "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<I>\d{1,2})", "M": r"(?P<M>\d{1,2})", "S": r"(?P<S>\d{1,2})", "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp]\.? ?[Mm]\.?)", "q": r"(?P<q>[1-4])", "h": r"(?P<h>[12])", "j": r"(?P<j>\d{3})",
    "G": r"(?P<G>\d{4})", "V": r"(?P<V>\d{1,2})", "u": r"(?P<u>[1-7])", "%": "%",
}  # fmt: skip
WORDS = "abAB"  # directives of names
ENGLISH_MONTH, ENGLISH_DAY = "[A-Za-z]{3,9}", "[A-Za-z]{2,9}"
SHORTHANDS = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%D": "%m/%d/%y"}
OFFSET = r"(?:UTC|GMT)?[+-]\d{2}:?\d{2}|(?:UTC|GMT)?[+-]\d{1,2}|Z|[A-Z]{3,4}"
ZONE = rf"(?: ?(?P<z>{OFFSET}))?(?: ?\[?(?P<r>[A-Z][A-Za-z]+(?:/[A-Za-z_+-]+)+)\]?)?(?: \([^)]*\))?"
NOON = r"(?P<n>上午|下午|午前|午後|오전|오후)"
CLOCK = (
    rf"(?:(?:[ T]+|, ?|:|(?<=[日일]))(?:{NOON} ?)?"
    r"(?:(?P<H>\d{1,2})(?:(?:[:.hH時时點点시] ?)?(?P<M>\d{2})(?:분|分)?"
    r"(?:[:. ]?(?P<S>\d{2})(?:秒|초)?(?:[.,](?P<f>\d{1,9}))?)?)?"
    r"(?:時|时|點|点|시| ?Uhr)?(?: ?(?P<p>[AaPp]\.? ?[Mm]\.?))?)"
    rf"{ZONE})?"
)
UNIX = {
    "unix seconds": (r"(?P<s>-?\d{1,11})(?:\.(?P<f>\d+))?", 1),
    "unix milliseconds": (r"(?P<s>-?\d{1,14})(?:\.(?P<f>\d+))?", 1000),
    "unix microseconds": (r"(?P<s>-?\d{1,17})(?:\.(?P<f>0+))?", 1_000_000),
    "unix nanoseconds": (r"(?P<s>-?\d{1,19})(?:\.(?P<f>0+))?", 1_000_000_000),
}
UNIX_DIGITS = {"unix seconds": (9, 10), "unix milliseconds": (12, 13), "unix microseconds": (15, 16),
               "unix nanoseconds": (18, 19)}  # fmt: skip
INDEX, FISCAL = "index", "fiscal years"
EXCEL = {"excel days": 25_569, "excel days since 1904": 24_107}  # the number of 1970-01-01
DECIMAL_YEARS = {"decimal years": 0.0, "mid-month decimal years": 0.5}  # where in its month a time lies
NAMED = {
    **dict.fromkeys(EXCEL, r"(?P<s>\d{1,6})(?:[.,](?P<f>\d{1,15}))?"),
    **dict.fromkeys(DECIMAL_YEARS, r"(?P<Y>\d{4})(?:[.,](?P<f>\d{1,12}))?"),
    INDEX: r"(?P<s>-?\d{1,15})(?:\.(?P<f>0+))?",
    FISCAL: r"(?:FY ?|fy ?)?(?P<Y>\d{4})[/-](?P<x>\d{4}|\d{2})",
}
WITH_DAY = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y",
    "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y",
    "%Y%m%d", "%Y-%j", "%Y_%m_%d", "%Y %m %d", "%d %m %Y",
    "%m %d %Y", "%Y年%m月%d日", "%Y년 %m월 %d일", "%Y. %m. %d.", "%d.%m.%Y.", "%d. %m. %Y", "%d.%m.%Y г.",
    "%Y-%b-%d", "%d/%b/%Y", "%d %b %Y", "%b %d %Y", "%Y %b %d", "%d %b %y",
)  # fmt: skip
HOURS = "%Y%m%d%H"  # ten digits, as unix seconds have
WITHOUT_DAY = (
    "%Y-%m", "%Y/%m", "%m/%Y", "%m-%Y", "%m.%Y", "%b-%y", "%b %y", "%b-%Y", "%b %Y", "%b/%Y", "%b/%y", "%Y-%b",
    "%Y %b", "%YM%m", "%YQ%q", "%Y-Q%q", "%Y Q%q", "Q%q-%Y", "Q%q %Y", "%qQ%Y", "Q%q %y", "%qQ%y", "%G-W%V",
    "%G-W%V-%u", "%G W%V", "W%V %G", "%Y H%h", "H%h %Y", "%hH%Y", "%hH%y", "%Y", "%Y%m", "%Y.%m", "%Y:%m", "%Y%j",
    HOURS, "%Y%m%d%H%M", "%Y%m%d%H%M%S", "%Y%m%dT%H", "%Y%m%dT%H%M", "%Y%m%dT%H%M%S", "%Y-%m-%d %H%M",
    "%Y-%m-%d-%H", "%Y-%m-%d-%H-%M", "%Y-%m-%d_%H:%M:%S", "%Y-%m-%d_%H-%M-%S", "%Y%m%d %H%M", "%Y%m%d %H%M%S",
    "%Y%m%d_%H%M", "%Y%m%d_%H%M%S", "%Y%m%d-%H%M", "%d%b%Y:%H:%M:%S", "%Y年%m月", "%Y年", "%Y년 %m월", "%Y년",
    "%a %b %d %H:%M:%S %Y", "FY%Y", "FY%y", FISCAL, "%Y%q", "%y%m%d", "%d%m%Y", "%m%d%Y",
)  # fmt: skip
CLOCK_FIRST = tuple(f"%H:%M {name}" for name in (*WITH_DAY[:15], "%d %b %Y", "%b %d %Y"))
# a plain number is taken for a time only where the column's name says so
NUMBERS = (
    "%Y", "%Y%m", "%Y.%m", "%Y%m%d", "%Y%j", "%Y%q", "%y%m%d", "%d%m%Y", "%m%d%Y", HOURS, "%Y%m%d%H%M", "%Y%m%d%H%M%S",
    *UNIX, "excel days", *DECIMAL_YEARS,
)  # fmt: skip
# the same cells can be read as either; the whole column has to tell
SWAPPED = {
    "%d/%m/%Y": "%m/%d/%Y", "%d-%m-%Y": "%m-%d-%Y", "%d %m %Y": "%m %d %Y", "%d/%m/%y": "%m/%d/%y",
    "%d-%m-%y": "%m-%d-%y",
}  # fmt: skip
SWAPPED |= {month: day for day, month in SWAPPED.items()}
SEPARATOR = (
    r"(?:[ .,/'_-]|(?<![^\W\d_])(?:de|del|do|di|of|d|g|gada|m|den|the|năm|ngay|ngày|r|р|г|года|год|року)(?![^\W\d_]))"
)
QUARTER = r"(?:Q|T|K|q|t|k|Qtr|qtr|Quarter|quarter|Quartal|quartal|Kv|kv|кв|КВ|第)"
QUARTERS = (
    r"(?:Q|T|K|q|t|k|Qtr|qtr|Quarter|quarter|Quartal|quartal|[Tt]rimestre|[Tt]rim|[Kk]wartaal|[Kk]wartał|[Kk]vartal|"
    r"[Kk]v|кв|квартал|분기|四半期|季度)"
)
BETWEEN = r"[ ./:,_'-]*(?:(?:de|del|of|du) )?"
WEEK = (
    r"(?:W|w|KW|CW|Wk|wk|Week|week|Woche|Uge|uge|Vecka|[Ss]emana|[Ss]emaine|[Ss]ettimana|[Tt]ydzień|[Tt]ýden|"
    r"[Hh]afta|[Нн]еделя|第|v)"
)
LENIENT = {  # how the parts follow each other; what stands between them does not matter
    "%d %b %Y": rf"%d(?:st|nd|rd|th|er|º|ª|°|o|e)?{SEPARATOR}*%b\.?{SEPARATOR}*%Y(?: ?(?:г|г\.|года|р|р\.|року|г\.))?",
    "%b %d %Y": rf"%b\.?{SEPARATOR}*%d(?:st|nd|rd|th)?{SEPARATOR}+%Y",
    "%Y %b %d": rf"%Y{SEPARATOR}*%b\.?{SEPARATOR}*%d\.?(?: ?d\.?)?",
    "%d %b %y": rf"%d(?:st|nd|rd|th)?{SEPARATOR}*%b\.?{SEPARATOR}*%y",
    "%b %Y": rf"%b\.?{SEPARATOR}*%Y(?: ?(?:г|г\.|года|р|р\.|року))?",
    "%Y %b": rf"%Y{SEPARATOR}*%b\.?",
    "%b %y": rf"%b\.?{SEPARATOR}*%y",
    "%Y Q%q": rf"%Y(?:年|년)?{BETWEEN}{QUARTER}[ .]?%q(?:四半期|季度|분기)?",
    "Q%q %Y": rf"{QUARTER}[ .]?%q{BETWEEN}%Y",
    "Q%q %y": rf"{QUARTER}[ .]?%q{BETWEEN}%y",
    "%qQ%Y": rf"%q(?:\.|st|nd|rd|th|er|o|a|e|ème|-й)? ?{QUARTERS}\.?{BETWEEN}%Y",
    "%qQ%y": rf"%q ?{QUARTERS}{BETWEEN}%y",
    "%G W%V": rf"%G[ ./_-]*{WEEK}[ ._-]?%V",
    "W%V %G": rf"{WEEK}[ ._-]?%V[ ./,_-]*%G",
    "%Y H%h": r"%Y[ ./:_-]*[HhSs]%h",
    "H%h %Y": r"[HhSs]%h[ ./:,_-]*%Y",
    "%hH%Y": r"%h[HhSs][ ./:,_-]*%Y",
    "%hH%y": r"%h[HhSs][ ./:,_-]*%y",
    "FY%Y": r"(?:FY|fy) ?%Y",
    "FY%y": r"(?:FY|fy) ?'?%y",
    "%a %b %d %H:%M:%S %Y": rf"%a\.?,? %b\.? +%d %H:%M:%S(?: (?P<z>{OFFSET}))? %Y",
}
