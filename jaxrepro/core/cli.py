"""What all command line tools share: flags in, one clear line out when the user erred."""

import atexit
import difflib
import logging as standard_logging
import os
import pathlib
import re
import select
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from jaxrepro.core.config import checked_seed, flatten
from jaxrepro.core.errors import InputError
from jaxrepro.core.files.config_files import config_called, nearest_config
from jaxrepro.core.files.orbax_failures import waits_for_nothing
from jaxrepro.core.files.places import local_path, raised_by_store
from jaxrepro.core.machine import interrupts, platforms
from jaxrepro.core.reports.text_output import one_line, take_any_character
from jaxrepro.core.run import notices

_OF_CONFIG_FILES = (
    "it defines get_config(variant), which returns a ConfigDict, as those in configs/ do. "
    "JAXREPRO_TRACEBACK=1 shows more"
)

# What other versions and other programs call a trained network.
_OTHER_NAMES_OF_MODEL = ("workdir", "weights", "checkpoint", "export")


def define_config() -> flags.FlagHolder:
    """Defines `--config=NAME[:VARIANT]`, or a path, and overrides such as `--config.seed=1`."""
    return config_flags.DEFINE_config_file(
        "config",
        None,
        "Name or file of a config and, after a colon, its variant: biggan128:demo,bs=64 or "
        "configs/biggan128.py:demo,bs=64. "
        "Every key can be set too: --config.train.total_steps=1000.",
    )


class _StepParser(flags.ArgumentParser):
    """Takes the number of a checkpoint's step, or "best"."""

    def parse(self, argument: Any) -> Any:
        """Returns an int or "best"; ValueError for anything else."""
        if argument == "best" or isinstance(argument, int):
            return argument
        if not str(argument).isdecimal():
            raise ValueError(f"{argument!r} given; allowed are a step such as 500, or best")
        return int(argument)


class _SeedParser(flags.ArgumentParser):
    """Takes a seed."""

    def parse(self, argument: Any) -> Any:
        """Returns an int; InputError unless it is a whole number of 32 bits."""
        text = str(argument)
        return checked_seed(int(text) if re.fullmatch(r"-?\d{1,40}", text) else text, "--seed")


def define_seed(help_string: str) -> None:
    """Defines --seed, 0 by default: a whole number of 32 bits, as in a config."""
    flags.DEFINE(_SeedParser(), "seed", 0, help_string, serializer=flags.ArgumentSerializer())


def define_step(help_string: str) -> None:
    """Defines --step, of a checkpoint: a number or "best"; None, for the latest, by default."""
    text = f"{help_string} A number, or best by the run's checkpoint.best_metric; else the latest."
    flags.DEFINE(_StepParser(), "step", None, text, serializer=flags.ArgumentSerializer())


class _Argument(flags.Flag):
    """A flag that may be given without its name, by its place on the command line."""

    def __init__(self, name: str, place: int, help_string: str):
        text = f"{help_string} May be given without --{name}=, as argument number {place + 1}."
        super().__init__(flags.ArgumentParser(), flags.ArgumentSerializer(), name, None, text)
        self.place = place


def define_argument(name: str, help_string: str) -> None:
    """Defines an argument of the command: `COMMAND VALUE` is `COMMAND --name=VALUE`.

    Arguments are taken in the order of their definition, before, between or after the flags.
    """
    flags.DEFINE_flag(_Argument(name, len(_arguments()), help_string))
    # Or the flags after the first argument would be taken for arguments.
    flags.FLAGS.set_gnu_getopt()


class _Arguments(flags.MultiFlag):
    """A flag that takes all words of the command line that are no flags."""

    def __init__(self, name: str, help_string: str):
        text = f"{help_string} Given without --{name}=, as many as one likes."
        super().__init__(flags.ArgumentParser(), flags.ArgumentSerializer(), name, [], text)


def define_arguments(name: str, help_string: str) -> None:
    """Defines arguments of any number: `COMMAND A B` gives the flag `name` the list [A, B].

    They are the words that no argument of `define_argument` has taken.
    """
    flags.DEFINE_flag(_Arguments(name, help_string))
    flags.FLAGS.set_gnu_getopt()


def parse(argv: list[str]) -> None:
    """Parses a command line, whose first word is the command's name.

    Raises InputError for words that are neither flags nor arguments of the command, and for a
    config that is not there.
    """
    argv, _ = _with_config_file(argv)
    rest = flags.FLAGS(argv)[1:]
    arguments = [argument for argument in _arguments() if not argument.present]
    for argument, word in zip(arguments, rest, strict=False):
        flags.FLAGS[argument.name].parse(word)
    several = [name for name in flags.FLAGS if isinstance(flags.FLAGS[name], _Arguments)]
    if several and (words := rest[len(arguments) :]):
        flags.FLAGS[several[0]].parse(words)
    elif len(rest) > len(arguments):
        advice = "; quote a pattern such as '*.png'" if _arguments() else ""
        raise InputError(
            f"unexpected argument {rest[len(arguments)]!r}; options are written --name=value"
            + advice
        )
    # Such as --workdir=$RUN of a shell that knows no RUN; a folder "" would be the current one.
    for name in flags.FLAGS:
        flag = flags.FLAGS[name]
        if flag.present and flag.value == "" and flag.default != "":
            raise InputError(f"--{name}= is empty; give it a value, or leave it out")


def _arguments() -> list[_Argument]:
    """Returns the defined arguments in their order."""
    found = [flags.FLAGS[name] for name in flags.FLAGS]
    return sorted((f for f in found if isinstance(f, _Argument)), key=lambda f: f.place)


def given_path(name: str) -> pathlib.Path:
    """Returns the path that a flag names, "~" as the user's folder."""
    return local_path(name)


def check_at_least(least: int, args: flags.FlagValues, *names: str) -> None:
    """Raises InputError for a number below `least` among the named flags."""
    for name in names:
        if (number := int(getattr(args, name))) < least:
            raise InputError(f"--{name}={number}; it must be {least} or more")


def config_name(default: str = "config") -> str:
    """Returns a folder name for the given config: "biggan128_demo_bs64"."""
    given = config_flags.get_config_filename(flags.FLAGS[default])
    path, _, variant = given.partition(":")
    words = [pathlib.Path(path).stem, *variant.split(",")]
    return "_".join(re.sub(r"[^\w.-]", "", word) for word in words if word)


def given_config(default: str = "config") -> list[str]:
    """Returns the arguments that give the same config again: its file and every override."""
    holder: Any = flags.FLAGS[default]
    overrides = config_flags.get_override_values(holder)
    return [
        f"--{default}={config_flags.get_config_filename(holder)}",
        *(f"--{default}.{key}={value}" for key, value in overrides.items()),
    ]


def run(
    define_flags: Callable[[], None],
    main: Callable[[flags.FlagValues], Any],
    *,
    prints_json: bool = False,
) -> NoReturn:
    """Defines and parses the flags, runs `main` on them and exits.

    An InputError is one line and status 1, Ctrl-C one line and status 130, to which the text of the
    KeyboardInterrupt is added if it has one. Flags are defined here and not at import: two commands
    with a flag of one name could not be imported together. prints_json: whether the output is for
    a program, so that notes go to where errors go.

    With JAXREPRO_TRACEBACK=1 in the environment the stack trace is shown as well.
    """

    def quiet_main(argv: list[str]) -> Any:
        del argv
        # The libraries' step-by-step accounts are for debugging; warnings are not.
        logging.set_verbosity(logging.WARNING)
        # Without a home it makes itself a temporary folder, and tells at length.
        standard_logging.getLogger("matplotlib").setLevel(standard_logging.ERROR)
        # Of names in letters that its font does not have; it draws boxes.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        return main(flags.FLAGS)

    # A function that calls a command keeps its own Ctrl-C.
    is_process = main.__module__ == "__main__"
    if is_process:
        interrupts.raise_from_now_on()
    take_any_character()
    if prints_json:
        notices.to_errors()
    try:
        before = set(flags.FLAGS)
        define_flags()
        # So that --help of the command shows also those that commands share, defined elsewhere.
        for name in set(flags.FLAGS) - before:
            flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[name])
        app.run(quiet_main, flags_parser=_parse)
    except InputError as error:
        if os.environ.get("JAXREPRO_TRACEBACK"):
            raise
        _print_error(str(error))
    except SystemExit:
        if is_process:
            interrupts.end_at_once()
        raise
    except KeyboardInterrupt as error:
        if os.environ.get("JAXREPRO_TRACEBACK"):
            raise
        _end_interrupted(str(error), is_process)
    except Exception as error:
        if is_process and interrupts.asked() and not os.environ.get("JAXREPRO_TRACEBACK"):
            _end_interrupted("", is_process)
        if isinstance(error, BrokenPipeError) and not _is_read():
            # As of `| head`; what Python flushes at its end goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(128 + signal.SIGPIPE)
        known = platforms.failure(error) or _memory_error(error)
        # What a store refuses in the middle of things; nothing that runs here is at fault.
        if os.environ.get("JAXREPRO_TRACEBACK") or not (known or raised_by_store(error)):
            raise
        text = f"the store of the workdir: {type(error).__name__}: {' '.join(str(error).split())}"
        _print_error(str(known or text[:300]))
    if waits_for_nothing():
        # Python waits for threads, and these for what will not come: for minutes.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
    sys.exit(1)


def _memory_error(error: Exception) -> InputError | None:
    """Returns what to say of memory that was not there, None for any other error."""
    if not isinstance(error, MemoryError):
        return None
    reason = " ".join(str(error).split()) or "the system gives no more"
    return InputError(f"not enough memory: {reason}; smaller batches, sizes or numbers need less")


def _print_error(text: str) -> None:
    print(f"error: {one_line(text)}", file=sys.stderr)


def _end_interrupted(more: str, is_process: bool) -> NoReturn:
    """Ends a command by Ctrl-C; `more` is what it has to say about that."""
    if is_process:
        # Whoever is tired of waiting for threads and presses it again sees no trace either.
        interrupts.end_at_once()
        interrupts.forget_unhandled()
    print(f"interrupted{': ' if more else ''}{more}", file=sys.stderr)
    sys.exit(interrupts.STATUS)


def _is_read() -> bool:
    """Returns whether standard output has a reader, which a pipe may have lost."""
    look = select.poll()
    look.register(sys.stdout.fileno(), 0)
    return not any(event & select.POLLERR for _, event in look.poll(0))


def _parse(argv: list[str]) -> list[str]:
    file = _with_config_file(argv)[1]
    try:
        parse(argv)
    except (InputError, BrokenPipeError):
        raise
    except Exception as error:
        # All that runs here is the user's: words of the command line and the code of --config.
        raise _as_input_error(error, file, argv) from error
    except SystemExit:
        sys.exit(0)  # Only a request for help exits here, and absl would call that a failure.
    if file and not isinstance(flags.FLAGS["config"].value, ConfigDict):
        raise InputError(f"the config file {file} returns no ConfigDict; {_OF_CONFIG_FILES}")
    return argv[:1]


def _with_config_file(argv: list[str]) -> tuple[list[str], str]:
    """Returns the words with the file of a config that --config gives by name, and that file.

    The file is "" without --config. Raises InputError if there is none of that name or path.
    """
    words, file = list(argv), ""
    own = argv[: argv.index("--")] if "--" in argv else argv
    for place, (previous, argument) in enumerate(zip(["", *own], own, strict=False)):
        match = re.match(r"--?config=(.*)", argument)
        value = match[1] if match else argument if re.fullmatch("--?config", previous) else None
        if value is None:
            continue
        given, colon, variant = value.partition(":")
        file = given if pathlib.Path(given).is_file() else str(config_called(given) or "")
        if not file:
            near = nearest_config(given)
            raise InputError(
                f"no config {given!r}{f'; the nearest is {near!r}' if near else ''}; give a name "
                "such as --config=biggan_digits, of those that `jaxrepro` lists, or the path of a "
                f"file, seen from {pathlib.Path.cwd()}"
            )
        words[place] = f"{argument.removesuffix(value)}{file}{colon}{variant}"
    return words, file


def _as_input_error(error: BaseException, file: str, argv: list[str]) -> InputError:
    """Returns the InputError that a config file raised, or one that says what `error` is."""
    errors = _chain(error)
    if messages := [str(e) for e in errors if isinstance(e, InputError)]:
        return InputError(messages[-1])
    for cause in reversed(errors):
        if place := _place_in(file, cause):
            reason = f"{type(cause).__name__}: {' '.join(str(cause).split())[:300]}"
            return InputError(f"the config file {place}: {reason}; {_OF_CONFIG_FILES}")
    text = " ".join(str(error.args[0] if error.args else error).split())
    if isinstance(error, AttributeError | KeyError):
        text = _about_unknown_keys(argv) or f"unknown config key: {text}"
        text = f"{text}; without the override, --show_config lists all keys"
    unknown = error.flagname if isinstance(error, flags.UnrecognizedFlagError) else ""
    if unknown in _OTHER_NAMES_OF_MODEL and "model" in flags.FLAGS:
        text = f"unknown flag --{unknown}: a trained network is given as --model=PATH"
    return InputError(text)


def _about_unknown_keys(argv: list[str]) -> str:
    """Returns a sentence on the first override of a key that the config lacks, with the nearest."""
    words, _ = _with_config_file(argv)
    plain = [argv[0], *(word for word in words[1:] if re.match("--?config=", word))]
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", None, "", flag_values=values, sys_argv=plain)
    try:
        known = flatten(values(plain) and values["config"].value)
    except Exception:
        return ""  # The config itself is what fails.
    for word in words:
        match = re.match(r"--?config\.([\w.]+)", word)
        if match and match[1] not in known:
            section, dot, name = match[1].rpartition(".")
            starts = len(section + dot)
            inside = [key[starts:] for key in known if key.startswith(section + dot)]
            beside = list(dict.fromkeys(key.partition(".")[0] for key in inside))
            near = difflib.get_close_matches(name, beside, 1)
            others = ", ".join(beside) or "no keys"
            told = f"the nearest is {near[0]}" if near else f"{section or 'config'} has {others}"
            return f"unknown config key: --config.{match[1]}; {told}"
    return ""


def _place_in(file: str, error: BaseException) -> str:
    """Returns "my.py, line 2" for an error of the config file itself, else ""."""
    if not file:
        return ""
    if isinstance(error, SyntaxError) or "get_config" in str(error.args[:1]).partition("\\n")[0]:
        return file
    frames = traceback.walk_tb(error.__traceback__)
    lines = [line for frame, line in frames if frame.f_code.co_filename == file]
    return f"{file}, line {lines[-1]}" if lines else ""


def _chain(error: BaseException) -> list[BaseException]:
    """Returns an error and those during whose handling it arose, the first of them last."""
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None:
        found.append(cause)
        cause = cause.__context__
    return found
