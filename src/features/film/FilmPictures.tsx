import { Text } from "@mantine/core";
import { memo, useMemo } from "react";
import type { FilmFrame, FilmImages } from "@/contracts/film";
import { DifferenceCanvas, DifferenceLegend } from "@/ui/DifferenceCanvas";
import { differenceRange } from "@/ui/difference";
import { formatCount, formatFixed } from "@/ui/format";
import { GreyCanvas } from "@/ui/GreyCanvas";
import classes from "./FilmPictures.module.css";

/** Pictures this small are looked at pixel by pixel; larger ones the browser smooths. */
const PIXELATED_SIDE = 64;
/** Full colour of an error map at this share of what shows nearly all of the noise: what is left of it is small. */
const ERROR_SHARE = 1 / 2;

/** One film at its moment. */
export interface Scene {
  readonly id: string;
  readonly name: string;
  readonly images: FilmImages;
  readonly frame: FilmFrame;
  readonly isBest: boolean;
  readonly synthetic: boolean;
}

export interface FilmPicturesProps {
  readonly scenes: readonly Scene[];
  /** Whether all scenes show the same noisy image, so that one copy of it will do. */
  readonly shared: boolean;
  /** Which of the fixed images (0-based). */
  readonly image: number;
  /** Show the errors against the clean image instead of the pictures. */
  readonly errors: boolean;
}

/** Noisy, denoised at the film's moment, clean; the denoised of two runs side by side when they share the image. */
export function FilmPictures({ scenes, shared, image, errors }: FilmPicturesProps) {
  const [first] = scenes;
  const range = useMemo(
    () => Math.max(0.01, ...scenes.map(({ images }) => errorRange(images, image))),
    [scenes, image],
  );
  if (!first) return null;
  const rows = shared ? [scenes] : scenes.map((scene) => [scene]);
  return (
    <div className={classes["rows"]}>
      {rows.map((row) => {
        const [scene] = row;
        if (!scene) return null;
        const { images } = scene;
        const show = (pixels: Uint8Array, label: string) => (
          <Picture
            side={images.side}
            pixels={picture(pixels, images.side, image)}
            clean={errors ? picture(images.clean, images.side, image) : null}
            range={range}
            label={`${scene.synthetic ? "Synthetic phantom" : "X-ray"} ${image + 1}, ${label}`}
          />
        );
        return (
          <div key={scene.id} className={classes["row"]} data-count={row.length + 2}>
            <figure className={classes["pane"]}>
              <figcaption className={classes["title"]}>Noisy</figcaption>
              {show(images.noisy, errors ? "error of the noisy image" : "noisy")}
              <Figures psnrDb={images.noisyPsnrDb[image]} ssim={images.noisySsim[image]} />
            </figure>
            {row.map(({ id, name, frame, isBest }) => (
              <figure key={id} className={classes["pane"]} data-denoised>
                <figcaption className={classes["title"]}>
                  <span className={classes["name"]}>{scenes.length > 1 ? name : "Denoised"}</span>
                </figcaption>
                {show(
                  frame.denoised,
                  `${errors ? "error of the denoised image" : "denoised"}${scenes.length > 1 ? ` by ${name}` : ""}`,
                )}
                <Figures psnrDb={frame.psnrDb[image]} ssim={frame.ssim[image]} />
                <p className={classes["moment"]} data-best={isBest || undefined}>
                  {momentText(frame, isBest)}
                </p>
              </figure>
            ))}
            <figure className={classes["pane"]}>
              <figcaption className={classes["title"]}>Clean</figcaption>
              <Picture
                side={images.side}
                pixels={picture(images.clean, images.side, image)}
                clean={null}
                range={range}
                label={`${scene.synthetic ? "Synthetic phantom" : "X-ray"} ${image + 1}, clean`}
              />
              <Text className={classes["figures"]}>{scene.synthetic ? "synthetic" : "target"}</Text>
            </figure>
          </div>
        );
      })}
      {errors && (
        <div className={classes["legend"]}>
          <DifferenceLegend range={range} darker="too dark" brighter="too bright" />
        </div>
      )}
    </div>
  );
}

/** `step 128, after epoch 2`, or that nothing is learned yet. */
export function momentText({ step, epoch, validationLoss }: FilmFrame, isBest: boolean): string {
  if (step === 0) return "before training";
  const when = validationLoss === null ? "in" : "after";
  return `step ${formatCount(step)}, ${when} epoch ${formatCount(epoch)}${isBest ? ", the best" : ""}`;
}

const picture = (pixels: Uint8Array, side: number, image: number): Uint8Array =>
  pixels.subarray(image * side * side, (image + 1) * side * side);

const toUnit = (pixels: Uint8Array): Float32Array => Float32Array.from(pixels, (value) => value / 255);

/** One scale for the whole film, so that errors are seen to shrink. */
function errorRange({ clean, noisy, side }: FilmImages, image: number): number {
  const range = differenceRange(toUnit(picture(clean, side, image)), toUnit(picture(noisy, side, image)));
  return Math.max(0.01, Math.round(range * ERROR_SHARE * 100) / 100);
}

const Picture = memo(function Picture({
  side,
  pixels,
  clean,
  range,
  label,
}: {
  readonly side: number;
  readonly pixels: Uint8Array;
  readonly clean: Uint8Array | null;
  readonly range: number;
  readonly label: string;
}) {
  const errors = useMemo(() => clean && { before: toUnit(clean), after: toUnit(pixels) }, [clean, pixels]);
  const pixelated = side <= PIXELATED_SIDE;
  return (
    <div className={classes["picture"]}>
      {errors ? (
        <DifferenceCanvas
          width={side}
          height={side}
          {...errors}
          range={range}
          label={label}
          pixelated={pixelated}
        />
      ) : (
        <GreyCanvas width={side} height={side} data={pixels} label={label} pixelated={pixelated} />
      )}
    </div>
  );
});

function Figures({
  psnrDb,
  ssim,
}: {
  readonly psnrDb: number | undefined;
  readonly ssim: number | undefined;
}) {
  return (
    <Text className={classes["figures"]}>
      <strong>{formatFixed(psnrDb, 2)} dB</strong> <span>SSIM {formatFixed(ssim, 3)}</span>
    </Text>
  );
}
