/** A line of the last minute's values, from 0 to their largest. */
export function Spark({ values, label }: { values: number[]; label: string }) {
  const width = 60;
  const height = 18;
  const top = Math.max(...values, 1);
  const x = (i: number) => width - (values.length - 1 - i);
  const points = values.map((v, i) => `${x(i)},${(height - 1 - (v / top) * (height - 2)).toFixed(1)}`).join(' ');
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <polyline points={points} />
    </svg>
  );
}
