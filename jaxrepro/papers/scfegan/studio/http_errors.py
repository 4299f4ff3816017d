"""Errors that the server answers with: a status code and one line."""

from jaxrepro.core.errors import InputError


class RequestError(InputError):
    """A request that is answered with `status` and its message instead of a result."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status
