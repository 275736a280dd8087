import type { Status } from './status';

/** The root of the server, also below a proxy's prefix. */
export const root = new URL('.', document.baseURI);

/** The channel that the address names; empty for the page of all. */
export const only = decodeURIComponent(location.pathname.slice(root.pathname.length)).replace(/\/.*$/, '');

/** Asks for the channels that the page shows. */
export async function fetchStatus(): Promise<Status[]> {
  const path = only ? `api/v1/channels/${encodeURIComponent(only)}` : 'api/v1/channels';
  const r = await fetch(new URL(path, root), { cache: 'no-store', signal: AbortSignal.timeout(4000) });
  const body = (await r.json()) as Status & { channels?: Status[]; error?: string };
  if (!r.ok) throw new Error(body.error ?? `${r.status}`);
  return body.channels ?? [body];
}

/** Switches the input; asks for the token when one is needed. Answers what went wrong, empty when nothing did. */
export async function switchInput(channel: string, name: string, token = sessionStorage.getItem('token')): Promise<string> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (token) headers['Authorization'] = `Bearer ${token}`;
  const url = new URL(`api/v1/channels/${encodeURIComponent(channel)}/input`, root);
  const r = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ name }) });
  if (r.ok) return '';
  if (r.status === 401) {
    sessionStorage.removeItem('token');
    const given = prompt('The token of this channel (api_token in its file):');
    if (!given) return 'not switched: this needs the token';
    sessionStorage.setItem('token', given);
    return switchInput(channel, name, given);
  }
  const body = (await r.json().catch(() => ({}))) as { error?: string };
  return body.error ?? `not switched: ${r.status}`;
}
