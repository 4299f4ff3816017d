"""The page in a real browser, without a window."""

import dataclasses
import io
import json
import shutil
import zipfile

import numpy as np
import pytest

from jaxrepro.papers.scfegan.studio.limits import Limits
from tests.papers.scfegan.studio.studio_server import (
    ForetoldEditor,
    file_of,
    photo,
    picture_of,
    serving,
)

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
PHOTO = photo(96, 128)
SIZE = "128 \u00d7 96"
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser():
    found = [path for path in map(shutil.which, NAMES) if path]
    if not found:
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", "--headless"]
        browser = driver.chromium.launch(executable_path=found[0], args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def editor():
    return ForetoldEditor()


@pytest.fixture(scope="module")
def address(editor):
    with serving(editor, limits=Limits(max_bytes=2**20)) as address:
        yield address


@pytest.fixture
def complaints():
    return []


@pytest.fixture
def page(browser, address, complaints):
    """The page with a photo; the browser must have nothing to complain about at the end."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, has_touch=True)
    context.set_default_timeout(5000)
    page = context.new_page()
    # These tests read the canvas more often than the page does.
    page.on(
        "console",
        lambda message: "willReadFrequently" in message.text or complaints.append(message.text),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    expect(page.locator("#status")).to_have_text("Ready")
    open_file(page, "face.png", file_of(PHOTO))
    expect(page.locator("#photo-size")).to_have_text(SIZE)
    yield page
    context.close()
    assert complaints == []


def open_file(page, name, data):
    kind = "application/octet-stream"
    page.set_input_files("#file", [{"name": name, "mimeType": kind, "buffer": data}])


def on_screen(page, points, board="edit"):
    """Where pixels of the photo are, which fills its canvas in one direction."""
    box = page.locator(f"#{board}-canvas").bounding_box()
    scale = min(box["width"] / 128, box["height"] / 96)
    left = box["x"] + (box["width"] - 128 * scale) / 2
    top = box["y"] + (box["height"] - 96 * scale) / 2
    return [(left + x * scale, top + y * scale) for x, y in points]


def draw(page, *points, board="edit"):
    first, *others = on_screen(page, points, board)
    page.mouse.move(*first)
    page.mouse.down()
    for point in others:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def generate(page, num=1, *, key=False):
    page.select_option("#num", str(num))
    if key:
        page.keyboard.press("Control+Enter")
    else:
        page.click("#generate")
    expect(page.locator("#status")).to_contain_text("outside the mask unchanged")
    expect(page.locator("#busy")).to_be_hidden()


def saved(page, button):
    with page.expect_download() as download:
        page.click(button)
    with open(download.value.path(), "rb") as file:
        return download.value.suggested_filename, file.read()


def color_on(page, board, point):
    """The colour that a canvas shows at a pixel of the photo."""
    code = """([board, x, y]) => {
      const canvas = document.getElementById(`${board}-canvas`);
      const box = canvas.getBoundingClientRect();
      const ratio = canvas.width / box.width;
      const at = [(x - box.left) * ratio, (y - box.top) * ratio];
      return [...canvas.getContext("2d").getImageData(...at.map(Math.round), 1, 1).data];
    }"""
    page.mouse.move(0, 0)  # The brush's outline would cover it.
    # What was asked for is painted with the next frame.
    page.evaluate("() => new Promise(requestAnimationFrame)")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    return page.evaluate(code, [board, *on_screen(page, [point], board)[0]])[:3]


def test_draw_generate_undo(page, editor):
    expect(page.locator("#generate")).to_be_disabled()
    draw(page, (40, 30), (80, 30))
    page.keyboard.press("c")
    page.locator("#swatches [aria-label=lips]").check(force=True)
    draw(page, (60, 31), (62, 31))
    page.keyboard.press("s")
    draw(page, (45, 30), (55, 30))
    page.fill("#seed", "9")
    generate(page)
    expect(page.locator("#status")).to_contain_text("noise 9")
    seen = editor.calls[-1]
    np.testing.assert_array_equal(seen["image"], PHOTO)
    mask = seen["mask"][..., 0]
    # The brush is 36 pixels wide.
    assert mask[30, 40:80].all() and mask[14:46, 60].all() and not mask[50:].any()
    assert 1500 < mask.sum() < 2700
    np.testing.assert_array_equal(seen["color"][31, 61], [0xC2, 0x56, 0x5C])
    assert seen["strokes"][31, 61] == 1 and seen["strokes"].sum() < 100
    assert seen["sketch"][30, 47:53].all() and seen["sketch"].sum() < 25
    assert color_on(page, "result", (45, 30)) == [90, 90, 90]
    np.testing.assert_allclose(color_on(page, "result", (20, 80)), PHOTO[80, 20], atol=12)

    for _ in range(2):
        page.keyboard.press("Control+z")
    expect(page.locator("#stale")).to_be_visible()
    generate(page)
    assert not editor.calls[-1]["strokes"].any() and not editor.calls[-1]["sketch"].any()
    page.click("#redo")
    generate(page)
    assert editor.calls[-1]["strokes"].any() and not editor.calls[-1]["sketch"].any()
    for _ in range(2):
        page.click("#undo")
    expect(page.locator("#undo")).to_be_disabled()
    expect(page.locator("#generate")).to_be_disabled()


def test_save_and_reopen(page, editor):
    draw(page, (40, 30), (80, 30))
    page.keyboard.press("e")
    draw(page, (60, 20), (60, 40))
    page.fill("#seed", "7")
    generate(page)
    before = editor.calls[-1]
    name, data = saved(page, "#save")
    assert name == "face-project.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["photo.png", "strokes.json", "result.png"]
        np.testing.assert_array_equal(picture_of(archive.read("photo.png")), PHOTO)
        strokes = json.loads(archive.read("strokes.json"))
        assert [stroke.get("erase", False) for stroke in strokes["strokes"]] == [False, True]

    page.reload()
    expect(page.locator("#status")).to_have_text("Ready")
    open_file(page, name, data)
    expect(page.locator("#status")).to_have_text("Opened with 2 strokes")
    expect(page.locator("#seed")).to_have_value("7")
    generate(page)
    for key, array in before.items():
        np.testing.assert_array_equal(editor.calls[-1][key], array)


def test_wrong_files_leave_the_work_as_it_is(page, complaints):
    draw(page, (40, 30), (80, 30))
    questions = []
    page.on("dialog", lambda dialog: (questions.append(dialog.message), dialog.accept()))
    open_file(page, "notes.png", b"no picture")
    alert = page.locator("#alert")
    expect(alert).to_contain_text("The file: not a readable picture (unknown format)")
    expect(page.locator("#photo-size")).to_have_text(SIZE)
    expect(page.locator("#generate")).to_be_enabled()
    assert questions == ["Open another file? Unsaved strokes are lost."]
    page.click("#alert button")
    expect(alert).to_be_hidden()
    open_file(page, "project.zip", b"PK\x03\x04 cut off")
    expect(alert).to_contain_text("The project is damaged")
    open_file(page, "large.png", bytes(2**20 + 1))
    expect(alert).to_contain_text("large.png is larger than the 1 MiB")
    # The browser notes every answer that is an error.
    assert len(complaints) == 2 and all("415" in text for text in complaints)
    complaints.clear()


def test_a_server_that_is_down_costs_no_work(page, complaints):
    draw(page, (40, 30), (80, 30))
    page.route("**/api/edit", lambda route: route.abort())
    page.click("#generate")
    expect(page.locator("#alert")).to_contain_text("The server does not answer")
    expect(page.locator("#busy")).to_be_hidden()
    page.unroute("**/api/edit")
    generate(page)
    expect(page.locator("#alert")).to_be_hidden()
    assert len(complaints) == 1
    complaints.clear()


def test_a_slow_edit_can_be_cancelled(page, editor):
    draw(page, (40, 30), (80, 30))
    editor.may_run.clear()
    try:
        page.click("#generate")
        expect(page.locator("#busy-text")).to_have_text("Generating…")
        page.keyboard.press("Escape")
        expect(page.locator("#busy")).to_be_hidden()
    finally:
        editor.may_run.set()
    expect(page.locator("#result-empty")).to_be_visible()
    generate(page, key=True)


def test_several_results_wipe_and_export(page):
    draw(page, (40, 30), (80, 30))
    page.fill("#seed", "2")
    generate(page, 3)
    assert page.locator("#choices canvas").count() == 3
    page.keyboard.press("2")
    assert color_on(page, "result", (60, 30)) == [21, 21, 21]
    page.locator("#choices [aria-label='Result 3']").check(force=True)
    assert color_on(page, "result", (60, 30)) == [22, 22, 22]
    name, data = saved(page, "#export")
    assert name == "face-edited.png"
    exported = picture_of(data)
    np.testing.assert_array_equal(exported[60:], PHOTO[60:])
    np.testing.assert_array_equal(exported[30, 60], [22, 22, 22])

    draw(page, (100, 90), (50, 90), board="result")
    assert page.locator("#wipe").input_value() == "39"
    np.testing.assert_allclose(color_on(page, "result", (40, 30)), PHOTO[30, 40], atol=12)
    assert color_on(page, "result", (60, 30)) == [22, 22, 22]
    page.keyboard.down("b")
    np.testing.assert_allclose(color_on(page, "result", (60, 30)), PHOTO[30, 60], atol=12)
    page.keyboard.up("b")
    page.click("#keep")
    np.testing.assert_allclose(color_on(page, "edit", (60, 30)), [22, 22, 22], atol=2)
    page.click("#undo")
    assert color_on(page, "edit", (60, 30)) != [22, 22, 22]


def test_layers_are_hidden_and_cleared(page, editor):
    draw(page, (40, 30), (80, 30))
    page.keyboard.press("c")
    page.locator("#own-color").fill("#00ff00")
    draw(page, (60, 30), (60, 30))
    assert color_on(page, "edit", (60, 30)) == [0, 255, 0]
    page.uncheck("#layers [aria-label='Show colour']", force=True)
    assert color_on(page, "edit", (60, 30)) != [0, 255, 0]
    page.uncheck("#layers [aria-label='Show mask']", force=True)
    np.testing.assert_allclose(color_on(page, "edit", (60, 30)), PHOTO[30, 60], atol=12)
    page.click("[aria-label='Clear colour']")
    generate(page)
    assert not editor.calls[-1]["strokes"].any() and editor.calls[-1]["mask"].any()
    page.click("[aria-label='Clear mask']")
    expect(page.locator("#generate")).to_be_disabled()
    page.click("#undo")
    expect(page.locator("#generate")).to_be_enabled()


def test_the_eyedropper_takes_a_colour_of_the_photo(page, editor):
    draw(page, (40, 30), (80, 30))
    page.keyboard.press("i")
    draw(page, (20.5, 80.5))
    expect(page.locator("#tools [value=color]")).to_be_checked()
    draw(page, (60, 30))
    generate(page)
    np.testing.assert_array_equal(editor.calls[-1]["color"][30, 60], PHOTO[80, 20])


def test_eyes_are_marked_undone_and_kept(page, editor):
    draw(page, (60, 30), (70, 30))
    page.select_option("#crop", "eyes")
    expect(page.locator("#status")).to_have_text("Click one eye")
    expect(page.locator("#generate")).to_be_disabled()
    draw(page, (80, 45))
    draw(page, (10, 10))
    page.click("#undo")
    draw(page, (50, 45))
    generate(page)
    np.testing.assert_allclose(dataclasses.astuple(editor.crop), (-11, 6, 119, 119), atol=1)
    mask = editor.calls[-1]["mask"]
    assert mask[30, 65] and not mask[50:].any() and not mask[:25, :25].any()
    _, data = saved(page, "#save")
    page.select_option("#crop", "mask")
    generate(page)
    assert editor.crop == "mask"
    open_file(page, "project.zip", data)
    expect(page.locator("#status")).to_have_text("Opened with 1 strokes")
    generate(page)
    np.testing.assert_allclose(dataclasses.astuple(editor.crop), (-11, 6, 119, 119), atol=1)


def test_a_suggested_sketch_is_made_of_strokes(page, editor):
    halves = np.zeros((96, 128, 3), np.uint8)
    halves[:, 64:] = 220
    open_file(page, "halves.png", file_of(halves))
    expect(page.locator("#status")).to_have_text("Mark what is to change")
    draw(page, (64, 30), (64, 60))
    for _ in range(2):  # The second time it takes the place of the first.
        page.click("#suggest")
        expect(page.locator("#status")).to_contain_text("1 lines suggested")
    page.select_option("#num", "1")
    page.check("#live")
    page.keyboard.press("e")
    page.keyboard.press("[")
    page.select_option("#erase-layer", "sketch")
    draw(page, (64, 60))
    expect(page.locator("#status")).to_contain_text("outside the mask unchanged")
    sketch = editor.calls[-1]["sketch"][..., 0]
    assert sketch[20:45, 64].all() and sketch[:, 64].sum() == sketch.sum()
    assert not sketch[58:62].any()


def test_touch_draws_and_two_fingers_zoom(page, editor):
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        places = [
            {"x": x, "y": y, "id": index} for index, (x, y) in enumerate(on_screen(page, points))
        ]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    touch("touchStart", (40, 50))
    touch("touchMove", (80, 50))
    touch("touchEnd")
    generate(page)
    assert editor.calls[-1]["mask"][50, 42:78].all()
    # A second finger takes back what the first began.
    touch("touchStart", (60, 48))
    touch("touchStart", (60, 48), (68, 48))
    touch("touchMove", (60, 48), (76, 48))
    touch("touchMove", (60, 48), (92, 48))
    touch("touchEnd")
    page.click("#undo")
    expect(page.locator("#undo")).to_be_disabled()
    # Four times as large, and pixel 64 has moved to 76: in the place of 64 there is 61.
    draw(page, (64, 48), (80, 48))
    generate(page)
    columns = np.flatnonzero(editor.calls[-1]["mask"][48])
    np.testing.assert_allclose(columns[[0, -1]], [61 - 18, 65 + 17], atol=2)


def test_files_are_dropped_and_pasted(page):
    code = """([kind, data]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(data)], "dropped.png", { type: "image/png" }));
      const more = { bubbles: true, cancelable: true };
      window.dispatchEvent(kind === "paste"
        ? new ClipboardEvent(kind, { clipboardData: transfer, ...more })
        : new DragEvent(kind, { dataTransfer: transfer, ...more }));
    }"""
    page.evaluate(code, ["drop", list(file_of(photo(30, 40)))])
    expect(page.locator("#photo-size")).to_have_text("40 \u00d7 30")
    page.evaluate(code, ["paste", list(file_of(photo(20, 60)))])
    expect(page.locator("#photo-size")).to_have_text("60 \u00d7 20")


def test_help_and_keys(page):
    page.keyboard.press("?")
    expect(page.locator("#help-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help-dialog")).to_be_hidden()
    for key, tool in {"s": "sketch", "c": "color", "i": "pick", "e": "erase", "m": "mask"}.items():
        page.keyboard.press(key)
        expect(page.locator(f"#tools [value={tool}]")).to_be_checked()
    page.keyboard.press("]")
    expect(page.locator("#size-text")).to_have_text("41 px")
    page.keyboard.press("c")
    # Every control has a name for those who cannot see it.
    controls = page.locator("button:visible, input:visible, select:visible, canvas:visible")
    naming = "(one) => one.ariaLabel || one.labels?.[0]?.textContent || one.textContent"
    names = controls.evaluate_all(f"all => all.map({naming})")
    assert len(names) > 20 and all(name.strip() for name in names), names


def test_a_narrow_window_shows_one_board(page):
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#result-stage")).to_be_hidden()
    draw(page, (40, 30), (80, 30))
    generate(page)
    expect(page.locator("#edit-stage")).to_be_hidden()
    expect(page.locator("#result-canvas")).to_be_visible()
    page.locator("#boards [value=photo]").check(force=True)
    expect(page.locator("#edit-canvas")).to_be_visible()
    size = page.evaluate("() => [document.body.scrollWidth, document.body.scrollHeight]")
    assert size[0] <= 390 and size[1] <= 844
