import type { Status } from './status';

/** Keeps the last minute of a channel's statuses, one a second. */
export class History {
  private ring: Status[] = [];

  constructor(private readonly seconds = 60) {}

  push(s: Status) {
    const last = this.ring.at(-1);
    // Counters that went down belong to a new process: what was before it says nothing.
    if (last && (s.runs_started < last.runs_started || s.segments_total < last.segments_total)) this.ring = [];
    this.ring.push(s);
    const oldest = Date.parse(s.now) - this.seconds * 1000;
    while (this.ring.length > 1 && Date.parse(this.ring[0]!.now) < oldest) this.ring.shift();
  }

  get now(): Status {
    return this.ring.at(-1)!;
  }

  get past(): Status {
    return this.ring[0]!;
  }

  /** A value over time, oldest first. */
  series(read: (s: Status) => number): number[] {
    return this.ring.map(read);
  }
}
