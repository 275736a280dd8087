import { useEffect, useState } from 'preact/hooks';
import { fetchStatus, only, root } from './api';
import { Channel } from './channel';
import { clock, instant, many, span } from './format';
import { findings, worst } from './health';
import { History } from './history';

/** What the page knows: the channels by name, and how well the server answers. */
interface View {
  channels: Map<string, History>;
  answered: number; // when it last answered, by this machine's clock in seconds
  skew: number; // the server's clock less this one's, seconds
  trouble: string;
}

/** Asks once a second, one question at a time. */
function useStatus(): View {
  const [view, setView] = useState<View>({ channels: new Map(), answered: 0, skew: 0, trouble: '' });
  useEffect(() => {
    let timer = 0;
    const ask = async () => {
      const began = Date.now();
      try {
        const list = await fetchStatus();
        setView((v) => ({ ...learn(v, list), answered: Date.now() / 1000, trouble: '' }));
      } catch (e) {
        setView((v) => ({ ...v, trouble: e instanceof Error && e.name === 'Error' ? e.message : 'no answer' }));
      }
      timer = window.setTimeout(ask, Math.max(0, 1000 - (Date.now() - began)));
    };
    void ask();
    return () => clearTimeout(timer);
  }, []);
  return view;
}

function learn(v: View, list: Awaited<ReturnType<typeof fetchStatus>>): View {
  const channels = new Map<string, History>();
  for (const s of list) {
    const h = v.channels.get(s.channel) ?? new History();
    h.push(s);
    channels.set(s.channel, h);
  }
  const first = list[0];
  return { ...v, channels, skew: first ? instant(first.now) - Date.now() / 1000 : v.skew };
}

export function App() {
  const view = useStatus();
  const all = [...view.channels.values()];
  const silence = view.answered > 0 ? Date.now() / 1000 - view.answered : 0;
  const old = silence > 3;
  useTitle(all, old);
  const version = all[0]?.now.version;
  return (
    <>
      <header class="top">
        <h1><a href={root.href}>onair</a></h1>
        {version && <span class="muted">{version}</span>}
        <span class="grow" />
        <a href={new URL('metrics', root).href}>metrics</a>
        <a href={new URL('api/v1/channels', root).href}>API</a>
        <time class="number" title="The server's clock, UTC">{clock(Date.now() / 1000 + view.skew)} UTC</time>
      </header>
      {old && (
        <p class="lost" role="alert">
          No answer from the server for {span(silence)}: what is shown is old.
        </p>
      )}
      {all.length === 0 && <p class="empty">{view.trouble ? `The server does not tell its state: ${view.trouble}` : view.answered ? 'This process has no channels.' : 'Loading…'}</p>}
      <main class={`${old ? 'old' : ''} ${all.length > 1 ? 'wall' : ''}`}>
        {all.map((h) => <Channel key={h.now.channel} history={h} full={all.length === 1} skew={view.skew} />)}
      </main>
      <footer class="muted"><a href={new URL('licenses.md', root).href}>Licences</a> of the players in this page</footer>
    </>
  );
}

/** Title and icon tell the state while the page is in the background. */
function useTitle(all: History[], old: boolean) {
  const states = all.map((h) => findings(h.now, h.past));
  const wrong = states.reduce((n, f) => n + f.length, 0);
  const how = old || states.some((f) => worst(f) === 'bad') ? 'bad' : wrong > 0 ? 'warn' : 'good';
  const names = only || (all.length === 1 ? all[0]!.now.channel : many(all.length, 'channel'));
  const title = old ? 'no answer · onair' : `${wrong > 0 ? `(${wrong}) ` : ''}${names} · onair`;
  useEffect(() => {
    document.title = title;
    const fill = { good: '%2318794e', warn: '%23d97706', bad: '%23d11a2a' }[how];
    const icon = document.querySelector<HTMLLinkElement>('link[rel=icon]');
    if (icon) icon.href = `data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${fill}"/></svg>`;
  }, [title, how]);
}
