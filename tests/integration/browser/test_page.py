"""The page as people meet it: in Chromium, on a real server with real sound."""

import os
import re
import shutil
import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.integration.browser.site import serve_site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]
pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs Chromium: .ci/run installs it")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with serve_site(tmp_path_factory.mktemp("site"), port) as url:
        yield url


@pytest.fixture
def page(browser: Browser, origin: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    page = context.new_page()
    complaints, elsewhere = list[str](), list[str]()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda one: elsewhere.append(one.url) if not one.url.startswith(f"{origin}/") else None)
    page.goto(f"{origin}/")
    yield page
    assert complaints == []
    assert elsewhere == []
    context.close()


def position(page: Page, at: int = 0) -> int:
    return int(page.locator(".track input").nth(at).input_value())


def wait_past(page: Page, milliseconds: int, at: int = 0) -> None:
    page.wait_for_function(
        "([at, past]) => document.querySelectorAll('.track input')[at].value > past",
        arg=[at, milliseconds],
        timeout=10_000,
    )


def test_it_plays_one_track_at_a_time_and_reports_the_play(page: Page) -> None:
    first, second = page.locator(".track .play").nth(0), page.locator(".track .play").nth(1)
    first.click()
    wait_past(page, 200)
    expect(page.locator(".said")).to_contain_text("Playing")
    expect(page.locator(".bar")).to_be_visible()
    with page.expect_response(re.compile("/plays$")) as reported:
        second.click()
        expect(page.locator(".track.playing")).to_have_count(1)
    assert reported.value.status == 204
    assert position(page) == 0
    second.click()
    expect(page.locator(".track.playing")).to_have_count(0)


def test_the_waveform_is_drawn_and_seeks(page: Page) -> None:
    slider = page.locator(".track input").first
    drawn = """() => {
        const canvas = document.querySelector("canvas");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width || 1, canvas.height || 1);
        return data.some(Boolean);
    }"""
    page.wait_for_function(drawn, timeout=5_000)
    box = slider.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    length = int(slider.get_attribute("max") or 0)
    wait_past(page, length // 2 - 200)
    assert position(page) < length * 0.8


def test_the_keyboard_does_everything(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    track = page.locator(".track", has_text="A long one").first
    button, slider = track.locator(".play"), track.locator("input")
    button.focus()
    page.keyboard.press("Enter")
    expect(slider).not_to_have_value("0")
    slider.focus()
    page.keyboard.press("Space")
    expect(page.locator(".track.playing")).to_have_count(0)
    before = int(slider.input_value())
    page.keyboard.press("ArrowRight")
    assert int(slider.input_value()) >= before + 4_900
    assert re.fullmatch(r"\d+:\d\d of \d+:\d\d", slider.get_attribute("aria-valuetext") or "")
    page.keyboard.press("ArrowLeft")
    assert int(slider.input_value()) <= before + 200


def test_a_preview_says_so_and_plays_and_counts_for_nothing(page: Page) -> None:
    track = page.locator(".track", has_text="A taste").first
    expect(track.locator(".access")).to_have_text("Preview")
    asked = list[str]()
    page.on("request", lambda one: asked.append(one.url))
    track.locator(".play").click()
    expect(track).to_have_class(re.compile("playing"))
    page.wait_for_function("element => element.value > 7000", arg=track.locator("input").element_handle())
    assert any("preview" in url for url in asked)
    assert not any(url.endswith(("/stream", "/plays")) for url in asked)


def test_what_is_blocked_says_so_and_cannot_be_pressed(page: Page) -> None:
    track = page.locator(".track", has_text="Not for you").first
    expect(track.locator(".access")).to_have_text("Not to be played")
    expect(track.locator(".play")).to_be_disabled()
    expect(track.locator("input")).to_be_disabled()


def test_a_hostile_title_is_text(page: Page) -> None:
    expect(page.get_by_role("heading", name="<img src=x onerror=alert(1)>")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_small_screen_in_either_light(browser: Browser, origin: str, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 640}, color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
    page = context.new_page()
    for path in ("/", "/annika/a-long-one", "/nobody/nothing"):
        page.goto(origin + path)
        assert page.evaluate("document.documentElement.scrollWidth") == 320, path
    red = page.evaluate("parseInt(getComputedStyle(document.body).backgroundColor.slice(4))")
    assert (red < 60) == (scheme == "dark")
    context.close()
