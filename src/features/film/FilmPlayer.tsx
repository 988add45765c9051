import { Button, Group, SegmentedControl, Stack, Switch, Text } from "@mantine/core";
import { useReducedMotion } from "@mantine/hooks";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useCallback, useMemo, useState } from "react";
import type { Film, FilmFrame } from "@/contracts/film";
import { formatCount, formatFixed, formatPercent, formatShort } from "@/ui/format";
import { FilmPictures, momentText, type Scene } from "./FilmPictures";
import classes from "./FilmPlayer.module.css";
import { FilmScrubber, type FilmTrace, rangeOf } from "./FilmScrubber";
import { type FilmAxis, frameAt, lastNotAfter, notchesOf, placeOf, type Reel, relationOf } from "./timeline";
import { usePlayback } from "./usePlayback";

/** A film and whose it is. */
export interface NamedReel extends Reel {
  readonly id: string;
  readonly name: string;
  readonly synthetic: boolean;
  /** The step of its best epoch, if that has a frame. */
  readonly bestStep: number | null;
}

const SPEEDS = ["2", "5", "10"] as const;
/** For people who asked for less motion: slow enough to look at one picture after the other. */
const CALM_SPEEDS = ["0.5", "1", "2"] as const;
const AXES: { readonly value: FilmAxis; readonly label: string }[] = [
  { value: "step", label: "Step" },
  { value: "epoch", label: "Epoch" },
  { value: "share", label: "Share of training" },
];
const MEASURES = [
  { value: "psnr", label: "PSNR" },
  { value: "loss", label: "Validation loss" },
] as const;
type Measure = (typeof MEASURES)[number]["value"];
const TICKS = 5;

function tickText(place: number, axis: FilmAxis): string {
  switch (axis) {
    case "step":
      return formatCount(place);
    case "epoch":
      return formatFixed(place, place % 1 === 0 ? 0 : 2);
    case "share":
      return formatPercent(place);
    default:
      return axis satisfies never;
  }
}

/** One film, or two moved by one slider. A place at the end follows a film that is still growing. */
export function FilmPlayer({ reels }: { readonly reels: readonly NamedReel[] }) {
  const [axis, setAxis] = useState<FilmAxis>("step");
  /** Null: at the end, wherever that is. */
  const [place, setPlace] = useState<number | null>(null);
  const [image, setImage] = useState(0);
  const [errors, setErrors] = useState(false);
  const [measure, setMeasure] = useState<Measure>("psnr");
  const calm = useReducedMotion();
  const speeds = calm ? CALM_SPEEDS : SPEEDS;
  const [speed, setSpeed] = useState<string>("5");
  const framesPerSecond = Number(speeds.some((value) => value === speed) ? speed : speeds[1]);

  const notches = useMemo(() => notchesOf(reels, axis), [reels, axis]);
  const last = notches.length - 1;
  const index = place === null ? last : lastNotAfter(notches, place);
  const go = useCallback(
    (next: number) => setPlace(next >= notches.length - 1 ? null : (notches[next] ?? 0)),
    [notches],
  );
  const { playing, toggle, stop } = usePlayback({ index, last, framesPerSecond, go });

  const at = notches[index] ?? 0;
  const count = Math.min(...reels.map(({ film }) => film.images.count));
  const shownImage = Math.min(image, count - 1);
  const scenes = useMemo(() => scenesAt(reels, axis, at), [reels, axis, at]);
  const relation = useMemo(() => relationOfReels(reels), [reels]);
  const traces = useMemo(
    () => tracesOf(reels, axis, notches, (frame) => measured(frame, measure, shownImage)),
    [reels, axis, notches, measure, shownImage],
  );
  const noisyPsnrDb = reels[0]?.film.images.noisyPsnrDb[shownImage];
  const level =
    measure === "psnr" && relation === "same" && noisyPsnrDb !== undefined
      ? { label: "noisy", value: noisyPsnrDb }
      : null;
  const valueText = scenes
    .map(
      ({ name, frame, isBest }) =>
        `${reels.length > 1 ? `${name}: ` : ""}${momentText(frame, isBest)}, ${formatFixed(frame.psnrDb[shownImage], 2)} dB`,
    )
    .join("; ");

  return (
    <Stack gap="md">
      {relation !== "same" && (
        <Text size="sm" role="note">
          {relation === "other-images"
            ? "The two runs have different fixed images: compare how they change, not picture by picture."
            : "The two runs have the same images with different noise."}
        </Text>
      )}
      <FilmPictures scenes={scenes} shared={relation === "same"} image={shownImage} errors={errors} />
      <div>
        <FilmScrubber
          notches={notches.length}
          index={index}
          onIndex={(next) => {
            stop();
            go(next);
          }}
          onToggle={toggle}
          valueText={valueText}
          traces={traces}
          level={level}
          log={measure === "loss"}
          ticks={ticksOf(notches, axis)}
        />
        <Legend traces={traces} level={level} measure={measure} />
      </div>
      <Group gap="sm">
        <Button
          w={104}
          leftSection={playing ? <IconPlayerPause size={18} /> : <IconPlayerPlay size={18} />}
          onClick={toggle}
          disabled={last < 1}
        >
          {playing ? "Pause" : "Play"}
        </Button>
        <SegmentedControl
          aria-label="Frames per second"
          size="xs"
          value={String(framesPerSecond)}
          onChange={setSpeed}
          data={speeds.map((value) => ({ value, label: `${value}/s` }))}
        />
        {count > 1 && (
          <SegmentedControl
            aria-label="Picture"
            size="xs"
            value={String(shownImage)}
            onChange={(value) => setImage(Number(value))}
            data={Array.from({ length: count }, (_, i) => ({
              value: String(i),
              label: i === 0 ? "Picture 1" : String(i + 1),
            }))}
          />
        )}
        <Switch
          label="Error map"
          checked={errors}
          onChange={(event) => setErrors(event.currentTarget.checked)}
        />
        <SegmentedControl
          aria-label="Curve"
          size="xs"
          value={measure}
          onChange={(value) => setMeasure(value === "loss" ? "loss" : "psnr")}
          data={MEASURES.map(({ value, label }) => ({ value, label }))}
        />
        {reels.length > 1 && (
          <SegmentedControl
            aria-label="Aligned by"
            size="xs"
            value={axis}
            onChange={(value) => {
              setAxis(AXES.find((known) => known.value === value)?.value ?? "step");
              setPlace(null);
              stop();
            }}
            data={AXES}
          />
        )}
      </Group>
    </Stack>
  );
}

/** What the curve behind the slider is, and from where to where it goes. */
function Legend({
  traces,
  level,
  measure,
}: {
  readonly traces: readonly FilmTrace[];
  readonly level: { readonly label: string; readonly value: number } | null;
  readonly measure: Measure;
}) {
  const { low, high } = rangeOf(traces, level);
  const range =
    measure === "loss"
      ? `Validation loss, ${formatShort(low)} to ${formatShort(high)} (logarithmic)`
      : `PSNR of the picture, ${formatFixed(low, 1)} to ${formatFixed(high, 1)} dB`;
  return (
    <div className={classes["legend"]}>
      {traces.length > 1 &&
        traces.map(({ id, label, colour }) => (
          <span key={id}>
            <span className={classes["swatch"]} style={{ background: `var(${colour})` }} />
            {label}
          </span>
        ))}
      <span>{range}</span>
      {level && <span>dashed: the {level.label} image</span>}
    </div>
  );
}

function scenesAt(reels: readonly NamedReel[], axis: FilmAxis, place: number): Scene[] {
  return reels.flatMap((reel) => {
    const frame = frameAt(reel, axis, place);
    if (!frame) return [];
    const { id, name, synthetic, film } = reel;
    return [{ id, name, synthetic, images: film.images, frame, isBest: frame.step === reel.bestStep }];
  });
}

function relationOfReels([first, second]: readonly NamedReel[]): ReturnType<typeof relationOf> {
  return first && second ? relationOf(first.film, second.film) : "same";
}

function measured(frame: FilmFrame, measure: Measure, image: number): number | null {
  return (measure === "psnr" ? frame.psnrDb[image] : frame.validationLoss) ?? null;
}

function tracesOf(
  reels: readonly NamedReel[],
  axis: FilmAxis,
  notches: readonly number[],
  value: (frame: Film["frames"][number]) => number | null,
): FilmTrace[] {
  return reels.map((reel, i) => ({
    id: reel.id,
    label: reel.name,
    colour: `--lab-series-${i + 1}`,
    points: reel.film.frames.flatMap((frame) => {
      const shown = value(frame);
      const notch = lastNotAfter(notches, placeOf(frame.step, reel, axis));
      return shown === null ? [] : [{ notch, value: shown }];
    }),
  }));
}

function ticksOf(notches: readonly number[], axis: FilmAxis): { notch: number; text: string }[] {
  const last = notches.length - 1;
  const places = Array.from({ length: TICKS }, (_, i) => Math.round((i * last) / (TICKS - 1)));
  return [...new Set(places)].map((notch, i) => {
    const text = tickText(notches[notch] ?? 0, axis);
    // The first one says what is counted.
    return { notch, text: i === 0 && axis !== "share" ? `${axis} ${text}` : text };
  });
}
