"""Makes src/imaging/fixtures/decode: small synthetic images in every format the lab reads, and what Pillow makes of them.

Run with Debian's Python (Pillow 9.4): /usr/bin/python3 pytorch/make_decode_fixtures.py
"""

import base64
import gzip
import io
import json
import struct
import tarfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).resolve().parent.parent / "src/imaging/fixtures/decode"
WIDTH, HEIGHT = 37, 29
# Square and not, smaller and larger, and one side unchanged: each pass of the resize alone and both together.
SIZES = [(16, 16), (32, 32), (37, 12), (11, 29), (64, 48)]


def scene(channels: int, depth: int, seed: int) -> np.ndarray:
    """[HEIGHT, WIDTH, channels] with smooth ramps, hard edges and noise over the whole range of `depth` bits."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    top = (1 << depth) - 1
    planes = []
    for c in range(channels):
        ramp = (x * (c + 1) + y * (channels - c)) % 41 / 40
        ramp[8:14, 10:25] = c % 2
        planes.append(np.clip(ramp + generator.normal(0, 0.08, ramp.shape), 0, 1) * top)
    return np.stack(planes, -1).round().astype(np.uint16)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def paeth(left: int, up: int, corner: int) -> int:
    return min((left, up, corner), key=lambda value: abs(left + up - corner - value))


def pack_rows(samples: np.ndarray, depth: int, filters: tuple[int, ...]) -> bytes:
    """Rows of [height, width, channels] as PNG stores them, filtered by `filters` in turn (PNG specification, 9.2)."""
    step = max(1, depth * samples.shape[2] // 8)
    rows, above = [], b""
    for y, row in enumerate(samples):
        flat = row.reshape(-1)
        if depth == 16:
            data = flat.astype(">u2").tobytes()
        elif depth == 8:
            data = flat.astype(np.uint8).tobytes()
        else:
            bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)
            data = np.packbits(bits).tobytes()
        up = above or bytes(len(data))
        left, corner = (bytes(step) + data)[: len(data)], (bytes(step) + up)[: len(data)]
        kind = filters[y % len(filters)]
        predict = [
            lambda a, b, c: 0,
            lambda a, b, c: a,
            lambda a, b, c: b,
            lambda a, b, c: (a + b) // 2,
            paeth,
        ][kind]
        rows.append(bytes([kind]) + bytes((v - predict(a, b, c)) & 255 for v, a, b, c in zip(data, left, up, corner)))
        above = data
    return b"".join(rows)


# The first row has none above it: begin with each of those that look up.
ALL = (4, 3, 2, 1, 0, 4, 4, 3, 3, 2, 1)
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(samples, depth, colour, palette=None, alphas=None, adam7=False, filters=(0,), extra=b"", missing=0) -> bytes:
    """A PNG written by hand: Pillow writes neither Adam7 nor every depth."""
    height, width = samples.shape[:2]
    if adam7:
        data = b"".join(
            pack_rows(samples[y0::dy, x0::dx], depth, filters)
            for x0, y0, dx, dy in ADAM7
            if samples[y0::dy, x0::dx].size
        )
    else:
        data = pack_rows(samples, depth, filters)
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, adam7))
    out += extra
    if palette is not None:
        out += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    if alphas is not None:
        out += chunk(b"tRNS", alphas)
    packed = zlib.compress(data[:-missing] if missing else data, 9)
    half = len(packed) // 2
    return out + chunk(b"IDAT", packed[:half]) + chunk(b"IDAT", packed[half:]) + chunk(b"IEND", b"")


def archive(path: Path, tar_format: int) -> None:
    """A small .tar.gz with all that a reader must pass over or piece together."""
    with gzip.GzipFile(path, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w", format=tar_format) as tar:

        def add(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE) -> None:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(data)
            if kind == tarfile.SYMTYPE:
                info.linkname = "xrays/b.png"
            tar.addfile(info, io.BytesIO(data))

        add("xrays", kind=tarfile.DIRTYPE)
        add("xrays/b.png", bytes(range(256)) * 3)
        add("__MACOSX/xrays/._b.png", b"resource fork")
        add("xrays/.DS_Store", b"hidden")
        add("xrays/link.png", kind=tarfile.SYMTYPE)
        add("xrays/" + "very-long-" * 20 + "\u00e4.png", b"long")
        add("xrays/a.png", bytes(512))
        add("xrays/inner.zip", b"PK")
        add("xrays/empty.png")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    files: dict[str, bytes] = {}
    for depth in (1, 2, 4, 8, 16):
        files[f"grey{depth}.png"] = png(scene(1, depth, depth), depth, 0)
    files["grey1-adam7.png"] = png(scene(1, 1, 20), 1, 0, adam7=True)
    files["grey4-adam7.png"] = png(scene(1, 4, 21), 4, 0, adam7=True, filters=(2, 4, 3, 1))
    files["grey8-adam7.png"] = png(scene(1, 8, 22), 8, 0, adam7=True, filters=ALL)
    files["rgb8-adam7.png"] = png(scene(3, 8, 23), 8, 2, adam7=True)
    files["grey16-adam7.png"] = png(scene(1, 16, 24), 16, 0, adam7=True)
    files["grey-alpha8.png"] = png(scene(2, 8, 30), 8, 4, filters=ALL)
    files["grey-alpha16.png"] = png(scene(2, 16, 31), 16, 4)
    files["rgb8.png"] = png(scene(3, 8, 32), 8, 2, filters=ALL)
    files["rgb8-trns.png"] = png(scene(3, 8, 33), 8, 2, alphas=struct.pack(">HHH", 0, 255, 0))
    files["grey8-trns.png"] = png(scene(1, 8, 34), 8, 0, alphas=struct.pack(">H", 255))
    files["rgb16.png"] = png(scene(3, 16, 35), 16, 2)
    files["rgba8.png"] = png(scene(4, 8, 36), 8, 6, filters=(3, 4, 2, 1))
    files["rgba16.png"] = png(scene(4, 16, 37), 16, 6, filters=ALL)
    colours = np.random.default_rng(40).integers(0, 256, (256, 3))
    for depth in (1, 2, 4, 8):
        files[f"palette{depth}.png"] = png(scene(1, depth, 40 + depth), depth, 3, palette=colours[: 1 << depth])
    files["palette8-trns.png"] = png(scene(1, 8, 50), 8, 3, palette=colours, alphas=bytes(range(0, 250, 2)))
    # A damaged profile decides no pixel, so it must do no harm.
    files["grey8-profile.png"] = png(scene(1, 8, 51), 8, 0, extra=chunk(b"iCCP", b"broken\0\0not zlib"))

    def jpeg(name: str, image: Image.Image, **options) -> None:
        path = FOLDER / name
        image.save(path, **options)
        files[name] = path.read_bytes()

    rgb = Image.fromarray(scene(3, 8, 60).astype(np.uint8), "RGB")
    grey = Image.fromarray(scene(1, 8, 61)[..., 0].astype(np.uint8), "L")
    jpeg("grey.jpg", grey, quality=90)
    jpeg("grey-progressive.jpg", grey, quality=80, progressive=True)
    jpeg("colour-444.jpg", rgb, quality=92, subsampling=0)
    jpeg("colour-420.jpg", rgb, quality=75, subsampling=2)
    jpeg("colour-422-progressive.jpg", rgb, quality=60, subsampling=1, progressive=True)
    turned = Image.Exif()
    turned[0x0112] = 6
    jpeg("colour-turned.jpg", rgb, quality=85, exif=turned)
    files["short.png"] = png(scene(1, 8, 52), 8, 0, missing=1)
    jpeg("cmyk.jpg", rgb.convert("CMYK"), quality=85)

    expected = {}
    for name, data in files.items():
        path = FOLDER / name
        path.write_bytes(data)
        if name in ("cmyk.jpg", "short.png"):
            continue
        image = Image.open(path)
        if image.mode == "I":
            # Pillow 9.4 clips 16-bit grey at 255; later versions, and the lab, take the high byte.
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8), "L")
        converted = image.convert("L")
        encode = lambda picture: base64.b64encode(picture.tobytes()).decode()
        expected[name] = {
            "grey": encode(converted),
            "resized": [{"width": w, "height": h, "pixels": encode(converted.resize((w, h)))} for w, h in SIZES]
            if name in ("grey8.png", "rgb8.png", "colour-420.jpg")
            else [],
        }
    archive(FOLDER / "gnu.tar.gz", tarfile.GNU_FORMAT)
    archive(FOLDER / "pax.tar.gz", tarfile.PAX_FORMAT)
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    print(f"{len(files)} files, {sum(f.stat().st_size for f in FOLDER.iterdir())} bytes")


if __name__ == "__main__":
    main()
