// Numbers in words: the same forms everywhere in the panel.

const whole = new Intl.NumberFormat("en-US");

/** A number of something: the one place that knows of one and many. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${whole.format(n)} ${n === 1 ? one : many}`;
}

export function results(n: number): string {
  return counted(n, "result");
}

/** How a status and a mode are called where people read them. */
export const STATUS: Record<string, string> = { live: "current", corrupt: "damaged" };

export function number(n: number): string {
  return whole.format(n);
}

/** A text for one line, cut where nobody reads on. */
export function cut(text: string, most = 200): string {
  return text.length > most ? `${[...text.slice(0, 2 * most)].slice(0, most).join("")}…` : text;
}

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = n;
  let unit = -1;
  do {
    value /= 1000;
    unit++;
  } while (value >= 999.5 && unit < units.length - 1);
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}

export function duration(seconds: number): string {
  if (seconds < 0.0005) return seconds > 0 ? `${Math.max(1, Math.round(seconds * 1e6))} µs` : "0 s";
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${seconds < 9.95 ? seconds.toFixed(1) : seconds.toFixed(0)} s`;
  if (seconds < 3600) return pair(seconds, 60, "min", 1, "s");
  if (seconds < 86400) return pair(seconds, 3600, "h", 60, "min");
  return pair(seconds, 86400, "d", 3600, "h");
}

function pair(seconds: number, big: number, bigName: string, small: number, smallName: string): string {
  const smalls = Math.round(seconds / small);
  const per = big / small;
  const rest = smalls % per;
  const head = `${Math.floor(smalls / per)} ${bigName}`;
  return rest ? `${head} ${rest} ${smallName}` : head;
}

export function money(amount: number): string {
  if (!amount) return "$0";
  if (amount < 0.00001) return "<$0.00001";
  if (amount < 0.01) return `$${amount.toFixed(5).replace(/0+$/, "")}`;
  if (amount < 1) return `$${amount.toFixed(3).replace(/0$/, "")}`;
  return `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

export function percent(part: number, all: number): string {
  if (!all) return "–";
  const value = (100 * part) / all;
  if (part < all && value > 99) return ">99%";
  if (part > 0 && value < 1) return "<1%";
  return `${Math.round(value)}%`;
}

export function ago(then: number, now: number): string {
  const passed = Math.max(0, now - then);
  if (passed < 5) return "just now";
  if (passed < 60) return `${Math.floor(passed)} s ago`;
  if (passed < 3600) return `${Math.floor(passed / 60)} min ago`;
  if (passed < 86400) return `${Math.floor(passed / 3600)} h ago`;
  if (passed < 86400 * 60) return `${counted(Math.floor(passed / 86400), "day")} ago`;
  return new Date(then * 1000).toLocaleDateString("en-CA");
}

export function moment(at: number): string {
  const date = new Date(at * 1000);
  const pad = (n: number) => String(n).padStart(2, "0");
  return (
    `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ` +
    `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`
  );
}
