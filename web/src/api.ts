import { Access, type Outcome } from './access';
import type { Event, Status } from './status';

/** The root of the server, also below a proxy's prefix. */
export const root = new URL('.', document.baseURI);

/** The channel that the address names; empty for the page of all. */
export const only = decodeURIComponent(location.pathname.slice(root.pathname.length)).replace(/\/.*$/, '');

const access = new Access(sessionStorage, (url, init) => fetch(url, init));

function of(channel: string, rest = ''): URL {
  return new URL(`api/v1/channels/${encodeURIComponent(channel)}${rest}`, root);
}

/** Asks for something; a problem that the server tells is the error. */
async function get(url: URL): Promise<Response> {
  const r = await fetch(url, { cache: 'no-store', signal: AbortSignal.timeout(4000) });
  if (r.ok) return r;
  const body = (await r.json().catch(() => ({}))) as { error?: string };
  throw new Error(body.error ?? `${r.status}`);
}

/** Asks for the channels that the page shows. */
export async function fetchStatus(): Promise<Status[]> {
  const r = await get(only ? of(only) : new URL('api/v1/channels', root));
  const body = (await r.json()) as Status & { channels?: Status[] };
  return body.channels ?? [body];
}

/** Asks for the events behind a number, oldest first. */
export async function fetchEvents(channel: string, after: number): Promise<Event[]> {
  const r = await get(of(channel, `/events?after=${after}&limit=1000`));
  return ((await r.json()) as { events: Event[] }).events;
}

/** Asks for a picture of an input, as the address of an image. */
export async function fetchThumbnail(channel: string, input: string): Promise<string> {
  const r = await get(of(channel, `/inputs/${encodeURIComponent(input)}/thumbnail.jpg`));
  const reader = new FileReader();
  const read = new Promise<string>((done, fail) => {
    reader.onload = () => done(String(reader.result));
    reader.onerror = () => fail(new Error('the picture cannot be read'));
  });
  reader.readAsDataURL(await r.blob());
  return read;
}

/** Switches the input; "auto" gives the choice back. */
export function changeInput(channel: string, name: string, token?: string): Promise<Outcome> {
  return access.change(of(channel, '/input'), { name }, token);
}
