/** A player at work on a video element. */
export interface Playback {
  /** What is played now. */
  sample(): Sample;
  /** Stops and gives the element back. */
  destroy(): void;
}

export interface Sample {
  /** The instant on the channel's timeline that is shown, seconds since 1970; NaN when not known. */
  playhead: number;
  /** What is played, "1280×720 · 3.00 Mb/s"; empty when not known. */
  quality: string;
}

/** Tells the page what stands between the viewer and the picture; empty: nothing. */
export type Report = (trouble: string) => void;
