// How an input is, in a few words, and which one is on air and why.
import { count, decibel, many, signed, span } from './format';
import type { Input, Status } from './status';

/** One thing about an input. */
export interface Sign {
  how: 'good' | 'warn' | 'bad' | 'idle';
  text: string;
  title?: string;
}

/** From how many seconds on a black, still or silent programme is worth an alarm: films have a second of it. */
export const notable = 2;

/** Loudness beyond which viewers reach for the remote control: EBU R 128 wants -23 LUFS. */
const loud = -14;

/** Between sound and picture as they arrive; players cope with a second. */
const apart = 1000;

/** What is black, still or silent, and for how long. */
export function flaws(input: Input): string[] {
  const c = input.content;
  if (!c) return [];
  const out: string[] = [];
  if (c.picture && c.black_seconds >= notable) out.push(`black for ${span(c.black_seconds)}`);
  else if (c.picture && c.freeze_seconds >= notable) out.push(`the picture stands still for ${span(c.freeze_seconds)}`);
  if (c.sound && c.silence_seconds >= notable) out.push(`no sound for ${span(c.silence_seconds)}`);
  return out;
}

/** The signs of an input, compared with what it was a minute ago. */
export function signs(input: Input, past: Input): Sign[] {
  if (input.state !== 'receiving') return [];
  return [...ofContent(input), ...ofTransport(input, past)];
}

function ofContent(input: Input): Sign[] {
  const c = input.content;
  if (!c) return [{ how: 'idle', text: 'Content not watched', title: 'monitor: in the channel file says whether it is' }];
  const out: Sign[] = [];
  if (c.picture) {
    if (c.black_seconds >= notable) out.push({ how: 'bad', text: `Black ${span(c.black_seconds)}` });
    else if (c.freeze_seconds >= notable) out.push({ how: 'bad', text: `Still ${span(c.freeze_seconds)}` });
    else out.push({ how: 'good', text: 'Picture' });
  }
  if (c.sound) {
    const level = c.loudness_lufs;
    const text = level === null || level <= -70 ? '' : ` ${decibel(level)} LUFS`;
    if (c.silence_seconds >= notable) out.push({ how: 'bad', text: `Silent ${span(c.silence_seconds)}` });
    else out.push({ how: level !== null && level > loud ? 'warn' : 'good', text: `Sound${text}`, title: 'Loudness, short-term (EBU R 128)' });
  }
  const off = c.av_offset_ms;
  if (off !== null && Math.abs(off) >= apart) {
    out.push({ how: 'warn', text: `Sound ${signed(off)} ms`, title: 'Sound arrives so much later than its picture' });
  }
  return out;
}

function ofTransport(input: Input, past: Input): Sign[] {
  const now = errors(input);
  const fresh = now - errors(past);
  const grave = damage(input) > damage(past);
  const title = 'TR 101 290, priority 1 and 2';
  const out: Sign[] = [fresh > 0
    ? { how: grave ? 'bad' : 'warn', text: `${many(fresh, 'stream error')} a minute`, title }
    : { how: 'good', text: now > 0 ? 'Stream, no new errors' : 'Stream', title }];
  const back = brought(input);
  if (back > 0) out.push({ how: 'good', text: `FEC brought ${count(back)} back` });
  return out;
}

/** All errors after TR 101 290: damage, and what is late or missing. */
export function errors(input: Input): number {
  return (input.tr101290 ?? []).reduce((n, c) => n + c.errors, 0);
}

/** Errors that mean damage to picture or sound. */
export function damage(input: Input): number {
  const t = input.ts;
  return t.continuity + t.transport + t.crc + t.scrambled + t.sync_losses + t.pes_without_pts;
}

/** Datagrams that FEC brought back. */
function brought(input: Input): number {
  return input.legs.reduce((n, leg) => n + (leg.fec_recovered ?? 0), 0);
}

/** What is on air and what comes next, in a sentence. */
export function choiceText(now: Status): string {
  const active = now.inputs.find((i) => i.active);
  const held = now.choice !== '' && now.choice !== 'auto';
  const next = now.inputs
    .filter((i) => typeof i.on_air_in_seconds === 'number')
    .sort((a, b) => a.on_air_in_seconds! - b.on_air_in_seconds!)[0];
  const follows = next ? `${next.name} follows ${soon(next.on_air_in_seconds!)} if it stays well` : '';
  if (held && active?.name === now.choice) return `Held on ${now.choice} by hand: it is left only if it is lost.`;
  const asked = held ? `${now.choice} was asked for. ` : '';
  if (onSlate(now)) return `${asked}No input can be shown, the slate is on air${follows ? `: ${follows}` : ''}.`;
  if (!active) return `${asked}Nothing is on air yet.`;
  if (held) return `${asked}${active.name} is on air until it can be shown${follows ? `: ${follows}` : ''}.`;
  if (active === now.inputs[0]) return `${active.name} is on air, which is preferred.`;
  return `${active.name} is on air${follows ? `: ${follows}` : `, and nothing that is preferred to it is well`}.`;
}

function soon(seconds: number): string {
  return seconds < 1 ? 'at once' : `in ${span(Math.ceil(seconds))}`;
}

/** Whether viewers get the slate. */
export function onSlate(now: Status): boolean {
  return now.state === 'slate' || now.active_input === 'slate';
}
