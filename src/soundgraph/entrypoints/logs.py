"""Logging: structured, one stream for ours and everybody else's lines, and no secrets in it."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import structlog

SECRET_NAMES = frozenset(
    [
        "access_token",
        "authorization",
        "captcha_token",
        "cookie",
        "password",
        "proxy_authorization",
        "refresh_token",
        "secret_token",
        "set_cookie",
        "sg_access",
        "sg_refresh",
        "signature",
        "token",
    ]
)
HIDDEN = "[redacted]"
_NAMES = "|".join(sorted(name.replace("_", "[_-]") for name in SECRET_NAMES))
# `name=value` in addresses and cookies, `"name": "value"` in reprs and JSON, `Name: value` in headers.
IN_TEXT = re.compile(
    rf"""(?P<name>\b(?:__Host-)?(?:current_|new_)?(?:{_NAMES})\b["']?\s*(?:=|:)\s*["']?)(?:Bearer\s+)?[^\s&"',;)}}]+""",
    re.IGNORECASE,
)
BEARER = re.compile(r"\bBearer\s+[\w.~+/=-]+", re.IGNORECASE)


def configure_logging(level: str, json: bool) -> None:
    """Send structlog and the standard library to standard error: JSON lines, or colours for a person.

    `level` is debug, info, warning or error.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    # Tracebacks become text before they are searched for secrets.
    last: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redact,
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor that hides secrets, by the name of a value and inside texts."""
    return {name: _hidden(name, value) for name, value in event.items()}


def _hidden(name: str, value: Any) -> Any:
    if name.lower().replace("-", "_").removeprefix("__host_") in SECRET_NAMES:
        return HIDDEN
    match value:
        case str():
            return IN_TEXT.sub(rf"\g<name>{HIDDEN}", BEARER.sub(f"Bearer {HIDDEN}", value))
        case bytes():
            return _hidden(name, value.decode("utf-8", "replace"))
        case Mapping():
            return {str(key): _hidden(str(key), one) for key, one in value.items()}
        case Sequence():
            return [_hidden(name, one) for one in value]
    return value
