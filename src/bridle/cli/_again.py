"""A command as a person types it, for the report that it wrote."""

import shlex


def command(*words: object, **options: object) -> str:
    """`bridle`, the words, and the options that were given: those that are None or False are left out.

    >>> command("tune", "my table.csv", target="species", seeds=5, epochs=None, quick=True)
    "bridle tune 'my table.csv' --target species --seeds 5 --quick"
    """
    given = {f"--{name}": value for name, value in options.items() if value is not None and value is not False}
    flags = [part for name, value in given.items() for part in ([name] if value is True else [name, str(value)])]
    return shlex.join(["bridle", *map(str, words), *flags])
