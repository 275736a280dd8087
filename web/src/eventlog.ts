// The events of a channel: more than a status carries, and those that are to be shown.
import type { Event } from './status';

/** Gathers events from statuses and from the list that is asked for when a status does not reach back far enough. */
export class EventLog {
  /** Oldest first, without holes as far as the server still has them. */
  private all: Event[] = [];
  /** Grows with every change. */
  version = 0;

  constructor(private readonly most = 1000) {}

  get newest(): Event[] {
    return this.all.toReversed();
  }

  /**
   * Takes the events of a status, newest first. The answer is the number behind which events are to be asked for first;
   * nothing is taken then. Undefined: nothing is missing.
   */
  learn(list: Event[]): number | undefined {
    const newest = list[0];
    const oldest = list.at(-1);
    if (!newest || !oldest) return undefined;
    if (this.foreign(list)) this.forget();
    const last = this.all.at(-1)?.seq ?? 0;
    if (newest.seq === last) return undefined;
    if (oldest.seq > last + 1) return last;
    this.add(list.toReversed());
    return undefined;
  }

  /** Takes events, oldest first. */
  add(list: Event[]) {
    const last = this.all.at(-1)?.seq ?? 0;
    const fresh = list.filter((e) => e.seq > last);
    if (fresh.length === 0) return;
    this.all = [...this.all, ...fresh].slice(-this.most);
    this.version++;
  }

  private forget() {
    this.all = [];
    this.version++;
  }

  /** Whether a list is of another process than what is known: its numbers began anew. */
  private foreign(list: Event[]): boolean {
    const last = this.all.at(-1);
    if (!last) return false;
    if (list[0]!.seq < last.seq) return true;
    const same = list.find((e) => e.seq === last.seq);
    return same !== undefined && same.time !== last.time;
  }
}

/** What is to be shown. */
export interface Filter {
  level: string; // info, warning or error: this and graver
  text: string; // to be found in what an event says
}

const gravity = ['info', 'warning', 'error'];

/** Whether an event is to be shown. All words must be found, in any case. */
export function matches(e: Event, f: Filter): boolean {
  if (gravity.indexOf(e.level) < gravity.indexOf(f.level)) return false;
  const said = `${e.message} ${e.stage} ${e.input} ${e.code}`.toLowerCase();
  return f.text.toLowerCase().split(/\s+/).every((word) => said.includes(word));
}
