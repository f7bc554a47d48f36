"""How the log is written: lines for people, or an object a line for programs."""

import json
import logging
import sys
from logging import Formatter, LogRecord

from pollsvc.domain.clock import rfc3339
from pollsvc.settings import Settings
from pollsvc.web.requests import request_id

logger = logging.getLogger(__name__)


def set_up_logs(settings: Settings) -> None:
    """Write the log to standard error as these settings want it; may be called again."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if settings.log_format == "json" else _Human())
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)
    logging.getLogger("pollsvc").setLevel(level)  # what libraries do is of interest when it fails
    logger.setLevel(logging.INFO)  # what `tell` says is always there


def tell(message: str) -> None:
    """Say what the service itself does: that it starts, and takes new settings."""
    logger.info(message)


class _Human(Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: LogRecord) -> str:  # noqa: N802 - logging's
        id_ = request_id()
        return super().formatMessage(record) + (f" [{id_}]" if id_ else "")


class _Json(Formatter):
    """Members `time`, `level`, `logger`, `message`, and where there are such `request_id`, `error` and a
    request's own."""

    def format(self, record: LogRecord) -> str:
        line: dict[str, object] = {
            "time": rfc3339(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if id_ := request_id():
            line["request_id"] = id_
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
