// What is wrong with a channel, in the order of its path: inputs, encoder, renditions, stores, viewers.
import { instant, many, short, span } from './format';
import { damage, errors as checked, flaws, onSlate } from './signs';
import type { Input, Leg, Status } from './status';

/** The stages of the path, and beside it the events on their way to others. */
export type Stage = 'inputs' | 'encoder' | 'renditions' | 'stores' | 'viewers' | 'events';
export type Severity = 'bad' | 'warn';

/** Something that is wrong now. Bad: viewers see it or are about to. Warn: it endangers the channel. */
export interface Finding {
  severity: Severity;
  stage: Stage;
  text: string;
}

const down = ['silent', 'failed', 'listening', 'connected'];

/** Compares a status with one of about a minute ago (the same object when there is none yet): counters alarm by growing. */
export function findings(now: Status, past: Status): Finding[] {
  const out: Finding[] = [];
  const bad = (stage: Stage, text: string) => out.push({ severity: 'bad', stage, text });
  const warn = (stage: Stage, text: string) => out.push({ severity: 'warn', stage, text });
  viewers(now, bad, warn);
  for (const input of now.inputs) {
    const before = past.inputs.find((i) => i.name === input.name) ?? input;
    ofInput(input, before, matters(now, input) ? bad : warn, warn);
    if (matters(now, input) && ['silent', 'failed'].includes(input.state)) {
      const other = now.inputs.find((i) => i !== input && i.state === 'receiving' && !i.error);
      if (other) warn('inputs', `Input ${other.name} receives and could be used instead`);
    }
  }
  encoder(now, past, bad, warn);
  renditions(now, past, bad, warn);
  stores(now, past, bad, warn);
  twin(now, past, warn);
  webhook(now, past, warn);
  return out.sort((a, b) => Number(a.severity !== 'bad') - Number(b.severity !== 'bad'));
}

type Tell = (stage: Stage, text: string) => void;

/** The input that is on air, or should be: without one, the first. */
function matters(now: Status, input: Input): boolean {
  return input === (now.inputs.find((i) => i.name === now.active_input) ?? now.inputs[0]);
}

function viewers(now: Status, bad: Tell, warn: Tell) {
  if (now.state === 'failed') bad('viewers', 'The channel has failed and cannot go on by itself');
  if (now.state === 'gap' && !now.stale) bad('viewers', 'No media: viewers get a gap');
  if (onSlate(now)) bad('viewers', 'No input can be shown: viewers get the slate');
  if (now.state === 'waiting') warn('viewers', 'Not on air yet: waiting for a usable input');
  else if (now.stale) bad('viewers', `Viewers get 503: ${now.stale}`);
}

function ofInput(input: Input, before: Input, tell: Tell, warn: Tell) {
  const say = (text: string, how = tell) => how('inputs', `Input ${input.name}: ${text}`);
  const age = input.last_packet_ms >= 0 ? ` for ${span(input.last_packet_ms / 1000)}` : '';
  if (input.state === 'failed') say(input.error || 'failed');
  else if (input.state === 'silent') say(`nothing arrives${age}`);
  else if (input.state === 'waiting') say('nothing has arrived yet', warn);
  else if (input.error) say(input.error);
  if (input.state === 'receiving') for (const flaw of flaws(input)) say(flaw);
  if (input.unmerged) say('its legs carry different content, so only one of them is used', warn);
  const lost = input.lost - before.lost;
  if (lost > 0) say(`${many(lost, 'datagram')} lost on all legs in the last minute`);
  const errors = damage(input) - damage(before);
  const timing = checked(input) - checked(before);
  if (errors > 0) say(`${many(errors, 'transport stream error')} in the last minute`);
  else if (timing > 0) say(`${many(timing, 'error')} after TR 101 290 in the last minute`, warn);
  input.legs.forEach((leg, i) => ofLeg(leg, before.legs[i] ?? leg, i, input, (text) => say(text, warn)));
}

function ofLeg(leg: Leg, before: Leg, i: number, input: Input, warn: (text: string) => void) {
  const name = `leg ${i + 1}`;
  if (leg.state === 'failed') warn(`${name} failed: ${leg.error || leg.url}`);
  else if (input.state === 'receiving' && down.includes(leg.state)) {
    const others = input.legs.filter((l) => l.state === 'receiving').length;
    warn(`${name} is ${leg.state === 'silent' ? 'silent' : 'without packets'}${others === 1 ? ', no redundancy is left' : ''}`);
  }
  const lost = leg.lost - before.lost;
  const share = lost / Math.max(1, lost + leg.packets - before.packets);
  if (leg.state === 'receiving' && share >= 0.001) warn(`${name} loses ${(share * 100).toFixed(1)} %`);
  const wrong = leg.wrong_type - before.wrong_type;
  if (wrong > 0) warn(`${name} gets ${many(wrong, 'datagram')} a minute that are no MPEG-TS over RTP`);
  const rejected = leg.rejected - before.rejected;
  if (rejected > 0) warn(`${name} turns away a sender that is not allowed`);
}

function encoder(now: Status, past: Status, bad: Tell, warn: Tell) {
  const run = now.runs.find((r) => r.state === 'active');
  if (!run) {
    const starting = now.runs.some((r) => r.state === 'starting');
    if (now.active_input && !starting) bad('encoder', 'No encoder is running');
    else if (now.active_input && now.state === 'gap') warn('encoder', 'The encoder is starting');
  } else if (run.behind_seconds > 5) {
    const slow = run.speed > 0 && run.speed < 0.98;
    const speed = slow ? `too slow (${run.speed.toFixed(2)}×) and ` : '';
    (run.behind_seconds > 10 ? bad : warn)('encoder', `The encoder is ${speed}${short(run.behind_seconds)} behind`);
  } else if (run.speed > 0 && run.speed < 0.95) {
    warn('encoder', `The encoder runs at ${run.speed.toFixed(2)}× real time`);
  }
  if (now.encoder.step > 0) {
    const presets = now.encoder.presets.length > 0 ? ` (preset ${now.encoder.presets.join(', ')})` : '';
    warn('encoder', `The encoder does less than configured${presets}, because ${now.encoder.reason}`);
  }
  for (const out of now.encoder.left_out) warn('renditions', `Rendition ${out.rendition} is left out: ${out.reason}`);
  const restarts = now.run_restarts - past.run_restarts;
  if (restarts > 0) warn('encoder', `The encoder was restarted ${restarts === 1 ? 'once' : `${restarts} times`} in the last minute`);
}

function renditions(now: Status, past: Status, bad: Tell, warn: Tell) {
  const newest = Math.max(...now.renditions.map((r) => r.last_k));
  const gone = new Map<number, string[]>(); // renditions by the number of segments they miss
  for (const r of now.renditions) {
    const before = past.renditions.find((p) => p.name === r.name) ?? r;
    const gaps = r.gaps - before.gaps;
    if (gaps > 0) gone.set(gaps, [...(gone.get(gaps) ?? []), r.name]);
    else if (r.holes > before.holes) warn('renditions', `Rendition ${r.name}: frames were missing from the encoder`);
    if (!r.disabled && newest - r.last_k >= 2) {
      const behind = r.last_k > 0 ? `is ${many(newest - r.last_k, 'segment')} behind the others` : 'has no segment yet';
      bad('renditions', `Rendition ${r.name} ${behind}`);
    }
  }
  for (const [gaps, names] of gone) {
    const who = names.length === now.renditions.length ? 'All renditions' : `Rendition ${names.join(', ')}`;
    bad('renditions', `${who}: ${many(gaps, 'segment')} missing in the last minute`);
  }
}

function stores(now: Status, past: Status, bad: Tell, warn: Tell) {
  const limit = now.grid ? Math.max(1.5 * now.grid.segment_seconds, now.grid.segment_seconds + 3) : Infinity;
  for (const s of now.stores) {
    const before = past.stores.find((p) => p.name === s.name) ?? s;
    const say = (tell: Tell, text: string) => tell('stores', `Store ${s.name}: ${text}`);
    if (s.late > 0) say(warn, `${s.last_error || 'it is slow'}; ${many(s.late, 'object')} served from memory until it takes them`);
    else if (s.last_error) say(bad, s.last_error);
    else if (s.errors > before.errors) say(warn, `${many(s.errors - before.errors, 'failed write')} in the last minute, well again`);
    if (s.gaps > before.gaps) say(bad, `${many(s.gaps - before.gaps, 'segment')} not taken in time in the last minute`);
    if (s.queue > 2) say(warn, `${many(s.queue, 'segment')} waiting to be written`);
    const age = instant(now.now) - instant(s.listed_at);
    if (age > limit && !s.last_error) say(bad, `nothing new for ${span(age)}`);
  }
}

function twin(now: Status, past: Status, warn: Tell) {
  const t = now.twin;
  if (!t) return;
  const missing = t.missing - (past.twin ?? t).missing;
  const apart = Math.round(t.segments * (1 - (t.match_ratio ?? 1)));
  if (t.last_error) warn('stores', `Twin: ${t.last_error}`);
  if (apart > 0) warn('stores', `Twin: ${apart} of ${many(t.segments, 'segment')} cannot stand in for ours; ${t.last_finding}`);
  if (missing > 0) warn('stores', `Twin: ${many(missing, 'segment')} missing there in the last minute`);
}

function webhook(now: Status, past: Status, warn: Tell) {
  const w = now.webhook;
  if (!w) return;
  const dropped = w.dropped - (past.webhook ?? w).dropped;
  if (w.last_error) warn('events', `Webhook: ${w.last_error}${w.queue > 0 ? `, ${many(w.queue, 'event')} wait` : ''}`);
  if (dropped > 0) warn('events', `Webhook: ${many(dropped, 'event')} not delivered in the last minute`);
}

/** The worst of a stage, for its lamp. */
export function worst(found: Finding[], stage?: Stage): Severity | 'good' {
  const here = stage ? found.filter((f) => f.stage === stage) : found;
  if (here.some((f) => f.severity === 'bad')) return 'bad';
  return here.length > 0 ? 'warn' : 'good';
}
