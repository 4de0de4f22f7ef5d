"""One frozen, typed Config, from a TOML file and the command line; an unknown key is an error.

Sources, later ones win: built-in defaults, the file (`--config`, else /etc/smtpwatch.toml if it is there), options.
"""

import ipaddress
import re
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from smtpwatch.clean import clean
from smtpwatch.thresholds import Thresholds

DEFAULT_FILE = Path("/etc/smtpwatch.toml")

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ConfigError(Exception):
    """A setting that cannot be used; the message is one line for the admin."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be set. Field names are the TOML keys."""

    sensors: tuple[Literal["wire", "log", "host"], ...] = ("wire", "log", "host")
    """What to watch live: packets, mail logs, the mail server's queue."""
    ports: tuple[Port, ...] = (25, 465, 587)
    """TCP ports to watch."""
    submission_ports: tuple[Port, ...] = (465, 587)
    """Which of them carry submission (RFC 6409, RFC 8314); the others are inbound."""
    any_port: bool = False
    """From a file: recognise SMTP by its dialogue on every port."""
    interfaces: tuple[str, ...] = ()
    """Interfaces to capture on; empty: all, and those that appear later."""
    local: tuple[str, ...] = ()
    """Our own addresses or networks, so that direction is known; empty: those of this host when live, none for a
    file."""
    bpf: str = ""
    """The user's own capture filter, in libpcap's language, applied before everything else."""
    snaplen: Annotated[int, msgspec.Meta(ge=128, le=262144)] = 65536
    """Octets kept of each packet in live capture. A card that joins segments hands up to 64 kB at once, with commands
    anywhere in them, so less may lose some; bodies are not kept in any case."""
    ring_mib: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 16
    """Size of the kernel's capture ring, resident from the start: a quarter of a second of 145,000 packets/s of usual
    mail."""
    logs: tuple[str, ...] = ()
    """Mail logs to follow: paths, or "journald"; empty: those that are found."""
    backfill: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Seconds of the logs' past to read first, through rotated and compressed files."""
    log_zone: str = ""
    """The time zone of log stamps that name none ("Europe/Berlin", "UTC"); empty: this host's."""
    queue_interval: Annotated[float, msgspec.Meta(ge=5, le=1_800)] = 30.0
    """Seconds between looks at the mail server's queue, at least; where listing it takes long, they are longer."""
    certificates: bool = True
    """Ask our own ports for their certificate, at the start and every few hours: each time a short session without
    mail, which leaves its lines in the mail log."""
    geo: tuple[str, ...] = ()
    """Geo databases (MaxMind DB files: countries, networks, cities) or folders of them; empty: those that are found;
    "none" alone: none."""
    names: bool = True
    """Ask this host's resolver for the names of the addresses on screen (reverse DNS), when live."""
    block: bool = True
    """Sources can be blocked from here; false: the console only looks (--no-block)."""
    firewall: Literal["auto", "nftables", "iptables", "fail2ban"] = "auto"
    """What blocks: nftables, iptables with ipset, or a jail of fail2ban; auto: nftables where it is, else iptables."""
    jail: str = "postfix"
    """The jail that bans, with firewall = "fail2ban"."""
    domains: tuple[str, ...] = ()
    """Domains that we take mail for, beside those that the mail server's own configuration tells; ".example.org" is all
    below that."""
    trusted: tuple[str, ...] = ()
    """Networks whose clients may send mail anywhere without a login, beside those that the mail server's own
    configuration tells (mynetworks)."""
    allow: tuple[str, ...] = ()
    """Addresses and networks that are never blocked."""
    proxies: tuple[str, ...] = ()
    """Addresses of proxies that clients come through, which are never blocked."""
    journal: str = "/var/lib/smtpwatch/journal.jsonl"
    """Where every block is written down."""
    hostname: str = ""
    """The name in events and in the status bar; empty: this host's."""
    refresh: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 1.0
    """Seconds between repaints of the screen."""
    pane: Literal["home", "sources", "sessions", "messages", "deliveries", "tls", "alerts", "log"] = "home"
    """The pane that is shown first."""
    theme: Literal["terminal", "light", "safe", "mono"] = "terminal"
    """Colours: the terminal's own sixteen; for a light background; for those who cannot tell red from green; or none
    (NO_COLOR in the environment means mono too)."""
    alerts: Thresholds = Thresholds()
    """From where on alerts are raised."""

    def networks(self) -> tuple[Network, ...]:
        """`local` parsed. Raises ConfigError for what is no address or network."""
        return tuple(network(text) for text in self.local)

    def relaying(self) -> tuple[Network, ...]:
        """`trusted` parsed. Raises ConfigError for what is no address or network."""
        return tuple(network(text) for text in self.trusted)

    def unblockable(self) -> tuple[Network, ...]:
        """`allow` and `proxies` parsed. Raises ConfigError for what is no address or network."""
        return tuple(network(text) for text in (*self.allow, *self.proxies))

    def places(self) -> tuple[str, ...]:
        """`geo`. Raises ConfigError for "none" beside paths, and for a path that is empty."""
        if len(self.geo) > 1 and "none" in self.geo:
            raise ConfigError("geo databases: either `none` or paths")
        if "" in self.geo:
            raise ConfigError("geo databases: an empty path")
        return self.geo

    def on_alert(self) -> tuple[str, ...]:
        """`alerts.on_alert`. Raises ConfigError unless it begins with an absolute path: it is run with our rights, and
        what PATH would find is not to be trusted with root's."""
        command = self.alerts.on_alert
        if command and not command[0].startswith("/"):
            raise ConfigError(f"alerts.on_alert begins with the command's whole path: {command[0]!r}")
        if any("\0" in word for word in command):
            raise ConfigError("alerts.on_alert: a word with a NUL in it")
        return command

    def zone(self) -> tzinfo | None:
        """`log_zone` parsed, None for this host's. Raises ConfigError for what is no zone."""
        if not self.log_zone:
            return None
        try:
            return ZoneInfo(self.log_zone)
        except (OSError, ValueError):
            raise ConfigError(f"not a time zone: {self.log_zone!r}") from None


def network(text: str) -> Network:
    """An address or a network as text, host bits allowed. Raises ConfigError."""
    if "%" in text:
        raise ConfigError(f"a zone names a link, not a network: {text!r}")
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ConfigError(f"not an address or network: {text!r}") from None


def ports(text: str) -> dict[str, Any]:
    """`--ports 25,465,587,2525` or `--ports any` as fields of Config. Raises ConfigError."""
    if text == "any":
        return {"any_port": True}
    if not re.fullmatch(r"\d{1,5}(,\d{1,5})*", text, re.ASCII):
        raise ConfigError(f"ports are numbers with commas between, or `any`: {text!r}")
    return {"ports": tuple(int(port) for port in text.split(","))}


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def duration(text: str) -> float:
    """`90s`, `30m`, `2h`, `7d`, `1w` in seconds. Raises ConfigError."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([smhdw])", text.strip(), re.ASCII)
    if match is None:
        raise ConfigError(f"not a length of time (as 90s, 30m, 2h, 7d): {text!r}")
    return float(match[1]) * _UNITS[match[2]]


def load(path: Path | None, options: dict[str, Any]) -> Config:
    """The Config from a file (None: the default file if present) and options, which win.

    Raises ConfigError in one line: file unreadable, not TOML, unknown key, value out of range."""
    settings: dict[str, Any] = {}
    source = path or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    if source is not None:
        try:
            settings = msgspec.toml.decode(source.read_bytes(), type=dict[str, Any])
        except OSError as error:
            raise ConfigError(f"{source}: {error.strerror}") from None
        except RecursionError:
            raise ConfigError(f"{source}: nested too deeply") from None
        except (msgspec.MsgspecError, ValueError) as error:
            raise ConfigError(f"{source}: {clean(str(error))}") from None
    _checked(options, "options")  # first, and alone: so that the file is not blamed for them
    config = _checked(_over(settings, options), str(source or "options"))
    config.networks()
    config.relaying()
    config.unblockable()
    config.places()
    config.on_alert()
    config.zone()
    return config


def _checked(settings: dict[str, Any], source: str) -> Config:
    try:
        return msgspec.convert(settings, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {clean(str(error))}") from None


def _over(settings: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """`settings`, and what `options` say instead; of a table those keys only that they name."""
    merged = {**settings, **options}
    for name, table in options.items():
        before = settings.get(name)
        if isinstance(table, dict) and isinstance(before, dict):
            merged[name] = {**before, **table}
    return merged
