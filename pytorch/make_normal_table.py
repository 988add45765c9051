"""Writes src/imaging/normalTable.ts: half-normal quantiles in fixed point for the lab's integer noise.

A 31-bit magnitude u stands for the two-sided tail probability p = (u + 0.5) / 2^31, and |z| = -ndtri(p / 2).
Entries sit where floating-point numbers with a 6-bit fraction would: u = index for index < 128, then 64 steps per
octave up to u = 2^31. The steps shrink with the tail, so linear interpolation is good to 2e-5 everywhere.

Run: python3 pytorch/make_normal_table.py   (needs numpy and scipy)
"""

import base64
from pathlib import Path

import numpy as np
from scipy.special import ndtri

FRACTION_BITS = 20
SUB_BITS = 6
MAGNITUDE_BITS = 31
OCTAVES = MAGNITUDE_BITS - SUB_BITS - 1
LINE = 100
TARGET = Path(__file__).resolve().parent.parent / "src" / "imaging" / "normalTable.ts"

HEADER = '''/**
 * Half-normal quantiles |z| in units of 2⁻²⁰ at the 1665 break points of the integer noise (`noise.ts`): 24-bit
 * little-endian integers in base64, decreasing from 6.34 to 0. Written by `pytorch/make_normal_table.py`.
 */
const QUANTILES = [
'''
FOOTER = '''].join("");

/** Number of break points: u = 0 … 127, then 64 for each octave up to u = 2³¹. */
export const NORMAL_TABLE_LENGTH = {length};

/** [NORMAL_TABLE_LENGTH] u32, the table as a GPU buffer or a loop wants it. */
export const NORMAL_TABLE: Uint32Array<ArrayBuffer> = decode();

function decode(): Uint32Array<ArrayBuffer> {{
  const bytes = atob(QUANTILES);
  return Uint32Array.from(
    {{ length: NORMAL_TABLE_LENGTH }},
    (_, i) =>
      bytes.charCodeAt(3 * i) | (bytes.charCodeAt(3 * i + 1) << 8) | (bytes.charCodeAt(3 * i + 2) << 16),
  );
}}
'''


def break_points() -> np.ndarray:
    """The magnitudes u at which the table is exact, ascending, 0 … 2^31."""
    direct = np.arange(128, dtype=np.int64)
    octaves = [np.arange(64, 128, dtype=np.int64) << e for e in range(1, OCTAVES + 1)]
    return np.concatenate([direct, *octaves, [1 << MAGNITUDE_BITS]])


def quantiles() -> np.ndarray:
    """|z| at the break points in units of 2^-20."""
    tail = (break_points() + 0.5) / 2.0**MAGNITUDE_BITS
    z = np.maximum(-ndtri(np.minimum(tail, 1.0) / 2), 0)
    return np.floor(z * 2.0**FRACTION_BITS + 0.5).astype(np.uint32)


def main() -> None:
    table = quantiles()
    # The interpolation multiplies a step by a 16-bit fraction in 32 bits.
    assert np.all(np.diff(table.astype(np.int64)) <= 0)
    assert (-np.diff(table.astype(np.int64))[128:]).max() < 1 << 15
    packed = table.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    text = base64.b64encode(packed).decode()
    lines = "".join(f'  "{text[i : i + LINE]}",\n' for i in range(0, len(text), LINE))
    TARGET.write_text(HEADER + lines + FOOTER.format(length=len(table)), encoding="utf-8")


if __name__ == "__main__":
    main()
