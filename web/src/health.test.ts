import { describe, expect, test } from 'vitest';
import { findings, worst } from './health';
import { History } from './history';
import sample from './status.sample.json';
import type { Check, Content, Event, Input, Leg, Rendition, Run, Status, Store, Twin, Webhook } from './status';

// The sample is what the server prints. It has every field that the page knows, or this does not compile ...
const known: Status = sample as Status;
// ... and the page knows every field that it has, or this does not.
type None<T extends never> = T;
export type Unknown = None<
  | Exclude<keyof typeof sample, keyof Status>
  | Exclude<keyof (typeof sample.inputs)[0], keyof Input>
  | Exclude<keyof (typeof sample.inputs)[0]['legs'][0], keyof Leg>
  | Exclude<keyof (typeof sample.inputs)[0]['tr101290'][0], keyof Check>
  | Exclude<keyof NonNullable<(typeof sample.inputs)[0]['content']>, keyof Content>
  | Exclude<keyof typeof sample.webhook, keyof Webhook>
  | Exclude<keyof typeof sample.twin, keyof Twin>
  | Exclude<keyof (typeof sample.events)[0], keyof Event>
  | Exclude<keyof (typeof sample.runs)[0], keyof Run>
  | Exclude<keyof (typeof sample.renditions)[0], keyof Rendition>
  | Exclude<keyof (typeof sample.stores)[0], keyof Store>
>;

/** A channel at which nothing is wrong. */
function well(): Status {
  const s = structuredClone(known);
  s.stale = '';
  s.now = s.stores[0]!.listed_at;
  s.inputs = s.inputs.slice(0, 1);
  const content = { ...s.inputs[0]!.content!, black_seconds: 0, freeze_seconds: 0, silence_seconds: 0 };
  Object.assign(s.inputs[0]!, { error: '', unmerged: false, fault: '', content });
  s.webhook!.last_error = '';
  Object.assign(s.twin!, { last_error: '', match_ratio: 1 });
  for (const leg of s.inputs[0]!.legs) Object.assign(leg, { state: 'receiving', error: '' });
  for (const r of s.renditions) r.last_k = 1000;
  Object.assign(s.stores[0]!, { last_error: '', queue: 0 });
  s.runs = s.runs.slice(0, 1);
  return s;
}

/** What is found when a well channel has become this. */
function after(change: (s: Status) => void): string[] {
  const now = well();
  change(now);
  return findings(now, well()).map((f) => `${f.severity} ${f.stage}: ${f.text}`);
}

test('nothing is wrong at a well channel, whatever its counters are', () => {
  expect(findings(well(), well())).toEqual([]);
  expect(worst([])).toBe('good');
});

describe('one thing that is wrong gives one line', () => {
  test.each<[string, (s: Status) => void, string]>([
    ['failed', (s) => (s.state = 'failed'), 'bad viewers: The channel has failed and cannot go on by itself'],
    ['gap', (s) => (s.state = 'gap'), 'bad viewers: No media: viewers get a gap'],
    ['stale', (s) => (s.stale = 'media is 9 s old'), 'bad viewers: Viewers get 503: media is 9 s old'],
    ['a stale gap', (s) => Object.assign(s, { state: 'gap', stale: 'old' }), 'bad viewers: Viewers get 503: old'],
    ['waiting', (s) => Object.assign(s, { state: 'waiting', stale: 'no media' }), 'warn viewers: Not on air yet: waiting for a usable input'],
    ['slate', (s) => Object.assign(s, { state: 'slate', active_input: 'slate' }), 'bad viewers: No input can be shown: viewers get the slate'],
    ['black', (s) => (s.inputs[0]!.content!.black_seconds = 12), 'bad inputs: Input main: black for 12 s'],
    ['still', (s) => (s.inputs[0]!.content!.freeze_seconds = 12), 'bad inputs: Input main: the picture stands still for 12 s'],
    ['no sound', (s) => (s.inputs[0]!.content!.silence_seconds = 12), 'bad inputs: Input main: no sound for 12 s'],
    ['twin', (s) => Object.assign(s.twin!, { match_ratio: 0.975, last_finding: 'segment 7 of v: tfdt is 1 here and 2 there' }), 'warn stores: Twin: 1 of 40 segments cannot stand in for ours; segment 7 of v: tfdt is 1 here and 2 there'],
    ['twin away', (s) => (s.twin!.last_error = 'no answer'), 'warn stores: Twin: no answer'],
    ['twin lacks some', (s) => (s.twin!.missing += 2), 'warn stores: Twin: 2 segments missing there in the last minute'],
    ['webhook', (s) => Object.assign(s.webhook!, { last_error: 'no answer', queue: 2 }), 'warn events: Webhook: no answer, 2 events wait'],
    ['webhook lost some', (s) => (s.webhook!.dropped += 3), 'warn events: Webhook: 3 events not delivered in the last minute'],
    ['silent', (s) => Object.assign(s.inputs[0]!, { state: 'silent', last_packet_ms: 8000 }), 'bad inputs: Input main: nothing arrives for 8 s'],
    ['input failed', (s) => Object.assign(s.inputs[0]!, { state: 'failed', error: 'no programme 7' }), 'bad inputs: Input main: no programme 7'],
    ['unmerged', (s) => (s.inputs[0]!.unmerged = true), 'warn inputs: Input main: its legs carry different content, so only one of them is used'],
    ['loss on all legs', (s) => (s.inputs[0]!.lost += 3), 'bad inputs: Input main: 3 datagrams lost on all legs in the last minute'],
    ['damage', (s) => (s.inputs[0]!.ts.continuity += 1), 'bad inputs: Input main: 1 transport stream error in the last minute'],
    ['timing', (s) => (s.inputs[0]!.tr101290[0]!.errors += 2), 'warn inputs: Input main: 2 errors after TR 101 290 in the last minute'],
    ['a leg silent', (s) => (s.inputs[0]!.legs[1]!.state = 'silent'), 'warn inputs: Input main: leg 2 is silent, no redundancy is left'],
    ['a leg failed', (s) => Object.assign(s.inputs[0]!.legs[1]!, { state: 'failed', error: 'port in use' }), 'warn inputs: Input main: leg 2 failed: port in use'],
    ['a leg lossy', (s) => Object.assign(s.inputs[0]!.legs[0]!, { lost: 107, packets: 1_000_900 }), 'warn inputs: Input main: leg 1 loses 10.0 %'],
    ['a wrong stream', (s) => (s.inputs[0]!.legs[0]!.wrong_type += 5), 'warn inputs: Input main: leg 1 gets 5 datagrams a minute that are no MPEG-TS over RTP'],
    ['a stranger', (s) => (s.inputs[0]!.legs[0]!.rejected += 5), 'warn inputs: Input main: leg 1 turns away a sender that is not allowed'],
    ['no encoder', (s) => (s.runs = []), 'bad encoder: No encoder is running'],
    ['too slow', (s) => Object.assign(s.runs[0]!, { speed: 0.87, behind_seconds: 11 }), 'bad encoder: The encoder is too slow (0.87×) and 11 s behind'],
    ['catching up', (s) => Object.assign(s.runs[0]!, { speed: 1.4, behind_seconds: 6 }), 'warn encoder: The encoder is 6.0 s behind'],
    ['slowing down', (s) => (s.runs[0]!.speed = 0.9), 'warn encoder: The encoder runs at 0.90× real time'],
    ['less is encoded', (s) => Object.assign(s.encoder, { step: 1, presets: ['superfast'], reason: 'it is slow' }), 'warn encoder: The encoder does less than configured (preset superfast), because it is slow'],
    ['one is left out', (s) => {
      Object.assign(s.renditions[0]!, { disabled: true, last_k: 900 });
      s.encoder.left_out = [{ rendition: 'v720', reason: 'no encoder', again: '' }];
    }, 'warn renditions: Rendition v720 is left out: no encoder'],
    ['restarts', (s) => (s.run_restarts += 2), 'warn encoder: The encoder was restarted 2 times in the last minute'],
    ['one rendition with a hole', (s) => (s.renditions[0]!.gaps += 1), 'bad renditions: Rendition v720: 1 segment missing in the last minute'],
    ['a hole in all', (s) => s.renditions.forEach((r) => (r.gaps += 2)), 'bad renditions: All renditions: 2 segments missing in the last minute'],
    ['frames missing', (s) => (s.renditions[0]!.holes += 1), 'warn renditions: Rendition v720: frames were missing from the encoder'],
    ['a rendition stuck', (s) => (s.renditions[0]!.last_k = 997), 'bad renditions: Rendition v720 is 3 segments behind the others'],
    ['a rendition absent', (s) => (s.renditions[0]!.last_k = 0), 'bad renditions: Rendition v720 has no segment yet'],
    ['store error', (s) => (s.stores[0]!.last_error = 'disk full'), 'bad stores: Store dir:./origin: disk full'],
    ['store well again', (s) => (s.stores[0]!.errors += 2), 'warn stores: Store dir:./origin: 2 failed writes in the last minute, well again'],
    ['store late', (s) => (s.stores[0]!.gaps += 1), 'bad stores: Store dir:./origin: 1 segment not taken in time in the last minute'],
    ['store behind', (s) => Object.assign(s.stores[0]!, { last_error: 'disk full', late: 4 }), 'warn stores: Store dir:./origin: disk full; 4 objects served from memory until it takes them'],
    ['store queue', (s) => (s.stores[0]!.queue = 3), 'warn stores: Store dir:./origin: 3 segments waiting to be written'],
    ['store stuck', (s) => (s.now = '2026-03-01T12:00:30Z'), 'bad stores: Store dir:./origin: nothing new for 30 s'],
  ])('%s', (_, change, want) => expect(after(change)).toEqual([want]));
});

test('an input that stands by endangers the channel, but viewers do not see it', () => {
  const got = after((s) => s.inputs.push({ ...structuredClone(s.inputs[0]!), name: 'backup', active: false, state: 'failed', error: 'port in use' }));
  expect(got).toEqual(['warn inputs: Input backup: port in use']);
});

test('a lost input names the one that could replace it', () => {
  const got = after((s) => {
    s.inputs.push({ ...structuredClone(s.inputs[0]!), name: 'backup', active: false });
    Object.assign(s.inputs[0]!, { state: 'silent', last_packet_ms: 1000 });
  });
  expect(got).toEqual(['bad inputs: Input main: nothing arrives for 1 s', 'warn inputs: Input backup receives and could be used instead']);
});

test('the worst comes first', () => {
  const got = after((s) => {
    s.inputs[0]!.legs[1]!.state = 'silent';
    s.stores[0]!.last_error = 'disk full';
  });
  expect(got.map((t) => t.split(' ')[0])).toEqual(['bad', 'warn']);
});

test('a channel that has not begun raises no alarm but that', () => {
  const s: Status = { ...well(), state: 'waiting', active_input: '', inputs: [], runs: [], renditions: [], stores: [], grid: null };
  expect(findings(s, s).map((f) => f.stage)).toEqual(['viewers']);
});

describe('history', () => {
  const at = (second: number, change: Partial<Status> = {}): Status => ({ ...well(), now: new Date(second * 1000).toISOString(), ...change });

  test('keeps a minute', () => {
    const h = new History(60);
    for (let i = 0; i <= 100; i++) h.push(at(i));
    expect(h.series((s) => Date.parse(s.now) / 1000).at(0)).toBe(40);
    expect(Date.parse(h.past.now) / 1000).toBe(40);
    expect(Date.parse(h.now.now) / 1000).toBe(100);
  });

  test('begins anew with a new process', () => {
    const h = new History(60);
    h.push(at(1, { segments_total: 900 }));
    h.push(at(2, { segments_total: 1 }));
    expect(h.past).toBe(h.now);
  });
});
