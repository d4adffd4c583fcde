// The first thing a reader sees: what was saved, how often, what was paid, what is kept.

import { Sparkline } from "./marks";
import type { Totals } from "./wire";
import { bytes, count, duration, money, number, percent } from "./words";

export function TotalsStrip({ totals }: { totals: Totals }) {
  const calls = totals.hits + totals.misses;
  const priced = totals.price_saved > 0 || totals.price_paid > 0;
  return (
    <dl class="totals" aria-label="Totals">
      <div class="saved">
        <dt>Saved</dt>
        <dd class="big">{priced ? money(totals.price_saved) : duration(totals.seconds_saved)}</dd>
        <dd class="small">
          {priced && `and ${duration(totals.seconds_saved)} `}of running
        </dd>
      </div>
      <div class="rate">
        <dt>Hit rate</dt>
        <dd class="big">{percent(totals.hits, calls)}</dd>
        {totals.series.buckets.length > 0 && (
          <dd class="drawn">
            <Sparkline buckets={totals.series.buckets} step={totals.series.step} />
          </dd>
        )}
        <dd class="small">
          {count(totals.hits, "hit")}, {number(totals.misses)} ran
          {totals.errors > 0 && <span class="bad">, {number(totals.errors)} failed</span>}
        </dd>
      </div>
      {priced && (
        <div>
          <dt>Paid</dt>
          <dd class="big">{money(totals.price_paid)}</dd>
          <dd class="small">{money(totals.paid_today)} today</dd>
        </div>
      )}
      <div>
        <dt>Kept</dt>
        <dd class="big">{number(totals.entries)}</dd>
        <dd class="small">
          {totals.entries === 1 ? "entry" : "entries"}, {bytes(totals.bytes)}
        </dd>
      </div>
    </dl>
  );
}
