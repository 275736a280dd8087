import Hls, { ErrorTypes, Events, type ErrorData } from 'hls.js';
import { bitrate } from '../format';
import type { Playback, Report } from './playback';

export const name = `hls.js ${Hls.version}`;

/** Plays a multivariant playlist. Never gives up: a channel that is down comes back. */
export function play(video: HTMLVideoElement, url: string, report: Report): Playback {
  if (!Hls.isSupported()) throw new Error('this browser has no Media Source Extensions');
  const hls = new Hls({ enableWorker: false, backBufferLength: 60 });
  let timer = 0;
  const retry = (what: () => void) => {
    clearTimeout(timer);
    timer = window.setTimeout(what, 2000);
  };
  hls.on(Events.ERROR, (_, e) => {
    if (!e.fatal) return;
    report(explain(e));
    if (e.type === ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    else retry(() => hls.loadSource(url));
  });
  hls.on(Events.FRAG_BUFFERED, () => report(''));
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    sample() {
      const level = hls.levels[hls.currentLevel];
      const quality = level ? `${level.width}×${level.height} · ${bitrate(level.averageBitrate || level.bitrate)}` : '';
      return { playhead: (hls.playingDate?.getTime() ?? NaN) / 1000, quality };
    },
    destroy() {
      clearTimeout(timer);
      hls.destroy();
    },
  };
}

function explain(e: ErrorData): string {
  if (e.response?.code === 503) return 'The channel is not on air (503)';
  if (e.response?.code) return `The server answers ${e.response.code}`;
  return e.type === ErrorTypes.NETWORK_ERROR ? 'The server cannot be reached' : `Playback failed: ${e.details}`;
}
