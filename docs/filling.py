"""The part of a page that a script makes, between two marks."""

from pathlib import Path

END = "<!-- end of what was made -->"


def fill(page: Path, command: str, made: str) -> None:
    """Replace what stands in a page between the mark of a command and the end.

    Raises:
        ValueError: if the marks are not there, once each and in order.
    """
    begin, text = f"<!-- made by: {command} -->", page.read_text()
    before, found, rest = text.partition(begin)
    if not found or begin in rest or text.count(END) != 1 or END not in rest:
        raise ValueError(f"{page}: expected {begin!r} and, after it, {END!r} once each")
    page.write_text(f"{before}{begin}\n\n{made}\n\n{rest[rest.index(END) :]}")
