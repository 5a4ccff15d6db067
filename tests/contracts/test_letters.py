"""The contract of `Letters`, over the memory adapter and the templates; and what every mail has in common."""

import re
from datetime import UTC, datetime
from email.headerregistry import Address
from pathlib import Path

import pytest

from soundgraph.adapters.jinja.letters import TemplateLetters
from soundgraph.adapters.memory.identity import PlainLetters
from soundgraph.application.identity import LETTERS, Letter, Letters, Mail, VerifyAddress, message_of
from soundgraph.entrypoints.cli.mail import SAMPLES, preview

ASKING = [one for one in SAMPLES if hasattr(one, "link")]


@pytest.fixture(params=[PlainLetters, TemplateLetters])
def letters(request: pytest.FixtureRequest) -> Letters:
    made: Letters = request.param()
    return made


def test_every_letter_has_a_sample() -> None:
    assert {type(one) for one in SAMPLES} == set(LETTERS)


@pytest.mark.parametrize("letter", ASKING, ids=lambda one: one.name)
def test_what_asks_for_something_holds_its_link_once_on_a_line_of_its_own(letters: Letters, letter: Letter) -> None:
    written = letters.write(letter)
    (line,) = (line for line in written.text.splitlines() if "http" in line)
    assert line.endswith(letter.link)  # type: ignore[attr-defined]
    assert written.text.count("http") == 1
    assert written.html == "" or re.findall(r"https?:[^\"<\s]+", written.html) == [letter.link]  # type: ignore[attr-defined]


@pytest.mark.parametrize("letter", [one for one in SAMPLES if one not in ASKING], ids=lambda one: one.name)
def test_what_only_tells_holds_no_token(letters: Letters, letter: Letter) -> None:
    written = letters.write(letter)
    assert "token=" not in written.text + written.html


@pytest.mark.parametrize("letter", SAMPLES, ids=lambda one: one.name)
def test_both_forms_say_the_same(letter: Letter) -> None:
    written = TemplateLetters().write(letter)
    words = re.sub(r"<style.*?</style>|<title>.*?</title>|<h1.*?</h1>|<[^>]+>", " ", written.html, flags=re.DOTALL)
    for paragraph in written.text.split("\n\n")[:-1]:
        if paragraph.strip() != getattr(letter, "link", None):
            assert " ".join(paragraph.split()) in " ".join(words.split())


def test_what_people_wrote_is_escaped_in_html_alone() -> None:
    written = TemplateLetters().write(VerifyAddress(handle="<b>&", link="https://x/verify-email?token=a"))
    assert "<b>&" in written.text
    assert "<b>" not in written.html
    assert "&lt;b&gt;&amp;" in written.html


def test_a_mail_has_its_text_before_its_html() -> None:
    written = TemplateLetters().write(SAMPLES[0])
    mail = Mail("1", "a@example.org", SAMPLES[0].subject, written.text, written.html)
    message = message_of(mail, Address("soundgraph", "no-reply", "example.org"), datetime.now(UTC))
    assert [one.get_content_type() for one in message.iter_parts()] == ["text/plain", "text/html"]
    assert b"token=3D" not in message.as_bytes()
    assert max(map(len, message.as_bytes().splitlines())) < 998


def test_the_preview_writes_every_mail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    preview(tmp_path / "mails")
    assert {path.suffix for path in (tmp_path / "mails").iterdir()} == {".eml", ".html", ".txt"}
    assert len(list((tmp_path / "mails").iterdir())) == 3 * len(LETTERS)
    assert len(capsys.readouterr().out.splitlines()) == len(LETTERS)
