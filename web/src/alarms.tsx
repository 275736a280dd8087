import { bitrate, count, instant, many, short } from './format';
import { worst, type Finding, type Stage } from './health';
import { onSlate } from './signs';
import type { Status } from './status';

type Station = Exclude<Stage, 'events'>;

const titles: Record<Station, string> = {
  inputs: 'Inputs', encoder: 'Encoder', renditions: 'Renditions', stores: 'Stores', viewers: 'Viewers',
};

const marks = { good: '✓', warn: '!', bad: '✕', idle: '–' };
const spoken = { good: 'in order', warn: 'warning', bad: 'alarm', idle: 'not begun' };

/** The channel's path from left to right: where on it something is wrong shows at a glance. */
export function Chain({ now, found }: { now: Status; found: Finding[] }) {
  const about: Record<Station, string> = {
    inputs: inputs(now), encoder: encoder(now), renditions: renditions(now), stores: stores(now), viewers: viewers(now),
  };
  return (
    <ol class="chain" aria-label="Path of the channel">
      {(Object.keys(titles) as Station[]).map((stage) => {
        const state = worst(found, stage);
        const how = state === 'good' && now.state === 'waiting' ? 'idle' : state;
        return (
          <li key={stage} class={how}>
            <span class="mark" role="img" aria-label={spoken[how]}>{marks[how]}</span>
            <strong>{titles[stage]}</strong>
            <span>{about[stage]}</span>
          </li>
        );
      })}
    </ol>
  );
}

function inputs(now: Status): string {
  const on = now.inputs.find((i) => i.active);
  if (!on && onSlate(now)) return 'slate on air';
  if (!on) return now.inputs.some((i) => i.state === 'receiving') ? 'none in use' : 'nothing arrives';
  const legs = on.legs.filter((l) => l.state === 'receiving').length;
  return `${on.name} · ${legs}/${many(on.legs.length, 'leg')} · ${bitrate(on.bitrate)}`;
}

function encoder(now: Status): string {
  const run = now.runs.find((r) => r.state === 'active');
  if (!run) return now.runs.some((r) => r.state === 'starting') ? 'starting' : 'not running';
  return `${run.speed.toFixed(2)}× · ${short(run.behind_seconds)} behind`;
}

function renditions(now: Status): string {
  const newest = Math.max(0, ...now.renditions.map((r) => r.last_k));
  if (newest === 0) return now.renditions.length > 0 ? 'no segment yet' : 'none yet';
  const level = now.renditions.filter((r) => newest - r.last_k < 2).length;
  return `${level}/${now.renditions.length} · segment ${count(newest)}`;
}

function stores(now: Status): string {
  const listed = Math.max(...now.stores.map((s) => instant(s.listed_at)).filter(Number.isFinite));
  if (!Number.isFinite(listed)) return 'nothing listed yet';
  return `${many(now.stores.length, 'store')} · listed ${short(Math.max(0, instant(now.now) - listed))} ago`;
}

function viewers(now: Status): string {
  if (now.stale || now.state === 'failed') return 'get 503';
  if (now.state === 'gap') return 'get a gap';
  if (onSlate(now)) return 'get the slate';
  return now.state === 'waiting' ? 'nothing to play yet' : 'are served';
}

/** What is wrong, worst first. */
export function Findings({ found }: { found: Finding[] }) {
  return (
    <section class="findings" aria-label="What is wrong" aria-live="polite">
      {found.length === 0 ? (
        <p class="good"><span class="mark" aria-hidden="true">✓</span> Nothing is wrong</p>
      ) : (
        <ul>
          {found.map((f) => (
            <li key={f.text} class={f.severity}>
              <span class="mark" role="img" aria-label={spoken[f.severity]}>{marks[f.severity]}</span> {f.text}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
