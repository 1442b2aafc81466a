"""A command as a person types it, for the report that it wrote."""

import shlex


def command(*words: object, **options: object) -> str:
    """`bridle`, the words, and the options that were given: those that are None or False are left out.

    An option with a list is repeated.

    >>> command("tune", "my table.csv", target="species", seeds=5, epochs=None, quick=True)
    "bridle tune 'my table.csv' --target species --seeds 5 --quick"
    """
    given = [
        (f"--{name}", each)
        for name, value in options.items()
        for each in (value if isinstance(value, list) else [value])
        if each is not None and each is not False
    ]
    flags = [part for name, value in given for part in ([name] if value is True else [name, str(value)])]
    return shlex.join(["bridle", *map(str, words), *flags])
