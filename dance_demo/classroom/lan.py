"""The network around this computer: under which addresses others reach it, and whether a port is free.

Nothing is sent to find out: the system is asked for its own list of interfaces and for its own table of routes.
"""

import errno
import ipaddress
import os
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from dance_demo.errors import DanceDemoError

# Ways into tunnels, containers and virtual machines: nobody in the room comes in there.
_VIRTUAL = re.compile(
    r"tun|tap|wg|ppp|ipsec|utun|tailscale|zt|docker|br-|veth|virbr|vmnet|vboxnet|lxc|cni|podman|awdl|llw|"
    r".*(vethernet|virtual|vmware|wsl|loopback|vpn|bluetooth)",
    re.IGNORECASE,
)
ALL_IPV4, ALL_IPV6 = "0.0.0.0", "::"  # every address of this computer; whoever names the second means both
_ELSEWHERE = ("198.51.100.1", 9)  # stands in documentation only; see _routed


def lan_addresses() -> list[str]:
    """IPv4 addresses of this computer, the one that others most likely reach first; none without a network."""
    return best_first(_interfaces(), _routed())


def best_first(interfaces: Mapping[str, Sequence[str]], routed: str | None) -> list[str]:
    """The addresses of these interfaces: a real network before a virtual one, and `routed` (on the way out) first.

    An address that the computer gave itself, because no network gave it one, comes last.
    """
    found = {address: name for name, addresses in interfaces.items() for address in addresses}

    def doubts(address: str) -> tuple[bool, ...]:
        one = ipaddress.ip_address(address)
        return (one.is_link_local, bool(_VIRTUAL.match(found[address])), address != routed, not one.is_private)

    return sorted(found, key=doubts)


def allowed_hosts() -> list[str]:
    """The names under which alone the server answers, as its owner has set them; none where nothing is set."""
    return os.environ.get("DANCE_DEMO_ALLOWED_HOSTS", "").lower().replace(",", " ").split()


def own_names() -> set[str]:
    """What this computer is called in its network, also as phones and Apple's computers call it."""
    name = socket.gethostname().lower()
    return {name, f"{name.removesuffix('.local')}.local"}


def check_port(host: str, port: int) -> None:
    """DanceDemoError where no server can listen there, saying what to do."""
    if not 0 <= port <= 65535:
        raise DanceDemoError(f"There is no port {port}. Choose one from 1024 to 65535: --port 7860")
    for one in (host, ALL_IPV4) if host == ALL_IPV6 else (host,):
        try:
            socket.create_server((one, port), family=socket.AF_INET6 if ":" in one else socket.AF_INET).close()
        except OSError as error:
            raise DanceDemoError(_why_not(error, one, port)) from None


def check_certificate(certificate: str, key: str) -> None:
    """DanceDemoError where the two files are no certificate with its key."""
    import ssl

    for file in (certificate, key):
        if not Path(file).is_file():
            raise DanceDemoError(f"There is no file {file}. --certificate and --key name two PEM files.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        reason = getattr(error, "reason", None) or "not readable"
        raise DanceDemoError(f"{certificate} and {key} are no certificate with its key, both PEM ({reason}).") from None


def _interfaces() -> dict[str, list[str]]:
    """Name of each interface that is up -> its IPv4 addresses, without the loopback ones."""
    import psutil

    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    addresses = {
        name: [one.address for one in known if one.family == socket.AF_INET]
        for name, known in psutil.net_if_addrs().items()
        if name in up
    }
    return {
        name: [one for one in known if not ipaddress.ip_address(one).is_loopback] for name, known in addresses.items()
    }


def _routed() -> str | None:
    """Our address on the way to the rest of the world; None if there is no way.

    To connect a datagram socket only looks up the route: no packet leaves.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as question:
        try:
            question.connect(_ELSEWHERE)
            address: str = question.getsockname()[0]
            return address
        except OSError:
            return None


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program. Choose another one: --port {port + 1}"
    if error.errno == errno.EACCES:
        return f"Port {port} needs an administrator. Choose one from 1024 up: --port 7860"
    return f"Nothing can listen on {host}: it is no address of this computer. Leave --host out, or name one that is."
