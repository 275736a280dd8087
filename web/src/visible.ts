/** What is needed of a document to know whether anybody looks at it. */
export type Page = Pick<Document, 'visibilityState' | 'addEventListener' | 'removeEventListener'>;

/** Calls f at once and then every so often (ms), but only while the page is looked at. The answer ends it. */
export function whileVisible(every: number, f: () => void, page: Page = document): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = -Infinity;
  const turn = () => {
    clearTimeout(timer);
    if (page.visibilityState !== 'visible') return;
    const wait = last + every - Date.now();
    if (wait > 0) {
      timer = setTimeout(turn, wait);
      return;
    }
    last = Date.now();
    f();
    timer = setTimeout(turn, every);
  };
  page.addEventListener('visibilitychange', turn);
  turn();
  return () => {
    clearTimeout(timer);
    page.removeEventListener('visibilitychange', turn);
  };
}
