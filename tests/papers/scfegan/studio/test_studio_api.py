import base64
import io
import json
import re
import tempfile
import threading
import time
import tracemalloc
import zipfile

import httpx
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from jaxrepro.papers.scfegan.inference.crops import EYES_COLUMNS, EYES_ROW, Box
from jaxrepro.papers.scfegan.studio.app import PAGE
from jaxrepro.papers.scfegan.studio.limits import Limits
from tests.papers.scfegan.studio.studio_server import (
    ForetoldEditor,
    drawing,
    file_of,
    mask_stroke,
    photo,
    picture_of,
    serving,
)

FORM = "multipart/form-data"
SMALL = Limits(max_bytes=2**20, max_pixels=100_000, max_strokes=50, max_points=500)


@pytest.fixture(scope="module")
def editor():
    return ForetoldEditor()


@pytest.fixture(scope="module")
def client(editor):
    with serving(editor, limits=SMALL) as address, httpx.Client(base_url=address) as client:
        yield client


def post(client, path, **parts):
    return client.post(path, files={name: (name, part) for name, part in parts.items()})


def picture_in(reply, index=0):
    assert reply.status_code == 200, reply.text
    return picture_of(base64.b64decode(reply.json()["images"][index]))


def distance_to(x, y, height=48, width=64):
    rows, columns = np.mgrid[:height, :width] + 0.5
    return np.hypot(columns - x, rows - y)


def test_an_edit_changes_the_mask_and_nothing_else(client, editor):
    strokes = [
        mask_stroke([20, 20], width=16),
        mask_stroke([20, 20], width=6, erase=True),
        {"layer": "color", "width": 4, "color": "#FF8001", "points": [[26, 20]]},
        {"layer": "color", "width": 4, "color": "#00ff00", "points": [[50, 40]]},
        {"layer": "sketch", "width": 1, "points": [[10.5, 30.5], [30.5, 30.5]]},
    ]
    given = photo()
    parts = {
        "image": file_of(given),
        "drawing": drawing(*strokes, seed=3),
        "num": b"2",
        "crop": b"mask",
    }
    reply = post(client, "/api/edit", **parts)
    said = reply.json()
    assert (said["seed"], said["unchanged_outside"], len(said["images"])) == (3, True, 2)
    assert (said["erased"], said["warning"]) == (editor.calls[-1]["mask"].mean(), "")
    assert editor.crop == "mask"
    assert 0 <= said["milliseconds"] < 5000

    seen = editor.calls[-1]
    np.testing.assert_array_equal(seen["image"], given)
    mask = seen["mask"][..., 0]
    away = distance_to(20, 20)
    assert mask[(away < 7.2) & (away > 3.8)].all()
    assert not mask[away > 8.8].any() and not mask[away < 2.2].any()
    expected = np.zeros((48, 64), np.uint8)
    expected[30, 10:31] = 1
    np.testing.assert_array_equal(seen["sketch"][..., 0], expected)
    assert seen["strokes"][20, 26] == 1 and seen["strokes"][40, 50] == 1
    assert seen["strokes"].sum() < 40
    np.testing.assert_array_equal(seen["color"][20, 26], [255, 128, 1])
    np.testing.assert_array_equal(seen["color"][40, 50], [0, 255, 0])
    assert not seen["color"][seen["strokes"][..., 0] == 0].any()

    for index in range(2):
        result = picture_in(reply, index)
        np.testing.assert_array_equal(result[mask == 0], given[mask == 0])
        np.testing.assert_array_equal(result[20, 14], [30 + index] * 3)
        np.testing.assert_array_equal(result[20, 26], [255, 128, 1])


def test_an_editor_that_changes_other_pixels_is_told_on(client, editor):
    parts = {"image": file_of(photo()), "drawing": drawing(mask_stroke([30, 30]))}
    editor.spill = True
    try:
        assert post(client, "/api/edit", **parts).json()["unchanged_outside"] is False
    finally:
        editor.spill = False


def test_layers_may_be_pictures_and_the_answer_a_picture(client, editor):
    given = photo()
    mask, sketch = np.zeros((48, 64), np.uint8), np.zeros((48, 64), np.uint8)
    mask[10:20, 10:20] = 255
    sketch[12, 12:18] = 200
    color = np.zeros((48, 64, 4), np.uint8)
    color[15, 15] = [1, 2, 3, 255]
    color[16, 16] = [9, 9, 9, 0]
    layers = {"mask": file_of(mask), "sketch": file_of(sketch), "color": file_of(color)}
    files = {name: (name, part) for name, part in {"image": file_of(given), **layers}.items()}
    reply = client.post(
        "/api/edit", files=files, data={"seed": "5"}, headers={"accept": "image/png"}
    )
    assert reply.headers["content-type"] == "image/png"
    expected = given.copy()
    expected[10:20, 10:20] = 50
    expected[15, 15] = [1, 2, 3]
    np.testing.assert_array_equal(picture_of(reply.content), expected)
    np.testing.assert_array_equal(editor.calls[-1]["sketch"][..., 0], sketch > 0)


def test_marked_eyes_choose_what_the_network_sees(client, editor):
    assert post(client, "/api/edit", **GOOD, eyes=b"20,20,40.5,22").status_code == 200
    # The eyes of aligned faces are 129 of 512 apart, from column 190 on, in row 239.
    side = 20.5 * 512 / 129
    corner = (round(21 - side * 239 / 512), round(20 - side * 190 / 512))
    assert editor.crop == Box(*corner, round(side), round(side))
    source = (PAGE / "eyes.js").read_text()
    numbers = [int(a) / int(b) for a, b in re.findall(r"(\d+) / (\d+)", source)[:3]]
    assert numbers == [EYES_ROW, *EYES_COLUMNS]


def test_gray_alpha_and_profiles_stay(client):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    alpha = np.full((48, 64, 1), 77, np.uint8)
    given = np.concatenate([photo(), alpha], axis=2)
    image = file_of(given, icc_profile=profile)
    stroke = mask_stroke([30, 30])
    data = post(client, "/api/edit", image=image, drawing=drawing(stroke)).json()["images"][0]
    with Image.open(io.BytesIO(base64.b64decode(data))) as result:
        assert result.info["icc_profile"] == profile
        np.testing.assert_array_equal(np.asarray(result)[..., 3:], alpha)
        np.testing.assert_array_equal(np.asarray(result)[:20], given[:20])
    gray = photo()[..., 0]
    result = picture_in(post(client, "/api/edit", image=file_of(gray), drawing=drawing(stroke)))
    np.testing.assert_array_equal(result[:20], np.repeat(gray[:20, :, None], 3, axis=2))


def wide_png():
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def bomb_png():
    buffer = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(buffer, "PNG")
    assert len(buffer.getvalue()) < 100_000
    return buffer.getvalue()


GOOD = {"image": file_of(photo()), "drawing": drawing(mask_stroke([30, 30]))}


def stroke_error(**more):
    return {"drawing": drawing({**mask_stroke([30, 30]), **more})}


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"image": None}, 400, "the form has no image"),
        ({"drawing": None}, 400, "the form has no mask"),
        ({"image": b"hello"}, 415, "image: not a readable picture"),
        ({"image": GOOD["image"][:200]}, 415, "image: not a readable picture"),
        ({"image": wide_png()}, 415, "16 bits a colour are not supported"),
        ({"image": bomb_png()}, 413, "image: more than 0.1 megapixels"),
        ({"image": file_of(photo(20, 20))}, 400, "for 64 x 48 pixels and the photo has 20 x 20"),
        ({"drawing": None, "mask": file_of(photo(9, 9))}, 400, "mask has 9 x 9 pixels"),
        ({"drawing": None, "mask": bomb_png()}, 413, "mask: more than 0.1 megapixels"),
        ({"mask": file_of(photo())}, 400, "either a drawing or pictures"),
        ({"drawing": b"{"}, 400, "the drawing is not JSON"),
        ({"drawing": b"[" * 100_000}, 400, "the drawing is not JSON"),
        ({"drawing": b"\xff\xfe\xfd"}, 400, "the drawing is not JSON"),
        ({"drawing": b"[]"}, 400, "not a JSON object"),
        ({"drawing": drawing(version=2)}, 400, "has version 2; this server reads 1"),
        ({"drawing": drawing(*[mask_stroke([1, 1])] * 51)}, 400, "list of at most 50 strokes"),
        ({"drawing": drawing(mask_stroke(*[[1, 1]] * 501))}, 400, "has 501 points"),
        ({"drawing": drawing(width=True)}, 400, "width is True"),
        ({"drawing": drawing(seed=-1)}, 400, "seed is -1"),
        ({"drawing": drawing()}, 400, "the mask is empty"),
        ({"drawing": drawing("x")}, 400, "stroke 1 has no layer"),
        (stroke_error(layer="hair"), 400, "give one of mask, sketch, color"),
        (stroke_error(points=[[1, "2"]]), 400, "stroke 1: points are not a list"),
        (stroke_error(points=[[1, 2, 3]]), 400, "stroke 1: points are not a list"),
        (stroke_error(points=[]), 400, "stroke 1: the points"),
        (stroke_error(points=[[float("nan"), 1]]), 400, "stroke 1: a stroke reaches"),
        (stroke_error(points=[[10**400, 1]]), 400, "stroke 1: "),
        (stroke_error(width=0), 400, "stroke 1: a stroke of width 0"),
        (stroke_error(width=10**400), 400, "stroke 1: "),
        (stroke_error(width="4"), 400, "width is '4'"),
        (stroke_error(erase=1), 400, "erase is 1"),
        (stroke_error(layer="color"), 400, "color is None"),
        (stroke_error(layer="color", color="red"), 400, "color is 'red'"),
        ({"seed": b"-1"}, 400, "seed is '-1'"),
        ({"seed": b"4294967296"}, 400, "seed is '4294967296'; give a whole number 0 to 4294967295"),
        ({"seed": "²".encode()}, 400, "seed is"),
        ({"crop": b"eyes"}, 400, "crop is 'eyes'; give one of whole, mask"),
        ({"eyes": b"1,2,3"}, 400, "eyes is '1,2,3'; give x,y,x,y"),
        ({"eyes": b"9,2,3,2"}, 400, "eyes=9,2,3,2: give"),
        ({"eyes": b"9,2,nan,2"}, 400, "eyes=9,2,nan,2: give"),
        ({"eyes": b"20,20,40,20", "crop": b"mask"}, 400, "either crop or eyes"),
        ({"drawing": drawing(eyes=[1, 2, 3])}, 400, "eyes are not [x, y, x, y]"),
        ({"drawing": drawing(eyes=[1, 2, 3, float("nan")])}, 400, "eyes are not"),
        ({"num": b"5"}, 400, "num is '5'; give a whole number 1 to 4"),
    ],
)
def test_bad_input_is_one_line_and_a_fitting_status(client, change, status, message):
    parts = {name: part for name, part in {**GOOD, **change}.items() if part is not None}
    reply = post(client, "/api/edit", **parts)
    (error,) = reply.json().values()
    assert (reply.status_code, "\n" in error) == (status, False), error
    assert message in error


def test_other_requests_are_answered_with_json_too(client):
    for reply, status, message in [
        (client.get("/nothing"), 404, "GET /nothing: Not Found"),
        (client.get("/page/../app.py"), 404, "Not Found"),
        (client.get("/page/%2e%2e/app.py"), 404, "Not Found"),
        (client.get("/api/edit"), 405, "GET /api/edit: Method Not Allowed"),
        (client.post("/api/edit", data={"a": "b"}), 415, "multipart/form-data"),
        (
            client.post("/api/edit", content=b"x", headers={"content-type": FORM}),
            400,
            "damaged form",
        ),
    ]:
        assert reply.status_code == status
        assert message in reply.json()["error"]


def test_too_large_requests_are_stopped(client):
    reply = post(client, "/api/edit", image=bytes(SMALL.max_bytes))
    assert (reply.status_code, reply.json()["error"]) == (413, "the request is larger than 1 MiB")

    def endless():
        yield b'--x\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(40):
            yield bytes(2**16)

    # Without a length in the header the bytes are counted as they come.
    header = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/api/edit", content=endless(), headers=header).status_code == 413
    many = {f"f{i}": b"1" for i in range(30)}
    assert post(client, "/api/edit", **many).status_code == 400


def test_slow_requests_are_stopped():
    with serving(ForetoldEditor(), limits=Limits(upload_seconds=0.2)) as address:

        def slow():
            yield b"--x\r\n"
            time.sleep(0.6)
            yield b"--x--\r\n"

        header = {"content-type": "multipart/form-data; boundary=x"}
        reply = httpx.post(f"{address}/api/edit", content=slow(), headers=header)
    assert reply.status_code == 408
    assert reply.json()["error"] == "the request took too long to arrive"


def test_photos_are_opened_upright_as_png(client):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    given = photo(48, 64)
    for kind, options in [("JPEG", {"quality": 95}), ("PNG", {}), ("WEBP", {"lossless": True})]:
        reply = post(client, "/api/open", file=file_of(given, kind, exif=exif, **options)).json()
        assert (reply["drawing"]["width"], reply["drawing"]["height"]) == (48, 64)
        opened = picture_of(base64.b64decode(reply["image"])).astype(int)
        upright = np.rot90(given, -1)
        np.testing.assert_allclose(opened, upright, atol=8 if kind == "JPEG" else 0)
        assert reply["drawing"]["strokes"] == []
    assert post(client, "/api/open", file=b"text").status_code == 415


def project(compression=zipfile.ZIP_DEFLATED, **members):
    buffer = io.BytesIO()
    members = {"photo_png": GOOD["image"], "strokes_json": GOOD["drawing"], **members}
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name.replace("_", "."), content)
    return buffer.getvalue()


def test_projects_are_opened(client):
    strokes = [
        mask_stroke([1.25, 2], [3, 4.5], width=7.5),
        mask_stroke([3, 3], width=2, erase=True),
        {"layer": "color", "width": 4, "color": "#ff8001", "points": [[26, 20]]},
    ]
    text = drawing(*strokes, seed=12, eyes=[20.5, 20, 40, 21])
    reply = post(client, "/api/open", file=project(strokes_json=text, other_txt="x")).json()
    assert reply["drawing"] == json.loads(text)
    np.testing.assert_array_equal(picture_of(base64.b64decode(reply["image"])), photo())


@pytest.mark.parametrize(
    ("data", "status", "message"),
    [
        (project(photo_png=None), 415, "has no photo.png: this is not a project"),
        (project(photo_png=bytes(2**27)), 413, "photo.png unpacks to more than 1 MiB"),
        (project(strokes_json=bytes(2**27)), 413, "strokes.json unpacks to more than 1 MiB"),
        (project(photo_png=b"no"), 415, "photo.png: not a readable picture"),
        (project(photo_png=bomb_png()), 413, "photo.png: more than"),
        (project(strokes_json="[]"), 400, "not a JSON object"),
        (project(photo_png=file_of(photo(5, 5))), 415, "strokes are for 64 x 48"),
        (project(zipfile.ZIP_BZIP2), 415, "compressed in a way"),
        (project(**{f"f{i}": "" for i in range(200)}), 415, "too many files"),
        (project()[:-30], 415, "the project is damaged"),
        (project(zipfile.ZIP_STORED).replace(b"IDAT", b"IDAX"), 415, "the project is damaged"),
        (project().replace(b"\0\0\x08\0", b"\x01\0\x08\0"), 415, "the project is damaged"),
    ],
)
def test_bad_projects_are_refused(client, data, status, message):
    reply = post(client, "/api/open", file=data)
    assert reply.status_code == status, reply.text
    assert message in reply.json()["error"]


def test_bombs_are_not_unpacked(client):
    data = project(photo_png=bytes(2**27))
    tracemalloc.start()
    try:
        assert post(client, "/api/open", file=data).status_code == 413
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_sketches_are_suggested_inside_the_mask(client):
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, 30:] = 200
    parts = {"image": file_of(image), "drawing": drawing(mask_stroke([30, 10], [30, 30], width=8))}
    (stroke,) = post(client, "/api/sketch", **parts).json()["strokes"]
    assert (stroke["layer"], stroke["width"]) == ("sketch", 1)
    (x0, y0), (x1, y1) = sorted(stroke["points"])
    assert (x0, x1) == (30.5, 30.5)
    assert sorted([y0, y1]) == pytest.approx([6.5, 33.5], abs=1)
    parts["drawing"] = drawing(mask_stroke([10, 10], width=8))
    assert post(client, "/api/sketch", **parts).json() == {"strokes": []}


def test_the_model_is_described(client):
    said = client.get("/api/model").json()
    assert (said["checkpoint"], said["device"]) == ("foretold", "none")
    assert said["limits"] == {"max_bytes": 2**20, "max_pixels": 100_000, "max_results": 4}
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:80"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"host": "studio.example"}, 200),
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example"}, 421),
        ({"host": "[::1"}, 421),
        ({"host": ""}, 421),
        ({"host": "localhost:9", "origin": "http://localhost:9"}, 200),
        ({"host": "localhost:9", "origin": "http://localhost:8"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_other_pages_are_kept_away(editor, headers, status):
    with (
        serving(editor, allowed_hosts=["Studio.example"]) as address,
        httpx.Client(base_url=address) as client,
    ):
        files = {name: (name, part) for name, part in GOOD.items()}
        reply = client.post("/api/edit", files=files, headers=headers)
        assert reply.status_code == status, reply.text
        assert client.get("/", headers=headers).status_code == (421 if status == 421 else 200)


def test_the_page_loads_nothing_from_elsewhere(client):
    for path in ("/", "/api/model", "/nothing", "/page/main.js"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
    for file in PAGE.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "//" not in text.replace("// ", ""), file
        assert client.get(f"/page/{file.name}").text == file.read_text()
        assert not any(word in text for word in ("unsafe", "innerHTML", "eval(", " style=")), file


def test_a_failure_is_told_and_the_server_goes_on(client, editor):
    editor.error = RuntimeError("secret")
    try:
        reply = post(client, "/api/edit", **GOOD)
    finally:
        editor.error = None
    assert reply.status_code == 500
    assert reply.json() == {"error": "the server failed at this; its log says why"}
    assert "content-security-policy" in reply.headers
    assert post(client, "/api/edit", **GOOD).status_code == 200


def test_one_edit_at_a_time_and_few_wait(editor):
    limits = Limits(max_waiting=1)
    replies = []

    def ask(address):
        replies.append(post(httpx, f"{address}/api/edit", **GOOD))

    with serving(editor, limits=limits) as address:
        editor.may_run.clear()
        calls = len(editor.calls)
        threads = [threading.Thread(target=ask, args=[address]) for _ in range(4)]
        try:
            for thread in threads:
                thread.start()
            deadline = time.monotonic() + 10
            while len(replies) < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            assert [reply.status_code for reply in replies] == [503, 503]
            assert replies[0].headers["retry-after"] == "2"
            assert "busy" in replies[0].json()["error"]
            assert len(editor.calls) == calls + 1
            assert httpx.get(f"{address}/healthz").status_code == 200
        finally:
            editor.may_run.set()
            for thread in threads:
                thread.join()
    assert sorted(reply.status_code for reply in replies) == [200, 200, 503, 503]


def test_those_who_have_gone_are_not_served(editor):
    with serving(editor) as address:
        editor.may_run.clear()
        calls = len(editor.calls)
        first = threading.Thread(target=lambda: post(httpx, f"{address}/api/edit", **GOOD))
        try:
            first.start()
            while len(editor.calls) == calls:
                time.sleep(0.01)
            files = {name: (name, part) for name, part in GOOD.items()}
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{address}/api/edit", files=files, timeout=0.3)
        finally:
            editor.may_run.set()
            first.join()
        assert post(httpx, f"{address}/api/edit", **GOOD).status_code == 200
        assert len(editor.calls) == calls + 2


def test_uploads_never_reach_the_disk(editor, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a file on disk")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    noise = np.random.default_rng(0).integers(0, 256, (800, 800, 3), np.uint8)
    image = file_of(noise)
    assert len(image) > 1_500_000
    stroke = mask_stroke([30, 30])
    with serving(editor) as address:
        reply = post(
            httpx,
            f"{address}/api/edit",
            image=image,
            drawing=drawing(stroke, height=800, width=800),
        )
        assert reply.status_code == 200, reply.text
