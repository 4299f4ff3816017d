"""Form data out of a request, in memory and bounded while it arrives."""

from collections.abc import AsyncGenerator

import anyio
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from jaxrepro.papers.scfegan.studio.http_errors import RequestError
from jaxrepro.papers.scfegan.studio.limits import Limits

_MOST_PARTS = 12


async def read_form(request: Request, limits: Limits) -> dict[str, bytes]:
    """Returns the fields and files of a multipart form by name.

    Raises RequestError: 400 for a damaged form, 408 if it takes too long to arrive, 413 if it is
    too large, 415 for another kind of content.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise RequestError(415, "send a form as multipart/form-data")
    # The parser would keep larger files on disk; nothing of a user's goes there.
    parser = MultiPartParser(
        request.headers,
        _bounded(request, limits.max_bytes),
        max_files=_MOST_PARTS,
        max_fields=_MOST_PARTS,
        max_part_size=limits.max_bytes,
    )
    parser.spool_max_size = limits.max_bytes + 1
    try:
        with anyio.fail_after(limits.upload_seconds):
            form = await parser.parse()
    except TimeoutError as error:
        raise RequestError(408, "the request took too long to arrive") from error
    except MultiPartException as error:
        raise RequestError(400, f"damaged form: {error.message}") from error
    except ClientDisconnect as error:
        raise RequestError(499, "the client has gone") from error
    found = {}
    try:
        for name, value in form.multi_items():
            if name in found:
                raise RequestError(400, f"the form has two parts {name!r}")
            found[name] = await value.read() if isinstance(value, UploadFile) else value.encode()
    finally:
        await form.close()
    return found


async def _bounded(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    too_large = RequestError(413, f"the request is larger than {max_bytes >> 20} MiB")
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > max_bytes:
        raise too_large
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise too_large
        yield chunk
