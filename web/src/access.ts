// Changes to a channel, and the token that they may need.

/** What became of a change. A token is needed: the one that was sent, if any, is not the right one. */
export type Outcome = { kind: 'done' } | { kind: 'token'; text: string } | { kind: 'refused'; text: string };

/** The part of the browser's storage that is used. */
export type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const key = 'onair token';

/** Sends changes; keeps the token for as long as the tab lives. */
export class Access {
  constructor(private readonly store: Store, private readonly send: typeof fetch) {}

  /** Posts a change as JSON. A token that is given is kept once it was accepted. */
  async change(url: string | URL, body: unknown, token = this.store.getItem(key) ?? ''): Promise<Outcome> {
    const headers: Record<string, string> = { 'Content-Type': 'application/json' };
    if (token) headers['Authorization'] = `Bearer ${token}`;
    let r: Response;
    try {
      r = await this.send(url, { method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(5000) });
    } catch {
      return { kind: 'refused', text: 'The server does not answer. Whether it was done shows below.' };
    }
    if (r.status === 401) {
      this.store.removeItem(key);
      return { kind: 'token', text: token ? 'This is not the token of the channel.' : '' };
    }
    if (token) this.store.setItem(key, token);
    if (r.ok) return { kind: 'done' };
    const why = ((await r.json().catch(() => ({}))) as { error?: string }).error ?? `The server answers ${r.status}.`;
    return { kind: 'refused', text: r.status === 403 ? `Not allowed from here: ${why}` : why };
  }
}
