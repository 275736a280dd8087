import { beforeEach, expect, test, vi } from 'vitest';
import { Access } from './access';

const kept = new Map<string, string>();
const store = {
  getItem: (k: string) => kept.get(k) ?? null,
  setItem: (k: string, v: string) => void kept.set(k, v),
  removeItem: (k: string) => void kept.delete(k),
};
const send = vi.fn<typeof fetch>();
const access = new Access(store, send);

beforeEach(() => {
  kept.clear();
  send.mockReset();
});

function answers(status: number, body: unknown = {}) {
  send.mockResolvedValueOnce(new Response(JSON.stringify(body), { status }));
}

function sentToken(): string | undefined {
  return (send.mock.lastCall?.[1]?.headers as Record<string, string>)['Authorization'];
}

test('without a token none is sent and none is kept', async () => {
  answers(200);
  expect(await access.change('/x', { name: 'backup' })).toEqual({ kind: 'done' });
  expect(sentToken()).toBeUndefined();
  expect(send.mock.lastCall?.[1]).toMatchObject({ method: 'POST', body: '{"name":"backup"}' });
  expect(kept.size).toBe(0);
});

test('a token is asked for when it is needed, kept when it is right, and sent from then on', async () => {
  answers(401);
  expect(await access.change('/x', {})).toEqual({ kind: 'token', text: '' });
  answers(200);
  expect(await access.change('/x', {}, 'right')).toEqual({ kind: 'done' });
  answers(200);
  await access.change('/x', {});
  expect(sentToken()).toBe('Bearer right');
});

test('a wrong token is said to be wrong and is not kept', async () => {
  answers(401);
  expect(await access.change('/x', {}, 'wrong')).toMatchObject({ kind: 'token', text: expect.stringContaining('not the token') });
  expect(kept.size).toBe(0);
});

test('a token that was right once and is no longer is forgotten', async () => {
  kept.set('onair token', 'old');
  answers(401);
  expect(await access.change('/x', {})).toMatchObject({ kind: 'token' });
  expect(kept.size).toBe(0);
});

test('a right token is kept although the change was refused', async () => {
  answers(409, { error: 'the channel is not on air yet' });
  expect(await access.change('/x', {}, 'right')).toEqual({ kind: 'refused', text: 'the channel is not on air yet' });
  expect(kept.get('onair token')).toBe('right');
});

test('who may not is told why', async () => {
  answers(403, { error: 'the request is not from a loopback address: without api_token this is for the host itself only' });
  const got = await access.change('/x', {});
  expect(got).toMatchObject({ kind: 'refused', text: expect.stringMatching(/^Not allowed from here: .*loopback/) });
});

test('an answer that is no JSON, and none at all', async () => {
  send.mockResolvedValueOnce(new Response('<html>', { status: 502 }));
  expect(await access.change('/x', {})).toEqual({ kind: 'refused', text: 'The server answers 502.' });
  send.mockRejectedValueOnce(new TypeError('failed'));
  expect(await access.change('/x', {})).toMatchObject({ kind: 'refused', text: expect.stringContaining('does not answer') });
});
