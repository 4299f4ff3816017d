"""Edits faces in the browser: python -m jaxrepro.papers.scfegan.studio --model=DIR

Serves one page on this machine, http://127.0.0.1:8000/ unless told otherwise. Nothing is loaded
from elsewhere, and nothing of what users send is kept. The README beside this file has the API.
"""

import pathlib
import socket
from typing import TYPE_CHECKING

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError
from jaxrepro.core.inference import network_flags

if TYPE_CHECKING:
    from jaxrepro.papers.scfegan.inference.editing import Editor


def define_flags() -> None:
    """Defines the command's flags."""
    network_flags.define_network(average=True)
    flags.DEFINE_string("host", "127.0.0.1", "Address to listen on; 0.0.0.0 is every network.")
    flags.DEFINE_integer("port", 8000, "Port; 0 takes a free one.", 0, 65535)
    flags.DEFINE_list("allowed_hosts", [], "Names by which browsers may call the server.")
    flags.DEFINE_float("max_megapixels", 16, "Larger photos are refused.", 0.001)


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    given = network_flags.given_network(args, "runs/scfegan_128")
    try:
        import python_multipart  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise InputError(
            f"the studio needs {error.name}; install it with: pip install 'jaxrepro[studio]'"
        ) from error
    # Before the network is read: a port in use is known at once.
    listener = _listen(args.host, args.port)

    from jaxrepro.core.machine import runtime

    runtime.set_up()

    import jax

    from jaxrepro.papers.scfegan.faces.sketches import canny_sketch
    from jaxrepro.papers.scfegan.inference.editing import Editor
    from jaxrepro.papers.scfegan.studio.app import create_app
    from jaxrepro.papers.scfegan.studio.limits import Limits
    from jaxrepro.papers.scfegan.trained import load_trained

    with listener:
        editor = Editor(load_trained(**given))
        _compile(editor)
        name = pathlib.PurePath(args.model).name
        resolution = editor.trained.resolution
        app = create_app(
            editor,
            edge_map=canny_sketch,
            about={
                "checkpoint": f"{name}, {resolution} px",
                "device": jax.devices()[0].device_kind,
            },
            limits=Limits(max_pixels=round(args.max_megapixels * 1e6)),
            allowed_hosts=args.allowed_hosts,
        )
        _announce(listener)
        config = uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            log_level="warning",
            server_header=False,
            limit_concurrency=64,
        )
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            print("stopped")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}, port {port}: {error.strerror}; choose another --host or "
            "--port"
        ) from error


def _compile(editor: "Editor") -> None:
    """Makes the first edit, so that no user waits for the compiler."""
    import numpy as np

    side = editor.trained.resolution
    image = np.zeros((side, side, 3), np.uint8)
    editor.edit(image, np.ones((side, side, 1), np.uint8), seed=0, num=1)


def _announce(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"open http://{shown}:{port}/ in a browser; Ctrl-C stops the server")
    if host != "::1" and not host.startswith("127."):
        print("everyone who reaches this address can use it; there is no password")


if __name__ == "__main__":
    cli.run(define_flags, main)
