"""The web application: the page and its API."""

import dataclasses
import logging
import pathlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from jaxrepro.core.errors import InputError
from jaxrepro.papers.scfegan.studio.editing_jobs import Jobs, PhotoEditor, base64_text
from jaxrepro.papers.scfegan.studio.http_errors import RequestError
from jaxrepro.papers.scfegan.studio.limits import Limits
from jaxrepro.papers.scfegan.studio.line_tracing import EdgeMap
from jaxrepro.papers.scfegan.studio.same_origin import SameOrigin
from jaxrepro.papers.scfegan.studio.turns import Turns
from jaxrepro.papers.scfegan.studio.uploads import read_form

PAGE = pathlib.Path(__file__).with_name("page")
_log = logging.getLogger(__name__)


def create_app(
    editor: PhotoEditor,
    *,
    edge_map: EdgeMap,
    about: Mapping[str, str],
    limits: Limits | None = None,
    allowed_hosts: Collection[str] = (),
) -> SameOrigin:
    """Returns the ASGI application.

    edge_map: from an image, uint8 [H, W, 3], to the lines that a sketch of it would have, uint8
    {0, 1} [H, W, 1]. about: "checkpoint" and "device", as the page shows them. allowed_hosts: names
    by which the server may be called, beside localhost and IP addresses.
    """
    limits = limits or Limits()
    jobs = Jobs(editor, edge_map, limits)
    turns = Turns(limits.max_waiting)

    async def model(request: Request) -> Response:
        shown = ("max_bytes", "max_pixels", "max_results")
        bounds = {key: value for key, value in dataclasses.asdict(limits).items() if key in shown}
        return JSONResponse({**about, "limits": bounds})

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def index(request: Request) -> Response:
        return FileResponse(PAGE / "index.html")

    def work(job: Callable[[dict[str, bytes]], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            form = await read_form(request, limits)
            try:
                outcome = await turns.run(request, lambda: job(form))
            except InputError:
                raise
            except Exception as error:
                # The others who use the server shall not notice.
                _log.exception("%s failed", request.url.path)
                message = "the server failed at this; its log says why"
                raise RequestError(500, message) from error
            return outcome if isinstance(outcome, Response) else JSONResponse(outcome)

        return answer

    async def edit(request: Request) -> Response:
        picture = request.headers.get("accept", "").startswith("image/png")

        def job(form: dict[str, bytes]) -> Response:
            done = jobs.edit(form)
            if picture:
                return Response(done.files[0], media_type="image/png")
            values = dataclasses.asdict(done)
            return JSONResponse({"images": [base64_text(f) for f in values.pop("files")], **values})

        return await work(job)(request)

    app = Starlette(
        routes=[
            Route("/", index),
            Route("/healthz", health),
            Route("/api/model", model),
            Route("/api/open", work(jobs.open), methods=["POST"]),
            Route("/api/edit", edit, methods=["POST"]),
            Route("/api/sketch", work(jobs.sketch), methods=["POST"]),
            Mount("/page", StaticFiles(directory=PAGE)),
        ],
        exception_handlers={
            InputError: _answer_input_error,
            HTTPException: _answer_http_error,
        },
    )
    # Outside of everything, so that answers to failures have its headers, too.
    return SameOrigin(app, allowed_hosts)


async def _answer_input_error(request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, RequestError) else 400
    headers = {"retry-after": "2"} if status == 503 else None
    return JSONResponse({"error": str(error)}, status, headers)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}"
    return JSONResponse({"error": message}, error.status_code, error.headers)
