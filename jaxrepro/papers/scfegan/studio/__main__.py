"""Edits faces in the browser: python -m jaxrepro.papers.scfegan.studio --export=DIR

Serves one page on this machine, http://127.0.0.1:8000/ unless told otherwise. Nothing is loaded
from elsewhere, and nothing of what users send is kept. The README beside this file has the API.
"""

import pathlib
import socket

from absl import flags

from jaxrepro.core import cli
from jaxrepro.core.errors import InputError


def define_flags() -> None:
    """Defines the command's flags."""
    flags.DEFINE_string("export", None, "Folder of the exported model.")
    flags.DEFINE_string("host", "127.0.0.1", "Address to listen on; 0.0.0.0 is every network.")
    flags.DEFINE_integer("port", 8000, "Port; 0 takes a free one.", 0, 65535)
    flags.DEFINE_list("allowed_hosts", [], "Names by which browsers may call the server.")
    flags.DEFINE_float("max_megapixels", 16, "Larger photos are refused.", 0.001)


def main(args: flags.FlagValues) -> None:
    """Runs the command."""
    if args.export is None:
        raise InputError("no export given; for example --export=runs/scfegan/export")
    try:
        import multipart  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise InputError(
            f"the studio needs {error.name}; install it with: pip install 'jaxrepro[studio]'"
        ) from error

    from jaxrepro.core import runtime

    runtime.set_up()

    import jax

    from jaxrepro.papers.scfegan.editing import Editor
    from jaxrepro.papers.scfegan.sketches import sketch
    from jaxrepro.papers.scfegan.studio.app import create_app
    from jaxrepro.papers.scfegan.studio.limits import Limits

    editor = Editor.from_export(pathlib.Path(args.export))
    app = create_app(
        editor,
        edge_map=sketch,
        about={"checkpoint": pathlib.Path(args.export).name, "device": jax.devices()[0].device_kind},
        limits=Limits(max_pixels=round(args.max_megapixels * 1e6)),
        allowed_hosts=args.allowed_hosts,
    )
    try:
        listener = socket.create_server((args.host, args.port))
    except OSError as error:
        raise InputError(
            f"cannot listen on {args.host}:{args.port}: {error.strerror}; choose another --port"
        ) from error
    host, port = listener.getsockname()[:2]
    print(f"open http://{host}:{port}/ in a browser; Ctrl-C stops the server")
    if not host.startswith("127."):
        print("everyone who reaches this address can use it; there is no password")
    config = uvicorn.Config(
        app, ws="none", log_level="warning", server_header=False, limit_concurrency=64
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    cli.run(define_flags, main)
