import { useState } from 'preact/hooks';
import { Chain, Findings } from './alarms';
import { root } from './api';
import { Events } from './events';
import { instant, many, rate, span } from './format';
import { findings, type Finding } from './health';
import type { History } from './history';
import { Inputs } from './inputs';
import { Player } from './player';
import { onSlate } from './signs';
import { Renditions, Runs, Stores } from './tables';
import type { Status } from './status';

interface Props {
  history: History;
  /** Everything about the channel, or only what a wall of channels shows. */
  full: boolean;
  skew: number;
}

const states: Record<string, string> = { waiting: 'Waiting', on_air: 'On air', slate: 'Slate', gap: 'Gap', failed: 'Failed' };

/** One channel: its state, what is wrong, its picture, its parts. */
export function Channel({ history, full, skew }: Props) {
  const now = history.now;
  const found = findings(now, history.past);
  return (
    <article class={`channel ${full ? 'full' : 'brief'}`} aria-label={`Channel ${now.channel}`}>
      <Head now={now} found={found} full={full} />
      <Chain now={now} found={found} />
      <div class="main">
        <div class="side">
          <Player channel={now.channel} autoplay={full} skew={skew} />
          {full && <Runs now={now} />}
          {full && <Stores now={now} />}
        </div>
        <div class="side">
          <Findings found={found} />
          {full && <Inputs history={history} />}
        </div>
      </div>
      {full && (
        <>
          <Renditions history={history} />
          <Events now={now} />
        </>
      )}
    </article>
  );
}

function Head({ now, found, full }: { now: Status; found: Finding[]; full: boolean }) {
  const state = now.stale && now.state === 'on_air' ? 'Stale' : (states[now.state] ?? now.state);
  const lamp = now.state === 'waiting' ? 'idle' : now.stale ? 'bad' : onSlate(now) ? 'warn' : now.state === 'on_air' ? 'good' : 'bad';
  const alarms = found.filter((f) => f.severity === 'bad').length;
  const warnings = found.length - alarms;
  return (
    <header class="head">
      <span class={`state ${lamp}`}>{state}</span>
      <h2>{full ? now.channel : <a href={new URL(`${now.channel}/`, root).href}>{now.channel}</a>}</h2>
      {alarms > 0 && <span class="chip bad">✕ {many(alarms, 'alarm')}</span>}
      {warnings > 0 && <span class="chip warn">! {many(warnings, 'warning')}</span>}
      <p class="muted">
        for {span(instant(now.now) - instant(now.since))}
        {now.grid && ` · ${gridText(now.grid)}`}
      </p>
    </header>
  );
}

function gridText(g: NonNullable<Status['grid']>): string {
  const seconds = `segments of ${Number(g.segment_seconds.toFixed(3))} s`;
  return g.frame_rate ? `${rate(g.frame_rate)} fps · ${seconds}` : `sound only · ${seconds}`;
}

/** Copies text and says so. */
export function Copy({ text, label }: { text: string; label: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return <button type="button" class="small" onClick={copy}>{done ? 'Copied' : label}</button>;
}
