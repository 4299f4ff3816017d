"""Configs: variants from one string, every key read, and the same config on resume."""

import contextlib
import json
import math
import numbers
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from jaxrepro.core.errors import InputError
from jaxrepro.core.files.strict_json import json_digest, json_text

# Keys that may differ between a run and its continuation: how long, how often, where to look.
RESUMABLE = (
    "train.total_steps",
    "data.validation",
    "checkpoint.",
    "eval.",
    "guard.",
    "log.",
    "mesh.",
)
# The seed of a JAX key has 32 bits: a larger one would be cut off without a word.
LARGEST_SEED = 2**32 - 1
# What code that reads a config raises where a value is of a kind that nobody meant.
_WRONG_KINDS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
# Of counts and sizes: they become 32-bit numbers on devices and in picture files.
LARGEST = 2**31 - 1
LARGEST_SEED = 2**32 - 1
# More processes would not be started before the machine gives up.
MOST_WORKERS = 1024
# What `at_least` takes as default for a key that a config must have.
_REQUIRED: Any = object()


def checked_seed(value: Any, name: str = "seed") -> int:
    """Returns a seed; raises InputError unless it is a whole number of 32 bits.

    value: as of a config, a flag or a caller. name: what it is called in the message.
    """
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or not 0 <= int(value) <= LARGEST_SEED:
        raise InputError(f"{name} is {value!r}; it must be a whole number, 0 to {LARGEST_SEED}")
    return int(value)


def parse_variant(arg: str | None, variants: Sequence[str], **settings: Any) -> Any:
    """Returns what `--config=FILE.py:ARG` asks for: `variant` and the values of `settings`.

    parse_variant("demo,bs=64", ("paper", "demo"), bs=2048) has variant "demo" and bs 64. The
    first of `variants` is the default; a setting takes the type of its default.

    Raises InputError for an unknown variant or setting and for a value of the wrong type.
    """
    parsed = {"variant": variants[0], **settings}
    allowed = f"variants: {', '.join(variants)}" + (
        f"; settings: {', '.join(f'{k}={v}' for k, v in settings.items())}" if settings else ""
    )
    for word in filter(None, (word.strip() for word in (arg or "").split(","))):
        name, equals, value = word.partition("=")
        if not equals and name in variants:
            parsed["variant"] = name
        elif equals and name in settings:
            try:
                parsed[name] = type(settings[name])(value)
            except ValueError as error:
                kind = type(settings[name]).__name__
                raise InputError(f"setting {name}={value!r} is not of type {kind}") from error
        else:
            what = "setting" if equals else "variant"
            raise InputError(f"unknown {what} {name!r} in {arg!r}; allowed: {allowed}")
    return ConfigDict(parsed)


def run_sections(
    *, checkpoint_every: int, keep: int = 3, keep_period: int = 0, log_every: int = 100
) -> ConfigDict:
    """Returns the sections that every run has: `checkpoint`, `log` and `mesh`.

    checkpoint_every, log_every: in updates. keep: latest checkpoints; keep_period: those that stay
    beside them, in updates, 0 for none.
    """
    return ConfigDict(
        {
            # best_metric: a result such as "validation/psnr" whose best checkpoint ("max" or "min")
            # is kept as well; "" for none.
            "checkpoint": {
                "every": checkpoint_every,
                "keep": keep,
                "keep_period": keep_period,
                "best_metric": "",
                "best_mode": "max",
            },
            # profile_at: the first of five updates to be traced for TensorBoard; 0 for none. wandb:
            # the project of Weights & Biases that is written to as well; "" for none.
            "log": {"every": log_every, "profile_at": 0, "wandb": ""},
            # fsdp: over how many devices arrays of the state are split that have fsdp_min_mb MiB or
            # more; 1 keeps whole copies. fsdp_except: patterns of paths of arrays that stay whole.
            "mesh": {"fsdp": 1, "fsdp_min_mb": 4.0, "fsdp_except": ()},
        }
    )


def flatten(config: Mapping[str, Any] | ConfigDict, prefix: str = "") -> dict[str, Any]:
    """Returns the leaves by dotted key: {"optim.g.learning_rate": 5e-5, ...}."""
    leaves: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping | ConfigDict):
            leaves |= flatten(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = list(value) if isinstance(value, tuple) else value
    return leaves


class Settings:
    """A read-only view of a config that remembers which keys were read.

    `settings.optim.learning_rate` reads one value. A key that no code reads would be a setting
    without effect, so `check_all_read` makes it an error.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | ConfigDict,
        _prefix: str = "",
        _read: dict[str, Any] | None = None,
        _defaults: dict[str, Any] | None = None,
    ):
        self._config = config
        self._prefix = _prefix
        # What was read, the latest last.
        self._read: dict[str, Any] = {} if _read is None else _read
        self._defaults: dict[str, Any] = {} if _defaults is None else _defaults

    def __getattr__(self, name: str) -> Any:
        key = f"{self._prefix}{name}"
        if name.startswith("_") or name not in self._config:
            raise InputError(
                f"the config has no key {key!r}; it has {', '.join(self._prefix + k for k in self)}"
            )
        value = self._config[name]
        if isinstance(value, Mapping | ConfigDict):
            return Settings(value, f"{key}.", self._read, self._defaults)
        self._read.pop(key, None)
        self._read[key] = value
        numbers = value if isinstance(value, list | tuple) else (value,)
        if any(isinstance(x, float) and not math.isfinite(x) for x in numbers):
            raise InputError(f"{key} is {value}; numbers of a config are finite")
        return tuple(value) if isinstance(value, list) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._config)

    def replaced(self, **values: Any) -> "Settings":
        """Returns a view in which keys of this level have other values; reads count for both."""
        changed = {name: values.get(name, self._config[name]) for name in self}
        return Settings(changed, self._prefix, self._read, self._defaults)

    @property
    def defaults(self) -> dict[str, Any]:
        """The keys read so far that a config may leave out, with what that means, by dotted key."""
        return dict(self._defaults)

    def optional(self, name: str, default: Any) -> Any:
        """Returns the value of `name`, or `default` where the config leaves it out.

        So the configs of runs that are older than a key keep their meaning; see `differing_keys`.
        """
        self._defaults[f"{self._prefix}{name}"] = default
        return getattr(self, name) if name in self._config else default

    def one_of(self, name: str, allowed: Sequence[Any]) -> Any:
        """Returns the value of `name`; raises InputError unless it is among `allowed`."""
        value = getattr(self, name)
        if value not in allowed:
            given = "a section of keys" if isinstance(value, Settings) else repr(value)
            raise InputError(
                f"{self._prefix}{name} is {given}; allowed: {', '.join(map(repr, allowed))}"
            )
        return value

    def at_least(
        self, name: str, minimum: float, *, default: Any = _REQUIRED, maximum: int | None = None
    ) -> Any:
        """Returns the number of `name`; raises InputError if it is none or below `minimum`.

        default: makes the key `optional`. maximum: of a whole number, LARGEST if it is no seed;
        fractions have none.
        """
        value = getattr(self, name) if default is _REQUIRED else self.optional(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            given = "a section of keys" if isinstance(value, Settings) else repr(value)
            raise InputError(f"{self._prefix}{name} is {given}; it must be a number")
        if value < minimum:
            raise InputError(f"{self._prefix}{name} is {value}; it must be at least {minimum}")
        most = maximum or (LARGEST_SEED if name == "seed" else LARGEST)
        if isinstance(value, int) and value > most:
            raise InputError(f"{self._prefix}{name} is {value}; it must be at most {most}")
        return value

    def below_one(self, name: str) -> Any:
        """Returns the value of `name`; raises InputError unless it is in [0, 1)."""
        value = self.at_least(name, 0)
        if value >= 1:
            raise InputError(f"{self._prefix}{name} is {value}; it must be below 1")
        return value

    def check_all_read(self) -> None:
        """Raises InputError naming the keys that nothing has read."""
        if unread := sorted(flatten(self._config).keys() - self._read.keys()):
            raise InputError(
                f"config keys without effect: {', '.join(unread)}; correct the name or remove them"
            )

    @contextlib.contextmanager
    def understood(self) -> Iterator[None]:
        """A context that reads the settings: a value of a wrong kind becomes an InputError.

        Types in a config are those of whoever wrote it, a file that was altered by hand among
        them. The error names the key that was read last.
        """
        try:
            yield
        except InputError:
            raise
        except _WRONG_KINDS as error:
            last = [f"{key}={value!r}" for key, value in self._read.items()][-1:]
            raise InputError(
                f"the config holds a value of a wrong kind ({type(error).__name__}: {error}), "
                f"which was seen after {last[0] if last else 'nothing'} was read; compare it with "
                "the files in configs/. JAXREPRO_TRACEBACK=1 shows where"
            ) from error


def to_json(config: Mapping[str, Any]) -> str:
    """Returns the config as it is kept in a workdir."""
    nested = config.to_dict() if isinstance(config, ConfigDict) else config
    return json_text(nested, indent=2) + "\n"


def config_digest(config: Mapping[str, Any], places: Collection[str] = ()) -> str:
    """Returns the SHA-256 of the keys that a continuation must not change.

    places: keys that only say where data are, which may change.
    """
    fixed = {
        key: value
        for key, value in flatten(config).items()
        if not key.startswith(RESUMABLE) and key not in places
    }
    return json_digest(fixed)


def differing_keys(
    saved: Mapping[str, Any],
    given: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
    free: tuple[str, ...] = RESUMABLE,
    places: Collection[str] = (),
) -> list[str]:
    """Returns lines "key: saved -> given" for keys that a continuation must not change.

    defaults: what it means that a config leaves a key out, as `Settings.defaults` has it once the
    config was read. free: beginnings of the keys that may differ. places: keys that may, as they
    name another place of the same data.
    """
    meant = flatten(defaults or {})
    old, new = (json.loads(json.dumps(meant | flatten(config))) for config in (saved, given))
    return [
        f"{key}: {old.get(key, 'absent')} -> {new.get(key, 'absent')}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key) and not key.startswith(free) and key not in places
    ]
