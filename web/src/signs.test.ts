import { describe, expect, test } from 'vitest';
import { choiceText, flaws, onSlate, signs } from './signs';
import sample from './status.sample.json';
import type { Content, Input, Status } from './status';

const still: Content = { picture: true, sound: true, black_seconds: 0, freeze_seconds: 0, silence_seconds: 0, loudness_lufs: -23.1, av_offset_ms: 40 };

function input(content: Partial<Content> | null = {}, more: Partial<Input> = {}): Input {
  const one = structuredClone((sample as Status).inputs[0]!);
  for (const leg of one.legs) leg.fec_recovered = 0;
  return { ...one, tr101290: [], content: content && { ...still, ...content }, ...more };
}

const words = (now: Input, past = now) => signs(now, past).map((s) => `${s.how} ${s.text}`);
const check = (errors: number) => ({ check: '1.4', name: 'Continuity_count_error', priority: 1, errors, last: '' });

test('an input at which all is well', () => expect(words(input())).toEqual(['good Picture', 'good Sound −23.1 LUFS', 'good Stream']));

test.each<[string, Partial<Content>, string]>([
  ['black', { black_seconds: 12, freeze_seconds: 12 }, 'bad Black 12 s'],
  ['a moment of black', { black_seconds: 1.9 }, 'good Picture'],
  ['still', { freeze_seconds: 72 }, 'bad Still 1 min 12 s'],
  ['silent', { silence_seconds: 4, loudness_lufs: -70 }, 'bad Silent 4 s'],
  ['a pause', { silence_seconds: 1, loudness_lufs: -70 }, 'good Sound'],
  ['loudness not known', { loudness_lufs: null }, 'good Sound'],
  ['loud', { loudness_lufs: -9 }, 'warn Sound −9.0 LUFS'],
  ['sound late', { av_offset_ms: 1500 }, 'warn Sound +1500 ms'],
  ['sound early', { av_offset_ms: -1200.4 }, 'warn Sound −1200 ms'],
])('%s', (_, content, want) => expect(words(input(content))).toContain(want));

test('what is not looked at has no sign', () => {
  expect(words(input({ picture: false, black_seconds: 9 }))).toEqual(['good Sound −23.1 LUFS', 'good Stream']);
  expect(words(input({ sound: false, silence_seconds: 9 }))).toEqual(['good Picture', 'good Stream']);
  expect(words(input(null))[0]).toBe('idle Content not watched');
});

test('stream errors are told while they grow, and alarm where something is damaged', () => {
  const before = input({}, { tr101290: [check(3)] });
  expect(words(before)).toContain('good Stream, no new errors');
  const late = input({}, { tr101290: [check(4)] });
  expect(words(late, before)).toContain('warn 1 stream error a minute');
  const damaged = input({}, { tr101290: [check(5)], ts: { ...before.ts, continuity: before.ts.continuity + 2 } });
  expect(words(damaged, before)).toContain('bad 2 stream errors a minute');
});

test('FEC is told where it was of use', () => {
  const one = input();
  one.legs[0]!.fec_recovered = 1234;
  expect(words(one)).toContain('good FEC brought 1 234 back');
});

test('an input from which nothing comes has no signs', () => expect(words(input({ black_seconds: 9 }, { state: 'silent' }))).toEqual([]));

test('a server that tells less is understood', () => {
  const old = input() as Partial<Input>;
  delete old.content;
  delete old.tr101290;
  for (const leg of old.legs!) delete (leg as Partial<typeof leg>).fec_recovered;
  expect(words(old as Input)).toEqual(['idle Content not watched', 'good Stream']);
});

test('flaws are told in full', () => {
  expect(flaws(input({ freeze_seconds: 5, silence_seconds: 3 }))).toEqual(['the picture stands still for 5 s', 'no sound for 3 s']);
  expect(flaws(input(null))).toEqual([]);
});

describe('what is on air and why', () => {
  const status = (more: Partial<Status>, main: Partial<Input> = {}, backup: Partial<Input> = {}): Status => ({
    ...(sample as Status), choice: 'auto', active_input: '', state: 'on_air',
    inputs: [
      input({}, { name: 'main', active: false, on_air_in_seconds: null, ...main }),
      input({}, { name: 'backup', active: false, on_air_in_seconds: null, ...backup }),
    ],
    ...more,
  });

  test.each<[string, Status, string]>([
    ['the first', status({}, { active: true }), 'main is on air, which is preferred.'],
    ['the second', status({}, {}, { active: true }), 'backup is on air, and nothing that is preferred to it is well.'],
    ['return', status({}, { on_air_in_seconds: 11.2 }, { active: true }), 'backup is on air: main follows in 12 s if it stays well.'],
    ['return now', status({}, { on_air_in_seconds: 0.4 }, { active: true }), 'backup is on air: main follows at once if it stays well.'],
    ['held', status({ choice: 'backup' }, {}, { active: true }), 'Held on backup by hand: it is left only if it is lost.'],
    ['asked for', status({ choice: 'backup' }, { active: true }, { on_air_in_seconds: 0 }),
      'backup was asked for. main is on air until it can be shown: backup follows at once if it stays well.'],
    ['asked for in vain', status({ choice: 'backup' }, { active: true }), 'backup was asked for. main is on air until it can be shown.'],
    ['slate', status({ state: 'slate', active_input: 'slate' }), 'No input can be shown, the slate is on air.'],
    ['slate, not for long', status({ active_input: 'slate' }, { on_air_in_seconds: 4 }, { on_air_in_seconds: 2 }),
      'No input can be shown, the slate is on air: backup follows in 2 s if it stays well.'],
    ['nothing', status({ state: 'waiting' }), 'Nothing is on air yet.'],
  ])('%s', (_, now, want) => expect(choiceText(now)).toBe(want));

  test('the slate is told by state or by name', () => {
    expect(onSlate(status({ state: 'slate' }))).toBe(true);
    expect(onSlate(status({ active_input: 'slate' }))).toBe(true);
    expect(onSlate(status({ active_input: 'main' }))).toBe(false);
  });
});
