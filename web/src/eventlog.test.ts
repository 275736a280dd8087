import { describe, expect, test } from 'vitest';
import { EventLog, matches } from './eventlog';
import type { Event } from './status';

const event = (seq: number, more: Partial<Event> = {}): Event => ({
  seq, time: `2026-03-01T12:00:00.${seq}Z`, level: 'info', stage: 'run', input: '', code: '', message: `event ${seq}`, ...more,
});
const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => event(from + i));
const down = (from: number, to: number) => upTo(to, from).toReversed();
const seqs = (log: EventLog) => log.newest.map((e) => e.seq);

describe('events of statuses', () => {
  test('are put together', () => {
    const log = new EventLog();
    expect(log.learn(down(3, 1))).toBeUndefined();
    expect(log.learn(down(5, 2))).toBeUndefined();
    expect(seqs(log)).toEqual([5, 4, 3, 2, 1]);
  });

  test('change nothing when they are known', () => {
    const log = new EventLog();
    log.learn(down(3, 1));
    const before = log.version;
    log.learn(down(3, 1));
    expect(log.version).toBe(before);
  });

  test('that do not reach back far enough are asked for', () => {
    const log = new EventLog();
    expect(log.learn(down(250, 151))).toBe(0);
    log.add(upTo(1, 250));
    expect(log.learn(down(250, 151))).toBeUndefined();
    expect(log.learn(down(400, 301))).toBe(250);
    log.add(upTo(251, 400));
    expect(seqs(log).length).toBe(400);
  });

  test('that the server has forgotten are not waited for', () => {
    const log = new EventLog();
    log.add(upTo(5001, 5100));
    expect(log.learn(down(5100, 5001))).toBeUndefined();
  });

  test('of a new process replace the old ones', () => {
    const log = new EventLog();
    log.learn(down(9, 1));
    expect(log.learn(down(2, 1))).toBeUndefined();
    expect(seqs(log)).toEqual([2, 1]);
  });

  test('of a new process that has caught up are told by their time', () => {
    const log = new EventLog();
    log.learn(down(9, 1));
    log.learn(down(12, 1).map((e) => ({ ...e, time: '2026-03-02T00:00:00Z' })));
    expect(log.newest.every((e) => e.time === '2026-03-02T00:00:00Z')).toBe(true);
    expect(seqs(log).length).toBe(12);
  });

  test('are bounded', () => {
    const log = new EventLog(10);
    log.add(upTo(1, 25));
    expect(seqs(log)).toEqual(down(25, 16).map((e) => e.seq));
  });

  test('none at all', () => expect(new EventLog().learn([])).toBeUndefined());
});

test.each([
  ['info', '', 'info', true], ['warning', '', 'info', false], ['warning', '', 'error', true], ['error', '', 'warning', false],
  ['info', 'backup', 'info', true], ['info', 'BACKUP silent', 'info', true], ['info', 'backup loud', 'info', false],
  ['info', ' input_silent ', 'info', true], ['info', 'ingest', 'info', true], ['info', 'x', 'info', false],
])('level %s and %j show an event of level %s: %s', (level, text, of, want) => {
  const e = event(1, { level: of, stage: 'ingest', input: 'backup', code: 'input_silent', message: 'Input backup: silent' });
  expect(matches(e, { level, text })).toBe(want);
});
