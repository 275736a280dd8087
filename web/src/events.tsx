import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { fetchEvents } from './api';
import { EventLog, matches, type Filter } from './eventlog';
import { count, instant, many, moment } from './format';
import type { Event, Status, Webhook } from './status';

/** Keeps the events of a channel, and asks for those that a status does not carry. */
function useEvents(now: Status): { list: Event[]; version: number } {
  const log = useRef(new EventLog());
  const asking = useRef(false);
  const [, setLearnt] = useState(0);
  useEffect(() => {
    if (asking.current) return;
    const after = log.current.learn(now.events);
    setLearnt(log.current.version);
    if (after === undefined) return;
    asking.current = true;
    fetchEvents(now.channel, after)
      .then((list) => log.current.add(list), () => undefined) // the next status asks again
      .finally(() => (asking.current = false));
  }, [now]);
  return { list: log.current.newest, version: log.current.version };
}

/** What happened, newest first. */
export function Events({ now }: { now: Status }) {
  const { list, version } = useEvents(now);
  const [filter, setFilter] = useState<Filter>({ level: 'info', text: '' });
  const day = Math.floor(instant(now.now) / 86_400);
  const shown = useMemo(() => list.filter((e) => matches(e, filter)), [version, filter]);
  const rows = useMemo(() => shown.map((e) => <Row key={e.seq} e={e} now={day * 86_400} />), [shown, day]);
  return (
    <section aria-label="Events">
      <div class="row filter">
        <h3>Events <span class="muted">UTC, newest first</span></h3>
        <label>
          <span class="unseen">Level</span>
          <select value={filter.level} onChange={(e) => setFilter({ ...filter, level: e.currentTarget.value })}>
            <option value="info">All</option>
            <option value="warning">Warnings and errors</option>
            <option value="error">Errors</option>
          </select>
        </label>
        <label>
          <span class="unseen">Find</span>
          <input type="search" placeholder="Find" value={filter.text} onInput={(e) => setFilter({ ...filter, text: e.currentTarget.value })} />
        </label>
        <span class="muted number" role="status">{shown.length < list.length ? `${count(shown.length)} of ${many(list.length, 'event')}` : many(list.length, 'event')}</span>
        <span class="grow" />
        {now.webhook && <Posted w={now.webhook} />}
      </div>
      {shown.length === 0 ? <p class="muted">{list.length === 0 ? 'None yet' : 'None of these'}</p> : (
        <div class="events" tabIndex={0} role="region" aria-label="List of events">
          <table><tbody>{rows}</tbody></table>
        </div>
      )}
    </section>
  );
}

function Row({ e, now }: { e: Event; now: number }) {
  return (
    <tr class={e.level} title={`${e.time} · number ${e.seq}${e.code && ` · ${e.code}`}`}>
      <td class="number"><time dateTime={e.time}>{moment(instant(e.time), now)}</time></td>
      <td><span class={`level ${e.level}`}>{e.level}</span></td>
      <td class="muted">{e.stage}</td>
      <td class="message">{e.message}</td>
    </tr>
  );
}

/** How the webhook does. */
function Posted({ w }: { w: Webhook }) {
  return (
    <span class={w.last_error ? 'warn' : 'muted'} title={w.last_error}>
      Webhook {w.target}: {count(w.delivered)} sent
      {w.queue > 0 && `, ${count(w.queue)} wait`}
      {w.dropped > 0 && `, ${count(w.dropped)} lost`}
    </span>
  );
}
