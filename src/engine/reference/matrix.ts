const TILE = 4;

/** Numbers seen as a matrix: element (i, j) lies at i·rowStride + j·columnStride. Transposing is exchanging strides. */
export interface Matrix {
  readonly data: Float64Array;
  readonly rows: number;
  readonly columns: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** Row-major numbers as a matrix. */
export function matrix(data: Float64Array, rows: number, columns: number): Matrix {
  return { data, rows, columns, rowStride: columns, columnStride: 1 };
}

export function transposed(m: Matrix): Matrix {
  const { data, rows, columns, rowStride, columnStride } = m;
  return { data, rows: columns, columns: rows, rowStride: columnStride, columnStride: rowStride };
}

/**
 * a · b, row-major. Tiles of 4×4 sums stay in registers and four columns of b at a time are packed side by side: several
 * times faster than one sum at a time, and every sum still adds in the order of the inner index.
 */
export function multiply(a: Matrix, b: Matrix): Float64Array {
  const out = new Float64Array(a.rows * b.columns);
  const fullRows = a.rows - (a.rows % TILE);
  const fullColumns = b.columns - (b.columns % TILE);
  const panel = new Float64Array(b.rows * TILE);
  for (let j = 0; j < fullColumns; j += TILE) {
    for (let p = 0; p < b.rows; p++)
      for (let k = 0; k < TILE; k++)
        panel[p * TILE + k] = b.data[p * b.rowStride + (j + k) * b.columnStride] as number;
    for (let i = 0; i < fullRows; i += TILE) multiplyTile(a, i, panel, out, i * b.columns + j, b.columns);
  }
  for (let i = 0; i < a.rows; i++)
    for (let j = i < fullRows ? fullColumns : 0; j < b.columns; j++) {
      let sum = 0;
      for (let p = 0; p < a.columns; p++)
        sum +=
          (a.data[i * a.rowStride + p * a.columnStride] as number) *
          (b.data[p * b.rowStride + j * b.columnStride] as number);
      out[i * b.columns + j] = sum;
    }
  return out;
}

/** Four rows of `a` from row `i` times the panel's four columns, into `out` from `at`, rows `outStride` apart. */
function multiplyTile(
  a: Matrix,
  i: number,
  panel: Float64Array,
  out: Float64Array,
  at: number,
  outStride: number,
): void {
  const { data, rowStride, columnStride } = a;
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  let s20 = 0;
  let s21 = 0;
  let s22 = 0;
  let s23 = 0;
  let s30 = 0;
  let s31 = 0;
  let s32 = 0;
  let s33 = 0;
  let a0 = i * rowStride;
  let a1 = a0 + rowStride;
  let a2 = a1 + rowStride;
  let a3 = a2 + rowStride;
  for (let p = 0; p < panel.length; p += TILE) {
    const x0 = data[a0] as number;
    const x1 = data[a1] as number;
    const x2 = data[a2] as number;
    const x3 = data[a3] as number;
    const y0 = panel[p] as number;
    const y1 = panel[p + 1] as number;
    const y2 = panel[p + 2] as number;
    const y3 = panel[p + 3] as number;
    s00 += x0 * y0;
    s01 += x0 * y1;
    s02 += x0 * y2;
    s03 += x0 * y3;
    s10 += x1 * y0;
    s11 += x1 * y1;
    s12 += x1 * y2;
    s13 += x1 * y3;
    s20 += x2 * y0;
    s21 += x2 * y1;
    s22 += x2 * y2;
    s23 += x2 * y3;
    s30 += x3 * y0;
    s31 += x3 * y1;
    s32 += x3 * y2;
    s33 += x3 * y3;
    a0 += columnStride;
    a1 += columnStride;
    a2 += columnStride;
    a3 += columnStride;
  }
  const r0 = at;
  const r1 = r0 + outStride;
  const r2 = r1 + outStride;
  const r3 = r2 + outStride;
  out[r0] = s00;
  out[r0 + 1] = s01;
  out[r0 + 2] = s02;
  out[r0 + 3] = s03;
  out[r1] = s10;
  out[r1 + 1] = s11;
  out[r1 + 2] = s12;
  out[r1 + 3] = s13;
  out[r2] = s20;
  out[r2 + 1] = s21;
  out[r2 + 2] = s22;
  out[r2 + 3] = s23;
  out[r3] = s30;
  out[r3 + 1] = s31;
  out[r3 + 2] = s32;
  out[r3 + 3] = s33;
}

/** Sum of each row. */
export function rowSums({ data, rows, columns, rowStride, columnStride }: Matrix): Float64Array {
  const sums = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += data[i * rowStride + j * columnStride] as number;
    sums[i] = sum;
  }
  return sums;
}
