import { Choice } from './choice';
import { bitrate, bytes, clock, count, dash, instant, many, rate, short } from './format';
import type { History } from './history';
import { errors, signs, type Sign } from './signs';
import { Spark } from './spark';
import type { Input, Leg, Twin } from './status';
import { Thumbnail } from './thumbnail';

const lamps: Record<string, string> = {
  receiving: 'good', waiting: 'idle', listening: 'idle', connected: 'idle', silent: 'bad', failed: 'bad',
};

/** The inputs in order of preference, each with its legs, and what decides between them. */
export function Inputs({ history }: { history: History }) {
  const now = history.now;
  return (
    <section class="inputs" aria-label="Inputs">
      <h3>Inputs</h3>
      <Choice now={now} />
      {now.inputs.map((input) => <InputCard key={input.name} input={input} history={history} />)}
    </section>
  );
}

function InputCard({ input, history }: { input: Input; history: History }) {
  const past = history.past.inputs.find((i) => i.name === input.name) ?? input;
  const bits = history.series((s) => s.inputs.find((i) => i.name === input.name)?.bitrate ?? 0);
  return (
    <div class={`card ${input.active ? 'active' : ''}`}>
      <div class="glance">
        <Thumbnail channel={history.now.channel} input={input} />
        <div>
          <div class="row">
            <span class={`lamp ${lamps[input.state] ?? 'idle'}`} aria-hidden="true" />
            <strong>{input.name}</strong>
            <span class="muted">{input.state}</span>
            {input.active && <span class="tag">on air</span>}
            <span class="grow" />
            <Spark values={bits} label={`Bitrate of ${input.name} in the last minute`} />
            <span class="number">{bitrate(input.bitrate)}</span>
          </div>
          <Signs all={signs(input, past)} />
          <p class={input.error ? 'bad' : 'muted'}>{source(input)}</p>
        </div>
      </div>
      <div class="sideways"><table class="legs">
        <thead>
          <tr>
            <th scope="col">Leg</th><th scope="col" class="right">Bitrate</th><th scope="col" class="right">Lost</th>
            <th scope="col" class="right" title="Lost here, brought by another leg">Recovered</th>
            <th scope="col" class="right" title="Behind the fastest leg">Path</th>
          </tr>
        </thead>
        <tbody>{input.legs.map((leg, i) => <LegRow key={leg.url} leg={leg} past={past.legs[i] ?? leg} />)}</tbody>
      </table></div>
      <Facts input={input} past={past} twin={history.now.twin} />
      <Checks input={input} past={past} />
    </div>
  );
}

const marks = { good: '✓', warn: '!', bad: '✕', idle: '–' };
const spoken = { good: 'in order', warn: 'warning', bad: 'alarm', idle: 'not known' };

/** How the input is, at a glance. */
function Signs({ all }: { all: Sign[] }) {
  if (all.length === 0) return null;
  return (
    <ul class="signs">
      {all.map((s) => (
        <li key={s.text} class={s.how} title={s.title}>
          <span class="mark" role="img" aria-label={spoken[s.how]}>{marks[s.how]}</span>{s.text}
        </li>
      ))}
    </ul>
  );
}

/** The checks of TR 101 290 that have found something. */
function Checks({ input, past }: { input: Input; past: Input }) {
  const found = (input.tr101290 ?? []).filter((c) => c.errors > 0);
  if (found.length === 0) return null;
  return (
    <details>
      <summary>TR 101 290: {many(errors(input), 'error')} since the start</summary>
      <table>
        <tbody>
          {found.map((c) => (
            <tr key={c.check}>
              <td class="number">{c.check}</td>
              <td>{c.name.replaceAll('_', ' ')}</td>
              <td class="right number"><Counter value={c.errors} past={past.tr101290?.find((p) => p.check === c.check)?.errors ?? 0} level="bad" /></td>
              <td class="right number muted">{clock(instant(c.last))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

/** What the input carries. */
function source(input: Input): string {
  const parts: string[] = [];
  const v = input.video;
  if (v) parts.push(`${v.codec} ${v.width}×${v.height}${v.interlaced ? ' interlaced' : ''} ${rate(v.rate)} fps`);
  const sound = input.program?.streams.filter((s) => s.kind === 'audio') ?? [];
  if (sound.length > 0) parts.push(sound.map((s) => (s.language ? `${s.codec} ${s.language}` : s.codec)).join(', '));
  if (input.program) parts.push(`programme ${input.program.number}`);
  return input.error || parts.join(' · ') || 'programme not known yet';
}

function LegRow({ leg, past }: { leg: Leg; past: Leg }) {
  return (
    <tr>
      <td>
        <span class={`lamp ${lamps[leg.state] ?? 'idle'}`} aria-hidden="true" /> <code>{leg.url}</code>
        <span class="muted"> {leg.state}{leg.peer && ` from ${leg.peer}`}</span>
        {leg.error && <span class="bad"> {leg.error}</span>}
        {leg.fec_packets > 0 && (
          <span class="muted"> · FEC {leg.fec_columns}×{leg.fec_rows || '?'}, {count(leg.fec_recovered)} brought back, {count(leg.fec_unrecoverable)} not</span>
        )}
        {leg.srt && (
          <span class="muted"> · RTT {short(leg.srt.rtt_ms / 1000)}, {count(leg.srt.retrans)} sent again, {count(leg.srt.drop)} given up</span>
        )}
      </td>
      <td class="right number">{bitrate(leg.bitrate)}</td>
      <td class="right number"><Counter value={leg.lost} past={past.lost} level={leg.lost - past.lost > leg.recovered - past.recovered ? 'bad' : 'warn'} /></td>
      <td class="right number"><Counter value={leg.recovered} past={past.recovered} level="" /></td>
      <td class="right number">{leg.state === 'receiving' ? short(leg.path_difference_ms / 1000) : dash}</td>
    </tr>
  );
}

/** Counters of the merged stream; those that are 0 are left out. */
function Facts({ input, past, twin }: { input: Input; past: Input; twin: Twin | null }) {
  const facts: [string, number, number][] = [
    ['lost on all legs', input.lost, past.lost],
    ['continuity', input.ts.continuity, past.ts.continuity],
    ['transport', input.ts.transport, past.ts.transport],
    ['CRC', input.ts.crc, past.ts.crc],
    ['scrambled', input.ts.scrambled, past.ts.scrambled],
    ['sync losses', input.ts.sync_losses, past.ts.sync_losses],
    ['PES without PTS', input.ts.pes_without_pts, past.ts.pes_without_pts],
    ['clock restarts', input.generations, past.generations],
  ];
  const seen = facts.filter(([, v]) => v > 0);
  return (
    <p class="facts muted">
      {seen.length === 0 && 'No damaged packets'}
      {seen.map(([name, v, p]) => (
        <span key={name}>{name} <Counter value={v} past={p} level="bad" /></span>
      ))}
      <span>spool {short(input.spool.seconds)}, {bytes(input.spool.bytes)}</span>
      {input.lock === 'unlocked' && <span class="warn" title="The timeline's store does not have this source clock: other pipelines may have another">clock not locked</span>}
      {input.active && twin && <Likeness twin={twin} />}
      {input.timecode && (
        <span class={input.timecode.rules ? '' : 'warn'} title={input.timecode.rules ? 'Places the pictures' : 'Does not place the pictures: see the events'}>
          timecode {input.timecode.label}
        </span>
      )}
      {input.clock_offset_ms !== 0 && <span title="Source clock against this host's">clock {input.clock_offset_ms > 0 ? '+' : '−'}{Math.abs(Math.round(input.clock_offset_ms))} ms</span>}
    </p>
  );
}

/** How much of what the other pipeline publishes can stand in for this one's. */
function Likeness({ twin }: { twin: Twin }) {
  if (twin.match_ratio === null) return <span title={twin.store}>twin not compared yet</span>;
  const title = `${twin.store}: of the last ${many(twin.segments, 'compared segment')}${twin.last_finding && `; ${twin.last_finding}`}`;
  return <span class={twin.match_ratio < 1 ? 'warn' : ''} title={title}>twin matches {Math.floor(twin.match_ratio * 100)} %</span>;
}

/** A counter, coloured while it grows, with what the last minute added. */
export function Counter({ value, past, level }: { value: number; past: number; level: string }) {
  const grown = value - past;
  if (grown <= 0) return <>{count(value)}</>;
  return <span class={level} title="in the last minute">{count(value)} <small>+{count(grown)}</small></span>;
}
