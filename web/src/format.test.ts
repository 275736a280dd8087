import { expect, test } from 'vitest';
import { bitrate, bytes, clock, count, decibel, instant, many, moment, rate, short, signed, span } from './format';

test.each([
  [bitrate(0), '–'], [bitrate(127_400), '127 kb/s'], [bitrate(9_876_543), '9.88 Mb/s'], [bitrate(20_400_000), '20.4 Mb/s'],
  [bytes(999), '999 B'], [bytes(37_500_000), '37.5 MB'], [bytes(1.25e12), '1.25 TB'],
  [count(0), '0'], [count(999), '999'], [count(443_000_900), '443 000 900'],
  [span(9), '9 s'], [span(72), '1 min 12 s'], [span(11_520), '3 h 12 min'], [span(90_000), '1 d 1 h'], [span(-3), '0 s'],
  [short(0.0123), '12 ms'], [short(0.8123), '0.8 s'], [short(12.3), '12 s'],
  [rate('25'), '25'], [rate('30000/1001'), '29.97'], [rate(''), '–'],
  [clock(instant('2026-03-01T12:34:56.7Z')), '12:34:56'], [clock(instant('0001-01-01T00:00:00Z')), '–'],
  [moment(instant('2026-03-01T12:34:56Z'), instant('2026-03-01T23:59:59Z')), '12:34:56'],
  [moment(instant('2026-02-28T12:34:56Z'), instant('2026-03-01T00:00:00Z')), '02-28 12:34:56'],
  [moment(instant('0001-01-01T00:00:00Z'), 0), '–'],
  [decibel(-23.14), '−23.1'], [signed(40.4), '+40'], [signed(-40.4), '−40'],
  [many(1, 'leg'), '1 leg'], [many(2, 'leg'), '2 legs'],
])('%s reads as %s', (got, want) => expect(got).toBe(want));
