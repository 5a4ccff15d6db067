"""Letters from Jinja templates. Each is written once, and laid out twice: as plain text and as HTML."""

from dataclasses import fields

from jinja2 import Environment, PackageLoader, StrictUndefined

from soundgraph.application.identity import Letter, Letters, Written

TEMPLATES = PackageLoader("soundgraph.adapters.jinja", "templates")


class TemplateLetters(Letters):
    """`<name of the letter>.j2` says it; `layout.txt` and `layout.html` are what all letters share."""

    def __init__(self) -> None:
        self._text = Environment(loader=TEMPLATES, undefined=StrictUndefined, trim_blocks=True)  # noqa: S701 - plain text
        self._html = Environment(loader=TEMPLATES, undefined=StrictUndefined, trim_blocks=True, autoescape=True)

    def write(self, letter: Letter) -> Written:
        said = {one.name: getattr(letter, one.name) for one in fields(letter)}
        said |= {"subject": letter.subject, "link": said.get("link")}
        text, html = (
            environment.get_template(f"{letter.name}.j2").render(said, layout=layout)
            for environment, layout in ((self._text, "layout.txt"), (self._html, "layout.html"))
        )
        return Written(text.strip() + "\n", html)
