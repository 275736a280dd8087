// Numbers and times as a person reads them. What is unknown is a dash.

const dash = '–';

/** 9 876 543 bits/s is "9.88 Mb/s". */
export function bitrate(bits: number): string {
  if (bits <= 0) return dash;
  if (bits >= 1e6) return `${digits(bits / 1e6)} Mb/s`;
  return `${digits(bits / 1e3)} kb/s`;
}

/** Three digits that matter. */
function digits(v: number): string {
  return v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2);
}

/** 37 500 000 is "37.5 MB". */
export function bytes(v: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (v >= 1000 && i < units.length - 1) {
    v /= 1000;
    i++;
  }
  return `${i === 0 ? v.toFixed(0) : digits(v)} ${units[i]}`;
}

/** 1234567 is "1 234 567", with spaces that do not break. */
export function count(v: number): string {
  return Math.round(v).toString().replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** 11 520 s is "3 h 12 min". */
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

/** 0.8123 s is "0.8 s", 0.0123 s is "12 ms". */
export function short(seconds: number): string {
  if (Math.abs(seconds) < 0.1) return `${Math.round(seconds * 1000)} ms`;
  return `${seconds.toFixed(Math.abs(seconds) < 10 ? 1 : 0)} s`;
}

/** "30000/1001" is "29.97". */
export function rate(text: string): string {
  const [num, den] = text.split('/').map(Number);
  if (!num) return dash;
  return den ? (num / den).toFixed(2) : String(num);
}

/** Seconds since 1970 of an API time; NaN for Go's zero time, which means never. */
export function instant(text: string): number {
  return text.startsWith('0001-') ? NaN : Date.parse(text) / 1000;
}

/** "14:03:22" in UTC, which is what everybody on the phone can agree on. */
export function clock(seconds: number): string {
  return Number.isFinite(seconds) ? new Date(seconds * 1000).toISOString().slice(11, 19) : dash;
}

/** "12:34:56", with the day before it when that is not today. */
export function moment(seconds: number, now: number): string {
  const day = (s: number) => new Date(s * 1000).toISOString().slice(5, 10);
  if (!Number.isFinite(seconds)) return dash;
  return day(seconds) === day(now) ? clock(seconds) : `${day(seconds)} ${clock(seconds)}`;
}

/** -23.14 is "−23.1", with a true minus. */
export function decibel(v: number): string {
  return v.toFixed(1).replace('-', '−');
}

/** 40.4 is "+40", -40.4 is "−40". */
export function signed(v: number): string {
  return `${v < 0 ? '−' : '+'}${Math.abs(Math.round(v))}`;
}

/** "1 leg", "2 legs". */
export function many(n: number, what: string): string {
  return `${count(n)} ${what}${n === 1 ? '' : 's'}`;
}

export { dash };
