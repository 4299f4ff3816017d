"""Ctrl-C in a command: one line and status 130, from its first moment to its last."""

# Little is imported here and late: the shorter Python's own handler stays, the better.
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

STATUS = 128 + int(signal.SIGINT)
# Seconds after which an interrupt comes again that could not be taken.
_AGAIN_AFTER = 0.05

_asked = False
_waits = False


def end_at_once() -> None:
    """Makes Ctrl-C end the process with one line from now on, without an exception.

    For while modules are imported, which an exception could leave half made or be lost in, and for
    the very end. Does nothing where Ctrl-C is ignored or another handler takes it, as in a job in
    the background.
    """
    _handle_by(_end)


def raise_from_now_on() -> None:
    """Makes Ctrl-C a KeyboardInterrupt from now on, which `asked` remembers.

    One that comes while a module is imported waits for the end of that: libraries in C may crash
    otherwise. Pressed again meanwhile, it ends the process at once. One that comes while Python
    destroys an object, where an exception is only printed and forgotten, comes again.
    """
    global _asked
    _asked = False
    if _handle_by(_raise):
        sys.unraisablehook = _come_again


def asked() -> bool:
    """Returns whether Ctrl-C was pressed since `raise_from_now_on`.

    Libraries turn the KeyboardInterrupt of a function that they call into errors of their own.
    """
    return _asked


def forget_unhandled() -> None:
    """Makes Python end by its exit status although a KeyboardInterrupt went through an `exec`.

    Python notes that and ends by the signal, whatever became of the exception, unless another text
    was executed since.
    """
    exec("")


def _handle_by(handler: Callable[[int, FrameType | None], None]) -> bool:
    """Returns whether `handler` takes Ctrl-C now."""
    if signal.getsignal(signal.SIGINT) not in (signal.default_int_handler, _end, _raise):
        return False
    try:
        signal.signal(signal.SIGINT, handler)
    except ValueError:  # Not in the main thread.
        return False
    return True


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(STATUS)


def _raise(number: int, frame: FrameType | None) -> None:
    global _asked, _waits
    if _waits:
        _end(number, frame)
    if _imports(frame):
        _waits = True
        _again(lambda: not _imports(_main_frame()))
        return
    _asked = True
    raise KeyboardInterrupt


def _imports(frame: FrameType | None) -> bool:
    """Returns whether a module is being imported in this frame or in one that called it."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _main_frame() -> FrameType | None:
    import threading

    return sys._current_frames().get(threading.main_thread().ident or 0)


def _come_again(unraisable: "sys.UnraisableHookArgs") -> None:
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        _again(lambda: True)
    else:
        sys.__unraisablehook__(unraisable)


def _again(can_be_taken: Callable[[], bool]) -> None:
    """Sends Ctrl-C to this process in a moment, once `can_be_taken()`."""
    import threading
    import time

    def send() -> None:
        global _waits
        time.sleep(_AGAIN_AFTER)
        while not can_be_taken():
            time.sleep(_AGAIN_AFTER)
        _waits = False
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=send, daemon=True).start()
