"""A studio whose model is simple enough to be foretold, served to tests over HTTP."""

import contextlib
import io
import json
import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import uvicorn
from PIL import Image

from jaxrepro.papers.scfegan.studio.app import create_app

ABOUT = {"checkpoint": "foretold", "device": "none"}


class ForetoldEditor:
    """Fills the mask with the given colour or, where none is given, with 10 * seed + i."""

    def __init__(self):
        self.calls = []
        self.may_run = threading.Event()
        self.may_run.set()
        self.error = None
        self.spill = False
        self.crop = None

    def edit(self, image, mask, sketch, color, strokes, *, seed, num, crop):
        self.calls.append(
            {"image": image, "mask": mask, "sketch": sketch, "color": color, "strokes": strokes}
        )
        self.crop = crop
        assert self.may_run.wait(10)
        if self.error is not None:
            raise self.error
        results = []
        for index in range(num):
            filled = np.where(strokes > 0, color, np.uint8((10 * seed + index) % 256))
            result = np.where(mask > 0, filled, image).astype(np.uint8)
            if self.spill:
                result[0, 0] = 255 - result[0, 0]
            results.append(result)
        return results


def bright_edge(image):
    """A picture's lines: where it is brighter than the pixel to the left by 100."""
    gray = image.astype(int).mean(axis=2)
    return (np.diff(gray, axis=1, prepend=gray[:, :1]) > 100).astype(np.uint8)[..., None]


@contextlib.contextmanager
def serving(editor, **options) -> Iterator[str]:
    """Gives the address of a running studio."""
    app = create_app(editor, edge_map=bright_edge, about=ABOUT, **options)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, ws="none", lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def photo(height=48, width=64, seed=0) -> np.ndarray:
    """A smooth coloured picture."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / (9 + c) + seed) + np.cos(y / (7 + 2 * c)) for c in range(3)]
    return (127 + 60 * np.stack(waves, axis=2)).astype(np.uint8)


def file_of(array, kind="PNG", **options) -> bytes:
    """The array as a picture file."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def picture_of(data: bytes) -> np.ndarray:
    """The pixels of a picture file."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def drawing(*strokes, height=48, width=64, **more) -> str:
    """The JSON of a drawing."""
    value = {"version": 1, "width": width, "height": height, "strokes": strokes}
    return json.dumps({**value, **more})


def mask_stroke(*points, width: float = 12, **more) -> dict:
    """A stroke on the mask."""
    return {"layer": "mask", "width": width, "points": points, **more}
