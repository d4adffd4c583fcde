// Drawn numbers. Each picture has a table behind it for those who cannot see it.

import { moment, percent } from "./words";

export interface Column {
  /** What stands above the line and what hangs below it. */
  up: number;
  down: number;
  /** Its row of the table; the first cell is its name. */
  cells: string[];
}

const HEIGHT = 64;
const PITCH = 12;

/** Two amounts over time: one above a line, the other below it, on one scale. */
export function Columns({ label, heads, columns }: { label: string; heads: string[]; columns: Column[] }) {
  const up = Math.max(0, ...columns.map((one) => one.up));
  const down = Math.max(0, ...columns.map((one) => one.down));
  const scale = (HEIGHT - 2) / (up + down || 1);
  const line = up || down ? 1 + up * scale : HEIGHT - 1;
  const high = (amount: number) => (amount > 0 ? Math.max(1.5, amount * scale) : 0);
  const width = PITCH * Math.max(1, columns.length);
  return (
    <>
      <svg class="columns" viewBox={`0 0 ${width} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
        {columns.map((one, place) => (
          <g key={one.cells[0]}>
            <title>{one.cells.map((cell, at) => (at ? `${heads[at]?.toLowerCase()} ${cell}` : cell)).join(", ")}</title>
            <rect class="whole" x={place * PITCH} width={PITCH} y={0} height={HEIGHT} />
            <rect class="up" x={place * PITCH + 1.5} width={PITCH - 3} y={line - high(one.up)} height={high(one.up)} />
            <rect class="down" x={place * PITCH + 1.5} width={PITCH - 3} y={line} height={high(one.down)} />
          </g>
        ))}
        <line class="base" x1={0} x2={width} y1={line} y2={line} />
      </svg>
      <Behind label={label} heads={heads} rows={columns.map((one) => one.cells)} />
    </>
  );
}

/** The table behind a picture. */
function Behind({ label, heads, rows }: { label: string; heads: string[]; rows: string[][] }) {
  return (
    <div class="unseen">
      <table aria-label={label}>
        <tr>{heads.map((head) => <th key={head} scope="col">{head}</th>)}</tr>
        {rows.map((cells) => (
          <tr key={cells[0]}>
            {cells.map((cell, at) => (at ? <td key={at}>{cell}</td> : <th key={at} scope="row">{cell}</th>))}
          </tr>
        ))}
      </table>
    </div>
  );
}

/** The hit rate over time: hits filled, runs as outline on top of them. */
export function Rate({ name, rate }: { name: string; rate: [number, number][] }) {
  const highest = Math.max(1, ...rate.map(([hits, ran]) => hits + ran));
  const high = (n: number) => (n ? Math.max(1.5, (n / highest) * 16) : 0);
  const [hits, ran] = rate.reduce(([h, r], [hit, run]) => [h + hit, r + run], [0, 0]);
  const label = `${name || "unnamed"}: ${percent(hits, hits + ran)} hits, from the first call to now`;
  return (
    <svg class="hitrate" viewBox={`0 0 ${4 * rate.length} 18`} role="img" aria-label={label} preserveAspectRatio="none">
      <title>{label}</title>
      {rate.map(([hit, run], place) => (
        <g key={place}>
          <rect class="up" x={4 * place + 0.5} width={3} y={17 - high(hit)} height={high(hit)} />
          <rect class="down" x={4 * place + 0.5} width={3} y={17 - high(hit) - high(run)} height={high(run)} />
        </g>
      ))}
      <line class="base" x1={0} x2={4 * rate.length} y1={17.5} y2={17.5} />
    </svg>
  );
}

/** How large a part of the largest something is. */
export function Share({ part, of }: { part: number; of: number }) {
  return <span class="track" aria-hidden="true"><span style={{ width: `${of ? Math.max(1, (100 * part) / of) : 0}%` }} /></span>;
}

/** When something waited and ran within a stretch of time, in hundredths of it. */
export function Fall({ verdict, from, waited, ran }: { verdict: string; from: number; waited: number; ran: number }) {
  return (
    <svg class={`fall ${verdict}`} viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <line class="base" x1={0} x2={100} y1={5} y2={5} />
      {waited > 0 && <rect class="waited" x={from} width={waited} y={3} height={4} />}
      <rect class="ran" x={Math.min(99, from + waited)} width={Math.max(1, ran)} y={1} height={8} />
    </svg>
  );
}

/** The name of a step of time: its day, and its hour where steps are shorter. */
export function stepName(at: number, step: number): string {
  const said = moment(at);
  return step < 86_400 ? said.slice(5, 16) : said.slice(0, 10);
}
