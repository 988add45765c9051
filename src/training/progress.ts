/** How fast the rate forgets, in seconds: long enough to be calm, short enough to show a change. */
const RATE_MEMORY_SECONDS = 10;
/** A forward pass costs about a third of a training step (forward, and twice as much backward). */
const FORWARD_SHARE = 1 / 3;

/** Images per second and time left, from the steps and validations done so far in this session. */
export class ProgressMeter {
  private images = 0;
  private seconds = 0;
  private validationSecondsPerImage: number | null = null;

  /** `images` were trained on in `seconds` of wall time. */
  stepDone(images: number, seconds: number): void {
    const kept = Math.exp(-seconds / RATE_MEMORY_SECONDS);
    this.images = this.images * kept + images;
    this.seconds = this.seconds * kept + seconds;
  }

  validationDone(images: number, seconds: number): void {
    if (images > 0) this.validationSecondsPerImage = seconds / images;
  }

  /** Training images per second, smoothed; 0 before the first step. */
  get imagesPerSecond(): number {
    return this.seconds > 0 ? this.images / this.seconds : 0;
  }

  /** Seconds for that many more images, or null before the first step. */
  secondsLeft(trainingImages: number, validationImages: number): number | null {
    if (this.images === 0) return null;
    const perImage = this.seconds / this.images;
    const perValidationImage = this.validationSecondsPerImage ?? perImage * FORWARD_SHARE;
    return trainingImages * perImage + validationImages * perValidationImage;
  }
}
