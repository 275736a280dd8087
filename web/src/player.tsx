import { useEffect, useRef, useState } from 'preact/hooks';
import { root } from './api';
import { dash, short } from './format';
import type { Playback } from './players/playback';

type Protocol = 'HLS' | 'DASH';

// Each player is a file of its own that is loaded when it is first asked for.
const players = {
  HLS: { load: () => import('./players/hls'), manifest: 'index.m3u8' },
  DASH: { load: () => import('./players/dash'), manifest: 'manifest.mpd' },
};

interface Props {
  channel: string;
  autoplay: boolean;
  /** The server's clock less this one's, in seconds. */
  skew: number;
}

/** Plays a channel as HLS or DASH and tells how that goes. */
export function Player({ channel, autoplay, skew }: Props) {
  const [protocol, setProtocol] = useState<Protocol>('HLS');
  const [started, setStarted] = useState(autoplay);
  const video = useRef<HTMLVideoElement>(null);
  const { playback, name, trouble, stalls } = usePlayback(video, started ? protocol : undefined, channel);
  const url = new URL(`${channel}/${players[protocol].manifest}`, root).href;
  return (
    <section class="player" aria-label={`Player of ${channel}`}>
      <div class="screen">
        <video ref={video} controls={started} muted autoplay playsinline tabIndex={started ? 0 : -1} />
        {!started && (
          <button type="button" class="start" onClick={() => setStarted(true)} aria-label={`Play ${channel}`}>
            <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M8 5v14l11-7z" /></svg>
          </button>
        )}
        {trouble && <p class="trouble" role="status">{trouble} – trying again</p>}
      </div>
      <div class="under">
        <fieldset class="protocol">
          <legend class="unseen">Play as</legend>
          {(Object.keys(players) as Protocol[]).map((p) => (
            <label key={p}>
              <input type="radio" name={`protocol-${channel}`} checked={p === protocol} onChange={() => setProtocol(p)} />
              <span>{p}</span>
            </label>
          ))}
        </fieldset>
        <span class="muted">{name}</span>
        <a class="url" href={url}>{players[protocol].manifest}</a>
      </div>
      {started && <Figures video={video.current} playback={playback} skew={skew} stalls={stalls} />}
    </section>
  );
}

/** Runs the player of a protocol on the element, none while it is undefined. */
function usePlayback(video: { current: HTMLVideoElement | null }, protocol: Protocol | undefined, channel: string) {
  const [playback, setPlayback] = useState<Playback>();
  const [name, setName] = useState('');
  const [trouble, setTrouble] = useState('');
  const [stalls, setStalls] = useState(0);
  useEffect(() => {
    const element = video.current;
    if (!protocol || !element) return;
    let current: Playback | undefined;
    let over = false;
    let began = Infinity;
    const onPlaying = () => (began = Math.min(began, performance.now()));
    const onWaiting = () => {
      // A player that has just begun still looks for its place.
      if (performance.now() - began > 2000 && !element.seeking) setStalls((n) => n + 1);
    };
    element.addEventListener('playing', onPlaying);
    element.addEventListener('waiting', onWaiting);
    setStalls(0);
    setTrouble('');
    players[protocol].load().then(
      (player) => {
        if (over) return;
        const url = new URL(`${channel}/${players[protocol].manifest}`, root).href;
        current = player.play(element, url, (t) => !over && setTrouble(t));
        setPlayback(current);
        setName(player.name);
      },
    ).catch((e: unknown) => !over && setTrouble(`The player cannot be started: ${String(e)}`));
    return () => {
      over = true;
      element.removeEventListener('playing', onPlaying);
      element.removeEventListener('waiting', onWaiting);
      current?.destroy();
      setPlayback(undefined);
    };
  }, [protocol, channel]);
  return { playback, name, trouble, stalls };
}

interface FiguresProps {
  video: HTMLVideoElement | null;
  playback: Playback | undefined;
  skew: number;
  stalls: number;
}

/** What the viewer gets, measured on the element. */
function Figures({ video, playback, skew, stalls }: FiguresProps) {
  const sample = playback?.sample();
  const behind = sample ? Date.now() / 1000 + skew - sample.playhead : NaN;
  const quality = video?.getVideoPlaybackQuality();
  const end = video && video.buffered.length > 0 ? video.buffered.end(video.buffered.length - 1) : NaN;
  const ahead = video ? end - video.currentTime : NaN;
  return (
    <dl class="figures">
      <div><dt>Playing</dt><dd>{sample?.quality || dash}</dd></div>
      <div title="The instant on screen against the moment it arrived here"><dt>Behind live</dt><dd>{known(behind)}</dd></div>
      <div><dt>Buffer</dt><dd>{known(ahead)}</dd></div>
      <div class={stalls > 0 ? 'warn' : ''}><dt>Stalls</dt><dd>{playback ? stalls : dash}</dd></div>
      <div><dt>Dropped frames</dt><dd>{playback ? (quality?.droppedVideoFrames ?? 0) : dash}</dd></div>
    </dl>
  );
}

function known(seconds: number): string {
  return Number.isFinite(seconds) ? short(seconds) : dash;
}
