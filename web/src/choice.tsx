import { useEffect, useRef, useState } from 'preact/hooks';
import { changeInput } from './api';
import type { Outcome } from './access';
import { choiceText } from './signs';
import type { Status } from './status';

/** Who decides what is on air, and buttons to decide oneself. */
export function Choice({ now }: { now: Status }) {
  const [asked, setAsked] = useState<string>();
  const held = now.choice !== '' && now.choice !== 'auto';
  const buttons = now.inputs.length > 1 || held ? ['auto', ...now.inputs.map((i) => i.name)] : [];
  return (
    <div class="choice">
      {buttons.length > 0 && (
        <div class="buttons" role="group" aria-label="What is on air">
          {buttons.map((name) => (
            <button type="button" key={name} aria-pressed={held ? name === now.choice : name === 'auto'} onClick={() => setAsked(name)}>
              {name === 'auto' ? 'Automatic' : name}
            </button>
          ))}
        </div>
      )}
      <p class={held ? 'held' : 'muted'} aria-live="polite">{choiceText(now)}</p>
      {asked !== undefined && <Sure now={now} name={asked} close={() => setAsked(undefined)} />}
    </div>
  );
}

interface SureProps {
  now: Status;
  name: string;
  close: () => void;
}

/** Asks whether that is meant, for the token where one is needed, and tells what went wrong. */
function Sure({ now, name, close }: SureProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [outcome, setOutcome] = useState<Outcome>();
  const [token, setToken] = useState('');
  const [busy, setBusy] = useState(false);
  const needs = outcome?.kind === 'token';
  useEffect(() => dialog.current?.showModal(), []);
  const go = async (e: Event) => {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    const got = await changeInput(now.channel, name, needs ? token : undefined);
    setBusy(false);
    if (got.kind === 'done') return close();
    setToken('');
    setOutcome(got);
  };
  const auto = name === 'auto';
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="sure">
      <form onSubmit={go}>
        <h4 id="sure">{auto ? `Let onair choose the input of ${now.channel}?` : `Put ${name} on air on ${now.channel}?`}</h4>
        <p>{auto ? 'It goes on with the first input that is well.' : `It stays on air until it is lost, or the choice is given back with “Automatic”.${caution(now, name)}`}</p>
        {needs && (
          <label>
            <span>Token of the channel (<code>api_token</code> in its file)</span>
            <input type="password" autocomplete="off" required value={token} ref={(e) => e?.focus()} onInput={(e) => setToken(e.currentTarget.value)} />
          </label>
        )}
        {outcome && 'text' in outcome && outcome.text && <p class="bad" role="alert">{outcome.text}</p>}
        <div class="row">
          <button type="submit" class="go" disabled={busy}>{auto ? 'Choose automatically' : `Put ${name} on air`}</button>
          <button type="button" onClick={() => dialog.current?.close()}>Cancel</button>
        </div>
      </form>
    </dialog>
  );
}

/** What speaks against an input. */
function caution(now: Status, name: string): string {
  const input = now.inputs.find((i) => i.name === name);
  if (!input || input.active) return '';
  if (input.state !== 'receiving') return ` It is ${input.state}: it follows when it can be shown.`;
  return input.fault ? ` It is not well: ${input.fault}.` : '';
}
