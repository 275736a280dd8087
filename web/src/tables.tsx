import { Copy } from './channel';
import { bitrate, bytes, clock, count, dash, instant, rate, short } from './format';
import type { History } from './history';
import { Counter } from './inputs';
import { Spark } from './spark';
import type { Rendition, Run, Status } from './status';

/** The encoder's processes; normally one. */
export function Runs({ now }: { now: Status }) {
  return (
    <section aria-label="Encoder">
      <h3>Encoder <span class="muted">restarts after a fault: {count(now.run_restarts)}</span></h3>
      {now.runs.length === 0 && <p class="muted">Not running</p>}
      {now.runs.map((run) => <RunCard key={run.id} run={run} />)}
    </section>
  );
}

const runLamps: Record<string, string> = { active: 'good', starting: 'idle', ending: 'idle', ended: 'off' };

function RunCard({ run }: { run: Run }) {
  return (
    <div class={`card ${run.state === 'active' ? 'active' : ''}`}>
      <div class="row">
        <span class={`lamp ${runLamps[run.state] ?? 'idle'}`} aria-hidden="true" />
        <strong>run {run.id}</strong>
        <span class="muted">{run.state} · input {run.input}{run.pid > 0 && ` · pid ${run.pid}`} · from {clock(instant(run.from))}</span>
        <span class="grow" />
        {run.command.length > 0 && <Copy text={run.command.map(quote).join(' ')} label="Copy command" />}
      </div>
      <dl class="figures">
        <div><dt>Speed</dt><dd>{run.speed > 0 ? `${run.speed.toFixed(2)}×` : dash}</dd></div>
        <div><dt>Behind</dt><dd>{run.state === 'active' ? short(run.behind_seconds) : dash}</dd></div>
        <div><dt>Frames</dt><dd>{count(run.frames)}</dd></div>
        <div title="Repeated to fill the grid"><dt>Repeated</dt><dd>{count(run.dup)}</dd></div>
        <div title="Dropped to fit the grid"><dt>Dropped</dt><dd>{count(run.drop)}</dd></div>
      </dl>
      {run.reason && <p class="muted">{run.reason}</p>}
    </div>
  );
}

/** An argument as a shell reads it. */
function quote(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`;
}

/** Where the output is published. */
export function Stores({ now }: { now: Status }) {
  return (
    <section aria-label="Stores">
      <h3>Stores</h3>
      {now.stores.map((s) => (
        <div class="card" key={s.name}>
          <div class="row">
            <span class={`lamp ${s.last_error ? 'bad' : s.last_k > 0 ? 'good' : 'idle'}`} aria-hidden="true" />
            <code>{s.name}</code>
          </div>
          {s.last_error && <p class="bad">{s.last_error}</p>}
          <dl class="figures">
            <div><dt>Listed</dt><dd>{s.last_k > 0 ? count(s.last_k) : dash}</dd></div>
            <div><dt>At</dt><dd>{clock(instant(s.listed_at))}</dd></div>
            <div><dt>Write</dt><dd>{short(s.latency_ms / 1000)}</dd></div>
            <div><dt>Queue</dt><dd>{count(s.queue)}</dd></div>
            <div class={s.errors > 0 ? 'warn' : ''}><dt>Errors</dt><dd>{count(s.errors)} <small>of {count(s.writes)}</small></dd></div>
            <div class={s.gaps > 0 ? 'warn' : ''}><dt>Gaps</dt><dd>{count(s.gaps)}</dd></div>
            {s.shared && <div title="Segments that the other pipeline had brought first"><dt>Twin first</dt><dd>{count(s.twin_segments)}</dd></div>}
          </dl>
        </div>
      ))}
    </section>
  );
}

/** The ladder. */
export function Renditions({ history }: { history: History }) {
  const now = history.now;
  const newest = Math.max(...now.renditions.map((r) => r.last_k));
  return (
    <section aria-label="Renditions">
      <h3>Renditions</h3>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th><th scope="col">Format</th><th scope="col">Codec</th><th scope="col" class="right">Bitrate</th>
              <th scope="col" class="right">Target</th><th scope="col" class="right">Segment</th>
              <th scope="col" class="right" title="Last frame arrived, to listed">Listed after</th>
              <th scope="col" class="right" title="Segments listed as GAP">Gaps</th><th scope="col" class="right">Written</th>
            </tr>
          </thead>
          <tbody>
            {now.renditions.map((r) => (
              <RenditionRow key={r.name} r={r} past={history.past.renditions.find((p) => p.name === r.name) ?? r} newest={newest} history={history} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface RowProps {
  r: Rendition;
  past: Rendition;
  newest: number;
  history: History;
}

function RenditionRow({ r, past, newest, history }: RowProps) {
  const late = newest - r.last_k >= 2;
  const format = r.kind === 'video'
    ? `${r.width}×${r.height} · ${rate(r.frame_rate)} fps`
    : `${r.language || 'und'} · ${r.channels === 1 ? 'mono' : r.channels === 2 ? 'stereo' : `${r.channels} channels`}`;
  const bits = history.series((s) => s.renditions.find((x) => x.name === r.name)?.bitrate ?? 0);
  return (
    <tr class={late ? 'late' : ''}>
      <th scope="row"><span class={`lamp ${r.last_k === 0 ? 'idle' : late ? 'bad' : 'good'}`} aria-hidden="true" /> {r.name}</th>
      <td>{format}</td>
      <td><code>{r.codecs || dash}</code></td>
      <td class="right number"><Spark values={bits} label={`Bitrate of ${r.name}`} /> {bitrate(r.bitrate)}</td>
      <td class="right number">{bitrate(r.target_bitrate)}</td>
      <td class={`right number ${late ? 'bad' : ''}`}>{r.last_k > 0 ? count(r.last_k) : dash}</td>
      <td class="right number">{r.publish_latency_ms > 0 ? short(r.publish_latency_ms / 1000) : dash}</td>
      <td class="right number"><Counter value={r.gaps} past={past.gaps} level="bad" /></td>
      <td class="right number">{bytes(r.bytes)}</td>
    </tr>
  );
}
