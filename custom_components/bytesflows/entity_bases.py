"""A check of Home Assistant's unstable classes for entities.

A class that was renamed cannot be imported, which is noticed. An attribute that was
renamed would be noticed only when an automation starts, and as an error of its own.
"""

from annotationlib import Format, get_annotations


def known_to_bases[T: type](cls: T) -> T:
    """Return a class whose bases still have all that it sets.

    Raise AttributeError for one that sets what no base asks for any longer.
    """
    known = {
        name
        for base in cls.__mro__[1:]
        for name in (*vars(base), *get_annotations(base, format=Format.FORWARDREF))
    }
    unknown = sorted(
        name for name in vars(cls) if name not in known and not name.startswith("__")
    )
    if unknown:
        raise AttributeError(f"{', '.join(unknown)} of the bases of {cls.__name__}")
    return cls
