import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { whileVisible, type Page } from './visible';

class FakePage extends EventTarget {
  visibilityState: DocumentVisibilityState = 'visible';

  turn(to: DocumentVisibilityState) {
    this.visibilityState = to;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

let page: FakePage;
let calls: number;
let end: () => void;
const start = () => (end = whileVisible(5000, () => calls++, page as unknown as Page));

beforeEach(() => {
  vi.useFakeTimers();
  page = new FakePage();
  calls = 0;
});

afterEach(() => {
  end();
  vi.useRealTimers();
});

test('at once and every five seconds', () => {
  start();
  expect(calls).toBe(1);
  vi.advanceTimersByTime(15_000);
  expect(calls).toBe(4);
});

test('never while nobody looks', () => {
  page.visibilityState = 'hidden';
  start();
  vi.advanceTimersByTime(60_000);
  expect(calls).toBe(0);
  page.turn('visible');
  expect(calls).toBe(1);
  page.turn('hidden');
  vi.advanceTimersByTime(60_000);
  expect(calls).toBe(1);
});

test('a page that is shown and hidden again and again does not hurry it', () => {
  start();
  for (let i = 0; i < 8; i++) {
    page.turn('hidden');
    page.turn('visible');
    vi.advanceTimersByTime(1000);
  }
  expect(calls).toBe(2);
});

test('not after its end', () => {
  start();
  end();
  vi.advanceTimersByTime(60_000);
  page.turn('visible');
  expect(calls).toBe(1);
});
