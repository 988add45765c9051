import { Accordion, Text } from "@mantine/core";
import { memo } from "react";

const ENTRIES = [
  {
    key: "sigma",
    title: "What are σ and the mean?",
    text: "Each pixel of an image with values from 0 (black) to 1 (white) gets a random number added to it, drawn from a bell curve (a Gaussian). σ is the curve's width: with σ = 0.1, two thirds of the numbers lie between −0.1 and +0.1. The mean is the curve's middle; other than 0, it makes the whole image brighter or darker as well.",
  },
  {
    key: "psnr",
    title: "What is PSNR?",
    text: "The peak signal-to-noise ratio compares two images pixel by pixel: it is the mean squared error on a logarithmic scale, in decibels (dB). Higher is better; 10 dB more means a tenth of the squared error. Gaussian noise with σ = 0.1 starts at about 20 dB. It counts errors and does not know what the eye sees.",
  },
  {
    key: "ssim",
    title: "What is SSIM?",
    text: "The structural similarity index compares brightness, contrast and pattern in small windows and averages them. 1 means equal. It falls when edges and textures are lost, so a blurred image can have a good PSNR and a poor SSIM. Here the window is 3 × 3 pixels, as in the study.",
  },
  {
    key: "clamp",
    title: "Why are pixels clamped?",
    text: "An image cannot be darker than black or brighter than white, so values below 0 and above 1 are cut off after the noise was added. Where that happens information is lost, and the noise no longer has the mean and the σ that you set: the histogram piles up at its ends.",
  },
  {
    key: "seed",
    title: "What is the seed?",
    text: "The number that the random generator starts from. The same seed gives exactly the same noise, on every machine; another seed gives other noise of the same strength.",
  },
] as const;

/** The terms of this screen, for someone who meets them for the first time. */
export const Explanations = memo(function Explanations() {
  return (
    <Accordion
      variant="contained"
      chevronPosition="left"
      styles={{ item: { background: "var(--lab-surface)", borderColor: "var(--lab-line)" } }}
    >
      {ENTRIES.map(({ key, title, text }) => (
        <Accordion.Item key={key} value={key}>
          <Accordion.Control>{title}</Accordion.Control>
          <Accordion.Panel>
            <Text size="sm" maw={720}>
              {text}
            </Text>
          </Accordion.Panel>
        </Accordion.Item>
      ))}
    </Accordion>
  );
});
