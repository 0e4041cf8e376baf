"""The fields of a simulated `submitted` or `accepted`."""

from __future__ import annotations

from producers.wire import iso_local


class Fields:
    """The fields of `submitted` and `accepted`, in the spelling this case's feed uses."""

    __slots__ = ("_agency", "_channel", "_service")

    def __init__(self, agency: str, service: str, channel: str | None, alias: bool) -> None:
        body = agency.partition(".")[2]
        self._agency = f"000.00.{body}.H60" if alias else agency
        self._service = f"{service}.000.00.00.H60" if alias else service
        self._channel = channel

    def json(self, due: int | None, *, with_agency: bool = True) -> str:
        text = f'"service":"{self._service}"'
        if with_agency:
            text = f'"agency":"{self._agency}",{text}'
        if self._channel:
            text += f',"channel":"{self._channel}"'
        if due is not None:
            text += f',"due":"{iso_local(due)}"'
        return f"{{{text}}}"
