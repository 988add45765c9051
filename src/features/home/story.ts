import type { TrainingState } from "@/state/trainingReducer";
import { formatCount, formatFixed } from "@/ui/format";

/** The part of the training state that the words depend on. */
export type Scene = Pick<TrainingState, "phase" | "preview" | "result">;

export interface Story {
  readonly title: string;
  readonly text: string;
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** Gains in PSNR (dB) at which a viewer sees a change: a hint, and clearly. */
const SEEN_DB = 1;
const CLEAR_DB = 6;

function learning({ preview }: Scene): Story {
  if (!preview || preview.step === 0)
    return {
      title: "The first steps",
      text: "The weights are still random numbers, so “now” shows a haze. After each step every weight moves a little in the direction that makes the error smaller.",
    };
  const noisy = meanOf(preview.noisyPsnrDb);
  const now = meanOf(preview.psnrDb);
  const gain = now - noisy;
  const numbers = `${formatFixed(now, 1)} dB against ${formatFixed(noisy, 1)} dB for the noisy picture`;
  if (gain < SEEN_DB)
    return {
      title: "Finding shapes",
      text: `After ${formatCount(preview.step)} steps the output has ${numbers}. It has learned how bright a chest is on average, and the edges of the lungs are coming.`,
    };
  if (gain < CLEAR_DB)
    return {
      title: "Cleaner than what went in",
      text: `${numbers}: ${formatFixed(gain, 1)} dB gained. The grain goes first; fine lines such as ribs come back last.`,
    };
  return {
    title: "Most of the noise is gone",
    text: `${numbers}: ${formatFixed(gain, 1)} dB gained, so the error's power is ${formatFixed(10 ** (gain / 10), 0)} times smaller. These validation pictures are never trained on.`,
  };
}

/** In plain words, what one sees at this moment of the demo. */
export function storyOf(state: Scene): Story {
  switch (state.phase) {
    case null:
      return {
        title: "A network that has never seen an X-ray",
        text: "The demo draws synthetic chest radiographs, adds noise, and trains a small U-Net to take it away again. It needs no file and no account.",
      };
    case "rendering":
      return {
        title: "Drawing the pictures",
        text: "A seeded generator composes lungs, ribs, heart and spine and projects them as X-rays would. No patient is involved.",
      };
    case "preparing":
    case "choosing-engine":
      return {
        title: "Finding the fastest engine",
        text: "The lab times a few training steps on what this machine offers and takes the fastest. This takes some seconds.",
      };
    case "training":
    case "validating":
      return learning(state);
    case "paused":
      return {
        title: "Paused",
        text: "Nothing is computed now. Continue whenever you like; everything is kept.",
      };
    case "recovering":
      return {
        title: "The graphics device was lost",
        text: "The browser is asked for a new one. The demo then goes on from its last checkpoint, to the same numbers.",
      };
    case "testing":
      return {
        title: "The final exam",
        text: "The best weights now denoise test pictures that played no part in training.",
      };
    case "done":
    case "stopped": {
      const test = state.result?.test;
      if (!test)
        return { title: "The demo has ended", text: "Its curves and weights are kept in the list of runs." };
      return {
        title: "It has learned",
        text: `On ${test.count} test pictures it had never seen, PSNR rose from ${formatFixed(test.noisy.psnrDb.mean, 1)} to ${formatFixed(test.denoised.psnrDb.mean, 1)} dB and SSIM from ${formatFixed(test.noisy.ssim.mean, 2)} to ${formatFixed(test.denoised.ssim.mean, 2)}. The trained network is ready to use.`,
      };
    }
    case "failed":
      return { title: "The demo has stopped", text: "What happened and what to do about it is told below." };
    default:
      return state.phase satisfies never;
  }
}
