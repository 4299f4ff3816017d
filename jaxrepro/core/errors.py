"""The error that a user can act on."""


class InputError(ValueError):
    """Bad input from the user: a flag, a config key, a path, an example, a checkpoint.

    Its message says what was given, what is allowed and what to do. The command
    line tools print it as one line, without a stack trace, and exit with status 1.
    """
