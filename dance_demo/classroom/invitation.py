"""A class that opens the page on its own phones: where it is, the QR code of that, and a password to say aloud."""

import io
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from dance_demo.classroom.lan import allowed_hosts, lan_addresses

if TYPE_CHECKING:
    import segno

ANYWHERE = ("0.0.0.0", "::", "")
HERE = ("127.0.0.1", "localhost", "::1")
QUIET_ZONE = 4  # light modules around a QR code, as its standard asks for
_USUAL_PORTS = {"http": 80, "https": 443}
# Short, spelled as they sound, on every keyboard. Two of them and a number: about 600,000 passwords.
_WORDS = """
amber anklet autumn basket bell bird blue boat bread bridge bright brook candle castle cedar circle cloud copper coral
cotton dancer desert drum eagle echo ember falcon feather field flame flower flute forest garden ginger golden green
harbor hill honey island ivory jasmine jungle kettle lantern lemon lotus mango maple marble meadow melon mirror monsoon
moon morning mountain mustard ocean olive orange palace paper peacock pearl pepper petal planet purple rainbow river
saffron sandal silver singer spice star summer sunny
"""
WORDS = tuple(_WORDS.split())

NO_NETWORK = "This computer is in no network that others could reach. Connect it to the Wi-Fi of the class."
CAMERA = (
    "The live camera runs only on the computer that serves this page: elsewhere browsers ask for https. Choosing a"
    " photo works everywhere, and a phone can take one then."
)


@dataclass(frozen=True)
class Classroom:
    """How the page is served to a class.

    In a container the addresses that are found here are of no use to pupils. There, its owner names the right ones in
    the environment's DANCE_DEMO_ALLOWED_HOSTS ("192.168.1.5").
    """

    port: int
    host: str = "0.0.0.0"
    password: str = ""  # "": none
    secure: bool = False  # https, which the live camera needs

    def addresses(self) -> list[str]:
        """What pupils can type, the best first. Asked anew each time: laptops change their network."""
        hosts = allowed_hosts() or (lan_addresses() if self.host in ANYWHERE else [self.host])
        return [self._address(host) for host in hosts if host not in HERE]

    def invitation(self, address: str) -> str:
        """The address for the QR code. The password stands behind the #, which browsers send to nobody."""
        return f"{address}/#{quote(self.password, safe='')}" if self.password else address

    def _address(self, host: str) -> str:
        scheme = "https" if self.secure else "http"
        host = f"[{host}]" if ":" in host else host
        return f"{scheme}://{host}" + (f":{self.port}" if self.port != _USUAL_PORTS[scheme] else "")


def make_password() -> str:
    """Two different words and a number from 10 to 99, such as "lotus-drum-42"."""
    first, second = secrets.SystemRandom().sample(WORDS, 2)
    return f"{first}-{second}-{10 + secrets.randbelow(90)}"


def svg_code(text: str) -> str:
    """The QR code as inline SVG: black on nothing, as large as whatever stands around it."""
    return _code(text).svg_inline(border=QUIET_ZONE, omitsize=True)


def text_code(text: str, *, coloured: bool) -> str:
    """The QR code in half blocks, two rows of modules a line; `coloured` for a terminal, whatever its ground."""
    written = io.StringIO()
    _code(text).terminal(written, border=QUIET_ZONE, compact=True)
    lines = written.getvalue().splitlines()
    return "\n".join(f"\x1b[97;40m{line}\x1b[0m" if coloured else line for line in lines)


def welcome(classroom: Classroom, *, coloured: bool = False, encoding: str = "utf-8") -> str:
    """What the terminal says when the page is there."""
    best, *others = classroom.addresses() or [""]
    if best:
        code = _readable(text_code(classroom.invitation(best), coloured=coloured), encoding)
        lines = ["", code, f"  Join at   {best}", *(f"  or        {other}" for other in others)]
    else:
        lines = ["", f"  {NO_NETWORK}", f"  On this computer the page is at {classroom._address('localhost')}"]
    lines += [f"  Password  {classroom.password}"] if classroom.password else []
    return "\n".join([*lines, "", '  For the projector: the tab "Join" of the page. Ctrl+C ends the class.', ""])


def _readable(code: str, encoding: str) -> str:
    try:
        code.encode(encoding)
    except UnicodeEncodeError:
        return '  (This terminal cannot show the QR code; the tab "Join" of the page can.)\n'
    return code + "\n"


def _code(text: str) -> "segno.QRCode":
    import segno

    return segno.make(text, micro=False, error="m")  # a small code is read from further away than a forgiving one
