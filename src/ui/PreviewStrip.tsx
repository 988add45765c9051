import type { PreviewStrip as Strip } from "@/contracts/training";
import { formatFixed } from "./format";
import { GreyCanvas } from "./GreyCanvas";
import classes from "./PreviewStrip.module.css";

export interface PreviewStripProps {
  /** Null, or a row without pixels: its place is held until the first pictures come. */
  readonly strip: Strip | null;
  /** Images shown at most. */
  readonly most?: number;
  /** Generated pictures carry this word wherever they are shown. */
  readonly synthetic: boolean;
  /** What the middle row is called: "now" while the network learns. */
  readonly outputLabel?: string;
}

const ROWS = ["noisy", "denoised", "clean"] as const;

function captionOf(strip: Strip, row: (typeof ROWS)[number], image: number, synthetic: boolean): string {
  switch (row) {
    case "noisy":
      return `${formatFixed(strip.noisyPsnrDb[image], 1)} dB`;
    case "denoised":
      return strip.denoised.length > 0 ? `${formatFixed(strip.psnrDb[image], 1)} dB` : " ";
    case "clean":
      return synthetic ? "synthetic" : "target";
    default:
      return row satisfies never;
  }
}

/** Fixed validation images, one a column: what goes in, what the network makes of it now, and what it should be. */
export function PreviewStrip({ strip, most = 6, synthetic, outputLabel = "now" }: PreviewStripProps) {
  const count = strip ? Math.min(strip.count, most) : Math.min(4, most);
  const columns = Array.from({ length: count }, (_, image) => image);
  const names = { noisy: "noisy", denoised: outputLabel, clean: "clean" };
  const kind = synthetic ? "synthetic phantom" : "X-ray";
  return (
    <div
      className={classes["strip"]}
      style={{ gridTemplateColumns: `auto repeat(${count}, minmax(0, 1fr))` }}
    >
      {ROWS.map((row) => (
        <div key={row} className={classes["row"]} data-row={row}>
          <span className={classes["name"]}>{names[row]}</span>
          {columns.map((image) => (
            <figure key={image} className={classes["cell"]}>
              {strip && strip[row].length > 0 ? (
                <GreyCanvas
                  width={strip.size}
                  height={strip.size}
                  data={strip[row].subarray(image * strip.size ** 2, (image + 1) * strip.size ** 2)}
                  label={`${kind} ${image + 1}, ${names[row]}`}
                />
              ) : (
                <div className={classes["empty"]} aria-hidden="true" />
              )}
              <figcaption className={classes["figure"]}>
                {strip ? captionOf(strip, row, image, synthetic) : " "}
              </figcaption>
            </figure>
          ))}
        </div>
      ))}
    </div>
  );
}
