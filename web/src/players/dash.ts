import shaka from 'shaka-player/dist/shaka-player.dash-es2021.js';
import { bitrate } from '../format';
import type { Playback, Report } from './playback';

export const name = `Shaka Player ${shaka.Player.version.replace(/^v|-.*$/g, '')}`;

/** Plays an MPD. Never gives up: a channel that is down comes back. */
export function play(video: HTMLVideoElement, url: string, report: Report): Playback {
  if (!shaka.Player.isBrowserSupported()) throw new Error('this browser has no Media Source Extensions');
  const player = new shaka.Player();
  let over = false;
  let timer = 0;
  const load = async () => {
    try {
      await player.load(url);
      report('');
    } catch (e) {
      failed(e);
    }
  };
  const failed = (e: unknown) => {
    if (over || !(e instanceof shaka.util.Error) || e.code === shaka.util.Error.Code.LOAD_INTERRUPTED) return;
    if (e.severity !== shaka.util.Error.Severity.CRITICAL) return;
    report(explain(e));
    clearTimeout(timer);
    timer = window.setTimeout(load, 2000);
  };
  player.addEventListener('error', (e) => failed((e as unknown as { detail: unknown }).detail));
  player.attach(video).then(load, failed);
  return {
    sample() {
      const track = player.getVariantTracks().find((t) => t.active);
      const size = track?.width ? `${track.width}×${track.height} · ` : '';
      const at = player.getPlayheadTimeAsDate();
      return { playhead: (at?.getTime() ?? NaN) / 1000, quality: track ? size + bitrate(track.bandwidth) : '' };
    },
    destroy() {
      over = true;
      clearTimeout(timer);
      void player.destroy();
    },
  };
}

function explain(e: shaka.util.Error): string {
  const status = e.code === shaka.util.Error.Code.BAD_HTTP_STATUS ? Number(e.data[1]) : 0;
  if (status === 503) return 'The channel is not on air (503)';
  if (status) return `The server answers ${status}`;
  return e.category === shaka.util.Error.Category.NETWORK ? 'The server cannot be reached' : `Playback failed: error ${e.code}`;
}
