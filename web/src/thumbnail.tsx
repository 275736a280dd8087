import { useEffect, useState } from 'preact/hooks';
import { fetchThumbnail } from './api';
import type { Input } from './status';
import { whileVisible } from './visible';

/** How often a thumbnail is asked for, in ms. */
const every = 5000;

/** What an input shows, every few seconds while anybody looks. */
export function Thumbnail({ channel, input }: { channel: string; input: Input }) {
  const [shown, setShown] = useState({ src: '', why: '' });
  const receiving = input.state === 'receiving';
  useEffect(() => {
    if (!receiving) {
      setShown({ src: '', why: `nothing arrives` });
      return;
    }
    let over = false;
    const end = whileVisible(every, () => {
      fetchThumbnail(channel, input.name).then(
        (src) => !over && setShown({ src, why: '' }),
        (e: unknown) => !over && setShown({ src: '', why: e instanceof Error ? e.message : '' }),
      );
    });
    return () => {
      over = true;
      end();
    };
  }, [channel, input.name, receiving]);
  if (shown.src) return <img class="thumbnail" src={shown.src} alt={`Picture of ${input.name}`} width="160" height="90" />;
  return <div class="thumbnail none" title={shown.why}>No picture</div>;
}
